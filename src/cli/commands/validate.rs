//! `hlx validate`: judges by the rules of the dataset; the answer is no if it does not pass.

use std::io::Write;

use helox::ops::validate;
use helox::{Result, ValidationStatus, printable};

use super::{Answer, judgement};
use crate::cli::args;
use crate::cli::session::Session;

pub(super) fn run(args: args::Validate, session: &mut Session) -> Result<Answer> {
    let options =
        validate::Options { revision: args.rev, report: args.report, max_findings: args.max_findings, author: args.author };
    let report = validate::run(&session.repo()?, &options, &session.progress())?;
    session.out.answer(&report, |out| {
        let tint = out.tint();
        write!(out, "{} {}  ", tint.strong(printable(&report.dataset_name)), tint.mark(&report.version))?;
        judgement::words(&report.judgement, out)
    })?;
    report.warnings.iter().for_each(|warning| session.out.warning(warning));
    judgement::warn(&report.judgement, &mut session.out);
    if options.report.is_none() && report.judgement.findings_count > report.judgement.findings.len() as u64 {
        session.out.hint("--report FILE writes the findings to a file");
    }
    Ok(Answer::yes_if(report.judgement.status == ValidationStatus::Passed))
}
