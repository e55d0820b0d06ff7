//! `hlx tag`: labels on versions.

use std::io::{self, Write};

use helox::ops::tag;
use helox::{Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::format::columns;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::Tag, session: &mut Session) -> Result<Answer> {
    let repo = session.repo()?;
    match args {
        args::Tag::Add(args) => {
            let report = tag::add(&repo, &options(args))?;
            session.out.report(&report, |out| words(&report, "was there already", out))?;
        }
        args::Tag::Rm(args) => {
            let report = tag::remove(&repo, &options(args))?;
            session.out.report(&report, |out| words(&report, "was not there", out))?;
        }
        args::Tag::List { name } => {
            let report = tag::list(&repo, name.as_deref())?;
            session.out.answer(&report, |out| {
                let rows: Vec<_> = report.tags.iter().map(row).collect();
                columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
            if report.tags.is_empty() {
                session.out.hint("no tags; 'hlx tag add REV TAG' puts one on a version");
            }
        }
    }
    Ok(Answer::Yes)
}

fn options(args: args::Tags) -> tag::Options {
    tag::Options { revision: args.rev, tags: args.tags, author: None }
}

fn words(report: &tag::Report, unchanged: &str, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    for tag in &report.unchanged {
        writeln!(out, "{} {unchanged}", printable(tag))?;
    }
    let name = format!("{} {}", tint.strong(printable(&report.dataset_name)), tint.mark(&report.version));
    match report.tags.is_empty() {
        true => writeln!(out, "{name} bears no tags"),
        false => writeln!(out, "{name} {}", tint.label(format!("({})", report.tags.join(", ")))),
    }
}

/// Tag, dataset, and the versions; the one that `NAME@TAG` means comes first.
fn row(listed: &tag::Listed) -> [String; 3] {
    let versions: Vec<_> = listed.versions.iter().rev().map(ToString::to_string).collect();
    [printable(&listed.tag).into_owned(), printable(&listed.dataset_name).into_owned(), versions.join(", ")]
}
