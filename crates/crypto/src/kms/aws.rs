//! AWS KMS.

mod credentials;
mod key;
mod signer;
mod sigv4;

pub use credentials::Credentials;
pub use key::AwsKey;
pub use signer::AwsSigner;

use super::KmsError;
use super::client::{Connection, Trust};
use crate::secret::Secret;
use credentials::Source;
use serde::Deserialize;
use sigv4::Signing;
use std::fmt;
use std::time::{Duration, SystemTime};

/// KMS in one region.
pub struct AwsKms {
    connection: Connection,
    region: String,
    source: Source,
}

impl fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKms").field("region", &self.region).finish_non_exhaustive()
    }
}

impl AwsKms {
    /// The service of `region`, at its own address or at `endpoint` (a VPC endpoint, a stand-in); each
    /// request ends after `deadline`.
    ///
    /// # Errors
    /// [`KmsError::Address`], [`KmsError::Trust`], [`KmsError::Credentials`].
    pub fn new(
        region: &str,
        endpoint: Option<&str>,
        trust: &Trust,
        deadline: Duration,
        credentials: Credentials,
    ) -> Result<Self, KmsError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > 32 || !region.bytes().all(fits) {
            return Err(KmsError::Address("a region has small letters, digits and `-`"));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let own = format!("https://kms.{region}.{domain}");
        let connection = Connection::new(endpoint.unwrap_or(&own), trust, deadline)?;
        let source = Source::new(credentials, deadline)?;
        Ok(Self { connection, region: region.to_owned(), source })
    }

    /// One operation of the API.
    fn call(&self, operation: &str, body: &Secret) -> Result<Secret, KmsError> {
        let credentials = self.source.current()?;
        let target = format!("TrentService.{operation}");
        let signing = Signing {
            credentials: &credentials,
            region: &self.region,
            service: "kms",
            at: SystemTime::now(),
        };
        let named = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", self.connection.authority()),
            ("x-amz-target", &target),
        ];
        let signed = signing.headers("POST", "/", "", &named, body.expose())?;
        let headers: Vec<(&str, &str)> = named
            .into_iter()
            .filter(|(name, _)| *name != "host")
            .chain(signed.iter().map(|(name, value)| (*name, value.as_str())))
            .collect();
        let answer = self.connection.request("/", &headers, Some(body.expose()))?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(refusal(status, &answer.body)),
        }
    }
}

/// What a refused request was refused for, by the type of the exception.
fn refusal(status: u16, body: &Secret) -> KmsError {
    #[derive(Deserialize)]
    struct Exception {
        #[serde(rename = "__type", default)]
        kind: String,
    }
    let exception = serde_json::from_slice::<Exception>(body.expose());
    let kind = exception.map_or_else(|_| String::new(), |exception| exception.kind);
    match kind.rsplit('#').next().unwrap_or_default() {
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException"
        | "OptInRequired" => KmsError::Denied,
        "NotFoundException" => KmsError::NotFound,
        "InvalidCiphertextException" | "IncorrectKeyException" => KmsError::Ciphertext,
        "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "UnsupportedOperationException" => KmsError::Unusable,
        "ThrottlingException"
        | "LimitExceededException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "DependencyTimeoutException"
        | "ServiceUnavailable" => KmsError::Busy,
        _ if status == 403 => KmsError::Denied,
        _ if status == 429 || status == 503 => KmsError::Busy,
        _ => KmsError::Refused(status),
    }
}

/// An answer, whose text stays where it is.
fn read<'body, T: Deserialize<'body>>(body: &'body Secret) -> Result<T, KmsError> {
    serde_json::from_slice(body.expose())
        .map_err(|_| KmsError::Answer("it has not the fields that were asked for"))
}

/// A request's body.
fn json(body: &serde_json::Value) -> Result<Secret, KmsError> {
    let bytes = serde_json::to_vec(body).map_err(|_| KmsError::Answer("the request"))?;
    Ok(Secret::new(bytes))
}

/// The id or the address (ARN) of a key: what may stand in a request and in a `kid`.
fn is_key(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:/".contains(&byte);
    !key.is_empty() && key.len() <= 128 && key.bytes().all(fits) && !key.contains("alias/")
}

/// Whether the key that answered is the one that was asked; either may be named by its id alone.
fn is_same(asked: &str, answered: &str) -> bool {
    let ends = |whole: &str, id: &str| {
        whole.strip_suffix(id).is_some_and(|front| front.ends_with(":key/"))
    };
    answered == asked || ends(answered, asked) || ends(asked, answered)
}
