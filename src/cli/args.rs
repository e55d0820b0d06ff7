//! The arguments, as the user typed them. From these definitions come parsing, help, completions and the man page; the
//! comments of the fields are the help texts.

mod commit;
mod dataset;
mod filter;
mod gc;
mod git_commands;
mod history;
mod hold;
mod line;
mod log;
pub(crate) mod parser;
mod remote;
mod validate;
mod values;

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use super::output_options::{OutputFormat, OutputOptions};

pub(crate) use commit::{BumpArg, CommitArgs};
pub(crate) use dataset::{CreateArgs, DatasetCommand, ListArgs};
pub(crate) use filter::Filter;
pub(crate) use gc::GcArgs;
pub(crate) use history::{AuditArgs, ExecArgs, NoteCommand, RunCommand};
pub(crate) use hold::{HoldArgs, HoldCommand};
pub(crate) use line::CommandLine;
pub(crate) use log::LogArgs;
pub(crate) use remote::{RemoteAddArgs, RemoteCommand};
pub(crate) use validate::{FindingsFormat, ValidateArgs};

/// Version control for the data that language models are trained on.
#[derive(Parser)]
#[command(name = "hlx", version, subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Examples:
  hlx init                            create a repository in this folder
  hlx commit -m 'first leases'        record its files as a new version
  hlx log --oneline                   list the versions
  hlx diff leases@1.0.0 leases@1.1.0  show what changed between two versions
  hlx checkout leases@production      update the workspace to the version tagged production")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Returns the output options.
    pub(crate) fn output_options(&self) -> OutputOptions {
        let lines = match &self.command {
            Command::Log(log) => log.jsonl,
            Command::Diff(diff) => diff.jsonl,
            Command::Ls(ls) => ls.jsonl,
            _ => false,
        };
        let form = match () {
            () if lines => OutputFormat::JsonLines,
            () if self.global.json => OutputFormat::Json,
            () => OutputFormat::Human,
        };
        let Global { color, quiet, verbose, no_pager, .. } = self.global;
        OutputOptions { format: form, color, quiet, verbose, use_pager: !no_pager }
    }
}

#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// Print a single JSON document to stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only errors and the data that was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print details: ids, checksums, every path, and how long it took
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Do not show progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Do not use a pager, as with HLX_PAGER=cat
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// When to use color
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Init(InitArgs),
    #[command(subcommand)]
    Dataset(DatasetCommand),
    Status(StatusArgs),
    Commit(CommitArgs),
    Log(LogArgs),
    Show(ShowArgs),
    Diff(DiffArgs),
    Compare(CompareArgs),
    Checkout(CheckoutArgs),
    Restore(RestoreArgs),
    Clean(CleanArgs),
    Ls(LsArgs),
    Cat(CatArgs),
    #[command(subcommand)]
    Tag(TagCommand),
    Validate(ValidateArgs),
    #[command(subcommand)]
    Run(RunCommand),
    #[command(subcommand)]
    Note(NoteCommand),
    #[command(subcommand)]
    Hold(HoldCommand),
    #[command(subcommand)]
    Remote(RemoteCommand),
    Audit(AuditArgs),
    Verify(VerifyArgs),
    Fsck(FsckArgs),
    Which(WhichArgs),
    /// Show the size of the store and what deduplication and compression save
    Stats,
    Gc(GcArgs),
    /// Rebuild the indexes of the store from its packs, the files that all data is stored in
    Reindex,
    /// Install a git hook that validates the data before each commit
    #[command(
        after_help = "Example:\n  hlx install-hooks\n\nCreates git's pre-commit hook, which runs 'hlx validate'. An existing hook is kept."
    )]
    InstallHooks,
    Completions(CompletionsArgs),
    /// Complete the last word, for the scripts of 'hlx completions'
    #[command(hide = true)]
    Complete {
        /// Words of the command line, the program first
        #[arg(last = true)]
        words: Vec<String>,
    },
    Man(ManArgs),
}

/// Print the manual page of a command
#[derive(Args)]
#[command(after_help = "Examples:
  hlx man commit                     on a terminal, with man(1)
  hlx man > ~/.local/share/man/man1/hlx.1
  hlx man dataset add > ~/.local/share/man/man1/hlx-dataset-add.1")]
pub(crate) struct ManArgs {
    /// Command [default: hlx itself]
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
pub(crate) struct InitArgs {
    /// Folder of the repository [default: the current folder]
    pub(crate) dir: Option<PathBuf>,
    /// Declare the whole folder as one dataset with this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Type of the dataset
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Start a new history for the datasets that helox.toml declares
    #[arg(long = "new")]
    pub(crate) new: bool,
}

/// Show the files that differ from the checked-out version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx status leases --exit-code || hlx commit leases -m 'new leases'")]
pub(crate) struct StatusArgs {
    /// Dataset [default: the one of the current folder, or all]
    pub(crate) name: Option<String>,
    /// Show only two letters and the path of each file, as in git; new files are A, those that --include or --exclude leave out ??
    #[arg(short, long)]
    pub(crate) short: bool,
    /// Exit with status 1 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Limit to these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Show the details of a version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx show leases@production")]
pub(crate) struct ShowArgs {
    /// Version [default: the checked-out one]
    pub(crate) rev: Option<String>,
}

/// Show changes between two versions, or a version and the workspace
#[derive(Args)]
#[command(after_help = "Examples:
  hlx diff                                      what commit would record
  hlx diff leases@1.0.0 leases@1.1.0 --stat     two versions, with sizes
  hlx diff leases@1.0.0 -- train                one folder, against the workspace
  hlx diff HEAD~1 HEAD -p                       the samples that changed")]
pub(crate) struct DiffArgs {
    /// Older version [default: the checked-out one]
    #[arg(value_name = "A")]
    pub(crate) from: Option<String>,
    /// Newer version [default: WORK, the files in the workspace]
    #[arg(value_name = "B")]
    pub(crate) to: Option<String>,
    /// Show sizes
    #[arg(long, group = "style")]
    pub(crate) stat: bool,
    /// Show only paths
    #[arg(long, group = "style")]
    pub(crate) name_only: bool,
    /// Show only a status letter and the path, separated by a tab
    #[arg(long, group = "style")]
    pub(crate) name_status: bool,
    /// Count the samples that were added, modified and removed over all files; moved samples are not counted
    #[arg(long)]
    pub(crate) samples: bool,
    /// Also count samples in each file, including those that moved between files; implies --samples
    #[arg(long)]
    pub(crate) by_file: bool,
    /// Show the samples that changed, and in long texts the words; implies --samples
    #[arg(long, short = 'p', conflicts_with_all = ["stat", "name_only", "name_status"])]
    pub(crate) patch: bool,
    /// Show at most N samples [default: 20 on a terminal, otherwise all]
    #[arg(long, value_name = "N", requires = "patch")]
    pub(crate) limit: Option<usize>,
    /// Exit with status 1 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print one JSON document per file
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Limit to these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Summarize the changes between two versions
#[derive(Args)]
#[command(after_help = "Examples:
  hlx compare leases@1.0.0 leases@latest
  hlx compare leases@1.2.0                a version with its parent")]
pub(crate) struct CompareArgs {
    /// Older version; alone, the version to compare with its parent
    #[arg(value_name = "A")]
    pub(crate) from: String,
    /// Newer version
    #[arg(value_name = "B")]
    pub(crate) to: Option<String>,
}

/// Update the workspace to match a version
#[derive(Args)]
#[command(after_help = "Examples:
  hlx checkout leases@1.0.0
  hlx checkout leases@production --into /tmp/leases
  hlx checkout leases@latest --include 'train/**'")]
pub(crate) struct CheckoutArgs {
    /// Version; a dataset name alone means its latest version
    pub(crate) rev: String,
    /// Write the version to DIR, a new or empty folder, with a file .helox-version.json that names the version; the workspace is
    /// unchanged
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Check out only the files that match; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Leave out the files that match; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Replace modified files, and untracked files that are in the way
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Restore only these files and folders; the workspace stays on its version
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Restore files in the workspace
#[derive(Args)]
#[command(after_help = "Example:\n  hlx restore data/leases/train.jsonl --source 1.0.0")]
pub(crate) struct RestoreArgs {
    /// Files and folders to restore
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Version to restore from [default: the checked-out one]
    #[arg(short, long, value_name = "REV")]
    pub(crate) source: Option<String>,
    /// Discard uncommitted changes
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Remove untracked files from the workspace
#[derive(Args)]
#[command(after_help = "Examples:
  hlx clean --dry-run            list them
  hlx clean --force -- raw/      remove those in one folder

Files that match .hlxignore are kept.")]
pub(crate) struct CleanArgs {
    /// Dataset [default: the one of the current folder, or all]
    pub(crate) name: Option<String>,
    /// Only list the files
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Remove the files; this cannot be undone
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Limit to these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// List the files of a version
#[derive(Args)]
#[command(after_help = "Example:\n  hlx ls leases@1.0.0 train -r -l")]
pub(crate) struct LsArgs {
    /// Version [default: the checked-out one]
    pub(crate) rev: Option<String>,
    /// Folder or file in the version
    pub(crate) path: Option<String>,
    /// List folders recursively
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Show kind, size, samples and content id
    #[arg(short, long)]
    pub(crate) long: bool,
    /// Print one JSON document per file
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// Print a file of a version
#[derive(Args)]
#[command(after_help = "Examples:
  hlx cat leases@1.0.0 train.jsonl | head -1
  hlx cat leases@1.0.0:train.jsonl            as in git, from the top of the dataset")]
pub(crate) struct CatArgs {
    /// Version, or with ':' a version and a file
    pub(crate) rev: String,
    /// File in the version
    pub(crate) path: Option<String>,
}

/// Add, remove and list tags
#[derive(Subcommand)]
pub(crate) enum TagCommand {
    /// Add tags to a version
    #[command(after_help = "Examples:
  hlx tag add leases@1.1.0 production
  hlx tag add leases@1.2.0 production --move

A tag is on one version of a dataset at a time.")]
    Add(TagAddArgs),
    /// Remove tags from a version
    #[command(after_help = "Example:\n  hlx tag rm leases@1.0.0 production")]
    Rm(TagArgs),
    /// List tags and their versions
    #[command(alias = "ls")]
    List {
        /// The dataset [default: all]
        name: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct TagAddArgs {
    #[command(flatten)]
    pub(crate) tags: TagArgs,
    /// Move tags that are on other versions
    #[arg(long = "move")]
    pub(crate) moves: bool,
}

#[derive(Args)]
pub(crate) struct TagArgs {
    /// Version
    pub(crate) rev: String,
    /// Tags
    #[arg(required = true, value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}

/// Verify versions and folders against their checksums
#[derive(Args)]
#[command(after_help = "Examples:
  hlx verify leases@1.0.0
  hlx verify /data/leases
  hlx verify leases@1.0.0 /data/leases
  hlx verify --all

For a folder, it prints the version that it matches, or the nearest version and the files that differ;
with REV DIR it compares the two.
Exits with status 1 if anything is damaged or differs.")]
pub(crate) struct VerifyArgs {
    /// Versions or folders to verify [default: the checked-out version]
    #[arg(value_name = "REV|DIR")]
    pub(crate) targets: Vec<String>,
    /// Verify every version
    #[arg(long, conflicts_with = "targets")]
    pub(crate) all: bool,
}

/// Check everything in the repository, and repair it
#[derive(Args)]
#[command(after_help = "Examples:
  hlx fsck
  hlx fsck --repair
  hlx fsck --repair --from /backup/leases

Checks every pack, object, ref and fact, all contents, the index tables and the state of the workspaces.
With --repair, damaged packs and refs move to .helox/quarantine after everything good in them was stored again;
lost objects are restored from the files of the workspace, and from the repository of --from. Nothing is deleted.
Exits with status 1 if anything is damaged.")]
pub(crate) struct FsckArgs {
    /// Repair what is damaged
    #[arg(long)]
    pub(crate) repair: bool,
    /// Copy lost objects from the repository in DIR
    #[arg(long, value_name = "DIR", requires = "repair")]
    pub(crate) from: Option<PathBuf>,
}

/// Find the versions that contain a file, folder or checksum
#[derive(Args)]
#[command(after_help = "Examples:
  hlx which /data/leases
  hlx which train/part-00.jsonl
  hlx which be9e75f9256c

Files are compared by content, whatever their path. Exits with status 1 if no version contains it; for a folder,
it then prints the nearest version and the differences.")]
pub(crate) struct WhichArgs {
    /// Folder, file, checksum from 'hlx show', BLAKE3 hash of a file, or version id (at least 4 digits)
    #[arg(value_name = "DIR|FILE|CHECKSUM|ID")]
    pub(crate) target: String,
}

/// Print the completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  hlx completions bash > ~/.local/share/bash-completion/completions/hlx")]
pub(crate) struct CompletionsArgs {
    /// Shell
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::parser::definition;

    #[test]
    fn the_definition_holds_together() {
        definition().debug_assert();
    }
}
