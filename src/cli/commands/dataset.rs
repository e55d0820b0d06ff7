//! `hlx dataset`: declares and lists the datasets of the repository; and the long forms of commit, log, show and compare.

use std::io::Write;

use helox::ops::{dataset, log, show};
use helox::{Result, VersionNumber, printable};

use super::{commit, compare};
use crate::cli::args;
use crate::cli::format::{columns, count, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output_options::OutputFormat;
use crate::cli::session::Session;

pub(super) fn run(args: args::DatasetCommand, session: &mut Session) -> Result<Outcome> {
    match args {
        args::DatasetCommand::Add { name, kind, path, key, formerly } => {
            let is_new_name = formerly.is_empty();
            let report = dataset::add(&session.repo()?, &dataset::AddOptions { name, kind, path, key, formerly })?;
            let info = &report.info;
            session.out.report(&report, |out| {
                let name = out.colors().bold(printable(&info.name));
                let (kind, path) = (printable(&info.kind), printable(&info.path));
                match report.already_declared {
                    true => writeln!(out, "Dataset {name} of type {kind} in {path} is already declared")?,
                    false => writeln!(out, "Added dataset {name} of type {kind} in {path}")?,
                }
                match report.gitignore_changed {
                    true => writeln!(out, "Added {}/ to .gitignore", printable(&info.path)),
                    false => Ok(()),
                }
            })?;
            if report.tracked_by_git {
                session.out.warning(&format!("git also tracks files in {}", info.path));
                session.out.hint(&format!("remove them from git only: git rm -r --cached {}", info.path));
            }
            if info.versions > 0 && !report.already_declared && is_new_name {
                let (name, versions) = (&info.name, count(info.versions, "version"));
                session.out.warning(&format!("{name} already has {versions}; a commit of {} continues them", info.path));
                session.out.hint(&format!("list them: hlx log {name}; for other data, use another name"));
            }
            if info.versions == 0 {
                session.out.hint(&format!("create its first version: hlx commit {} -m SUMMARY", info.name));
            }
        }
        args::DatasetCommand::Rename { from, to } => {
            let report = dataset::rename(&session.repo()?, &from, &to)?;
            let (from, to) = (printable(&report.from), &report.info.name);
            session.out.report(&report, |out| {
                let to = out.colors().bold(printable(to));
                match report.kept {
                    0 => writeln!(out, "Renamed dataset {from} to {to}"),
                    1 => writeln!(out, "Renamed dataset {from} to {to}; 1 version keeps its name"),
                    kept => writeln!(out, "Renamed dataset {from} to {to}; {} keep their name", count(kept, "version")),
                }
            })?;
        }
        args::DatasetCommand::Rm { name } => {
            let report = dataset::remove(&session.repo()?, &name)?;
            let info = &report.info;
            session.out.report(&report, |out| {
                let name = out.colors().bold(printable(&info.name));
                writeln!(out, "Removed dataset {name} from helox.toml; kept {} and its files", count(info.versions, "version"))?;
                write!(out, "To declare it again, add to helox.toml:\n\n{}", report.declaration)
            })?;
        }
        args::DatasetCommand::Create(args) => return create(args, session),
        args::DatasetCommand::List(args) => return list(args, session),
        args::DatasetCommand::Show { name } => {
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
        args::DatasetCommand::Compare { name, version1, version2 } => {
            let args = args::CompareArgs { from: format!("{name}@{version1}"), to: Some(format!("{name}@{version2}")) };
            return compare::run(&args, session);
        }
    }
    Ok(Outcome::Yes)
}

/// Declares the dataset, unless it is declared already, and commits it. With a parent and another folder than the
/// dataset's own, the next version is made from that folder and the workspace stays as it is.
fn create(args: args::CreateArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let summary = args.summary.unwrap_or_else(|| format!("{} from {}", args.name, args.path.display()));
    let is_elsewhere =
        |info: &dataset::DatasetInfo| info.kind == args.kind && repo.resolve(&args.path).is_ok_and(|p| p != info.path);
    let known = dataset::show(&repo, &args.name).ok().filter(|info| args.parent.is_some() && is_elsewhere(info));
    let (name, from) = match known {
        Some(info) => (info.name, Some(args.path)),
        None => {
            let options =
                dataset::AddOptions { name: args.name, kind: args.kind, path: args.path, key: Vec::new(), formerly: Vec::new() };
            (dataset::add(&repo, &options)?.info.name, None)
        }
    };
    let tags = args.tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    let commit = args::CommitArgs {
        name: Some(name),
        summary: Some(summary),
        version: args.version,
        parent: args.parent,
        tags,
        // Scripts that name a tag mean the version that they create.
        move_tags: true,
        from,
        ..args::CommitArgs::default()
    };
    commit::run(commit, session)
}

/// Lists datasets, or the versions of one.
fn list(args: args::ListArgs, session: &mut Session) -> Result<Outcome> {
    if let (Some(name), Some(version)) = (&args.name, &args.version) {
        return one(name, version, session);
    }
    let (repo, whole) = (session.repo()?, session.out.format() != OutputFormat::Human);
    let tag = args.filter.tag.clone();
    let query = args.filter.query(args.name, args.limit);
    if query.dataset.is_some() {
        let name = query.dataset.clone();
        let report = log::run(&repo, &log::LogOptions { query, whole, ..log::LogOptions::default() })?;
        session.out.answer(&report, |out| super::log::print(&report.versions, false, false, out))?;
        if report.versions.is_empty() {
            super::log::no_versions(&repo, tag.as_deref(), name.as_deref(), session)?;
        }
        return Ok(session.warn_of_damage(&report.damaged));
    }
    let report = dataset::list(&repo, &query)?;
    session.out.answer(&report, |out| {
        let rows: Vec<_> = report.datasets.iter().map(row).collect();
        columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
    })?;
    if report.datasets.is_empty() {
        session.out.hint(match query.selects_all() {
            true => "no dataset is declared; declare one: hlx dataset add NAME --type TYPE --path DIR",
            false => "no dataset has matching versions",
        });
    }
    Ok(session.warn_of_damage(&report.damaged))
}

/// Tells everything about one version, in the document of many.
fn one(name: &str, version: &str, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let mut version = show::run(&repo, Some(&format!("{name}@{version}")))?;
    let damaged = std::mem::take(&mut version.damaged);
    let report = log::LogReport { versions: vec![version], damaged };
    session.out.answer(&report, |out| report.versions.iter().try_for_each(|version| super::show::print(&repo, version, out)))?;
    Ok(session.warn_of_damage(&report.damaged))
}

fn row(info: &dataset::DatasetInfo) -> [String; 5] {
    [
        printable(&info.name).into_owned(),
        number(info.latest.as_ref()),
        count(info.versions, "version"),
        printable(&info.kind).into_owned(),
        printable(&info.path).into_owned(),
    ]
}

fn number(number: Option<&VersionNumber>) -> String {
    number.map_or_else(|| "none".to_owned(), VersionNumber::to_string)
}
