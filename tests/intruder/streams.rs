//! Acts with the standard streams.

use crate::say;
use std::io::{Read as _, Write as _};

/// Code of [`spew`] when the other side is gone.
const NOBODY_READS: i32 = 9;

/// Writes until that fails.
pub(crate) fn spew() -> i32 {
    let chunk = vec![b'x'; 64 * 1024];
    let mut out = std::io::stdout().lock();
    while out.write_all(&chunk).is_ok() {}
    NOBODY_READS
}

/// Says which descriptors are open, and of what kind.
pub(crate) fn streams() -> i32 {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return 1 };
    let open: Vec<_> = folder.filter_map(Result::ok).map(|entry| entry.path()).collect();
    let mut shown: Vec<String> = open
        .iter()
        // The one that reads the folder is gone by now.
        .filter_map(|path| Some((path, std::fs::read_link(path).ok()?)))
        .map(|(path, to)| {
            let number = path.file_name().unwrap_or_default().to_string_lossy();
            let to = to.to_string_lossy();
            format!("{number}={}", to.split(':').next().unwrap_or_default())
        })
        .collect();
    shown.sort();
    say(&shown.join(" "));
    0
}

/// Says what comes in, to its end.
pub(crate) fn until_stdin() -> i32 {
    say("ready");
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    say(&format!("read {:?} {text:?}", read.map_err(|error| error.raw_os_error())));
    0
}
