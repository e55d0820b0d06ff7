//! `hlx init`: makes a repository.

use std::io::Write;

use helox::ops::init;
use helox::{Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::session::Session;

pub(super) fn run(args: args::Init, session: &mut Session) -> Result<Answer> {
    let dir = match args.dir {
        Some(dir) => dir,
        None => session.folder()?,
    };
    let report = init::run(&init::Options { dir, name: args.name, kind: args.kind })?;
    session.out.report(&report, |out| {
        let verb = if report.created { "made a repository in" } else { "there is a repository already in" };
        writeln!(out, "{verb} {}", printable(&report.root))?;
        if let Some(name) = &report.dataset {
            writeln!(out, "the whole folder is the dataset {}", out.tint().strong(printable(name)))?;
        }
        if report.gitignore_changed {
            writeln!(out, "added .helox/ to .gitignore")?;
        }
        Ok(())
    })?;
    if let Some(around) = report.within.as_ref().filter(|_| report.created) {
        let root = printable(&around.root);
        session.out.warning(&match &around.dataset {
            Some(dataset) => {
                format!("it lies inside the dataset '{dataset}' of the repository {root}, of which its files stay a part")
            }
            None => format!("it lies inside the repository {root}, which does not see its datasets"),
        });
        session
            .out
            .hint("remove its .helox and helox.toml if it is not meant; 'hlx dataset add' declares a dataset in the outer one");
    }
    if report.created {
        session.out.hint("'hlx commit -m SUMMARY' makes the first version");
    }
    Ok(Answer::Yes)
}
