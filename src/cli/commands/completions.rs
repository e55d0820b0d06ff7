//! `hlx completions`: what a shell needs to complete the command line, generated from its definition.

use std::io::Write;

use helox::Result;
use serde_json::json;

use crate::cli::args::{self, parser};
use crate::cli::complete;
use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(args: &args::CompletionsArgs, session: &mut Session) -> Result<Outcome> {
    if let Some(script) = complete::script(args.shell) {
        let document = json!({ "shell": args.shell.to_string(), "script": script });
        session.out.answer(&document, |out| out.write_all(script.as_bytes()))?;
        return Ok(Outcome::Yes);
    }
    // Into memory, because the generator panics when a write fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut parser::definition(), "hlx", &mut script);
    let document = json!({ "shell": args.shell.to_string(), "script": String::from_utf8_lossy(&script) });
    session.out.answer(&document, |out| out.write_all(&script))?;
    Ok(Outcome::Yes)
}

/// Prints what the last word may be, a candidate a line, with a tab before its explanation.
pub(super) fn complete(words: &[String], session: &mut Session) -> Result<Outcome> {
    let candidates = complete::complete(words);
    let values: Vec<&str> = candidates.iter().map(|(value, _)| value.as_str()).collect();
    session.out.answer(&json!({ "candidates": values }), |out| {
        candidates.iter().try_for_each(|(value, help)| match help.is_empty() {
            true => writeln!(out, "{value}"),
            false => writeln!(out, "{value}\t{help}"),
        })
    })?;
    Ok(Outcome::Yes)
}
