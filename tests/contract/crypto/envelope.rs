//! `seal` and `open`.

use super::{OTHER_KEY, crypto, playground, refused, ring};
use ringfence_tests::command::{Playground, Run};

const PLACE: [&str; 4] = ["--keyring", "ring", "--key", "key"];

fn seal(playground: &Playground, more: &[&str], data: impl AsRef<[u8]>) -> Run {
    crypto(playground, &[&["seal"][..], &PLACE, more].concat(), data)
}

fn open(playground: &Playground, more: &[&str], envelope: impl AsRef<[u8]>) -> Run {
    crypto(playground, &[&["open"][..], &PLACE, more].concat(), envelope)
}

#[test]
fn what_is_sealed_opens_in_its_context_and_in_no_other() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let sealed = seal(&playground, &["--context", "orders/17"], "card number SECRET");
    assert_eq!((sealed.code, sealed.stderr.as_str()), (0, ""), "{sealed}");
    assert_eq!(sealed.stdout.trim_end().split('.').count(), 5, "a compact JWE: {sealed}");
    let opened = open(&playground, &["--context", "orders/17"], &sealed.stdout);
    assert_eq!((opened.code, opened.stdout.as_str()), (0, "card number SECRET"), "{opened}");
    for context in ["", "orders/18", "orders/17 ", "orders/1\u{202e}7"] {
        refused(&open(&playground, &["--context", context], &sealed.stdout), 2, &["SECRET"]);
    }
    let again = seal(&playground, &["--context", "orders/17"], "card number SECRET");
    assert_ne!(sealed.stdout, again.stdout, "each has a nonce of its own");
}

#[test]
fn an_empty_message_and_one_of_any_bytes_are_sealed_whole() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    for data in [&b""[..], b"a\0b", b"\xff\xfe", "\u{202e}x".as_bytes(), &vec![7; 70_000]] {
        let sealed = seal(&playground, &[], data);
        assert_eq!(sealed.code, 0, "{sealed}");
        let opened = open(&playground, &[], &sealed.stdout);
        assert_eq!(opened.code, 0, "{opened}");
        assert_eq!(opened.stdout, String::from_utf8_lossy(data));
    }
}

#[test]
fn what_was_changed_cut_or_made_longer_does_not_open_and_nothing_of_it_is_printed() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let sealed = seal(&playground, &[], "the whole SECRET of it").stdout.trim_end().to_owned();
    assert_eq!(open(&playground, &[], &sealed).code, 0, "control");
    let parts: Vec<&str> = sealed.split('.').collect();
    let changed = |place: usize, part: &str| {
        let mut parts = parts.clone();
        parts[place] = part;
        parts.join(".")
    };
    let flipped = |part: &str| {
        let other = if part.starts_with('A') { "B" } else { "A" };
        format!("{other}{}", &part[1..])
    };
    let header = "eyJhbGciOiJub25lIn0";
    let mut broken = vec![
        changed(0, header),
        changed(0, ""),
        changed(1, "AAAA"),
        changed(2, &flipped(parts[2])),
        changed(3, &flipped(parts[3])),
        changed(4, &flipped(parts[4])),
        changed(4, &parts[4][..10]),
        changed(3, ""),
        format!("{sealed}.AAAA"),
        format!("{sealed}\u{202e}"),
        format!("{sealed}="),
        String::new(),
        "....".to_owned(),
        "\0".to_owned(),
    ];
    broken.extend([1, 20, sealed.len() - 1].map(|length| sealed[..length].to_owned()));
    for envelope in &broken {
        refused(&open(&playground, &[], envelope), 2, &["SECRET", "\u{202e}"]);
    }
    refused(&open(&playground, &[], b"\xff\xfe"), 2, &[]);
}

#[test]
fn with_another_key_nothing_opens_and_no_key_is_told() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    ring(&playground, "other", "a256gcm");
    let sealed = seal(&playground, &[], "SECRET").stdout;
    let other_ring = ["open", "--keyring", "other", "--key", "key"];
    refused(&crypto(&playground, &other_ring, &sealed), 2, &["SECRET"]);
    let other_key = ["open", "--keyring", "ring", "--key", "other.key"];
    refused(&crypto(&playground, &other_key, &sealed), 2, &["SECRET", OTHER_KEY.trim()]);
    let other_key = ["seal", "--keyring", "ring", "--key", "other.key"];
    refused(&crypto(&playground, &other_key, "SECRET"), 2, &["SECRET", OTHER_KEY.trim()]);
    assert_eq!(open(&playground, &[], &sealed).stdout, "SECRET", "control");
}

#[test]
fn a_key_for_signatures_seals_nothing_and_a_name_that_is_not_in_use_is_refused() {
    let playground = playground();
    ring(&playground, "signs", "eddsa");
    let place = ["seal", "--keyring", "signs", "--key", "key"];
    refused(&crypto(&playground, &place, "SECRET"), 2, &["SECRET"]);
    ring(&playground, "ring", "a256gcm");
    refused(&seal(&playground, &["--kid", "test-9"], "SECRET"), 2, &["SECRET"]);
    assert_eq!(seal(&playground, &["--kid", "test-1"], "SECRET").code, 0, "control");
}

#[test]
fn more_than_can_be_sealed_is_refused_and_not_counted() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let before = std::fs::read(playground.path().join("ring")).unwrap();
    refused(&seal(&playground, &[], vec![b'x'; (32 << 20) + 1]), 2, &["xxxx"]);
    assert_eq!(std::fs::read(playground.path().join("ring")).unwrap(), before);
}

#[test]
fn the_most_that_is_sealed_is_also_opened_and_put_under_another_key() {
    for kind in ["a256gcm", "a256gcmkw"] {
        let playground = playground();
        ring(&playground, "ring", kind);
        let data = vec![b'x'; 32 << 20];
        let mut sealed = seal(&playground, &[], &data);
        assert_eq!(sealed.code, 0, "{}", sealed.stderr);
        if kind == "a256gcmkw" {
            sealed = crypto(&playground, &[&["rewrap"][..], &PLACE].concat(), &sealed.stdout);
            assert_eq!(sealed.code, 0, "{}", sealed.stderr);
        }
        let opened = open(&playground, &[], &sealed.stdout);
        assert_eq!((opened.code, opened.stdout.len()), (0, data.len()), "{}", opened.stderr);
    }
}

#[test]
fn a_command_that_seals_once_takes_one_seal_from_the_count() {
    for kind in ["a256gcm", "a256gcmkw"] {
        let playground = playground();
        ring(&playground, "ring", kind);
        for count in 1..=3 {
            assert_eq!(seal(&playground, &[], "data").code, 0);
            let ring = std::fs::read_to_string(playground.path().join("ring")).unwrap();
            assert!(ring.contains(&format!("\"seals\": {count},")), "{ring}");
        }
    }
}
