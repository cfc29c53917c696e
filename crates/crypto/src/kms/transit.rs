//! The transit engine of `OpenBao` and Vault.

mod key;
mod login;
mod signer;

pub use key::TransitKey;
pub use login::Login;
pub use signer::TransitSigner;

use super::KmsError;
use super::client::{Answer, Connection};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use login::Session;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// A transit engine, with the right to use it.
pub struct Transit {
    connection: Connection,
    mount: String,
    namespace: Option<String>,
    session: Session,
}

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transit")
            .field("mount", &self.mount)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Transit {
    /// The engine mounted at `mount` (usually `transit`), in a namespace where there are any.
    ///
    /// # Errors
    /// [`KmsError::Address`] for names that cannot be part of a path, [`KmsError::Credentials`].
    pub fn new(
        connection: Connection,
        mount: &str,
        namespace: Option<&str>,
        login: Login,
    ) -> Result<Self, KmsError> {
        let path = |path: &str| path.split('/').all(is_name);
        if !path(mount) || !namespace.is_none_or(path) {
            return Err(KmsError::Address("mounts and namespaces are names with slashes between"));
        }
        let namespace = namespace.map(str::to_owned);
        Ok(Self { connection, mount: mount.to_owned(), namespace, session: Session::new(login)? })
    }

    /// One request below the mount; with a body it is a POST. Logs in anew once, where the token is no
    /// longer one.
    fn call(&self, path: &str, body: Option<&Secret>) -> Result<Secret, KmsError> {
        let path = format!("/v1/{}/{path}", self.mount);
        let send = |token: &Secret| self.send(&path, Some(token), body);
        let token = self.session.token(self)?;
        let mut answer = send(&token)?;
        if answer.status == 403
            && let Some(token) = self.session.renewed(self)?
        {
            answer = send(&token)?;
        }
        judged(answer)
    }

    fn send(
        &self,
        path: &str,
        token: Option<&Secret>,
        body: Option<&Secret>,
    ) -> Result<Answer, KmsError> {
        let mut headers = vec![("x-vault-request", "true")];
        if let Some(token) = token {
            let token = std::str::from_utf8(token.expose())
                .map_err(|_| KmsError::Credentials("the token is not text"))?;
            headers.push(("x-vault-token", token));
        }
        if let Some(namespace) = &self.namespace {
            headers.push(("x-vault-namespace", namespace));
        }
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        self.connection.request(path, &headers, body.map(Secret::expose))
    }
}

/// The body of an answer that is one.
fn judged(answer: Answer) -> Result<Secret, KmsError> {
    match answer.status {
        200 => Ok(answer.body),
        400 => Err(refusal(&answer.body)),
        403 => Err(KmsError::Denied),
        404 => Err(KmsError::NotFound),
        412 | 429 | 472 | 473 | 503 => Err(KmsError::Busy),
        status => Err(KmsError::Refused(status)),
    }
}

/// What a refused request was refused for, as far as its fixed words tell.
fn refusal(body: &Secret) -> KmsError {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    let errors = serde_json::from_slice::<Errors>(body.expose()).map_or(Vec::new(), |e| e.errors);
    let says = |words: &[&str]| errors.iter().any(|e| words.iter().any(|word| e.contains(word)));
    if says(&["key not found", "no key", "could not get key"]) {
        KmsError::NotFound
    } else if says(&[
        "message authentication failed",
        "invalid ciphertext",
        "unable to decrypt",
        "ciphertext version",
        "disallowed by policy (too old)",
    ]) {
        KmsError::Ciphertext
    } else if says(&["not supported", "does not support", "not support"]) {
        KmsError::Unusable
    } else {
        KmsError::Refused(400)
    }
}

/// The `data` of an answer, whose text stays where it is: nothing of it is copied.
fn data<'body, T: Deserialize<'body>>(body: &'body Secret) -> Result<T, KmsError> {
    #[derive(Deserialize)]
    struct Outer<T> {
        data: T,
    }
    let outer: Outer<T> = serde_json::from_slice(body.expose())
        .map_err(|_| KmsError::Answer("it has not the fields that were asked for"))?;
    Ok(outer.data)
}

/// A request's body.
fn json(body: &Value) -> Result<Secret, KmsError> {
    let bytes = serde_json::to_vec(body).map_err(|_| KmsError::Answer("the request"))?;
    Ok(Secret::new(bytes))
}

/// base64 as it is written for keys and, with `jws`, for signatures.
fn decode(text: &str) -> Result<Vec<u8>, KmsError> {
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    decoded.map_err(|_| KmsError::Answer("it is not base64"))
}

/// A name that is one part of a path and nothing else.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(fits)
}
