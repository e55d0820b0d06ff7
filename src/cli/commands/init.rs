//! `hlx init`: makes a repository.

use std::io::Write;

use helox::ops::init;
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(args: args::InitArgs, session: &mut Session) -> Result<Outcome> {
    let dir = match args.dir {
        Some(dir) => dir,
        None => session.folder()?,
    };
    let report = init::run(&init::InitOptions { dir, name: args.name, kind: args.kind, new: args.new })?;
    session.out.report(&report, |out| {
        let store = printable(&report.root);
        match report.created {
            true => writeln!(out, "Initialized Helox repository in {store}/.helox")?,
            false => writeln!(out, "Reinitialized existing Helox repository in {store}/.helox")?,
        }
        if let Some(name) = &report.dataset {
            writeln!(out, "Dataset {} is the whole folder", out.colors().bold(printable(name)))?;
        }
        if report.gitignore_changed {
            writeln!(out, "Added .helox/ to .gitignore")?;
        }
        Ok(())
    })?;
    if let Some(around) = report.within.as_ref().filter(|_| report.created) {
        let root = printable(&around.root);
        session.out.warning(&match &around.dataset {
            Some(dataset) => {
                format!("it is inside dataset '{dataset}' of the repository {root}, which still contains its files")
            }
            None => format!("it is inside the repository {root}, which does not know its datasets"),
        });
        session
            .out
            .hint("to undo this, delete its .helox and helox.toml; 'hlx dataset add' declares a dataset in the outer repository");
    }
    if report.created {
        session.out.hint(match report.declares {
            true => "create the first version: hlx commit -m SUMMARY",
            false => "declare a dataset: hlx dataset add NAME --path DIR",
        });
    }
    Ok(Outcome::Yes)
}
