//! The command `ringfence`.
//!
//! This file reads the arguments, hands over to one verb, prints what went wrong and returns the
//! exit code: nothing else in the workspace ends the process. The work of every verb is in the
//! libraries; a verb's own file holds its options, its help and how its result looks.

mod arguments;
mod boundary_file;
mod error;
mod explained;
mod format;
mod host;
#[cfg(target_os = "linux")]
mod learnt;
mod markdown;
mod mistake;
mod printer;
mod revision;
#[cfg(feature = "deps")]
mod sarif;
mod settings;
mod table;
#[cfg(not(feature = "crypto"))]
mod unsigned;
mod verbs;

use arguments::Parsed;
use error::{CommandError, Finish};
use printer::Printer;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = host::internal(&arguments) {
        return ExitCode::from(code);
    }
    // Where no program can be run, no code can be the program's.
    let running = cfg!(target_os = "linux") && verbs::named(&arguments) == Some("run");
    // These write files and start no program, which would inherit it.
    if matches!(verbs::named(&arguments), Some("crypto" | "extract" | "fetch")) {
        host::fail_beyond_limits();
    }
    let mut printer = Printer::new();
    let outcome = match arguments::parse(&arguments) {
        Ok(Parsed::Verb { verb, color }) => {
            printer.set_color(color);
            verb.execute(&mut printer)
        }
        Ok(Parsed::Text(text)) => {
            printer.text(&text);
            Ok(Finish::Clean)
        }
        Err(error) => Err(error),
    };
    ExitCode::from(finish(outcome, running, &mut printer))
}

/// Prints an error, flushes what was said, and turns the outcome into an exit code.
fn finish(outcome: Result<Finish, CommandError>, running: bool, printer: &mut Printer) -> u8 {
    let flushed = printer.flush();
    let outcome = match (outcome, flushed) {
        (Ok(Finish::Program(code)), _) => Ok(Finish::Program(code)),
        (Ok(_), Err(error)) => Err(error),
        (outcome, _) => outcome,
    };
    match outcome {
        Ok(finish) => finish.code(),
        Err(error) => {
            error.print(printer);
            // Nothing can be said any more when standard error fails too: the code still tells.
            let _ = printer.flush();
            if running { error::RUN_FAILED } else { error.kind().code() }
        }
    }
}
