//! Words and signals as shells and managers write them.

/// A word as any POSIX shell reads it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The name of a signal that a boundary may stop its service with (the numbers of x86-64 and arm64).
#[must_use]
pub fn signal(number: i32) -> String {
    let names = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (6, "SIGABRT"),
        (10, "SIGUSR1"),
        (12, "SIGUSR2"),
        (13, "SIGPIPE"),
        (14, "SIGALRM"),
        (15, "SIGTERM"),
        (18, "SIGCONT"),
        (28, "SIGWINCH"),
        (30, "SIGPWR"),
    ];
    let known = names.into_iter().find(|(known, _)| *known == number);
    known.map_or_else(|| number.to_string(), |(_, name)| name.to_owned())
}
