//! Keys in a key service: how they are named, and how the service is reached.

use super::key_file;
use crate::error::{CommandError, Kind};
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::Wrapping;
use ringfence_crypto::kms::{
    AwsKey, AwsKms, AwsSigner, Connection, Credentials, KmsError, Login, Transit, TransitKey,
    TransitSigner, Trust,
};
use ringfence_crypto::signature::{Algorithm, JwkSet, Signer};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// A key in a key service, as it is named on a command line.
#[derive(Debug, Clone)]
pub(crate) enum KeyAddress {
    /// `transit:https://HOST:PORT/MOUNT/KEY`
    Transit { base: String, mount: String, key: String },
    /// `aws-kms:ARN`
    Aws { region: String, key: String },
}

/// Under which heading the help lists the options of services.
const SERVICE: &str = "Key service";

/// What a command needs to reach a key service.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are named as the options are")]
pub(crate) struct ServiceOption {
    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, help_heading = SERVICE, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    kms_ca: Option<PathBuf>,
    /// A file with the token for transit
    #[arg(long, help_heading = SERVICE, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    kms_token: Option<PathBuf>,
    /// A file with a role's id and secret in JSON, to log in to transit by AppRole
    #[arg(long, help_heading = SERVICE, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "kms_token")]
    kms_approle: Option<PathBuf>,
    /// Namespace of transit
    #[arg(long, help_heading = SERVICE, value_name = "NAME")]
    kms_namespace: Option<String>,
    /// Ask AWS KMS at this address instead of the region's
    #[arg(long, help_heading = SERVICE, value_name = "URL")]
    kms_endpoint: Option<String>,
    /// How long a request may take
    #[arg(long, help_heading = SERVICE, value_name = "DURATION", default_value = "10s", value_parser = ringfence_policy::duration)]
    kms_timeout: Duration,
}

/// A service that has been set up, with the key that is meant.
pub(crate) enum Service {
    Transit(Transit, String),
    Aws(AwsKms, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppRole {
    role_id: String,
    secret_id: String,
    #[serde(default = "approle")]
    mount: String,
}

fn approle() -> String {
    "approle".to_owned()
}

/// Reads a key's address; what `--kms` takes.
pub(crate) fn address(text: &str) -> Result<KeyAddress, String> {
    let wrong = || "name it transit:https://HOST:PORT/MOUNT/KEY or aws-kms:ARN".to_owned();
    if let Some(url) = text.strip_prefix("transit:") {
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (mount, key) = path.rsplit_once('/').ok_or_else(wrong)?;
        return Ok(KeyAddress::Transit {
            base: format!("{scheme}://{authority}"),
            mount: mount.to_owned(),
            key: key.to_owned(),
        });
    }
    let key = text.strip_prefix("aws-kms:").ok_or_else(wrong)?;
    // arn:PARTITION:kms:REGION:ACCOUNT:key/ID
    let parts: Vec<&str> = key.split(':').collect();
    let ["arn", _, "kms", region, _, id] = parts.as_slice() else { return Err(wrong()) };
    if !id.starts_with("key/") {
        return Err("name the key itself, not an alias: arn:aws:kms:REGION:ACCOUNT:key/ID".into());
    }
    Ok(KeyAddress::Aws { region: (*region).to_owned(), key: key.to_owned() })
}

/// Whether a text is an address of a key rather than the path of a file.
pub(crate) fn is_address(text: &str) -> bool {
    text.starts_with("transit:") || text.starts_with("aws-kms:")
}

impl ServiceOption {
    /// Sets the service of a key up; nothing is sent yet.
    pub(crate) fn service(&self, address: &KeyAddress) -> Result<Service, CommandError> {
        let trust = match &self.kms_ca {
            Some(path) => Trust::Pinned(key_file::read_text(path)?.into_bytes()),
            None => Trust::System,
        };
        match address {
            KeyAddress::Transit { base, mount, key } => {
                let namespace = self.kms_namespace.as_deref();
                let connection = Connection::new(base, &trust, self.kms_timeout)
                    .map_err(|error| failed(&error))?;
                let transit = Transit::new(connection, mount, namespace, self.login()?);
                Ok(Service::Transit(transit.map_err(|error| failed(&error))?, key.clone()))
            }
            KeyAddress::Aws { region, key } => {
                let credentials = Credentials::from_variables(variable)
                    .map_err(|error| {
                        failed(&error).hint(
                            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a container's endpoint is",
                        )
                    })?;
                let endpoint = self.kms_endpoint.as_deref();
                let kms = AwsKms::new(region, endpoint, &trust, self.kms_timeout, credentials);
                Ok(Service::Aws(kms.map_err(|error| failed(&error))?, key.clone()))
            }
        }
    }

    fn login(&self) -> Result<Login, CommandError> {
        if let Some(path) = &self.kms_token {
            let text = key_file::read_private(path)?;
            let token = super::line(text.expose()).to_vec();
            return Ok(Login::Token(Secret::new(token)));
        }
        let Some(path) = &self.kms_approle else {
            let message = "transit needs to know who asks";
            let hint =
                "name a file with the token: --kms-token FILE, or with a role: --kms-approle FILE";
            return Err(CommandError::new(Kind::Usage, message).hint(hint));
        };
        let text = key_file::read_private(path)?;
        // What the parser would say about the file could hold a piece of it.
        let role: AppRole = serde_json::from_slice(text.expose()).map_err(|_| {
            let message = format!("{} is no role", path.display());
            CommandError::new(Kind::Source, message)
                .hint("it holds {\"role_id\": \"...\", \"secret_id\": \"...\"}")
        })?;
        let secret = Secret::new(role.secret_id.into_bytes());
        Ok(Login::AppRole { mount: role.mount, role: role.role_id, secret })
    }
}

impl Service {
    /// The key, to wrap data keys with.
    pub(crate) fn wrapping(&self) -> Result<Box<dyn Wrapping + '_>, CommandError> {
        Ok(match self {
            Self::Transit(transit, key) => {
                Box::new(TransitKey::new(transit, key).map_err(|error| failed(&error))?)
            }
            Self::Aws(kms, key) => Box::new(AwsKey::new(kms, key).map_err(|error| failed(&error))?),
        })
    }

    /// The key, to sign with; its public half is fetched.
    pub(crate) fn signer(
        &self,
        algorithm: Algorithm,
        version: Option<u64>,
    ) -> Result<Box<dyn Signer + '_>, CommandError> {
        Ok(match self {
            Self::Transit(transit, key) => {
                let signer = TransitSigner::new(transit, key, algorithm, version);
                Box::new(signer.map_err(|error| failed(&error))?)
            }
            Self::Aws(..) if version.is_some() => {
                return Err(CommandError::new(Kind::Usage, "keys of AWS KMS have no versions"));
            }
            Self::Aws(kms, key) => {
                let signer = AwsSigner::new(kms, key, algorithm);
                Box::new(signer.map_err(|error| failed(&error))?)
            }
        })
    }

    /// The public halves that verify.
    pub(crate) fn jwks(&self, algorithm: Algorithm) -> Result<JwkSet, CommandError> {
        match self {
            Self::Transit(transit, key) => {
                let signer = TransitSigner::new(transit, key, algorithm, None);
                Ok(signer.map_err(|error| failed(&error))?.jwks())
            }
            Self::Aws(..) => {
                let public = self.signer(algorithm, None)?.public();
                let public = public.map_err(|error| super::failed("no public key", &error))?;
                Ok(JwkSet { keys: vec![public.to_jwk()] })
            }
        }
    }
}

/// A variable of the environment; the token for a container's endpoint may be in a file instead.
fn variable(name: &str) -> Option<String> {
    let found = std::env::var(name).ok();
    if found.is_some() || name != "AWS_CONTAINER_AUTHORIZATION_TOKEN" {
        return found;
    }
    let path = std::env::var_os("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?;
    let text = key_file::read_text(std::path::Path::new(&path)).ok()?;
    Some(text.trim_end().to_owned())
}

/// A failure of a key service; its text holds nothing that was sent or answered.
fn failed(error: &KmsError) -> CommandError {
    super::failed("the key service cannot be used", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_key_and_never_an_alias() {
        let KeyAddress::Transit { base, mount, key } =
            address("transit:https://bao.test:8200/team/transit/orders").unwrap()
        else {
            unreachable!()
        };
        assert_eq!(
            (base.as_str(), mount.as_str(), key.as_str()),
            ("https://bao.test:8200", "team/transit", "orders")
        );
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let KeyAddress::Aws { region, key } = address(&format!("aws-kms:{arn}")).unwrap() else {
            unreachable!()
        };
        assert_eq!((region.as_str(), key.as_str()), ("eu-central-1", arn));
        for wrong in [
            "",
            "orders",
            "transit:orders",
            "transit:https://bao.test",
            "transit:https://bao.test/orders",
            "aws-kms:orders",
            "aws-kms:arn:aws:kms:eu-central-1:111122223333:alias/orders",
            "aws-kms:arn:aws:s3:eu-central-1:111122223333:key/x",
        ] {
            address(wrong).unwrap_err();
        }
    }
}
