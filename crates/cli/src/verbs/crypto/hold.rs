//! One command at a time reads a file, changes it and writes it.
//!
//! Two that read the same table would each write their own change, and the one that is written last
//! would undo the other: an issued token that is not known, a revoked one that is valid again, an
//! erased key that is back.

use crate::error::CommandError;
use std::path::Path;

#[cfg(unix)]
pub(super) use unix::Hold;

/// Where files are not locked this way, nothing is held.
#[cfg(not(unix))]
pub(super) struct Hold;

/// Waits until no other command changes the file at `path`, and keeps others waiting until what this
/// gives is dropped.
#[cfg(not(unix))]
pub(super) fn hold(_path: &Path) -> Result<Hold, CommandError> {
    Ok(Hold)
}

/// Waits until no other command changes the file at `path`, and keeps others waiting until what this
/// gives is dropped.
#[cfg(unix)]
pub(super) fn hold(path: &Path) -> Result<Hold, CommandError> {
    unix::hold(path)
}

#[cfg(unix)]
mod unix {
    use crate::error::{CommandError, Kind};
    use std::fs::{File, TryLockError};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    /// How long the others may take together. None waits for anybody while it holds a file.
    const PATIENCE: Duration = Duration::from_secs(20);
    /// Time between two tries.
    const PAUSE: Duration = Duration::from_millis(5);

    /// A file that no other command changes.
    pub(in crate::verbs::crypto) struct Hold(#[expect(dead_code, reason = "its lock counts")] File);

    pub(super) fn hold(path: &Path) -> Result<Hold, CommandError> {
        let cannot = |error: &io::Error| {
            CommandError::new(Kind::Source, format!("cannot read {}", path.display()))
                .caused_by(error)
        };
        let until = Instant::now() + PATIENCE;
        // Nobody sends: what is waited for is the time.
        let (_sender, never) = mpsc::channel::<()>();
        loop {
            // A pipe is not waited for; whoever reads it next refuses it.
            let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
            let file = opened.map_err(|error| cannot(&error))?;
            match file.try_lock() {
                // The one before has put a new file in the place of the one that was waited for.
                Ok(()) if !is_at(&file, path).map_err(|error| cannot(&error))? => {}
                Ok(()) => return Ok(Hold(file)),
                Err(TryLockError::Error(error)) => return Err(cannot(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    let _ = never.recv_timeout(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("{} is held by another command", path.display());
                    return Err(CommandError::new(Kind::Source, message).hint("try again later"));
                }
            }
        }
    }

    /// Whether this is the file that lies at `path` now.
    fn is_at(file: &File, path: &Path) -> io::Result<bool> {
        let (held, found) = (file.metadata()?, std::fs::metadata(path)?);
        Ok((held.dev(), held.ino()) == (found.dev(), found.ino()))
    }
}
