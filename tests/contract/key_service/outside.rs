//! Envelopes with a wrapped data key, opened by a library of JOSE that is not ours.

use super::server::python;
use super::{DATA, check_rewrapped, crypto, json, refused};
use ringfence_tests::command::Playground;

/// Opens a ring's private half with the key around it, and an envelope with that.
const OPEN: &str = "import json, sys\n\
    from joserfc import jwe, jwk\n\
    known = jwe.JWERegistry(algorithms=['dir', 'A256GCMKW', 'A256GCM'], strict_check_header=False)\n\
    key = lambda data: jwk.OctKey.import_key(data)\n\
    wrap = key(bytes.fromhex(open(sys.argv[1]).read().strip()))\n\
    envelope = json.load(open(sys.argv[3]))\n\
    rings = json.load(open(sys.argv[2]))['keys']\n\
    sealed = next(k['private'] for k in rings if k['kid'] == envelope['header']['kid'])\n\
    kek = jwe.decrypt_compact(sealed, wrap, registry=known).plaintext\n\
    print(jwe.decrypt_json(envelope, key(kek), registry=known).plaintext.decode())";

#[test]
fn an_envelope_of_a_keyring_opens_in_another_library_before_and_after_rewrapping() {
    let playground = Playground::new();
    let ring = ["--keyring", "ring", "--key", "key"];
    let run = |verb: &[&str], input: &str| crypto(&playground, &[verb, &ring].concat(), &[], input);
    let created = run(
        &[
            "keyring",
            "create",
            "--name",
            "kek",
            "--kind",
            "a256gcmkw",
            "--cache",
            "1ms",
            "--skew",
            "1ms",
        ],
        "",
    );
    assert_eq!(created.code, 0, "{created}");
    let sealed = run(&["seal", "--context", "orders/17"], DATA);
    let opened_elsewhere = |envelope: &str| {
        let path = |name: &str| playground.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("envelope"), envelope).unwrap();
        python(OPEN, &[&path("key"), &path("ring"), &path("envelope")])
    };
    let Some(opened) = opened_elsewhere(&sealed.stdout) else { return };
    assert_eq!(opened, DATA);
    for step in ["published", "in use"] {
        let rotated = run(&["keyring", "rotate"], "");
        assert!(rotated.stdout.starts_with(step), "{rotated}");
    }
    let rewrapped = run(&["rewrap"], &sealed.stdout);
    check_rewrapped(&json(&sealed), &json(&rewrapped));
    assert_eq!(json(&rewrapped)["header"]["kid"], "kek-2");
    assert_eq!(opened_elsewhere(&rewrapped.stdout).unwrap(), DATA);
    let open = ["open", "--context", "orders/17"];
    assert_eq!(run(&open, &rewrapped.stdout).stdout, DATA);
    // The older key goes; what still lies under it does not open any more.
    let destroyed = run(&["keyring", "retire", "--destroy", "kek-1"], "");
    assert_eq!(destroyed.code, 0, "{destroyed}");
    assert_eq!(run(&open, &rewrapped.stdout).stdout, DATA);
    refused(&run(&open, &sealed.stdout), 2, "no key is known", &[]);
}
