//! What our own processes write and read, behind doors for fuzzing.

use super::report::Report;
use super::sink::{LONGEST, line};
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;

/// Reads `bytes` as a record of the broker or of init. Answers whether one that means something
/// still means the same when it is written again; never panics.
#[must_use]
pub fn fuzz_report(bytes: &[u8]) -> bool {
    let Some(report) = Report::decode(bytes) else { return true };
    Report::decode(&report.encode()) == Some(report)
}

/// Writes an event whose every text is cut out of `bytes`. Answers whether the line is short enough
/// for a pipe, is one line of printable ASCII, and reads as an event; never panics.
#[must_use]
pub fn fuzz_line(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    // The first byte says how often everything is repeated: long texts from short inputs.
    let times = bytes.first().map_or(1, |first| usize::from(*first) % 64 + 1);
    let mut parts =
        text.split('\n').map(|part| part.repeat(times)).chain([String::new()].into_iter().cycle());
    let mut next = || parts.next().unwrap_or_default();
    let mut event = Event::new(Kind::Denial, "", "orders", Layer::Broker, Action::Exec, next());
    event.reason = next();
    event.program = Some(next());
    event.missing_grant = Some(next());
    event.grant = Some(next());
    event.arguments = vec![next(), next()];
    event.environment = vec![next()];
    event.addresses = vec![next()];
    let line = line(&mut event, times as u64);
    let Some((end, content)) = line.split_last() else { return false };
    line.len() <= LONGEST
        && *end == b'\n'
        && content.iter().all(|byte| (b' '..=b'~').contains(byte))
        && serde_json::from_slice::<Event>(content).is_ok()
}
