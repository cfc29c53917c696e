//! Access keys: given, or fetched from the endpoint of a container.
//!
//! Only what the caller names is used: no profile, no instance metadata, nothing guessed.

use crate::kms::KmsError;
use crate::kms::client::{Connection, Trust, host_of};
use crate::secret::Secret;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long fetched keys are used: they are replaced well before they expire.
const KEPT: Duration = Duration::from_mins(5);
/// Where containers of ECS ask, and pods of EKS.
const CONTAINERS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// Where access keys come from.
#[derive(Clone)]
pub enum Credentials {
    /// Keys, with the token of a session where they are temporary.
    Keys {
        /// Access key id; not secret.
        id: String,
        /// Secret access key.
        secret: Secret,
        /// Session token.
        session: Option<Secret>,
    },
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI` or the relative one behind `http://169.254.170.2`.
    Container {
        /// The address to ask: HTTPS, this machine, or one of the fixed addresses of containers.
        uri: String,
        /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`, or the contents of its file.
        authorization: Option<Secret>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys { .. } => "Keys([redacted])",
            Self::Container { .. } => "Container([redacted])",
        })
    }
}

impl Credentials {
    /// What the AWS tools take from an environment, in their order: keys, then a container's endpoint.
    /// `variable` answers with the value of a name; nothing else is read.
    ///
    /// # Errors
    /// [`KmsError::Credentials`] when neither is there, or a part is missing.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, KmsError> {
        let found = |name| variable(name).filter(|value| !value.is_empty());
        let secret = |text: String| Secret::new(text.into_bytes());
        match (found("AWS_ACCESS_KEY_ID"), found("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(key)) => {
                let session = found("AWS_SESSION_TOKEN").map(secret);
                return Ok(Self::Keys { id, secret: secret(key), session });
            }
            (None, None) => {}
            _ => return Err(KmsError::Credentials("the id or the secret access key is missing")),
        }
        let relative = found("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
            .map(|path| format!("http://169.254.170.2{path}"));
        let uri = relative.or_else(|| found("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        let uri = uri.ok_or(KmsError::Credentials("no access key and no container's endpoint"))?;
        let authorization = found("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(secret);
        Ok(Self::Container { uri, authorization })
    }
}

/// Keys that requests are signed with.
#[derive(Clone)]
pub(super) struct AccessKey {
    id: String,
    secret: Secret,
    session: Option<Secret>,
}

impl AccessKey {
    #[cfg(test)]
    pub(super) fn new(id: &str, secret: String, session: Option<String>) -> Self {
        let session = session.map(|text| Secret::new(text.into_bytes()));
        Self { id: id.to_owned(), secret: Secret::new(secret.into_bytes()), session }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &[u8] {
        self.secret.expose()
    }

    pub(super) fn session(&self) -> Result<Option<&str>, KmsError> {
        let text = self.session.as_ref().map(|session| std::str::from_utf8(session.expose()));
        text.transpose().map_err(|_| KmsError::Credentials("the session token is not text"))
    }

    fn check(self) -> Result<Self, KmsError> {
        let visible = |bytes: &[u8]| {
            !bytes.is_empty() && bytes.len() <= 16 << 10 && bytes.iter().all(u8::is_ascii_graphic)
        };
        let session = self.session.as_ref().is_none_or(|session| visible(session.expose()));
        if visible(self.id.as_bytes()) && visible(self.secret()) && session {
            Ok(self)
        } else {
            Err(KmsError::Credentials("access keys have visible letters of ASCII only"))
        }
    }
}

/// Keys, or the way to them.
pub(super) enum Source {
    Keys(AccessKey),
    Container {
        connection: Connection,
        path: String,
        authorization: Option<Secret>,
        kept: Mutex<Option<(Instant, AccessKey)>>,
    },
}

impl Source {
    pub(super) fn new(credentials: Credentials, deadline: Duration) -> Result<Self, KmsError> {
        let (uri, authorization) = match credentials {
            Credentials::Keys { id, secret, session } => {
                return AccessKey { id, secret, session }.check().map(Self::Keys);
            }
            Credentials::Container { uri, authorization } => (uri, authorization),
        };
        let wrong =
            KmsError::Credentials("a container's endpoint is https, or an address of its own");
        let (scheme, rest) = uri.split_once("://").ok_or(wrong.clone())?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let fixed = host_of(authority).is_some_and(is_container);
        let base = format!("{scheme}://{authority}");
        let connection = if scheme == "http" && fixed {
            Connection::checked(&base, &Trust::System, deadline)
        } else {
            Connection::new(&base, &Trust::System, deadline)
        };
        Ok(Self::Container {
            connection: connection.map_err(|_| wrong)?,
            path: format!("/{path}"),
            authorization,
            kept: Mutex::new(None),
        })
    }

    /// The keys to sign with now.
    pub(super) fn current(&self) -> Result<AccessKey, KmsError> {
        let (connection, path, authorization, kept) = match self {
            Self::Keys(keys) => return Ok(keys.clone()),
            Self::Container { connection, path, authorization, kept } => {
                (connection, path, authorization, kept)
            }
        };
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((since, keys)) = kept.as_ref()
            && since.elapsed() < KEPT
        {
            return Ok(keys.clone());
        }
        let keys = fetch(connection, path, authorization.as_ref())?;
        *kept = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}

fn fetch(
    connection: &Connection,
    path: &str,
    authorization: Option<&Secret>,
) -> Result<AccessKey, KmsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Given<'body> {
        #[serde(borrow)]
        access_key_id: Cow<'body, str>,
        #[serde(borrow)]
        secret_access_key: Cow<'body, str>,
        #[serde(borrow, default)]
        token: Option<Cow<'body, str>>,
    }
    let mut headers = Vec::new();
    if let Some(authorization) = authorization {
        let text = std::str::from_utf8(authorization.expose())
            .map_err(|_| KmsError::Credentials("the endpoint's token is not text"))?;
        headers.push(("authorization", text));
    }
    let answer = connection.request(path, &headers, None)?;
    if answer.status != 200 {
        return Err(KmsError::Credentials("the container's endpoint gives none"));
    }
    let given: Given<'_> = serde_json::from_slice(answer.body.expose())
        .map_err(|_| KmsError::Credentials("the container's endpoint gives no access key"))?;
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let keys = AccessKey {
        id: given.access_key_id.into_owned(),
        secret: secret(&given.secret_access_key),
        session: given.token.as_deref().map(secret),
    };
    keys.check()
}

fn is_container(address: IpAddr) -> bool {
    CONTAINERS.iter().any(|known| known.parse() == Ok(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Credentials, KmsError> {
        Credentials::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn keys_come_first_then_the_endpoint_of_the_container_and_nothing_else() {
        let both = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        assert!(matches!(from(&both).unwrap(), Credentials::Keys { session: None, .. }));
        let relative = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")];
        let Credentials::Container { uri, .. } = from(&relative).unwrap() else { unreachable!() };
        assert_eq!(uri, "http://169.254.170.2/v2/x");
        from(&both[..1]).unwrap_err();
        from(&[]).unwrap_err();
        from(&[("AWS_PROFILE", "x"), ("AWS_ACCESS_KEY_ID", "")]).unwrap_err();
    }

    #[test]
    fn an_endpoint_is_https_this_machine_or_a_fixed_address() {
        let source = |uri: &str| {
            let uri = uri.to_owned();
            let from = Credentials::Container { uri, authorization: None };
            Source::new(from, Duration::from_secs(1)).map(drop)
        };
        for uri in ["http://169.254.170.2/v2/x", "http://[fd00:ec2::23]/v1", "http://127.0.0.1:1/x"]
        {
            source(uri).unwrap();
        }
        for uri in ["http://169.254.169.254/x", "http://a.test/x", "x", "file:///etc/passwd"] {
            assert!(matches!(source(uri), Err(KmsError::Credentials(_))), "{uri}");
        }
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let credentials = from(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
        assert_eq!(format!("{credentials:?}"), "Ok(Keys([redacted]))");
    }
}
