//! Where a run writes its events, and the one event that the command line itself writes.

use crate::error::{CommandError, Kind};
use ringfence_boundary::status::release_lines::Date;
use ringfence_policy::event::{Action, Event, Kind as EventKind};
use ringfence_policy::layer::Layer;
use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Opens the file events are appended to, which only its owner may read when it is new.
pub(crate) fn open(path: &Path) -> Result<File, CommandError> {
    let cannot = |error: &std::io::Error| {
        CommandError::new(Kind::Source, format!("cannot write events to {}", path.display()))
            .caused_by(error)
            .hint("name a file in a folder you may write to: --events FILE")
    };
    let mut options = File::options();
    options.append(true).create(true);
    // A pipe without a reader must not stall the start: it is an error instead.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let file = options.open(path).map_err(|error| cannot(&error))?;
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if metadata.is_dir() { Err(cannot(&std::io::ErrorKind::IsADirectory.into())) } else { Ok(file) }
}

/// The failure of a start as an event line.
pub(crate) fn failure(error: &CommandError, service: &str) -> String {
    let time = timestamp(SystemTime::now());
    // An event has a layer: the start as a whole is the environment's, which comes first.
    let layer = error.layer().unwrap_or(Layer::Environment);
    let mut event = Event::new(EventKind::Error, time, service, layer, Action::Start, service);
    error.message().clone_into(&mut event.reason);
    event.code = Some(error.kind().id().to_owned());
    format!("{}\n", event.to_json_line())
}

/// RFC 3339, UTC, milliseconds.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let date = Date::from_unix(seconds);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_written_as_rfc_3339() {
        let at = UNIX_EPOCH + Duration::from_millis(951_782_400_000 + 3_723_004);
        assert_eq!(timestamp(at), "2000-02-29T01:02:03.004Z");
    }
}
