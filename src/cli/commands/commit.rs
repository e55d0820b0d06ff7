//! `hlx commit`: makes the next version.

use std::io::{self, Write};

use helox::ops::Links;
use helox::ops::commit::{self, Outcome};
use helox::{ChangeType, Error, Result, ValidationStatus, printable};
use serde_json::{Map, Value};

use super::{Answer, judgement};
use crate::cli::args;
use crate::cli::format::{also, columns, count, size, thousands};
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::Commit, session: &mut Session) -> Result<Answer> {
    let options = commit::Options {
        dataset: args.name,
        summary: args.summary,
        version: args.version,
        bump: match args.bump {
            args::Bump::Auto => commit::Bump::Auto,
            args::Bump::Major => commit::Bump::As(ChangeType::Major),
            args::Bump::Minor => commit::Bump::As(ChangeType::Minor),
            args::Bump::Patch => commit::Bump::As(ChangeType::Patch),
        },
        parent: args.parent,
        tags: args.tags,
        metadata: metadata(args.meta)?,
        author: args.author,
        from: args.from,
        allow_empty: args.allow_empty,
        no_validate: args.no_validate,
        max_findings: args.max_findings,
        dry_run: args.dry_run,
    };
    let report = commit::run(&session.repo()?, &options, &session.progress())?;
    if let Some(judgement) = &report.version.validation {
        judgement::warn(judgement, &mut session.out);
    }
    if report.outcome != Outcome::Refused {
        session.out.report(&report, |out| words(&report, out))?;
        warn(&report, &mut session.out);
        warn_of_links(&report, &mut session.out);
        let found = report.version.validation.as_ref().is_some_and(|judgement| judgement.findings_count > 0);
        if found && report.outcome == Outcome::Created {
            session.out.hint("'hlx show' tells the first findings");
        }
        if report.outcome == Outcome::Unchanged && report.version.validation_status == ValidationStatus::Skipped {
            session.out.hint("it was made with --no-validate: 'hlx validate HEAD' judges it");
        }
        return Ok(Answer::Yes);
    }
    session.out.answer(&report, |out| words(&report, out))?;
    if let Some(file) = &report.report_file {
        session
            .out
            .hint(&format!("the findings are in {file}; fix the data or the rule, or commit it as it is with --no-validate"));
    }
    Ok(Answer::No)
}

/// Most findings that are told one by one.
const TOLD: usize = 20;

/// Tells of what could not be read of the parent, and of records that are none.
fn warn(report: &commit::Report, out: &mut Output) {
    report.warnings.iter().for_each(|warning| out.warning(warning));
    for finding in report.findings.iter().take(TOLD) {
        out.warning(&format!("{}:{}: {}", finding.path, finding.line, finding.message));
    }
    let more = report.findings_count.saturating_sub(TOLD.min(report.findings.len()) as u64);
    if more > 0 {
        out.warning(&format!("{} more like these", thousands(more)));
    }
}

/// Tells of symlinks whose data is not in the version.
fn warn_of_links(report: &commit::Report, out: &mut Output) {
    let links = &report.links;
    let (Some(example), commit::Outcome::Created | commit::Outcome::DryRun) = (&links.example, report.outcome) else { return };
    out.warning(&links_leading_away(links, &printable(example)));
    out.hint("to keep the data, replace the links by the files, or commit a copy: cp -RL FOLDER COPY; hlx commit --from COPY");
}

/// Says which symlinks lead away; `example` is one of them.
fn links_leading_away(links: &Links, example: &str) -> String {
    let places = [(links.outside, "outside of the dataset"), (links.dangling, "to nothing")];
    let places = places.iter().filter(|(n, _)| *n > 0);
    if links.total == 1 {
        let places: Vec<_> = places.map(|(_, place)| *place).collect();
        return format!("the symlink {example} leads {}: the version has the link, not the data behind it", places.join(" and "));
    }
    let lead = |n| if n == 1 { "leads" } else { "lead" };
    let places: Vec<_> = places.map(|(n, place)| format!("{} {} {place}", thousands(*n), lead(*n))).collect();
    let (total, places) = (thousands(links.total), places.join(" and "));
    format!("of {total} symlinks, {places}, such as {example}: the version has the links, not the data behind them")
}

/// Makes one object of the pairs; the same key twice would lose a value.
fn metadata(pairs: Vec<(String, Value)>) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (key, value) in pairs {
        if object.contains_key(&key) {
            return Err(
                Error::usage(format!("--meta {key} is given twice")).with_hint("give each key once; a list is a JSON value")
            );
        }
        object.insert(key, value);
    }
    Ok(object)
}

fn words(report: &commit::Report, out: &mut Output) -> io::Result<()> {
    let version = &report.version;
    let tint = out.tint();
    let name = format!("{} {}", tint.strong(printable(&version.dataset_name)), tint.mark(&version.version));
    let why = printable(&report.bump).replacen(": ", "  ", 1);
    match report.outcome {
        Outcome::Unchanged => return writeln!(out, "nothing changed since {name}"),
        Outcome::AlreadyThere => return writeln!(out, "{name} is already there"),
        Outcome::Refused => {
            writeln!(out, "{} {}: nothing was made", tint.bad("refused"), printable(&version.dataset_name))?;
            return report.version.validation.as_ref().map_or(Ok(()), |judgement| judgement::words(judgement, out));
        }
        Outcome::DryRun => writeln!(out, "would make {name}  {why}")?,
        Outcome::Created => writeln!(out, "{name}  {why}")?,
    }
    let added = tint.good(format!("+{}", thousands(report.files.files_added)));
    let modified = tint.mark(format!("~{}", thousands(report.files.files_modified)));
    let removed = tint.bad(format!("-{}", thousands(report.files.files_removed)));
    let samples = version.total_samples.map_or_else(String::new, |samples| format!("{}, ", count(samples, "sample")));
    let total = format!("{samples}{}, {}", count(version.file_count, "file"), size(version.total_size_bytes));
    write!(out, "{added} {modified} {removed} files{}, {total}", also(&report.files))?;
    if let Outcome::DryRun = report.outcome {
        writeln!(out)?;
        return report.version.validation.as_ref().map_or(Ok(()), |judgement| judgement::line(judgement, out));
    }
    writeln!(out, ", store grew by {}", size(report.stored_bytes))?;
    if let Some(judgement) = &report.version.validation {
        judgement::line(judgement, out)?;
    }
    writeln!(out, "{}", tint.dim(version.id))?;
    if !version.tags.is_empty() {
        writeln!(out, "tags {}", tint.label(version.tags.join(", ")))?;
    }
    if out.is_verbose() {
        let parents = version.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let details = [
            ["parents".to_owned(), if parents.is_empty() { "none".to_owned() } else { parents }],
            ["manifest".to_owned(), version.manifest.to_string()],
            ["data checksum".to_owned(), version.data_checksum.to_string()],
            ["metadata checksum".to_owned(), version.metadata_checksum.to_string()],
            ["changed".to_owned(), format!("{}; the parent has {}", size(report.bytes_changed), size(report.bytes_before))],
        ];
        columns(&details).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_link_leads_and_several_lead() {
        let text = |total, outside, dangling| links_leading_away(&Links { total, outside, dangling, example: None }, "a");
        assert!(
            text(1, 1, 1).starts_with("the symlink a leads outside of the dataset and to nothing: the version has the link,")
        );
        assert!(text(3, 1, 2).starts_with("of 3 symlinks, 1 leads outside of the dataset and 2 lead to nothing, such as a:"));
        assert!(text(2, 0, 1).starts_with("of 2 symlinks, 1 leads to nothing, such as a:"));
    }
}
