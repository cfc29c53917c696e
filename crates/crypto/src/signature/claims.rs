//! Claims of a JWT (RFC 7519) that say for whom and until when it counts.

use super::SignatureError;
use serde::Deserialize;
use std::time::Duration;

/// The most by which clocks may differ.
const MOST_SKEW: Duration = Duration::from_mins(5);

/// What a verifier expects.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// One of `aud`.
    pub audience: &'a str,
    /// By how much clocks may differ; at most five minutes count.
    pub skew: Duration,
    /// Longest life, from `iat` to `exp`.
    pub life: Duration,
}

/// The registered claims that are checked; others are the application's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    iss: String,
    aud: Audience,
    /// Seconds since 1970 from which it does not count.
    pub exp: u64,
    /// Seconds since 1970 at which it was issued.
    pub iat: u64,
    #[serde(default)]
    nbf: Option<u64>,
    /// Whom it is about.
    #[serde(default)]
    pub sub: Option<String>,
    /// Its own name.
    #[serde(default)]
    pub jti: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    /// Reads and checks the claims of a verified payload at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`SignatureError::Malformed`], [`SignatureError::Claim`].
    pub fn check(
        payload: &[u8],
        expected: &Expected<'_>,
        now: u64,
    ) -> Result<Self, SignatureError> {
        let claims: Self = serde_json::from_slice(payload)
            .map_err(|_| SignatureError::Malformed("it must have the claims iss, aud, exp, iat"))?;
        let wrong = |name, why| Err(SignatureError::Claim { name, why });
        let skew = expected.skew.min(MOST_SKEW).as_secs();
        if claims.iss != expected.issuer {
            return wrong("iss", "another issuer");
        }
        let meant = match &claims.aud {
            Audience::One(audience) => audience == expected.audience,
            Audience::Several(all) => all.iter().any(|one| one == expected.audience),
        };
        if !meant {
            return wrong("aud", "another audience");
        }
        if claims.exp.saturating_add(skew) <= now {
            return wrong("exp", "it has expired");
        }
        if claims.iat > now.saturating_add(skew) {
            return wrong("iat", "it is issued in the future");
        }
        if claims.nbf.is_some_and(|from| from > now.saturating_add(skew)) {
            return wrong("nbf", "it does not count yet");
        }
        if claims.exp.saturating_sub(claims.iat) > expected.life.as_secs() {
            return wrong("exp", "it lives longer than is accepted");
        }
        Ok(claims)
    }
}
