//! `hlx completions`: what a shell needs to complete the command line, generated from its definition.

use std::io::Write;

use helox::Result;
use serde_json::json;

use super::Answer;
use crate::cli::args;
use crate::cli::session::Session;

pub(super) fn run(args: &args::Completions, session: &mut Session) -> Result<Answer> {
    // Into memory, because the generator panics when a write fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::definition(), "hlx", &mut script);
    let document = json!({ "shell": args.shell.to_string(), "script": String::from_utf8_lossy(&script) });
    session.out.answer(&document, |out| out.write_all(&script))?;
    Ok(Answer::Yes)
}
