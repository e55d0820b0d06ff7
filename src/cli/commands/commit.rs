//! `hlx commit`: makes the next version.

use std::io::{self, IsTerminal, Write};

use helox::ops::commit::{self, CommitOutcome};
use helox::ops::{Links, VerdictView, status};
use helox::{ChangeType, Error, ErrorKind, Repo, Result, ValidationStatus, printable};
use serde_json::{Map, Value};

use super::{patch, summary, verdict};
use crate::cli::args;
use crate::cli::format::{also, columns, count, partial, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::output_options::OutputFormat;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(mut args: args::CommitArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let names: Vec<String> = match repo.scope(args.name.as_deref()) {
        Err(e) if e.kind() == ErrorKind::DatasetNotFound && args.name.is_none() => return Err(undeclared(&repo)),
        scope => scope?.iter().map(|dataset| dataset.name.clone()).collect(),
    };
    let names = session.with_folders(&repo, names, |name| name);
    let one = [("--version", args.version.is_some()), ("--parent", args.parent.is_some()), ("--from", args.from.is_some())];
    if let Some((flag, _)) = one.iter().find(|(_, given)| *given && names.len() > 1) {
        return Err(Error::usage(format!("{flag} applies to one dataset only"))
            .with_hint(format!("name the dataset: hlx commit NAME {flag}; datasets: {}", names.join(", "))));
    }
    let (summary, draft) = match args.summary.take() {
        Some(summary) => (summary, None),
        None if args.dry_run => (String::new(), None),
        None => match summary::write(&repo, &names, &args, session)? {
            Some((summary, draft)) => (summary, Some(draft)),
            // Nothing changed: the report says so, and no version needs a summary.
            None => {
                args.dry_run = true;
                (String::new(), None)
            }
        },
    };
    let options = commit::CommitOptions {
        dataset: None,
        summary,
        version: args.version,
        bump: match args.bump {
            args::BumpArg::Auto => commit::Bump::Auto,
            args::BumpArg::Major => commit::Bump::As(ChangeType::Major),
            args::BumpArg::Minor => commit::Bump::As(ChangeType::Minor),
            args::BumpArg::Patch => commit::Bump::As(ChangeType::Patch),
        },
        parent: args.parent,
        tags: args.tags,
        move_tags: args.move_tags,
        metadata: metadata(args.meta)?,
        author: args.author,
        from: args.from,
        allow_empty: args.allow_empty,
        no_validate: args.no_validate,
        reason: args.reason,
        max_findings: args.max_findings,
        dry_run: args.dry_run,
    };
    if names.len() > 1 && draft.is_none() && !options.dry_run && !confirmed(&repo, &names, session)? {
        return Err(Error::new(ErrorKind::Interrupted, "nothing committed"));
    }
    let reports = commit::run_all(&repo, &names, &options, &session.progress())?;
    if let Some(draft) = draft
        && reports.iter().all(|report| report.outcome != CommitOutcome::Refused)
    {
        draft.remove()?;
    }
    print_reports(&repo, &reports, session)
}

/// Returns the error of a commit where no dataset is declared.
fn undeclared(repo: &Repo) -> Error {
    let name = repo.root().file_name().and_then(|name| name.to_str()).unwrap_or("NAME");
    Error::new(ErrorKind::DatasetNotFound, "no dataset is declared").with_hint(format!(
        "for a folder: hlx dataset add NAME --path DIR\nfor all of {}: hlx init --name {}",
        printable(&repo.root().display().to_string()),
        printable(&name.to_lowercase()),
    ))
}

/// Asks once whether all datasets that changed are to be committed; where nobody can be asked, they are.
fn confirmed(repo: &Repo, names: &[String], session: &mut Session) -> Result<bool> {
    if session.out.format() != OutputFormat::Human || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    let mut changed = Vec::new();
    for name in names {
        let options = status::StatusOptions { dataset: Some(name.clone()), paths: Vec::new() };
        let report = status::run(repo, &options, &session.progress())?;
        let files = report.added.len() + report.modified.len() + report.removed.len() + report.renamed.len();
        if !report.clean {
            changed.push(format!("{name} ({})", count(files as u64, "file")));
        }
    }
    if changed.len() < 2 {
        return Ok(true);
    }
    session.ask(&format!("Commit {}? [Y/n] ", changed.join(", ")))
}

/// Prints what was committed of each dataset, then warnings and hints.
fn print_reports(repo: &Repo, reports: &[commit::CommitReport], session: &mut Session) -> Result<Outcome> {
    let is_refused = |report: &commit::CommitReport| report.outcome == CommitOutcome::Refused;
    for report in reports {
        if let Some(verdict) = &report.version.validation {
            verdict::warn(verdict, paths_of(repo, report), &mut session.out);
        }
    }
    let refused: Vec<_> = reports.iter().filter(|report| is_refused(report)).map(|r| r.version.dataset_name.as_str()).collect();
    // A rejection is printed in spite of -q.
    if !refused.is_empty() || !session.out.omits_reports() {
        session.out.answers(reports, false, |report, out| print(repo, report, out))?;
    }
    for report in reports {
        remark(repo, report, &mut session.out);
    }
    if !refused.is_empty() && reports.len() > 1 {
        let refused = printable(&refused.join(", ")).into_owned();
        session.out.hint(&format!("nothing was committed, because of {refused}; commit the others by name: hlx commit NAME"));
    }
    Ok(Outcome::success_if(refused.is_empty()))
}

/// Prints the warnings and hints of one dataset.
fn remark(repo: &Repo, report: &commit::CommitReport, out: &mut Output) {
    let verdict = report.version.validation.as_ref();
    if report.outcome != CommitOutcome::Refused {
        warn(repo, report, out);
        warn_of_links(repo, report, out);
        if verdict.is_some_and(|verdict| verdict.findings_count > 0) && report.outcome == CommitOutcome::Created {
            out.hint(&format!("'hlx show {}' prints the first findings", report.version.dataset_name));
        }
        if report.outcome == CommitOutcome::Unchanged && report.version.validation_status == ValidationStatus::Skipped {
            let name = &report.version.dataset_name;
            out.hint(&format!("it was created with --no-validate: 'hlx validate {name}@HEAD --record' checks it"));
        }
        return;
    }
    let parses = |verdict: &VerdictView| verdict.rules.iter().any(|rule| rule.kind == "parse" && rule.failed > 0);
    if !verdict.is_some_and(parses) {
        warn(repo, report, out);
    }
    if let Some(file) = &report.report_file {
        out.hint(&format!("all findings: {file}\nfix the data or the rule, or skip validation with --no-validate"));
    }
}

/// Returns the paths of the files that a report is about.
fn paths_of<'a>(repo: &'a Repo, report: &'a commit::CommitReport) -> PathPrinter<'a> {
    PathPrinter::new(repo, report.version.dataset_name.as_str())
}

/// Most findings that are told one by one.
const MAX_FINDINGS: usize = 20;

/// Tells of what could not be read of the parent, and of records that are none.
fn warn(repo: &Repo, report: &commit::CommitReport, out: &mut Output) {
    report.warnings.iter().for_each(|warning| out.warning(warning));
    let paths = paths_of(repo, report);
    for finding in report.findings.iter().take(MAX_FINDINGS) {
        out.warning(&format!("{}:{}: {}", paths.show(&finding.path), finding.line, finding.message));
    }
    if let Some(key) = &report.suggested_key {
        out.hint(&patch::key_hint(key, &report.version.dataset_name));
    }
    let more = report.findings_count.saturating_sub(MAX_FINDINGS.min(report.findings.len()) as u64);
    if more > 0 {
        out.warning(&format!("{} more", thousands(more)));
    }
}

/// Tells of symlinks whose data is not in the version.
fn warn_of_links(repo: &Repo, report: &commit::CommitReport, out: &mut Output) {
    let links = &report.links;
    let (Some(example), commit::CommitOutcome::Created | commit::CommitOutcome::DryRun) = (&links.example, report.outcome) else {
        return;
    };
    out.warning(&links_leading_away(links, &paths_of(repo, report).show(example)));
    out.hint("to store the data, replace the links with the files, or commit a copy: cp -RL FOLDER COPY; hlx commit --from COPY");
}

/// Says which symlinks lead away; `example` is one of them.
fn links_leading_away(links: &Links, example: &str) -> String {
    let places = [(links.outside, "outside the dataset"), (links.dangling, "to nothing")];
    let places = places.iter().filter(|(n, _)| *n > 0);
    if links.total == 1 {
        let places: Vec<_> = places.map(|(_, place)| *place).collect();
        return format!("the symlink {example} points {}: the version contains the link, not its target", places.join(" and "));
    }
    let lead = |n| if n == 1 { "points" } else { "point" };
    let places: Vec<_> = places.map(|(n, place)| format!("{} {} {place}", thousands(*n), lead(*n))).collect();
    let (total, places) = (thousands(links.total), places.join(" and "));
    format!("of {total} symlinks, {places}, such as {example}: the version contains the links, not their targets")
}

/// Makes one object of the pairs; the same key twice would lose a value.
fn metadata(pairs: Vec<(String, Value)>) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for (key, value) in pairs {
        if object.contains_key(&key) {
            return Err(Error::usage(format!("--meta {key} is given twice"))
                .with_hint("give each key once; for several values use a JSON list"));
        }
        object.insert(key, value);
    }
    Ok(object)
}

fn print(repo: &Repo, report: &commit::CommitReport, out: &mut Output) -> io::Result<()> {
    let version = &report.version;
    let colors = out.colors();
    let name = format!("{} {}", colors.bold(printable(&version.dataset_name)), colors.changed(&version.version));
    let why = printable(&report.bump);
    let kind = version.change_type;
    let why = why.strip_prefix(&format!("{kind}: ")).unwrap_or(&why);
    match report.outcome {
        CommitOutcome::Unchanged => {
            writeln!(out, "nothing changed since {name}")?;
            return tags(report, out);
        }
        CommitOutcome::AlreadyThere => {
            writeln!(out, "{name} already exists")?;
            return tags(report, out);
        }
        CommitOutcome::Refused => {
            let dataset = printable(&version.dataset_name);
            writeln!(out, "{dataset}: {}; no version created", colors.failure("commit rejected by validation"))?;
            return report
                .version
                .validation
                .as_ref()
                .map_or(Ok(()), |verdict| verdict::print(verdict, paths_of(repo, report), out));
        }
        CommitOutcome::Withheld => {
            return writeln!(out, "{}: no version created", printable(&version.dataset_name));
        }
        CommitOutcome::DryRun => writeln!(out, "Would create {name} ({kind})\n{why}")?,
        CommitOutcome::Created => writeln!(out, "Created {name} ({kind})\n{why}")?,
    }
    let files = &report.files;
    let [added, modified, removed] = [files.files_added, files.files_modified, files.files_removed].map(thousands);
    let samples = version.total_samples.map_or_else(String::new, |samples| format!("{} in ", count(samples, "sample")));
    let total = format!("{samples}{}, {}", count(version.file_count, "file"), size(version.total_size_bytes));
    write!(out, "files: {added} added, {modified} modified, {removed} removed{}; now {total}", also(files))?;
    if let CommitOutcome::DryRun = report.outcome {
        writeln!(out)?;
        return report.version.validation.as_ref().map_or(Ok(()), |verdict| verdict::line(verdict, out));
    }
    writeln!(out, "; store grew by {}", size(report.stored_bytes))?;
    if let Some(part) = report.partial {
        writeln!(out, "{} checked out; the other files are taken from the parent", partial(part))?;
    }
    if let Some(verdict) = &report.version.validation {
        verdict::line(verdict, out)?;
    }
    writeln!(out, "{}", colors.dim(version.id))?;
    tags(report, out)?;
    if out.is_verbose() {
        let parents = version.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let details = [
            ["parents".to_owned(), if parents.is_empty() { "none".to_owned() } else { parents }],
            ["manifest".to_owned(), version.manifest.to_string()],
            ["data checksum".to_owned(), version.data_checksum.to_string()],
            ["metadata checksum".to_owned(), version.metadata_checksum.to_string()],
            ["changed".to_owned(), format!("{} of {} in the parent", size(report.bytes_changed), size(report.bytes_before))],
        ];
        columns(&details).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// The tags of the version, and from where those came that moved.
fn tags(report: &commit::CommitReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for moved in &report.tags_moved {
        writeln!(out, "Moved {} from {} to {}", printable(&moved.tag), moved.from, report.version.version)?;
    }
    let is_moved = |tag: &&String| report.tags_moved.iter().any(|moved| moved.tag == **tag);
    let added: Vec<&str> = report.tags_added.iter().filter(|tag| !is_moved(tag)).map(String::as_str).collect();
    if report.outcome != CommitOutcome::Created && !added.is_empty() {
        return writeln!(out, "Tagged {} {}: {}", report.version.dataset_name, report.version.version, added.join(", "));
    }
    match report.version.tags.is_empty() {
        true => Ok(()),
        false => writeln!(out, "tags: {}", colors.label(report.version.tags.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_link_leads_and_several_lead() {
        let text = |total, outside, dangling| links_leading_away(&Links { total, outside, dangling, example: None }, "a");
        assert!(
            text(1, 1, 1).starts_with("the symlink a points outside the dataset and to nothing: the version contains the link,")
        );
        assert!(text(3, 1, 2).starts_with("of 3 symlinks, 1 points outside the dataset and 2 point to nothing, such as a:"));
        assert!(text(2, 0, 1).starts_with("of 2 symlinks, 1 points to nothing, such as a:"));
    }
}
