//! `hlx validate`: judges by the rules of the dataset; the answer is no if it does not pass.

use std::io::Write;

use helox::ops::validate;
use helox::{Error, Repo, Result, ValidationStatus, printable};

use super::verdict;
use crate::cli::args::{self, FindingsFormat};
use crate::cli::findings::{self, FindingsReport};
use crate::cli::format::partial;
use crate::cli::outcome::Outcome;
use crate::cli::output_options::OutputFormat;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: args::ValidateArgs, session: &mut Session) -> Result<Outcome> {
    if args.format != FindingsFormat::Human && session.out.format() != OutputFormat::Human {
        return Err(Error::usage("--json cannot be used with --format").with_hint("use one of the two"));
    }
    let repo = session.repo()?;
    let mut reports = Vec::new();
    for revision in revisions(&repo, &args, session)? {
        let options = validate::ValidateOptions {
            revision,
            report: args.report.clone(),
            max_findings: args.max_findings,
            record: args.record,
            all: args.format != FindingsFormat::Human,
            author: args.author.clone(),
        };
        reports.push(validate::run(&repo, &options, &session.progress())?);
    }
    match args.format {
        FindingsFormat::Human => session.out.answers(&reports, true, |report, out| {
            let colors = out.colors();
            write!(out, "{} {}  ", colors.bold(printable(&report.dataset_name)), colors.changed(&report.version))?;
            verdict::print(&report.verdict, PathPrinter::new(&repo, report.dataset_name.as_str()), out)
        })?,
        format => for_tools(&repo, &reports, format, session)?,
    }
    for report in &reports {
        report.warnings.iter().for_each(|warning| session.out.warning(warning));
        verdict::warn(&report.verdict, PathPrinter::new(&repo, report.dataset_name.as_str()), &mut session.out);
        if let Some(part) = report.partial {
            session.out.hint(&format!("{} checked out; the other files are read from the store", partial(part)));
        }
    }
    let more = |report: &validate::ValidateReport| report.verdict.findings_count > report.verdict.findings.len() as u64;
    if args.report.is_none() && reports.iter().any(more) {
        match args.format {
            FindingsFormat::Human => session.out.hint("write all findings to a file: --report FILE"),
            _ => session.out.warning("not all findings are listed; to list more: --max-findings N"),
        }
    }
    Ok(Outcome::success_if(reports.iter().all(|report| report.verdict.status == ValidationStatus::Passed)))
}

/// Prints the verdicts as a tool reads them.
fn for_tools(repo: &Repo, reports: &[validate::ValidateReport], format: FindingsFormat, session: &mut Session) -> Result<()> {
    let folder = |name: &str| repo.config().dataset(name).map_or(".", |dataset| dataset.path.as_str());
    let verdicts = reports.iter().map(|report| FindingsReport {
        dataset: &report.dataset_name,
        version: &report.version,
        folder: folder(&report.dataset_name),
        verdict: &report.verdict,
    });
    let verdicts: Vec<FindingsReport<'_>> = verdicts.collect();
    let out = &mut session.out;
    let done = match format {
        FindingsFormat::Junit => findings::junit(&verdicts, out),
        FindingsFormat::Sarif => return out.document(&findings::sarif(&verdicts)),
        FindingsFormat::Github | FindingsFormat::Human => findings::github(&verdicts, out),
    };
    done.map_err(|e| out.error(e))
}

/// Returns the revisions to validate: without an argument the workspace, and of several datasets that of each that has
/// rules. The name of a dataset is its workspace.
fn revisions(repo: &Repo, args: &args::ValidateArgs, session: &mut Session) -> Result<Vec<Option<String>>> {
    let word = args.rev.as_deref().unwrap_or("WORK");
    if let Some(dataset) = repo.config().dataset(word) {
        return Ok(vec![Some(format!("{}@WORK", dataset.name))]);
    }
    let mut revisions = repo.revisions(word)?;
    if revisions.len() < 2 {
        return Ok(revisions.into_iter().map(Some).collect());
    }
    if word.eq_ignore_ascii_case("work") {
        revisions = session.with_folders(repo, revisions, |revision| revision.split('@').next().unwrap_or_default());
    }
    let has_rules = |revision: &String| {
        let name = revision.split('@').next().unwrap_or_default();
        repo.config().dataset(name).is_some_and(|dataset| dataset.validation.is_some())
    };
    let ruled: Vec<String> = revisions.into_iter().filter(has_rules).collect();
    match ruled.len() {
        0 => {
            return Err(Error::usage("no dataset has validation rules")
                .with_hint("add rules to helox.toml: [[dataset.NAME.validation.rule]]"));
        }
        1 => {}
        _ if args.report.is_none() => {}
        _ => {
            return Err(Error::usage("--report applies to one dataset only")
                .with_hint(format!("name the dataset: hlx validate {} --report FILE", ruled[0])));
        }
    }
    Ok(ruled.into_iter().map(Some).collect())
}
