//! `hlx validate`: judges by the rules of the dataset; the answer is no if it does not pass.

use std::io::Write;

use helox::ops::validate;
use helox::{Error, Repo, Result, ValidationStatus, printable};

use super::{Answer, judgement};
use crate::cli::args;
use crate::cli::session::Session;

pub(super) fn run(args: args::Validate, session: &mut Session) -> Result<Answer> {
    let repo = session.repo()?;
    let mut reports = Vec::new();
    for revision in revisions(&repo, &args)? {
        let options = validate::Options {
            revision,
            report: args.report.clone(),
            max_findings: args.max_findings,
            author: args.author.clone(),
        };
        reports.push(validate::run(&repo, &options, &session.progress())?);
    }
    session.out.answers(&reports, |report, out| {
        let tint = out.tint();
        write!(out, "{} {}  ", tint.strong(printable(&report.dataset_name)), tint.mark(&report.version))?;
        judgement::words(&report.judgement, out)
    })?;
    for report in &reports {
        report.warnings.iter().for_each(|warning| session.out.warning(warning));
        judgement::warn(&report.judgement, &mut session.out);
    }
    let more = |report: &validate::Report| report.judgement.findings_count > report.judgement.findings.len() as u64;
    if args.report.is_none() && reports.iter().any(more) {
        session.out.hint("--report FILE writes the findings to a file");
    }
    Ok(Answer::yes_if(reports.iter().all(|report| report.judgement.status == ValidationStatus::Passed)))
}

/// What is meant: without a revision, the workspace of each dataset that has rules.
fn revisions(repo: &Repo, args: &args::Validate) -> Result<Vec<Option<String>>> {
    let all = args.rev.as_deref().is_none_or(|rev| rev.eq_ignore_ascii_case("work"));
    let scope = if all { repo.scope(None)? } else { Vec::new() };
    if scope.len() < 2 {
        return Ok(vec![args.rev.clone()]);
    }
    let ruled: Vec<_> = scope.into_iter().filter(|dataset| dataset.validation.is_some()).collect();
    match ruled.len() {
        0 => {
            return Err(
                Error::usage("no dataset has rules").with_hint("declare some in helox.toml: [[dataset.NAME.validation.rule]]")
            );
        }
        1 => {}
        _ if args.report.is_none() => {}
        _ => return Err(Error::usage("--report takes one dataset").with_hint("name it: hlx validate NAME@WORK --report FILE")),
    }
    Ok(ruled.iter().map(|dataset| Some(format!("{}@WORK", dataset.name))).collect())
}
