//! Keys and tables that are not what they should be.

use super::{KEY, crypto, playground, private, refused, ring, silent};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

#[test]
fn a_key_that_others_can_read_is_refused() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let seal = ["seal", "--keyring", "ring", "--key", "key"];
    assert_eq!(crypto(&playground, &seal, "x").code, 0, "control");
    for mode in [0o640, 0o604, 0o644, 0o620] {
        let path = playground.path().join("key");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let run = crypto(&playground, &seal, "x");
        refused(&run, 2, &[KEY.trim()]);
        assert!(run.stderr.contains("hint: chmod 600"), "{run}");
    }
}

#[test]
fn a_file_that_is_no_key_is_refused_and_not_repeated() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let seal = ["seal", "--keyring", "ring", "--key", "bad.key"];
    let digits = KEY.trim();
    for bytes in [
        &b""[..],
        b"short-SECRET",
        &digits.as_bytes()[..63],
        format!("{digits}0").as_bytes(),
        format!("{digits}\n\n").as_bytes(),
        digits.replace('0', "g").as_bytes(),
        digits.replace("00", "\u{0660}").as_bytes(),
        &[0xff; 31],
        &[0xff; 33],
        &b"SECRET".repeat(10_000),
    ] {
        fs::write(playground.path().join("bad.key"), bytes).unwrap();
        private(&playground, "bad.key");
        refused(&crypto(&playground, &seal, "x"), 2, &["SECRET", &digits[..32]]);
    }
}

#[test]
fn what_is_no_ordinary_file_is_refused_and_never_waited_for() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    fs::create_dir(playground.path().join("folder")).unwrap();
    symlink("/dev/zero", playground.path().join("endless")).unwrap();
    let made =
        ringfence_tests::command::other("mkfifo").arg(playground.path().join("pipe")).status();
    assert!(made.unwrap().success());
    for other in ["folder", "endless", "pipe", "/dev/zero", "missing"] {
        let as_key = ["seal", "--keyring", "ring", "--key", other];
        refused(&crypto(&playground, &as_key, "SECRET"), 2, &["SECRET"]);
        let as_ring = ["seal", "--keyring", other, "--key", "key"];
        refused(&crypto(&playground, &as_ring, "SECRET"), 2, &["SECRET"]);
        let as_store = ["token", "verify", "--stdin", "--store", other, "--key", "key"];
        refused(&crypto(&playground, &as_store, "SECRET"), 2, &["SECRET"]);
        let as_jwks = ["verify", "--jwks", other];
        refused(&crypto(&playground, &as_jwks, "SECRET"), 2, &["SECRET"]);
    }
}

#[test]
fn a_table_that_somebody_broke_is_refused_and_left_as_it_is() {
    let playground = playground();
    let place = ["--store", "tokens.json", "--key", "key"];
    let path = playground.path().join("tokens.json");
    for broken in [
        "",
        "{",
        "[]",
        "{\"schema\":2,\"tokens\":{}}",
        "{\"schema\":1,\"tokens\":{\"\u{202e}\":{}}}",
        "{\"schema\":1,\"tokens\":{},\"more\":1}",
    ] {
        fs::write(&path, broken).unwrap();
        for verb in [&["issue", "--prefix", "orders"][..], &["verify", "--stdin"]] {
            let run = crypto(&playground, &[&["token"][..], verb, &place].concat(), "x");
            refused(&run, 2, &["\u{202e}"]);
        }
        let revoke = ["token", "revoke", "--store", "tokens.json", "id"];
        refused(&crypto(&playground, &revoke, ""), 2, &["\u{202e}"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), broken);
    }
    fs::remove_file(&path).unwrap();
    let issue = [&["token", "issue", "--prefix", "orders"][..], &place].concat();
    assert_eq!(crypto(&playground, &issue, "").code, 0, "control");
}

#[test]
fn a_set_of_public_keys_that_is_none_is_refused() {
    let playground = playground();
    for broken in [
        "",
        "{}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"U0VDUkVU\",\"kid\":\"a\",\"alg\":\"HS256\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\",\"kid\":\"a\",\"alg\":\"EdDSA\"}]}",
    ] {
        fs::write(playground.path().join("set.json"), broken).unwrap();
        let run = crypto(&playground, &["verify", "--jwks", "set.json"], "a.b.c");
        assert!(run.code == 1 || run.code == 2, "{run}");
        assert_eq!(run.stdout, "");
        silent(&run, &["U0VDUkVU"]);
    }
}
