//! What the user typed. From these definitions come parsing, help, completions and the man page; the comments of the
//! fields are the help texts.

mod commit;
mod dataset;
mod elsewhere;
mod filter;
mod log;
mod said;
mod validate;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind as ClapKind;
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};
use helox::Error;

use super::failure;
use super::output::{Form, Manner};

pub(crate) use commit::{Bump, Commit};
pub(crate) use dataset::{Create, Dataset, List};
pub(crate) use filter::Filter;
pub(crate) use log::Log;
pub(crate) use said::{Audit, Exec, Note, Run};
pub(crate) use validate::{Format, Validate};

/// Why there is nothing to run.
pub(crate) enum Stop {
    /// Help or version, which was asked for.
    Asked(String),
    /// Nothing was typed; this is the help.
    Empty(String),
    /// What was typed is not understood.
    Wrong(Error),
}

/// Reads the arguments of the process, its name first.
pub(crate) fn parse(typed: &[OsString], manner: Manner) -> Result<Arguments, Stop> {
    Arguments::try_parse_from(log::with_limit(typed)).map_err(|error| {
        let text = |tinted: bool| if tinted { error.render().ansi().to_string() } else { error.render().to_string() };
        match error.kind() {
            ClapKind::DisplayHelp | ClapKind::DisplayVersion => {
                Stop::Asked(text(manner.form == Form::Human && manner.tint_stdout().is_on()))
            }
            ClapKind::DisplayHelpOnMissingArgumentOrSubcommand if manner.form == Form::Human => {
                Stop::Empty(text(manner.tint_stderr().is_on()))
            }
            ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Stop::Wrong(Error::usage("a command is missing").with_hint("'hlx --help' lists the commands"))
            }
            _ => Stop::Wrong(elsewhere::answer(&error, typed).unwrap_or_else(|| failure::usage(&error))),
        }
    })
}

/// The whole command line, for completions and the man page.
pub(crate) fn definition() -> clap::Command {
    Arguments::command()
}

/// Version control for the data that language models are trained on.
#[derive(Parser)]
#[command(name = "hlx", version, subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Examples:
  hlx init                            make a repository of this folder
  hlx commit -m 'first leases'        make a version of what is in it
  hlx log --oneline                   list the versions
  hlx diff leases@1.0.0 leases@1.1.0  see what changed between two
  hlx checkout leases@production      go back to the one that is in production")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// How the user wants to be spoken to.
    pub(crate) fn manner(&self) -> Manner {
        let lines = match &self.command {
            Command::Log(log) => log.jsonl,
            Command::Diff(diff) => diff.jsonl,
            Command::Ls(ls) => ls.jsonl,
            _ => false,
        };
        let form = match () {
            () if lines => Form::JsonLines,
            () if self.global.json => Form::Json,
            () => Form::Human,
        };
        let Global { color, quiet, verbose, no_pager, .. } = self.global;
        Manner { form, color, quiet, verbose, paged: !no_pager }
    }
}

#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no report of what was done, only what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print details: ids, checksums, every path, and how long it took
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Show no progress of long work
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Print long answers without a pager, as HLX_PAGER=cat does
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(Init),
    #[command(subcommand)]
    Dataset(Dataset),
    Status(Status),
    Commit(Commit),
    Log(Log),
    Show(Show),
    Diff(Diff),
    Compare(Compare),
    Checkout(Checkout),
    Restore(Restore),
    Clean(Clean),
    Ls(Ls),
    Cat(Cat),
    #[command(subcommand)]
    Tag(Tag),
    Validate(Validate),
    #[command(subcommand)]
    Run(Run),
    #[command(subcommand)]
    Note(Note),
    Audit(Audit),
    Verify(Verify),
    Which(Which),
    /// Count what the store holds and what it saves
    Stats,
    /// Rebuild everything that is derived from the packs
    Reindex,
    /// Have git validate the data before each commit
    #[command(
        after_help = "Example:\n  hlx install-hooks\n\nCreates the hook pre-commit of git, which runs 'hlx validate'. A hook that is there is kept."
    )]
    InstallHooks,
    Completions(Completions),
    /// Complete the last of the words, for the scripts of 'hlx completions'
    #[command(hide = true)]
    Complete {
        /// The words of the command line, the program first
        #[arg(last = true)]
        words: Vec<String>,
    },
    Man(Man),
}

/// Print the manual page of a command
#[derive(Args)]
#[command(after_help = "Examples:
  hlx man commit | man -l -
  hlx man > ~/.local/share/man/man1/hlx.1
  hlx man dataset add > ~/.local/share/man/man1/hlx-dataset-add.1")]
pub(crate) struct Man {
    /// The command [default: hlx itself]
    pub(crate) command: Vec<String>,
    /// List the names of all pages
    #[arg(long, conflicts_with = "command")]
    pub(crate) list: bool,
}

/// Create a repository; safe to repeat
#[derive(Args)]
#[command(after_help = "Examples:
  hlx init                             then: hlx dataset add NAME --path DIR
  hlx init data --name leases          the whole folder is one dataset")]
pub(crate) struct Init {
    /// The folder [default: this one]
    pub(crate) dir: Option<PathBuf>,
    /// Declare the whole folder as one dataset of this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The dataset's type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Begin without the versions that the datasets of helox.toml have in another copy
    #[arg(long = "new")]
    pub(crate) anew: bool,
}

/// List the files that differ from the checked-out version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx status leases --exit-code || hlx commit leases -m 'new leases'")]
pub(crate) struct Status {
    /// The dataset [default: the one that you are in, or all]
    pub(crate) name: Option<String>,
    /// Exit with 1 if anything differs
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Only these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Show everything about one version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx show leases@production")]
pub(crate) struct Show {
    /// The version [default: the checked-out one]
    pub(crate) rev: Option<String>,
}

/// List the files that differ between two versions, or a version and the workspace
#[derive(Args)]
#[command(after_help = "Examples:
  hlx diff                                      what commit would record
  hlx diff leases@1.0.0 leases@1.1.0 --stat     two versions, with sizes
  hlx diff leases@1.0.0 -- train                one folder, against the workspace
  hlx diff HEAD~1 HEAD -p                       the samples that changed")]
pub(crate) struct Diff {
    /// The older side [default: the checked-out version]
    #[arg(value_name = "A")]
    pub(crate) from: Option<String>,
    /// The newer side [default: WORK, the files in the workspace]
    #[arg(value_name = "B")]
    pub(crate) to: Option<String>,
    /// Show sizes
    #[arg(long, group = "style")]
    pub(crate) stat: bool,
    /// Print paths only
    #[arg(long, group = "style")]
    pub(crate) name_only: bool,
    /// Print a letter and the path, separated by a tab
    #[arg(long, group = "style")]
    pub(crate) name_status: bool,
    /// Count the samples that were added, removed and modified, over all files: one that moved is none
    #[arg(long)]
    pub(crate) samples: bool,
    /// Count them in each file too, where one that moved shows
    #[arg(long, requires = "samples")]
    pub(crate) by_file: bool,
    /// Print the samples, of long texts the words that differ; implies --samples
    #[arg(long, short = 'p', conflicts_with_all = ["stat", "name_only", "name_status"])]
    pub(crate) patch: bool,
    /// Print no more than N samples [default: 20 on a terminal, else all]
    #[arg(long, value_name = "N", requires = "patch")]
    pub(crate) limit: Option<usize>,
    /// Exit with 1 if anything differs
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print one JSON document a file
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Only these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Sum up what changed between two versions
#[derive(Args)]
#[command(after_help = "Example:\n  hlx compare leases@1.0.0 leases@latest")]
pub(crate) struct Compare {
    /// The older version
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// The newer version
    #[arg(value_name = "B")]
    pub(crate) to: String,
}

/// Make the workspace exactly one version
#[derive(Args)]
#[command(after_help = "Examples:
  hlx checkout leases@1.0.0
  hlx checkout leases@production --into /tmp/leases
  hlx checkout leases@latest --include 'train/**'")]
pub(crate) struct Checkout {
    /// The version; the name of a dataset alone means its latest
    pub(crate) rev: String,
    /// Write it to DIR, absent or empty, with a stamp .helox-version.json, and leave the workspace alone
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Only files that match; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// No files that match; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Replace modified files, and untracked ones that are in the way
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Bring only these files and folders; the workspace stays on its version
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Bring single files back
#[derive(Args)]
#[command(after_help = "Example:\n  hlx restore data/leases/train.jsonl --source 1.0.0")]
pub(crate) struct Restore {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The version to take them from [default: the checked-out one]
    #[arg(short, long, value_name = "REV")]
    pub(crate) source: Option<String>,
    /// Replace and remove uncommitted work
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Remove the files of the workspace that its version does not have
#[derive(Args)]
#[command(after_help = "Examples:
  hlx clean --dry-run            list them
  hlx clean --force -- raw/      remove those of one folder

Files that .hlxignore names stay.")]
pub(crate) struct Clean {
    /// The dataset [default: the one that you are in, or all]
    pub(crate) name: Option<String>,
    /// List the files and remove none
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Remove them; their bytes are lost
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Only these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// List the files of a version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx ls leases@1.0.0 train -r -l")]
pub(crate) struct Ls {
    /// The version [default: the checked-out one]
    pub(crate) rev: Option<String>,
    /// A folder or file of it
    pub(crate) path: Option<String>,
    /// List folders with all that is in them
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Show kind, size, samples and content id
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print one JSON document a file
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// Print a file of a version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx cat leases@1.0.0 train.jsonl | head -1")]
pub(crate) struct Cat {
    /// The version
    pub(crate) rev: String,
    /// The file
    pub(crate) path: String,
}

/// Put labels such as production on versions
#[derive(Subcommand)]
pub(crate) enum Tag {
    /// Put tags on a version
    #[command(after_help = "Examples:
  hlx tag add leases@1.1.0 production
  hlx tag add leases@1.2.0 production --move

Within a dataset a tag stands on one version.")]
    Add(TagAdd),
    /// Take tags off a version
    #[command(after_help = "Example:\n  hlx tag rm leases@1.0.0 production")]
    Rm(Tags),
    /// List tags and the versions that have them
    List {
        /// The dataset [default: all]
        name: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct TagAdd {
    #[command(flatten)]
    pub(crate) tags: Tags,
    /// Move the tags from the versions that have them
    #[arg(long = "move")]
    pub(crate) moves: bool,
}

#[derive(Args)]
pub(crate) struct Tags {
    /// The version
    pub(crate) rev: String,
    /// The tags
    #[arg(required = true, value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}

/// Recompute every checksum
#[derive(Args)]
#[command(after_help = "Examples:
  hlx verify leases@1.0.0
  hlx verify /data/leases
  hlx verify leases@1.0.0 /data/leases
  hlx verify --all

For a folder it says which version that is, or the nearest and the files that differ; REV DIR compares the two.
Exits with 1 if anything is damaged or differs.")]
pub(crate) struct Verify {
    /// Versions, or folders that were checked out [default: the checked-out version]
    #[arg(value_name = "REV|DIR")]
    pub(crate) targets: Vec<String>,
    /// Verify every version
    #[arg(long, conflicts_with = "targets")]
    pub(crate) all: bool,
}

/// Name the versions that hold a file, a folder or a checksum
#[derive(Args)]
#[command(after_help = "Examples:
  hlx which /data/leases
  hlx which train/part-00.jsonl
  hlx which be9e75f9256c

A file is known by its content, whatever its path. Exits with 1 if no version holds it; for a folder it then
names the nearest version and how the folder differs.")]
pub(crate) struct Which {
    /// A folder, a file, a checksum as 'hlx show' prints it, the BLAKE3 of a file, or an id, by 4 digits or more
    #[arg(value_name = "DIR|FILE|CHECKSUM|ID")]
    pub(crate) target: String,
}

/// Print the completions for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  hlx completions bash > ~/.local/share/bash-completion/completions/hlx")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        definition().debug_assert();
    }
}
