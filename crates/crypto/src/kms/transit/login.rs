//! Who asks: a token, or a role that gets one.

use super::{Transit, judged};
use crate::kms::KmsError;
use crate::secret::Secret;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;
use std::sync::Mutex;

/// How a client shows who it is.
#[derive(Clone)]
pub enum Login {
    /// A token that is renewed by somebody else.
    Token(Secret),
    /// `AppRole`: exchanged for a token, again when that has expired.
    AppRole {
        /// Where the method is mounted, usually `approle`.
        mount: String,
        /// `role_id`.
        role: String,
        /// `secret_id`.
        secret: Secret,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token([redacted])",
            Self::AppRole { .. } => "AppRole([redacted])",
        })
    }
}

/// A login with the token it gave last.
pub(super) struct Session {
    login: Login,
    token: Mutex<Option<Secret>>,
}

impl Session {
    pub(super) fn new(login: Login) -> Result<Self, KmsError> {
        let visible = |secret: &Secret| {
            !secret.is_empty()
                && secret.len() <= 4096
                && secret.expose().iter().all(u8::is_ascii_graphic)
        };
        let fits = match &login {
            Login::Token(token) => visible(token),
            Login::AppRole { mount, role, secret } => {
                mount.split('/').all(super::is_name)
                    && visible(secret)
                    && !role.is_empty()
                    && role.len() <= 4096
            }
        };
        if !fits {
            return Err(KmsError::Credentials("a token or role has visible letters of ASCII only"));
        }
        Ok(Self { login, token: Mutex::new(None) })
    }

    /// The token there is, or a first one.
    pub(super) fn token(&self, transit: &Transit) -> Result<Secret, KmsError> {
        if let Login::Token(token) = &self.login {
            return Ok(token.clone());
        }
        let kept = self.lock().clone();
        kept.map_or_else(|| self.log_in(transit), Ok)
    }

    /// A new token, where one can be had.
    pub(super) fn renewed(&self, transit: &Transit) -> Result<Option<Secret>, KmsError> {
        match self.login {
            Login::Token(_) => Ok(None),
            Login::AppRole { .. } => self.log_in(transit).map(Some),
        }
    }

    fn log_in(&self, transit: &Transit) -> Result<Secret, KmsError> {
        #[derive(Deserialize)]
        struct Outer<'body> {
            #[serde(borrow)]
            auth: Auth<'body>,
        }
        #[derive(Deserialize)]
        struct Auth<'body> {
            #[serde(borrow)]
            client_token: Cow<'body, str>,
        }
        let Login::AppRole { mount, role, secret } = &self.login else {
            return Err(KmsError::Denied);
        };
        let secret = std::str::from_utf8(secret.expose())
            .map_err(|_| KmsError::Credentials("the secret id is not text"))?;
        let body = serde_json::json!({ "role_id": role, "secret_id": secret });
        let body = serde_json::to_vec(&body).map_err(|_| KmsError::Answer("the request"))?;
        let path = format!("/v1/auth/{mount}/login");
        let answer = transit.send(&path, None, Some(&Secret::new(body)))?;
        // A role that is unknown and a secret that is wrong are told as bad requests.
        let denied = |error| if error == KmsError::Refused(400) { KmsError::Denied } else { error };
        let body = judged(answer).map_err(denied)?;
        let outer: Outer<'_> = serde_json::from_slice(body.expose())
            .map_err(|_| KmsError::Answer("it has no token"))?;
        let token = Secret::new(outer.auth.client_token.as_bytes().to_vec());
        *self.lock() = Some(token.clone());
        Ok(token)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        self.token.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
