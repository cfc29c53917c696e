//! `password hash` and `password verify`.

use super::{crypto, playground, refused, silent};

const HASH: [&str; 3] = ["password", "hash", "--stdin"];
const VERIFY: [&str; 3] = ["password", "verify", "--stdin"];

#[test]
fn a_password_is_hashed_with_a_salt_of_its_own_and_compared_by_exit_code() {
    let playground = playground();
    let run = crypto(&playground, &HASH, "correct horse\n");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.stdout.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{run}");
    assert_ne!(run.stdout, crypto(&playground, &HASH, "correct horse\n").stdout);
    let verify =
        |password: &str| crypto(&playground, &VERIFY, format!("{password}\n{}", run.stdout));
    let right = verify("correct horse");
    assert_eq!((right.code, right.stdout.as_str(), right.stderr.as_str()), (0, "matches\n", ""));
    for wrong in ["correct horsf", "correct horse ", "Correct horse", "correct hors", ""] {
        let run = verify(wrong);
        assert_eq!((run.code, run.stdout.as_str()), (1, "does not match\n"), "{wrong:?}");
    }
}

#[test]
fn what_ends_the_line_is_not_part_of_a_password_and_other_bytes_are() {
    let playground = playground();
    // Not UTF-8, NUL, a right-to-left mark: a password is bytes.
    for password in [&b"\xff\xfe"[..], b"a\0b", "\u{202e}abc".as_bytes(), b" "] {
        let run = crypto(&playground, &HASH, [password, b"\r\n"].concat());
        assert_eq!(run.code, 0, "{run}");
        let input = [password, b"\n", run.stdout.as_bytes()].concat();
        assert_eq!(crypto(&playground, &VERIFY, input).code, 0, "{password:?}");
        let input = [password, b"x\n", run.stdout.as_bytes()].concat();
        assert_eq!(crypto(&playground, &VERIFY, input).code, 1, "{password:?}");
    }
}

#[test]
fn a_weaker_stored_hash_matches_and_asks_to_be_made_again() {
    let playground = playground();
    // RFC 7914's own parameters for interactive logins, from another implementation.
    let stored =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let run = crypto(&playground, &VERIFY, format!("password\n{stored}\n"));
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("matches; hash it again"), "{run}");
    let run = crypto(&playground, &VERIFY, format!("passwore\n{stored}\n"));
    assert_eq!((run.code, run.stdout.as_str()), (1, "does not match\n"), "{run}");
}

#[test]
fn what_is_no_hash_or_asks_for_too_much_is_refused_and_not_repeated() {
    let playground = playground();
    let tail = "c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for stored in [
        String::new(),
        "plaintext-SECRET".to_owned(),
        format!("$argon2i$v=19$m=19456,t=2,p=1${tail}"),
        format!("$argon2id$v=16$m=19456,t=2,p=1${tail}"),
        format!("$argon2id$v=19$m=4294967295,t=1,p=1${tail}"),
        format!("$argon2id$v=19$m=262144,t=4294967295,p=1${tail}"),
        format!("$argon2id$v=19$m=99999999999,t=1,p=1${tail}"),
        format!("$argon2id$v=19$m=19456,t=2,p=1${}", &tail[..30]),
        format!("$argon2id$v=19$m=19456,t=2,p=1${tail}\u{202e}"),
        format!("$argon2id$v=19$m=\u{0661}9456,t=2,p=1${tail}"),
        "scrypt$1073741824$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            .to_owned(),
        "x".repeat(100_000),
    ] {
        let run = crypto(&playground, &VERIFY, format!("hunter2-SECRET\n{stored}\n"));
        refused(&run, 2, &["SECRET", "c29tZXNhbHRzb21l", "\u{202e}"]);
    }
    // Control: the same shape within the bounds is compared.
    let run = crypto(&playground, &VERIFY, format!("x\n$argon2id$v=19$m=19456,t=2,p=1${tail}\n"));
    assert_eq!(run.code, 1, "{run}");
}

#[test]
fn a_password_that_is_none_is_refused_before_anything_is_computed() {
    let playground = playground();
    for input in ["", "\n", "two\nlines-SECRET\n"] {
        refused(&crypto(&playground, &HASH, input), 2, &["SECRET"]);
    }
    refused(&crypto(&playground, &HASH, "x".repeat(4097)), 2, &["xxxx"]);
    assert_eq!(crypto(&playground, &HASH, "x".repeat(4096)).code, 0, "control");
    refused(&crypto(&playground, &VERIFY, "one line-SECRET"), 2, &["SECRET"]);
    let run = crypto(&playground, &["password", "hash"], "hunter2-SECRET\n");
    assert_eq!(run.code, 2, "a password never comes another way: {run}");
    silent(&run, &["SECRET"]);
}

#[test]
fn parameters_below_the_minimum_are_refused() {
    let playground = playground();
    for weak in [&["--memory", "7"][..], &["--passes", "1"], &["--memory", "12", "--passes", "2"]] {
        refused(
            &crypto(&playground, &[&HASH[..], weak].concat(), "hunter2-SECRET\n"),
            2,
            &["SECRET"],
        );
    }
    let run =
        crypto(&playground, &[&HASH[..], &["--memory", "46", "--passes", "1"]].concat(), "x\n");
    assert!(run.stdout.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{run}");
}
