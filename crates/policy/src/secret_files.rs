//! Files that hold secrets, told by their names.
//!
//! Names are all that is asked here, so a secret in an ordinary file is not noticed, and a certificate
//! is not told from a key: who can read the file asks its text too. Everything that drafts, explains,
//! renders or compares a boundary uses this one list.

/// Folders of a home in which everything is a secret.
pub const FOLDERS: [&str; 6] = [".aws", ".azure", ".docker", ".gnupg", ".kube", ".ssh"];

/// Files of a home in which tools keep tokens and passwords.
pub const OF_TOOLS: [&str; 10] = [
    ".dockercfg",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    ".yarnrc.yml",
    "_netrc",
];

/// Other whole names.
const CREDENTIALS: [&str; 13] = [
    "auth.json",
    "credentials",
    "credentials.json",
    "htpasswd",
    "kubeconfig",
    "pgpass",
    "secrets.json",
    "secrets.yaml",
    "secrets.yml",
    "service-account.json",
    "terraform.tfstate",
    "terraform.tfstate.backup",
    "wallet.dat",
];

/// Ends of the names of keys and of stores of keys.
const KEYS: [&str; 10] =
    [".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".p8", ".keytab", ".ovpn"];

/// Keys of ssh.
const SSH_KEYS: [&str; 6] =
    ["id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_rsa"];

/// What an environment file ends with that is made to be shown.
const EXAMPLES: [&str; 7] = ["example", "sample", "template", "dist", "defaults", ".d.ts", ".md"];

/// What `env.` goes on with where the file is code.
const CODE: [&str; 13] = [
    ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".map", ".py", ".rb", ".go",
    ".rs",
];

/// What a file holds, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Tokens or passwords of a tool or of a service.
    Credentials,
    /// Variables.
    Environment,
    /// A key, or a store of keys.
    Key,
    /// A key or a certificate: `.pem` says no more.
    Pem,
    /// A key of ssh.
    SshKey,
}

/// What a file holds by the last component of its path; `None` for an ordinary name.
#[must_use]
pub fn holds(path: &str) -> Option<Holds> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let variables = name.starts_with("env.") && !ends(&CODE);
    if name.starts_with(".env") || ends(&[".env"]) || variables {
        return (!ends(&EXAMPLES)).then_some(Holds::Environment);
    }
    if ends(&[".pem"]) {
        return Some(Holds::Pem);
    }
    if ends(&KEYS) {
        return Some(Holds::Key);
    }
    let of_host = name.starts_with("ssh_host_") && name.ends_with("_key");
    if of_host || SSH_KEYS.contains(&name.as_str()) {
        return Some(Holds::SshKey);
    }
    let named = [&OF_TOOLS[..], &CREDENTIALS].iter().any(|list| list.contains(&name.as_str()));
    named.then_some(Holds::Credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        for (path, expected) in [
            (".env", Some(Holds::Environment)),
            ("a/.env.production", Some(Holds::Environment)),
            ("prod.env", Some(Holds::Environment)),
            (".env.example", None),
            ("src/env.ts", None),
            ("tls/server.KEY", Some(Holds::Key)),
            ("keys.js", None),
            ("monkey", None),
            ("ca.pem", Some(Holds::Pem)),
            ("id_rsa", Some(Holds::SshKey)),
            ("id_rsa.pub", None),
            ("/home/u/.npmrc", Some(Holds::Credentials)),
            ("kubeconfig", Some(Holds::Credentials)),
            ("env.production", Some(Holds::Environment)),
            ("env.example", None),
            ("ssh_host_ed25519_key", Some(Holds::SshKey)),
            ("ssh_host_ed25519_key.pub", None),
            ("a.keytab", Some(Holds::Key)),
            ("office.ovpn", Some(Holds::Key)),
            ("terraform.tfstate", Some(Holds::Credentials)),
            ("auth.json", Some(Holds::Credentials)),
            ("htpasswd", Some(Holds::Credentials)),
            ("wallet.dat", Some(Holds::Credentials)),
            (".vault-token", Some(Holds::Credentials)),
        ] {
            assert_eq!(holds(path), expected, "{path}");
        }
    }
}
