//! Temporary folders and files that nobody else can name, and that do not stay behind.
//!
//! A [`Folder`] is private (mode 0700, a name of 128 random bits, made and opened without following
//! links) and is removed when it is dropped. It holds a lock for as long as its owner lives, so
//! [`sweep`] can tell what a crash left behind from what is in use, without asking for process ids. A
//! [`Draft`] has no name at all until it is put in its place whole, so a reader never sees half of it
//! and a crash leaves nothing. Neither defends against another process of the same user.
//!
//! ```
//! use ringfence_guard::temp::{Draft, Folder};
//! use std::io::Write as _;
//!
//! # let place = tempfile::tempdir()?;
//! let work = Folder::new_in(place.path())?;
//! work.root().create("notes.txt")?.write_all(b"gone when `work` is")?;
//! let mut report = Draft::new_in(place.path())?;
//! report.write_all(b"whole")?;
//! report.replace("report.txt")?;
//! # assert_eq!(std::fs::read(place.path().join("report.txt"))?, b"whole");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod draft;
mod folder;

pub use draft::Draft;
pub use folder::{Folder, PREFIX, sweep};

use crate::path::{PathError, told};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt::Write as _;

/// A name that cannot be guessed: the prefix and 128 random bits.
fn random_name() -> Result<String, PathError> {
    let mut bytes = [0_u8; 16];
    // So few bytes come whole or not at all (getrandom(2)).
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(told)?;
    let mut name = String::from(PREFIX);
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
