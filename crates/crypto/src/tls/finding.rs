//! What can be wrong with a certificate, a chain or a connection: stable codes, each with the text
//! that asks for the opposite.

use serde::Serialize;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident, $id:literal, $section:literal;)*) => {
        /// What is wrong, as a stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it is written.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Where the rule stands.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)* }
            }
        }
    };
}

codes! {
    /// The certificate signs others, and rustls and Go refuse it as a server's.
    AuthorityAsServer, "authority-as-server", "RFC 5280 section 4.2.1.9";
    /// The name stands in the common name alone.
    CommonNameOnly, "common-name-only", "RFC 9525 section 2";
    /// It is over.
    Expired, "expired", "RFC 5280 section 4.1.2.5";
    /// It is over soon.
    ExpiresSoon, "expires-soon", "RFC 5280 section 4.1.2.5";
    /// The private key belongs to another certificate.
    KeyMismatch, "key-mismatch", "RFC 5280 section 4.1.2.7";
    /// Valid for longer than clients accept.
    LongValidity, "long-validity", "CA/Browser Forum Baseline Requirements section 6.3.2";
    /// The issuer of a certificate was not sent.
    MissingIntermediate, "missing-intermediate", "RFC 8446 section 4.4.2";
    /// Its extended key usage leaves servers out.
    MissingServerAuth, "missing-server-auth", "RFC 5280 section 4.2.1.12";
    /// An authority of the chain may not issue for this name.
    NameConstraint, "name-constraint", "RFC 5280 section 4.2.1.10";
    /// It is for other names.
    NameMismatch, "name-mismatch", "RFC 9525 section 6.3";
    /// An issuer in the chain is no authority.
    NotAnAuthority, "not-an-authority", "RFC 5280 section 4.2.1.9";
    /// It is not valid before a time to come.
    NotYetValid, "not-yet-valid", "RFC 5280 section 4.1.2.5";
    /// TLS 1.1 or older is accepted.
    OldProtocol, "old-protocol", "RFC 8996 sections 4 and 5";
    /// None of the certificates has a pinned key.
    PinMismatch, "pin-mismatch", "RFC 7469 section 2.6";
    /// It signs itself.
    SelfSigned, "self-signed", "RFC 5280 section 6.1";
    /// A private key that others can read.
    SharedKeyFile, "shared-key-file", "RFC 5280 section 8";
    /// More certificates than anybody needs.
    TooManyCertificates, "too-many-certificates", "RFC 8446 section 4.4.2";
    /// The server did not show that it has the private key.
    UnprovenKey, "unproven-key", "RFC 8446 section 4.4.3";
    /// No trusted authority issued it.
    UnknownIssuer, "unknown-issuer", "RFC 5280 section 6.1";
    /// It could not be read.
    UnreadableCertificate, "unreadable-certificate", "RFC 5280 section 4.1";
    /// A signature in the chain does not verify, or the chain is refused for another reason.
    Untrusted, "untrusted", "RFC 5280 section 6.1";
    /// A key that is too short.
    WeakKey, "weak-key", "RFC 9325 section 4.5";
    /// A signature with MD5 or SHA-1.
    WeakSignature, "weak-signature", "RFC 8446 section 4.4.2.4";
    /// The certificates are not in the order in which they sign.
    WrongOrder, "wrong-order", "RFC 8446 section 4.4.2";
}

impl Code {
    /// Whether clients refuse such a connection; the others are weaknesses.
    #[must_use]
    pub const fn is_refused_by_clients(self) -> bool {
        !matches!(
            self,
            Self::ExpiresSoon
                | Self::LongValidity
                | Self::OldProtocol
                | Self::SharedKeyFile
                | Self::TooManyCertificates
                | Self::WeakKey
                | Self::WeakSignature
                | Self::WrongOrder
        )
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// What is the case, with the values. Text of the certificate in it is not escaped.
    pub message: String,
    /// Where the rule stands.
    pub section: &'static str,
    /// Which certificate of the chain, from 0; `None` when it is about the connection or the chain.
    pub certificate: Option<usize>,
}

impl Finding {
    /// About the chain or the connection.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), section: code.section(), certificate: None }
    }

    /// About one certificate.
    pub(super) fn of(code: Code, certificate: usize, message: impl Into<String>) -> Self {
        Self { certificate: Some(certificate), ..Self::new(code, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_they_are_serialised_and_each_once() {
        for code in Code::ALL {
            let json = serde_json::to_string(code).unwrap();
            assert_eq!(json, format!("\"{}\"", code.id()));
            assert!(code.section().contains("section"));
        }
        let mut ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Code::ALL.len());
    }
}
