//! One file a verb: what was typed becomes options of the library, the report becomes words. A verb prints only through
//! the session it is handed, and decides nothing that the library should decide.

mod audit;
mod cat;
mod checkout;
mod clean;
mod commit;
mod compare;
mod completions;
mod dataset;
mod diff;
mod drift;
mod exec;
mod fsck;
mod gc;
mod hold;
mod hooks;
mod init;
mod log;
mod ls;
mod man;
mod note;
mod patch;
mod reindex;
mod remote;
mod restore;
mod run;
mod run_page;
mod show;
mod stats;
mod status;
mod summary;
mod tag;
mod validate;
mod verdict;
mod verify;
mod which;
mod word_diff;

use helox::Result;

use super::args::Command;
use super::outcome::Outcome;
use super::session::Session;

/// Runs what was typed.
pub(crate) fn run(command: Command, session: &mut Session) -> Result<Outcome> {
    match command {
        Command::Init(args) => init::run(args, session),
        Command::Dataset(args) => dataset::run(args, session),
        Command::Status(args) => status::run(args, session),
        Command::Commit(args) => commit::run(args, session),
        Command::Log(args) => log::run(args, session),
        Command::Show(args) => show::run(&args, session),
        Command::Diff(args) => diff::run(args, session),
        Command::Compare(args) => compare::run(&args, session),
        Command::Checkout(args) => checkout::run(args, session),
        Command::Clean(args) => clean::run(args, session),
        Command::Restore(args) => restore::run(args, session),
        Command::Ls(args) => ls::run(&args, session),
        Command::Cat(args) => cat::run(&args, session),
        Command::Tag(args) => tag::run(args, session),
        Command::Validate(args) => validate::run(args, session),
        Command::Run(args) => run::run(args, session),
        Command::Note(args) => note::run(args, session),
        Command::Hold(args) => hold::run(args, session),
        Command::Remote(args) => remote::run(args, session),
        Command::Audit(args) => audit::run(&args, session),
        Command::Verify(args) => verify::run(args, session),
        Command::Fsck(args) => fsck::run(args, session),
        Command::Which(args) => which::run(&args, session),
        Command::Stats => stats::run(session),
        Command::Gc(args) => gc::run(&args, session),
        Command::Reindex => reindex::run(session),
        Command::InstallHooks => hooks::run(session),
        Command::Completions(args) => completions::run(&args, session),
        Command::Complete { words } => completions::complete(&words, session),
        Command::Man(args) => man::run(&args, session),
    }
}
