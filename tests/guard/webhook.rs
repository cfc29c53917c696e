//! Webhooks under public keys, with a real Ed25519.

use ringfence_crypto::signature::{Algorithm, SigningKey};
use ringfence_guard::webhook::{Headers, Memory, Verifier, WebhookError, sign_asymmetric};
use std::sync::Arc;

const NOW: u64 = 1_760_000_000;

#[test]
fn a_webhook_signed_by_a_private_key_verifies_under_its_public_key_alone() {
    let pair = || {
        let key = SigningKey::generate(Algorithm::EdDsa, "sender").unwrap();
        let public = key.public().unwrap();
        (key, move |message: &[u8], signature: &[u8; 64]| public.verify(message, signature).is_ok())
    };
    let ((key, public), (_, other)) = (pair(), pair());
    let signer = |message: &[u8]| key.sign(message).ok()?.try_into().ok();
    let headers = sign_asymmetric(&signer, "msg_1", NOW, b"{}").unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (seen, headers) = (Memory::new(10), Headers::new(&headers));
    let stranger = Verifier::asymmetric(vec![Arc::new(other)]).unwrap();
    assert_eq!(stranger.verify(&headers, b"{}", &seen, NOW), Err(WebhookError::Signature));
    let verifier = Verifier::asymmetric(vec![Arc::new(public)]).unwrap();
    assert_eq!(verifier.verify(&headers, b"{ }", &seen, NOW), Err(WebhookError::Signature));
    assert_eq!(verifier.verify(&headers, b"{}", &seen, NOW).unwrap().id, "msg_1");
    assert_eq!(verifier.verify(&headers, b"{}", &seen, NOW), Err(WebhookError::Replayed));
}
