//! AWS KMS, as moto stands in for it.

use super::server::Server;
use super::{DATA, check_rewrapped, crypto, json, refused};
use ringfence_tests::command::{Playground, Run};

const SECRET: &str = "aws-secret-of-this-test";
const VARIABLES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_SESSION_TOKEN", "session-of-this-test"),
];

fn run(server: &Server, verb: &[&str], key: &str, input: &str) -> Run {
    let (address, endpoint) =
        (format!("aws-kms:{key}"), format!("http://127.0.0.1:{}", server.port));
    let options = ["--kms", &address, "--kms-endpoint", &endpoint];
    crypto(&Playground::new(), &[verb, &options].concat(), &VARIABLES, input)
}

#[test]
fn a_data_key_is_wrapped_by_kms_for_its_context_and_moves_to_another_key_inside_of_kms() {
    let Some(server) = Server::moto() else { return };
    let first = server.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    let second = server.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    let sealed = run(&server, &["seal", "--context", "orders/17"], &first, DATA);
    let before = json(&sealed);
    assert_eq!(before["header"]["kid"], first.as_str());
    assert!(!sealed.stdout.contains("orders/17"), "the context itself is told to nobody");
    let open = |context: &str, key: &str, envelope: &str| {
        run(&server, &["open", "--context", context], key, envelope)
    };
    assert_eq!(open("orders/17", &first, &sealed.stdout).stdout, DATA);
    let to = format!("aws-kms:{second}");
    let rewrapped = run(&server, &["rewrap", "--to-kms", &to], &first, &sealed.stdout);
    check_rewrapped(&before, &json(&rewrapped));
    assert_eq!(open("orders/17", &second, &rewrapped.stdout).stdout, DATA);
    refused(&open("orders/18", &second, &rewrapped.stdout), 2, "authentication", &[SECRET]);
    refused(&open("orders/17", &first, &rewrapped.stdout), 2, "no key is known", &[SECRET]);
    // The wrapped key of another context: KMS itself refuses it.
    let other = json(&run(&server, &["seal", "--context", "orders/18"], &first, DATA));
    let mut swapped = before;
    swapped["encrypted_key"] = other["encrypted_key"].clone();
    let swapped = open("orders/17", &first, &swapped.to_string());
    refused(&swapped, 2, "authentication", &[SECRET]);
    let missing = format!("{}00000000-0000-0000-0000-000000000000", &first[..first.len() - 36]);
    refused(&run(&server, &["seal"], &missing, DATA), 2, "no such key", &[SECRET]);
}

#[test]
fn a_private_key_in_kms_signs_and_a_signature_that_is_none_of_jws_is_not_handed_out() {
    let Some(server) = Server::moto() else { return };
    let key = server.key("ECC_NIST_P256", "SIGN_VERIFY");
    let signed = run(&server, &["sign", "--algorithm", "es256"], &key, "paid");
    let jwks = run(&server, &["keyring", "jwks", "--algorithm", "es256"], &key, "");
    assert_eq!(json(&jwks)["keys"][0]["kid"], key.as_str());
    let playground = Playground::new().with("jwks", &jwks.stdout);
    let verified = crypto(&playground, &["verify", "--jwks", "jwks"], &[], &signed.stdout);
    assert_eq!((verified.code, verified.stdout.as_str()), (0, "paid"), "{verified}");
    let wrong = run(&server, &["sign", "--algorithm", "ps256"], &key, "paid");
    refused(&wrong, 2, "cannot be used in this way", &[SECRET]);
    // moto takes the longest salt, which PS256 does not permit: real KMS takes that of the hash.
    let rsa = server.key("RSA_2048", "SIGN_VERIFY");
    let wrong = run(&server, &["sign", "--algorithm", "ps256"], &rsa, "paid");
    refused(&wrong, 2, "does not fit its public key", &[SECRET]);
    let symmetric = server.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    assert_eq!(run(&server, &["sign", "--algorithm", "es256"], &symmetric, "paid").code, 2);
}

#[test]
fn without_credentials_nothing_is_asked() {
    let arn =
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let run = crypto(&Playground::new(), &["seal", "--kms", arn], &[], DATA);
    refused(&run, 2, "AWS_ACCESS_KEY_ID", &[]);
    let half = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")];
    let run = crypto(&Playground::new(), &["seal", "--kms", arn], &half, DATA);
    refused(&run, 2, "secret access key is missing", &[]);
    let alias = "aws-kms:arn:aws:kms:eu-central-1:111122223333:alias/orders";
    let run = crypto(&Playground::new(), &["seal", "--kms", alias], &VARIABLES, DATA);
    refused(&run, 2, "not an alias", &[SECRET]);
}
