//! `hlx`: parse, run, report, exit code. Everything else is in `cli/` and in the library.

mod cli;

use std::ffi::OsString;
use std::process::{ExitCode, exit};

use cli::args::parser::{self, ParseStop};
use cli::commands;
use cli::correction;
use cli::failure;
use cli::interrupt;
use cli::output_options::OutputOptions;
use cli::session::Session;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let options = OutputOptions::guess(&typed);
    std::panic::set_hook(Box::new(move |panic| {
        if helox::sample::is_guarded() {
            return;
        }
        failure::panicked(panic.location(), options);
        exit(i32::from(failure::INTERNAL))
    }));
    interrupt::watch(|| exit(i32::from(failure::INTERRUPTED)));

    let code = match parser::parse(&typed, options) {
        Ok(arguments) => {
            let mut session = Session::new(&arguments);
            let result = session.enter(&arguments).and_then(|()| commands::run(arguments.command, &mut session));
            session.finish(result.map_err(|error| correction::correct(error, &typed)))
        }
        Err(ParseStop::Help(text)) => Session::plain(options).say(&text),
        Err(ParseStop::Invalid(error)) => failure::report(&error, options),
        Err(ParseStop::NoArguments(help)) => failure::report_help(&help),
    };
    ExitCode::from(code)
}
