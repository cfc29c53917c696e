//! Files and variables that look like secrets, by their names.
//!
//! Names are all there is to go by: a secret in an ordinary file is not noticed, and a certificate
//! is told from a key only where its text can be read.

use super::super::Disk;
use crate::record::FileKind;
use ringfence_policy::secret_files::{FOLDERS, Holds, holds};
use ringfence_project::variables::suspicion;
use std::path::Path;

/// Whole names that mean a secret where a service opens them, and little elsewhere.
const OPENED: [&str; 5] = ["secret", "secrets", "shadow", "token", "tokens.json"];
/// Ends of names of the same sort.
const ENDS: [&str; 2] = [".token", ".secret"];

/// Whose addresses hold a password.
const URLS: [&str; 7] = ["DATABASE", "POSTGRES", "MYSQL", "MONGO", "MONGODB", "REDIS", "AMQP"];

/// How many things of a folder are looked at.
const MOST: usize = 20_000;
/// How deep.
const DEEPEST: usize = 16;

/// Whether the path of a file looks like that of a secret.
pub(in super::super) fn is_secret(path: &Path, disk: &dyn Disk) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase())
    else {
        return false;
    };
    let inside = |folder: &str| path.parent().is_some_and(|p| p.iter().any(|part| part == folder));
    if FOLDERS.into_iter().any(inside) {
        return true;
    }
    match holds(&name) {
        Some(Holds::Pem) => !is_certificate(path, disk),
        Some(_) => true,
        None => {
            OPENED.contains(&name.as_str())
                || ENDS.iter().any(|end| name.ends_with(end))
                || (name.starts_with("id_") && !name.contains('.'))
        }
    }
}

/// Certificates and nothing else.
fn is_certificate(path: &Path, disk: &dyn Disk) -> bool {
    disk.text(path).is_some_and(|text| {
        text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY-----")
    })
}

/// Whether anything in a folder looks like a secret; folders that cannot be looked through count as
/// if something did. `node_modules` is not looked into, and `except` does not count.
pub(in super::super) fn holds_secret(
    folder: &Path,
    disk: &dyn Disk,
    sources: &[std::path::PathBuf],
    except: &dyn Fn(&Path) -> bool,
) -> bool {
    if sources.iter().any(|source| source.starts_with(folder)) {
        return true;
    }
    let mut open = vec![(folder.to_path_buf(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open.pop() {
        for (name, kind) in disk.entries(&folder) {
            seen += 1;
            let path = folder.join(&name);
            if seen > MOST || depth > DEEPEST {
                return true;
            }
            match kind {
                FileKind::Directory if name == "node_modules" => {}
                FileKind::Directory if FOLDERS.contains(&name.as_str()) => return true,
                FileKind::Directory => open.push((path, depth + 1)),
                _ if is_secret(&path, disk) && !except(&path) => return true,
                _ => {}
            }
        }
    }
    false
}

/// Whether the name of a variable is that of a secret.
pub(in super::super) fn is_secret_variable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let mut parts = upper.split('_');
    let of_a_server = matches!(parts.next_back(), Some("URL" | "URI" | "DSN"))
        && parts.any(|part| URLS.contains(&part));
    // `KEY` alone is any key.
    of_a_server || (upper != "KEY" && suspicion(name, "").is_some())
}

/// A name for `[secrets.NAME]`.
pub(in super::super) fn secret_name(from: &str) -> String {
    let mut name = String::new();
    for character in from.trim_start_matches('.').to_ascii_lowercase().chars() {
        let character = if character.is_ascii_alphanumeric() { character } else { '-' };
        if character != '-' || !name.ends_with('-') {
            name.push(character);
        }
    }
    let name = name.trim_matches('-');
    if name.is_empty() { "secret".to_owned() } else { name.chars().take(63).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::testing::Tree;

    #[test]
    fn keys_and_credentials_are_told_by_their_names_and_certificates_by_their_text() {
        let disk = Tree::new(&[])
            .with("/a/ca.pem", "-----BEGIN CERTIFICATE-----\nx\n")
            .with("/a/both.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
        for (path, secret) in [
            ("/a/ca.pem", false),
            ("/a/both.pem", true),
            ("/a/unread.pem", true),
            ("/a/tls.key", true),
            ("/a/tls.crt", false),
            ("/a/.env", true),
            ("/a/.env.production", true),
            ("/a/.env.example", false),
            ("/a/id_rsa", true),
            ("/a/id_rsa.pub", false),
            ("/a/id_card.js", false),
            ("/home/u/.npmrc", true),
            ("/home/u/.aws/config", true),
            ("/home/u/.ssh/known_hosts", true),
            ("/a/credentials", true),
            ("/a/keys.js", false),
            ("/a/token.js", false),
            ("/var/run/secrets/kubernetes.io/serviceaccount/token", true),
        ] {
            assert_eq!(is_secret(Path::new(path), &disk), secret, "{path}");
        }
    }

    #[test]
    fn variables_that_hold_secrets_are_told_by_their_names() {
        for (name, secret) in [
            ("GITHUB_TOKEN", true),
            ("API_KEY", true),
            ("STRIPE_SECRET", true),
            ("SESSION_SECRET_V2", true),
            ("DB_PASSWORD", true),
            ("PGPASSWORD", true),
            ("DATABASE_URL", true),
            ("REDIS_URL", true),
            ("SENTRY_DSN", true),
            ("PWD", false),
            ("KEY", false),
            ("PORT", false),
            ("BASE_URL", false),
            ("PUBLIC_KEY", false),
            ("PASSWORD_FILE", false),
            ("TOKENIZER", false),
        ] {
            assert_eq!(is_secret_variable(name), secret, "{name}");
        }
    }

    #[test]
    fn a_secret_gets_a_name_that_the_file_accepts() {
        assert_eq!(secret_name("STRIPE_API_KEY"), "stripe-api-key");
        assert_eq!(secret_name(".env.production"), "env-production");
        assert_eq!(secret_name("___"), "secret");
    }
}
