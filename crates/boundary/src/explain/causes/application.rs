//! Errors that no boundary has to do with: said plainly, so that nobody widens one for them.

use super::super::code::Code;
use super::super::context::Context;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;

/// Codes of OpenSSL's verification, as Node names them.
const CERTIFICATE: [&str; 14] = [
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_REVOKED",
    "CERT_SIGNATURE_FAILURE",
    "CERT_UNTRUSTED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "HOSTNAME_MISMATCH",
    "INVALID_CA",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_SSL_WRONG_VERSION_NUMBER",
];

/// Classes of mistakes in a program.
const MISTAKES: [&str; 7] = [
    "AssertionError",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
];

pub(super) fn of(symptom: &Symptom, _: &Context<'_>) -> Option<Explanation> {
    let lower = symptom.message.to_ascii_lowercase();
    let certificate = CERTIFICATE.contains(&symptom.code.as_str())
        || [
            "certificate has expired",
            "self-signed certificate",
            "self signed certificate",
            "unable to verify the first certificate",
            "unable to get local issuer",
        ]
        .iter()
        .any(|words| lower.contains(words));
    if certificate {
        return Some(tls(symptom));
    }
    if symptom.message.trim() == "fetch failed" {
        return Some(fetch());
    }
    if lower.contains("password authentication failed")
        || lower.contains("wrongpass")
        || lower.contains("noauth")
    {
        return Some(
            own("the server was reached and did not accept user or password")
                .instead("look at the secret that is delivered; no grant helps"),
        );
    }
    if symptom.code == "ERR_INVALID_ARG_TYPE" || symptom.code == "ERR_INVALID_ARG_VALUE" {
        return Some(
            own("the program called Node with a value of the wrong kind")
                .instead("look at the first frame of its own in the stack; no grant helps"),
        );
    }
    if symptom.code == "ENAMETOOLONG" || symptom.code == "EINVAL" || symptom.code == "EBADF" {
        return Some(
            own(format!("a call got something it has no use for ({})", shown(&symptom.code)))
                .instead("look at the first frame of its own in the stack; no grant helps")
                .likely(),
        );
    }
    if symptom.bare || !MISTAKES.contains(&symptom.kind.as_str()) {
        return None;
    }
    Some(
        own(format!("{} is a mistake in the program or its data", shown(&symptom.kind)))
            .instead("look at the first frame of its own in the stack; no grant helps")
            .likely(),
    )
}

fn own(cause: impl Into<String>) -> Explanation {
    Explanation::new(Code::ApplicationError, None, cause)
}

pub(super) fn tls(symptom: &Symptom) -> Explanation {
    let cause = match symptom.code.as_str() {
        "CERT_HAS_EXPIRED" | "CERT_NOT_YET_VALID" => {
            "the server's certificate is not valid at this time"
        }
        "ERR_TLS_CERT_ALTNAME_INVALID" | "HOSTNAME_MISMATCH" => {
            "the server's certificate is for another name than the one that was asked for"
        }
        "ERR_SSL_WRONG_VERSION_NUMBER" | "EPROTO"
            if symptom.says("wrong version number") || symptom.code.starts_with("ERR_") =>
        {
            "the server does not speak TLS at this port"
        }
        _ => {
            "the server was reached, but no authority that Node trusts vouches for its certificate"
        }
    };
    Explanation::new(Code::TlsCertificate, None, cause)
        .instead(
            "for a private authority name its file in NODE_EXTRA_CA_CERTS (env.set) and grant it in \
             fs.read; renew or correct the certificate otherwise; never switch verification off",
        )
        .manual(
            "The manual says a denied CA bundle makes TLS fail and the grant cures it; Node reads \
             its stores and NODE_EXTRA_CA_CERTS natively, without asking its permission model.",
        )
}

fn fetch() -> Explanation {
    own("fetch hides its reason in `cause`, which is not in the text")
        .instead("print it: console.error(error) or error.cause; then explain that")
        .likely()
}
