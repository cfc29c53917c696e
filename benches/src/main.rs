//! Measurements that need the libraries themselves: `ringfence-measure open ROUNDS` and
//! `ringfence-measure timing SUBJECT COUNT`.
//!
//! It only measures and prints numbers; what they mean is decided by `cargo xtask bench`, which knows
//! nothing of the libraries.

mod open;
mod subject;
mod timing;

use std::process::ExitCode;

/// Why nothing was measured.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let measured = match arguments.as_slice() {
        ["open", rounds] => number(rounds).and_then(open::measure),
        ["timing", subject, count] => {
            number(count).and_then(|count| timing::measure(subject, count))
        }
        _ => Err("usage: ringfence-measure open ROUNDS | timing SUBJECT COUNT".into()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u32, Failure> {
    Ok(text.parse()?)
}
