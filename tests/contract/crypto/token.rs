//! `token issue`, `token verify` and `token revoke`.

use super::{OTHER_KEY, crypto, playground, refused, silent};
use ringfence_tests::command::{Playground, Run};
use std::fs;

const PLACE: [&str; 4] = ["--store", "tokens.json", "--key", "key"];

fn issue(playground: &Playground, more: &[&str]) -> Run {
    crypto(playground, &[&["token", "issue", "--prefix", "orders"][..], &PLACE, more].concat(), "")
}

fn verify(playground: &Playground, token: &str) -> Run {
    crypto(playground, &[&["token", "verify", "--stdin"][..], &PLACE].concat(), token)
}

#[test]
fn a_token_is_printed_once_verified_and_revoked() {
    let playground = playground();
    let issued = issue(&playground, &["--note", "the shop"]);
    assert_eq!(issued.code, 0, "{issued}");
    let token = issued.stdout.trim_end();
    assert_eq!((token.len(), &token[..7]), (43, "orders_"));
    let id = issued.stderr.trim_end().strip_prefix("id ").unwrap();
    let kept = fs::read_to_string(playground.path().join("tokens.json")).unwrap();
    assert!(!kept.contains(&token[7..20]), "{kept}");
    let run = verify(&playground, &issued.stdout);
    assert_eq!((run.code, run.stdout), (0, format!("valid: {id} the shop\n")));
    let revoke = ["token", "revoke", "--store", "tokens.json", id];
    assert_eq!(crypto(&playground, &revoke, "").stdout, format!("revoked: {id}\n"));
    let run = verify(&playground, token);
    assert_eq!((run.code, run.stdout), (1, format!("refused: it was revoked ({id})\n")));
    let unknown = ["token", "revoke", "--store", "tokens.json", "nobody"];
    assert_eq!(crypto(&playground, &unknown, "").code, 2);
}

#[test]
fn a_token_that_has_expired_is_refused_and_says_so() {
    let playground = playground();
    let issued = issue(&playground, &["--expires", "1h"]);
    assert_eq!(verify(&playground, &issued.stdout).code, 0, "control");
    let path = playground.path().join("tokens.json");
    let mut table: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for entry in table["tokens"].as_object_mut().unwrap().values_mut() {
        entry["expires"] = 1.into();
    }
    fs::write(&path, table.to_string()).unwrap();
    let run = verify(&playground, &issued.stdout);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.starts_with("refused: it has expired ("), "{run}");
}

#[test]
fn no_letter_of_a_token_may_change_and_what_is_no_token_is_not_repeated() {
    let playground = playground();
    let issued = issue(&playground, &[]);
    let token = issued.stdout.trim_end();
    for at in [7, 20, 36, 42] {
        let mut other = token.to_owned().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        let run = verify(&playground, &other);
        assert_eq!(run.code, 1, "{run}");
        silent(&run, &[&other[7..]]);
    }
    for other in
        ["", "orders_", "\u{202e}orders_SECRET", "orders_\0SECRET", &"SECRET".repeat(50_000)]
    {
        let run = verify(&playground, other);
        assert_eq!(run.code, 1, "{run}");
        silent(&run, &["SECRET", "\u{202e}"]);
    }
    let run =
        crypto(&playground, &[&["token", "verify", "--stdin"][..], &PLACE].concat(), b"\xff\xfe");
    refused(&run, 2, &[]);
}

#[test]
fn under_another_key_or_in_another_table_a_token_is_not_known() {
    let playground = playground().with("empty.json", "{\"schema\":1,\"tokens\":{}}");
    let token = issue(&playground, &[]).stdout;
    assert_eq!(verify(&playground, &token).code, 0, "control");
    for place in [["tokens.json", "other.key"], ["empty.json", "key"]] {
        let [store, key] = place;
        let verify = ["token", "verify", "--stdin", "--store", store, "--key", key];
        let run = crypto(&playground, &verify, &token);
        assert_eq!((run.code, run.stdout.as_str()), (1, "refused: it is not known here\n"));
        silent(&run, &[OTHER_KEY.trim()]);
    }
}

#[test]
fn a_prefix_that_scanners_would_not_know_is_refused_and_nothing_is_written() {
    let playground = playground();
    for prefix in ["", "O", "Orders", "1orders", "or_ders", "o\u{0440}ders", "seventeen-letters"] {
        let issue = [&["token", "issue", "--prefix", prefix][..], &PLACE].concat();
        refused(&crypto(&playground, &issue, ""), 2, &[]);
        assert!(!playground.path().join("tokens.json").exists());
    }
    assert_eq!(issue(&playground, &[]).code, 0, "control");
}
