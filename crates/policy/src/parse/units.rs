//! Sizes, durations, signals and permission bits, as people write them.

use crate::diagnostic::{Code, Problem};
use crate::parse::keys;
use std::time::Duration;

const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("TB", 1000 * 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Signals that a program can handle, with their numbers on every Linux architecture Node runs on.
const SIGNALS: [(&str, i32); 11] = [
    ("SIGABRT", 6),
    ("SIGALRM", 14),
    ("SIGCONT", 18),
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGPWR", 30),
    ("SIGQUIT", 3),
    ("SIGTERM", 15),
    ("SIGUSR1", 10),
    ("SIGUSR2", 12),
    ("SIGWINCH", 28),
];

/// Bytes: `512MiB`, `64KB`. At least 1, at most `i64::MAX`.
pub(super) fn size(text: &str) -> Result<u64, Problem> {
    let problem = |what: &str| Problem::with_value(Code::BadSize, what, text);
    let (digits, unit) = split(text);
    let factor = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let Some(factor) = factor else {
        let hint = match (digits.is_empty(), unit.chars().next()) {
            (false, None) => format!("write the unit: \"{digits}B\" or \"{digits}MiB\""),
            (false, Some(letter)) if "kmgt".contains(letter.to_ascii_lowercase()) => {
                let letter = letter.to_ascii_uppercase();
                format!("write \"{digits}{letter}iB\" (1024) or \"{digits}{letter}B\" (1000)")
            }
            _ => "write a whole number and a unit, such as \"512MiB\"".to_owned(),
        };
        return Err(problem("not a size").hint(hint));
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match bytes {
        Some(0) => Err(problem("a limit of zero").hint("leave the key out for no limit")),
        Some(bytes) if i64::try_from(bytes).is_ok() => Ok(bytes),
        _ if digits.is_empty() => {
            Err(problem("not a size").hint("write a whole number and a unit, such as \"512MiB\""))
        }
        _ => Err(problem("size is too large").hint("leave the key out for no limit")),
    }
}

/// `500ms`, `10s`, `5m`, `24h`, `7d`. More than zero, at most 366 days.
pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    let problem = |what: &str| Problem::with_value(Code::BadDuration, what, text);
    let hint = "write a whole number and ms, s, m, h or d, such as \"10s\"";
    let (digits, unit) = split(text);
    let factor = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let Some(factor) = factor.filter(|_| !digits.is_empty()) else {
        return Err(problem("not a duration").hint(hint));
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
        Some(0) => Err(problem("a duration of zero").hint(hint)),
        Some(milliseconds) if milliseconds <= 366 * 86_400_000 => {
            Ok(Duration::from_millis(milliseconds))
        }
        _ => Err(problem("duration is longer than 366 days").hint(hint)),
    }
}

/// `SIGTERM`, or `TERM`.
pub(super) fn signal(text: &str) -> Result<i32, Problem> {
    let found = SIGNALS.iter().find(|(name, _)| *name == text || &name[3..] == text);
    if let Some((_, number)) = found {
        return Ok(*number);
    }
    let problem = |what: &str| Problem::with_value(Code::BadSignal, what, text);
    if matches!(text.trim_start_matches("SIG"), "KILL" | "STOP") {
        return Err(problem("a service cannot handle this signal")
            .hint("SIGKILL follows by itself after stop-timeout"));
    }
    let upper = text.to_ascii_uppercase();
    let hint = match keys::closest(&upper, SIGNALS.iter().map(|(name, _)| *name)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "write a name such as \"SIGTERM\"".to_owned(),
    };
    Err(problem("not a signal that can stop a service").hint(hint))
}

/// Permission bits of a delivered secret: readable by its owner, never executable, never for others.
pub(super) fn mode(text: &str) -> Result<u32, Problem> {
    let hint = "write \"0400\", or \"0440\" where the group reads it too";
    let problem = |what: &str| Problem::with_value(Code::BadMode, what, text).hint(hint);
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let bits = if octal { u32::from_str_radix(text, 8).ok() } else { None };
    match bits {
        None => Err(problem("mode is not three or four octal digits")),
        Some(bits) if bits & 0o7000 != 0 => Err(problem("mode has special bits")),
        Some(bits) if bits & 0o111 != 0 => Err(problem("mode makes a secret executable")),
        Some(bits) if bits & 0o007 != 0 => Err(problem("mode gives a secret to everybody")),
        Some(bits) if bits & 0o400 == 0 => Err(problem("mode lets nobody read the secret")),
        Some(bits) => Ok(bits),
    }
}

/// Leading digits and what follows them.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_what_they_say() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("64KB"), Ok(64_000));
        assert_eq!(size("1B"), Ok(1));
        assert_eq!(size("8388607TiB"), Ok(8_388_607 << 40));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(duration("366d"), Ok(Duration::from_hours(366 * 24)));
        assert_eq!((signal("SIGTERM"), signal("INT")), (Ok(15), Ok(2)));
        assert_eq!((mode("0400"), mode("440"), mode("0640")), (Ok(0o400), Ok(0o440), Ok(0o640)));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
    fn every_mistake_in_a_unit_has_its_answer() {
        fn row<T>(name: &str, result: Result<T, Problem>) -> String {
            match result {
                Ok(_) => format!("{name}: accepted\n"),
                Err(problem) => {
                    format!("{}\n    {}\n", problem.message, problem.hint.unwrap_or_default())
                }
            }
        }
        let sizes =
            ["", "512", "512M", "512mb", "1.5GiB", "0MiB", "-1B", "8388608TiB", "MiB", "9 MB"]
                .map(|text| row(text, size(text)));
        let durations = ["", "10", "10sec", "1.5s", "0s", "s", "99999d", "-1s"]
            .map(|text| row(text, duration(text)));
        let signals = ["SIGKILL", "STOP", "SIGTREM", "sigterm", "15", "SIGSEGV"]
            .map(|text| row(text, signal(text)));
        let modes = ["400x", "0x10", "4000", "0700", "0444", "0200", "0o400", ""]
            .map(|text| row(text, mode(text)));
        insta::assert_snapshot!([sizes.concat(), durations.concat(), signals.concat(), modes.concat()].concat(), @r#"
        not a size: it is empty
            write a whole number and a unit, such as "512MiB"
        not a size: 512
            write the unit: "512B" or "512MiB"
        not a size: 512M
            write "512MiB" (1024) or "512MB" (1000)
        not a size: 512mb
            write "512MiB" (1024) or "512MB" (1000)
        not a size: 1.5GiB
            write a whole number and a unit, such as "512MiB"
        a limit of zero: 0MiB
            leave the key out for no limit
        not a size: -1B
            write a whole number and a unit, such as "512MiB"
        size is too large: 8388608TiB
            leave the key out for no limit
        not a size: MiB
            write a whole number and a unit, such as "512MiB"
        not a size: 9 MB
            write a whole number and a unit, such as "512MiB"
        not a duration: it is empty
            write a whole number and ms, s, m, h or d, such as "10s"
        not a duration: 10
            write a whole number and ms, s, m, h or d, such as "10s"
        not a duration: 10sec
            write a whole number and ms, s, m, h or d, such as "10s"
        not a duration: 1.5s
            write a whole number and ms, s, m, h or d, such as "10s"
        a duration of zero: 0s
            write a whole number and ms, s, m, h or d, such as "10s"
        not a duration: s
            write a whole number and ms, s, m, h or d, such as "10s"
        duration is longer than 366 days: 99999d
            write a whole number and ms, s, m, h or d, such as "10s"
        not a duration: -1s
            write a whole number and ms, s, m, h or d, such as "10s"
        a service cannot handle this signal: SIGKILL
            SIGKILL follows by itself after stop-timeout
        a service cannot handle this signal: STOP
            SIGKILL follows by itself after stop-timeout
        not a signal that can stop a service: SIGTREM
            did you mean SIGTERM?
        not a signal that can stop a service: sigterm
            did you mean SIGTERM?
        not a signal that can stop a service: 15
            write a name such as "SIGTERM"
        not a signal that can stop a service: SIGSEGV
            write a name such as "SIGTERM"
        mode is not three or four octal digits: 400x
            write "0400", or "0440" where the group reads it too
        mode is not three or four octal digits: 0x10
            write "0400", or "0440" where the group reads it too
        mode has special bits: 4000
            write "0400", or "0440" where the group reads it too
        mode makes a secret executable: 0700
            write "0400", or "0440" where the group reads it too
        mode gives a secret to everybody: 0444
            write "0400", or "0440" where the group reads it too
        mode lets nobody read the secret: 0200
            write "0400", or "0440" where the group reads it too
        mode is not three or four octal digits: 0o400
            write "0400", or "0440" where the group reads it too
        mode is not three or four octal digits: it is empty
            write "0400", or "0440" where the group reads it too
        "#);
    }
}
