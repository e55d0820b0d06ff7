//! `hlx dataset`: declares and lists the datasets of the repository.

use std::io::Write;

use helox::ops::dataset;
use helox::{Number, Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::format::{columns, count, thousands};
use crate::cli::session::Session;

pub(super) fn run(args: args::Dataset, session: &mut Session) -> Result<Answer> {
    match args {
        args::Dataset::Add { name, kind, path } => {
            let info = dataset::add(&session.repo()?, &dataset::AddOptions { name, kind, path })?;
            session.out.report(&info, |out| {
                let name = out.tint().strong(printable(&info.name));
                writeln!(out, "{name} is a dataset of type {} in {}", printable(&info.kind), printable(&info.path))
            })?;
        }
        args::Dataset::List => {
            let report = dataset::list(&session.repo()?)?;
            session.out.answer(&report, |out| {
                let rows: Vec<_> = report.datasets.iter().map(row).collect();
                columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
            if report.datasets.is_empty() {
                session.out.hint("no dataset is declared; 'hlx dataset add NAME --type TYPE --path DIR' declares one");
            }
        }
        args::Dataset::Show { name } => {
            let info = dataset::show(&session.repo()?, &name)?;
            session.out.answer(&info, |out| {
                let fields = [
                    ["name".to_owned(), printable(&info.name).into_owned()],
                    ["type".to_owned(), printable(&info.kind).into_owned()],
                    ["path".to_owned(), printable(&info.path).into_owned()],
                    ["versions".to_owned(), thousands(info.versions)],
                    ["latest".to_owned(), number(info.latest.as_ref())],
                    ["checked out".to_owned(), number(info.head.as_ref())],
                ];
                columns(&fields).iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
        }
    }
    Ok(Answer::Yes)
}

fn row(info: &dataset::Info) -> [String; 5] {
    [
        printable(&info.name).into_owned(),
        number(info.latest.as_ref()),
        count(info.versions, "version"),
        printable(&info.kind).into_owned(),
        printable(&info.path).into_owned(),
    ]
}

fn number(number: Option<&Number>) -> String {
    number.map_or_else(|| "none".to_owned(), Number::to_string)
}
