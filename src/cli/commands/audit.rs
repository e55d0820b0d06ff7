//! `hlx audit`: the history of facts and versions; with `--verify` the answer is no if any of it is not as it was.

use std::io::{self, Write};

use helox::ops::audit::{self, AuditEntry, AuditEvent, AuditVerifyReport};
use helox::{Result, printable};

use super::verdict;
use crate::cli::args;
use crate::cli::format::{columns, count, first_line, moment, short, version_name};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

/// Characters of a summary or a note that are shown.
const SHOWN: usize = 60;

pub(super) fn run(args: &args::AuditArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    if !args.verify {
        let report = audit::list(&repo, audit::AuditOptions { limit: args.limit })?;
        session.out.page();
        session.out.answer(&report, |out| {
            let rows: Vec<_> = report.entries.iter().map(row).collect();
            columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
        })?;
        if report.entries.is_empty() {
            session.out.hint("no entries yet");
        }
        return Ok(session.warn_of_damage(&report.damaged));
    }
    let report = audit::verify(&repo, &session.progress())?;
    if report.is_valid {
        session.out.report(&report, |out| print(&report, out))?;
    } else {
        // Damage is what the user asked about: -q does not hide it.
        session.out.answer(&report, |out| print(&report, out))?;
    }
    Ok(Outcome::success_if(report.is_valid))
}

/// Time, id, author, and what was said of which version.
fn row(entry: &AuditEntry) -> [String; 4] {
    let version =
        entry.version_id.map_or_else(String::new, |id| version_name(entry.dataset_name.as_deref(), entry.version.as_ref(), id));
    let said = match &entry.event {
        AuditEvent::Version { change_summary, .. } => format!("created {version}: {}", cut(change_summary)),
        AuditEvent::TagAdded { tag } => format!("added tag {} to {version}", printable(tag)),
        AuditEvent::TagRemoved { tag } => format!("removed tag {} from {version}", printable(tag)),
        AuditEvent::Joined => "merged the history of another copy".to_owned(),
        AuditEvent::Validated { passed, score, .. } => {
            let outcome = match passed {
                Some(true) => "passed",
                Some(false) => "failed",
                None => "unreadable",
            };
            let score = score.map_or_else(String::new, |score| format!(", score {}", verdict::score(score)));
            format!("validated {version}: {outcome}{score}")
        }
        AuditEvent::Run(run) => {
            let metrics: Vec<_> = run.metrics.iter().map(|(name, value)| format!("{}={value}", printable(name))).collect();
            let metrics = if metrics.is_empty() { String::new() } else { format!(": {}", cut(&metrics.join(" "))) };
            format!("trained {} on {version}{metrics}", printable(&run.model))
        }
        AuditEvent::RunWithdrawn { run, reason } => format!("withdrew run {} on {version}: {}", short(run), cut(reason)),
        AuditEvent::Held { reason } => format!("put {version} on hold: {}", cut(reason)),
        AuditEvent::Released { reason, .. } => format!("ended a hold on {version}: {}", cut(reason)),
        AuditEvent::Unknown { code } => format!("unknown statement {code} about {version}, of a newer hlx"),
        AuditEvent::Note { text } => format!("added a note to {version}: {}", cut(text)),
    };
    [moment(&entry.time), short(&entry.id), printable(&entry.author).into_owned(), said]
}

/// Returns the first line of a text, and no more of it than fits.
fn cut(text: &str) -> String {
    let line = first_line(text);
    let more = text.lines().nth(1).is_some() || line.chars().count() > SHOWN;
    let shown: String = line.chars().take(SHOWN).collect();
    if more { shown + "…" } else { shown }
}

fn print(report: &AuditVerifyReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for problem in &report.problems {
        writeln!(out, "{}  {}", colors.failure(problem.kind), printable(&problem.text()))?;
    }
    for remark in &report.remarks {
        writeln!(out, "{}  {}", colors.dim(remark.kind), printable(&remark.text()))?;
    }
    let entries = match report.entries {
        1 => "1 entry".to_owned(),
        n => format!("{} entries", crate::cli::format::thousands(n)),
    };
    match report.is_valid {
        true => writeln!(out, "{}  {entries}", colors.success("intact")),
        false => writeln!(out, "{} in {entries}", colors.failure(count(report.problems.len() as u64, "problem"))),
    }
}
