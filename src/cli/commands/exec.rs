//! `hlx run exec`: runs a command and records it as a training run, whatever becomes of it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind as IoErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use helox::ops::run::{self, TrainedVersion};
use helox::{Error, ErrorKind, Repo, Result, Time, printable};
use serde_json::Value;

use super::run_page::{recorded, warn_of_workspace};
use crate::cli::args;
use crate::cli::failure;
use crate::cli::interrupt::ListenerGuard;
use crate::cli::outcome::Outcome;
use crate::cli::output_options::OutputFormat;
use crate::cli::session::Session;

/// The signals of Ctrl-C, of a terminal that is closed, and of a job that is cancelled.
const INTERRUPTS: [i32; 3] = [2, 1, 15];

pub(super) fn run(args: args::ExecArgs, repo: &Repo, session: &mut Session) -> Result<Outcome> {
    let mut versions = run::versions(repo, &args.revs)?;
    for version in &mut versions {
        version.compare_workspace(repo, &session.progress())?;
    }
    warn_of_workspace(repo, &versions, &args.params, session);
    let before = args.metrics.as_deref().and_then(stamps);
    let started = Time::now();
    let status = execute(&args.command, &versions, session)?;
    let ended = Time::now();
    let metrics = match &args.metrics {
        Some(path) if before.is_some() && stamps(path) == before => {
            session.out.warning(&format!("the command did not write {}; no metrics recorded", shown(path)));
            Vec::new()
        }
        Some(path) => metrics(path, session),
        None => Vec::new(),
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    let is_interrupted = status.signal().is_some_and(|signal| INTERRUPTS.contains(&signal)) || code == 130;
    let outcome = match code {
        0 => "done",
        _ if is_interrupted => "interrupted",
        _ => "failed",
    };
    let command: Vec<String> = args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut params = args.params;
    for (name, value) in [("command", command.join(" ")), ("exit", code.to_string()), ("status", outcome.to_owned())] {
        if params.iter().all(|(given, _)| given != name) {
            params.push((name.to_owned(), value.chars().take(1000).collect()));
        }
    }
    let (there, missing): (Vec<_>, Vec<_>) = args.artifacts.into_iter().partition(|path| path.exists());
    for path in &missing {
        session.out.warning(&format!("no artifact {}", shown(path)));
    }
    let options = run::RunOptions {
        versions,
        model: args.model,
        params,
        metrics,
        artifacts: there,
        started: Some(started),
        ended: Some(ended),
        author: args.author,
    };
    let views = run::record(repo, &options, &session.progress())?;
    recorded(&views, session)?;
    Ok(if code == 0 { Outcome::Yes } else { Outcome::Code(u8::try_from(code).unwrap_or(failure::INTERNAL)) })
}

/// Runs the command to its end. Ctrl-C is for the command, whose end is then recorded.
fn execute(command: &[OsString], versions: &[TrainedVersion], session: &Session) -> Result<ExitStatus> {
    let [program, arguments @ ..] = command else { return Err(Error::usage("give the command after '--'")) };
    let joined = |part: fn(&TrainedVersion) -> String| versions.iter().map(part).collect::<Vec<_>>().join(" ");
    let mut child = Command::new(program);
    child.args(arguments);
    child.env("HLX_DATASET", joined(|version| version.dataset_name.clone()));
    child.env("HLX_VERSION", joined(|version| version.version.to_string()));
    child.env("HLX_VERSION_ID", joined(|version| version.id.to_string()));
    if session.out.format() != OutputFormat::Human {
        // Stdout is for the one document.
        child.stdout(Stdio::from(io::stderr()));
    }
    let _ignored = ListenerGuard::ignoring();
    child.status().map_err(|source| {
        let kind = if source.kind() == IoErrorKind::NotFound { ErrorKind::PathNotFound } else { ErrorKind::Io };
        let program = program.to_string_lossy();
        Error::new(kind, format!("cannot run {}: {}; no run recorded", printable(&program), failure::reason(&source)))
            .with_source(source)
    })
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// Returns the length and time of a file, by which a write to it is noticed.
fn stamps(path: &Path) -> Option<(u64, std::time::SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// Returns the numbers of a JSON file. The run is recorded also where they cannot be read: a warning says so.
fn metrics(path: &Path, session: &mut Session) -> Vec<(String, f64)> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) => {
            session.out.warning(&format!("no metrics recorded: cannot read {}: {}", shown(path), failure::reason(&e)));
            return Vec::new();
        }
    };
    match serde_json::from_slice::<Value>(&text) {
        Ok(value) => {
            let (mut metrics, mut others) = (Vec::new(), 0);
            flatten("", &value, &mut metrics, &mut others);
            if others > 0 {
                session.out.warning(&format!("{}: {others} values are not numbers and were not recorded", shown(path)));
            }
            metrics
        }
        Err(e) => {
            session.out.warning(&format!("no metrics recorded: {} is not valid JSON: {e}", shown(path)));
            Vec::new()
        }
    }
}

fn flatten(name: &str, value: &Value, metrics: &mut Vec<(String, f64)>, others: &mut usize) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}/{key}") };
                flatten(&name, value, metrics, others);
            }
        }
        Value::Number(number) if !name.is_empty() => metrics.extend(number.as_f64().map(|number| (name.to_owned(), number))),
        _ => *others += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_numbers_have_paths() {
        let value = serde_json::json!({ "loss": 0.5, "eval": { "f1": 1, "by": { "a": 2e3 } }, "name": "x", "list": [1] });
        let (mut metrics, mut others) = (Vec::new(), 0);
        flatten("", &value, &mut metrics, &mut others);
        metrics.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [("eval/by/a", 2000.0), ("eval/f1", 1.0), ("loss", 0.5)].map(|(name, value)| (name.to_owned(), value));
        assert_eq!((metrics, others), (expected.to_vec(), 2));
    }
}
