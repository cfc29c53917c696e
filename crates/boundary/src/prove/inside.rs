//! What the hidden verb does: runs native acts one after another and prints a line for each.
//!
//! It runs inside the boundary and, with the same arguments, outside. It has one thread, and each
//! act has a child of its own.

use super::attempt::Attempt;
use super::locks::probe_with_id;
use super::probe::{Act, Probe};
use ringfence_sys::attack::{self, Params};
use std::ffi::OsString;
use std::io::Write;

/// Runs the acts that `arguments` name: parameters, `--`, ids. Answers the exit code: 0, or 2 for
/// arguments that are none.
///
/// Not for people: what it prints is read by `prove`.
#[must_use]
pub fn attack_main(arguments: &[OsString]) -> u8 {
    let mut params = Params::default();
    let mut ids = Vec::new();
    let mut behind = false;
    for argument in arguments {
        if behind {
            ids.push(argument);
        } else if argument == "--" {
            behind = true;
        } else if !params.parse(argument) {
            return 2;
        }
    }
    let mut output = std::io::stdout();
    for id in ids {
        let Some(probe) = id.to_str().and_then(probe_with_id) else { continue };
        let line = run(probe, &params).to_line(probe.id);
        // Without a reader there is nobody to tell.
        if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
            return 0;
        }
    }
    0
}

/// Runs one native act in a child of its own.
fn run(probe: &Probe, params: &Params) -> Attempt {
    let (Act::Native(act) | Act::NativeSeen(act, _) | Act::NativeWithin(act)) = probe.act else {
        return Attempt::nothing("not a native probe");
    };
    match attack::forked(probe.deadline(), || act(params)) {
        Ok(ended) => Attempt::from_ended(&ended),
        Err(errno) => Attempt::nothing(format!("no process for the act: {errno}")),
    }
}
