//! What looks secret: by the name of a variable, by the form of a value, by the name of a file.

use ringfence_policy::secret_files::{Holds, holds};

/// Why something looks secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspicion {
    /// Its name says so, as in `JWT_SECRET`.
    Name,
    /// A private key.
    PrivateKey,
    /// A URL with a password in it.
    PasswordInUrl,
    /// The form of a known kind of token.
    Token,
    /// `admin:password`.
    UserAndPassword,
    /// Long and random.
    Random,
}

impl Suspicion {
    /// The reason, as in "its name says so".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Name => "its name says so",
            Self::PrivateKey => "it holds a private key",
            Self::PasswordInUrl => "its URL has a password in it",
            Self::Token => "it has the form of a token",
            Self::UserAndPassword => "it has the form of a user and a password",
            Self::Random => "it is long and looks random",
        }
    }
}

/// Words of a name that mean a secret, wherever they stand between underscores.
const SECRET_WORDS: [&str; 21] = [
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "DSN",
    "JWT",
    "KEY",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PAT",
    "PEPPER",
    "PGPASSWORD",
    "PRIVATE",
    "PW",
    "PWD",
    "SALT",
    "SECRET",
    "SECRETS",
    "SIGNATURE",
    "TOKEN",
];

/// Parts of a name that mean a secret, also inside a word: `MYPASSWORD2`.
const SECRET_PARTS: [&str; 6] = ["APIKEY", "CREDENTIAL", "PASSPHRASE", "PASSWD", "PASSWORD", "PWD"];

/// Words with such a part that mean something else.
const OTHER_WORDS: [&str; 8] =
    ["AUTHOR", "AUTHORITY", "AUTHORS", "BYPASS", "COMPASS", "ENCOMPASS", "OLDPWD", "TRESPASS"];

/// Users whose word behind a colon is a password, whatever it looks like.
const USERS: [&str; 8] =
    ["admin", "administrator", "postgres", "root", "sa", "superuser", "test", "user"];

/// Words after which a name is about a secret and is none: `JWT_EXPIRES_IN`, `KEY_PREFIX`, `TOKEN_TTL`.
const HARMLESS_WORDS: [&str; 50] = [
    "ALG",
    "ALGORITHM",
    "AUDIENCE",
    "COUNT",
    "DIR",
    "DIRECTORY",
    "DISABLED",
    "DOMAIN",
    "ENABLED",
    "ENDPOINT",
    "EXPIRES",
    "EXPIRY",
    "FILE",
    "FOLDER",
    "HEADER",
    "HOST",
    "ID",
    "ISSUER",
    "LENGTH",
    "LIFETIME",
    "MAX",
    "METHOD",
    "MIN",
    "MODE",
    "NAME",
    "PATH",
    "PORT",
    "PREFIX",
    "PROVIDER",
    "PUBLIC",
    "PUBLISHABLE",
    "REALM",
    "REQUIRED",
    "ROUNDS",
    "SCOPE",
    "SCOPES",
    "SECONDS",
    "SERVICE",
    "SIZE",
    "SOCK",
    "SOCKET",
    "SPACE",
    "STRATEGY",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "URL",
    "USER",
    "USERNAME",
    "VERSION",
];

/// How known tokens begin, and how long they are at least.
const TOKENS: [(&str, usize); 20] = [
    ("AGE-SECRET-KEY-", 30),
    ("AIza", 35),
    ("AKIA", 20),
    ("ASIA", 20),
    ("SG.", 40),
    ("dop_v1_", 40),
    ("eyJ", 40),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("hvs.", 20),
    ("npm_", 36),
    ("rk_live_", 20),
    ("sk-", 20),
    ("sk_live_", 20),
    ("whsec_", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
];

/// Why a variable looks secret; `None` when it does not. The name is asked first, as the value may
/// be a placeholder.
#[must_use]
pub fn suspicion(name: &str, value: &str) -> Option<Suspicion> {
    suspicion_of_value(value).or_else(|| is_secret_name(name).then_some(Suspicion::Name))
}

/// Whether a name says that it holds a secret.
fn is_secret_name(name: &str) -> bool {
    let upper = words_of(name);
    let words = || upper.split(['_', '-', '.']).filter(|word| !word.is_empty());
    let last_harmless = words().next_back().is_some_and(|word| HARMLESS_WORDS.contains(&word));
    let public = words().any(|word| matches!(word, "PUBLIC" | "PUBLISHABLE" | "EXPIRES"));
    // `ENCRYPTION_KEY_ID` names a key; `PASSPORT` and `KEYBOARD` are words of their own.
    words().any(is_secret_word) && !last_harmless && !public && upper != "PWD"
}

/// `PASSPHRASE2` is one too.
fn is_secret_word(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    !OTHER_WORDS.contains(&word)
        && (SECRET_WORDS.contains(&word)
            || word.ends_with("PASS")
            || word.starts_with("AUTH")
            || word.ends_with("AUTH")
            || SECRET_PARTS.iter().any(|part| word.contains(part)))
}

/// `dbPassword` as `DB_PASSWORD`.
fn words_of(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for character in name.chars() {
        if lower && character.is_ascii_uppercase() {
            words.push('_');
        }
        lower = character.is_ascii_lowercase();
        words.push(character.to_ascii_uppercase());
    }
    words
}

/// Why a value looks secret, whatever it is called.
#[must_use]
pub fn suspicion_of_value(value: &str) -> Option<Suspicion> {
    if value.contains("-----BEGIN") && value.contains("PRIVATE KEY") {
        return Some(Suspicion::PrivateKey);
    }
    if has_password(value) {
        return Some(Suspicion::PasswordInUrl);
    }
    let begins = |(start, least): &(&str, usize)| value.starts_with(start) && value.len() >= *least;
    let one_word = !value.contains(char::is_whitespace);
    if one_word && TOKENS.iter().any(begins) {
        return Some(Suspicion::Token);
    }
    if is_user_and_password(value) {
        return Some(Suspicion::UserAndPassword);
    }
    is_random(value).then_some(Suspicion::Random)
}

/// `scheme://user:password@host`; a password that a variable stands for is none here.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A password may have a slash in it, unescaped.
    let user = rest.rsplit_once('@').map(|(user, _)| user).filter(|_| {
        authority.contains('@')
            || authority.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_err())
    });
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

/// `admin:hunter2`; not a host with its port, an image with its tag or a time.
fn is_user_and_password(value: &str) -> bool {
    let Some((user, password)) = value.split_once(':') else { return false };
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
    let digits = password.bytes().filter(u8::is_ascii_digit).count();
    let letters = password.bytes().filter(u8::is_ascii_alphabetic).count();
    let tag = password.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let known = USERS.contains(&user.to_ascii_lowercase().as_str());
    !user.is_empty()
        && user.bytes().all(plain)
        && !password.contains([':', '/', ',', '*'])
        && !password.contains(char::is_whitespace)
        && digits < password.len()
        && !tag
        && password.len() >= 6
        && (known || digits > 0 && letters > 0)
}

/// 32 characters and more of an encoding, with letters and digits mixed.
fn is_random(value: &str) -> bool {
    let encoded =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let slashes = value.bytes().filter(|byte| *byte == b'/').count();
    let hyphens = value.bytes().filter(|byte| *byte == b'-').count();
    let different = value.bytes().collect::<std::collections::BTreeSet<u8>>().len();
    value.len() >= 32
        && value.bytes().all(encoded)
        && digits >= 4
        && letters >= 4
        && different >= 10
        // A path, or words joined by hyphens (a UUID is a name, not a secret).
        && !value.starts_with('/')
        && slashes * 16 <= value.len()
        && hyphens < 4
}

/// Why a file looks secret by its name (not its folder): keys, keystores, environment files,
/// credentials of tools.
#[must_use]
pub fn suspicion_of_file(path: &str) -> Option<&'static str> {
    Some(match holds(path)? {
        Holds::Credentials => "credentials",
        Holds::Environment => "an environment file",
        Holds::Key | Holds::Pem => "a key or a certificate",
        Holds::SshKey => "an ssh key",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_by_value() {
        for (name, value, why) in [
            ("JWT_SECRET", "", Suspicion::Name),
            ("dbPassword", "x", Suspicion::Name),
            ("STRIPE_KEY", "changeme", Suspicion::Name),
            ("PGPASSWORD", "x", Suspicion::Name),
            ("DATABASE_URL", "postgres://u:hunter2@db:5432/x", Suspicion::PasswordInUrl),
            ("REDIS", "redis://:hunter2@redis:6379", Suspicion::PasswordInUrl),
            ("X", "postgres://u:p/a@db/x", Suspicion::PasswordInUrl),
            ("PASSPHRASE2", "x", Suspicion::Name),
            ("MYPASS", "x", Suspicion::Name),
            ("DB_PASS", "x", Suspicion::Name),
            ("DBPWD1", "x", Suspicion::Name),
            ("AWSCREDENTIAL", "x", Suspicion::Name),
            ("HTTP_AUTH", "x", Suspicion::Name),
            ("OAUTH_CLIENT", "x", Suspicion::Name),
            ("ADMIN", "admin:hunter2admin", Suspicion::UserAndPassword),
            ("ADMIN", "admin:changeme", Suspicion::UserAndPassword),
            ("X", "-----BEGIN EC PRIVATE KEY-----\nabc", Suspicion::PrivateKey),
            ("X", "ghp_0123456789abcdefghijABCDEFGHIJ", Suspicion::Token),
            ("X", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c", Suspicion::Random),
        ] {
            assert_eq!(suspicion(name, value), Some(why), "{name}");
        }
    }

    #[test]
    fn settings_are_not_taken_for_secrets() {
        for (name, value) in [
            ("PORT", "8080"),
            ("JWT_EXPIRES_IN", "1h"),
            ("TOKEN_TTL", "5"),
            ("KEY_PREFIX", "app:"),
            ("NEXT_PUBLIC_KEY", "pk"),
            ("PWD", "/app"),
            ("KEYBOARD", "de"),
            ("PASSPORT_STRATEGY", "local"),
            ("TLS_KEY_FILE", "/run/secrets/tls.key"),
            ("DATABASE_URL", "postgres://db:5432/orders"),
            ("DATABASE_URL", "postgres://user@db:5432/orders"),
            ("ID", "6b5e3c1a-8f0d-4b7a-9b1e-2f6a1c3d4e5f"),
            ("DIR", "/var/lib/orders/data/0123456789abcdef"),
            ("AUTH_URL", "https://auth.test"),
            ("AUTHOR", "x"),
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
            ("OAUTH_CLIENT_ID", "x"),
            ("BYPASS", "1"),
            ("REDIS", "redis:6379"),
            ("IMAGE", "node:22-alpine"),
            ("IMAGE", "node:v22.1-alpine"),
            ("DEBUG", "express:router"),
            ("AT", "12:30"),
            ("LONG", "a-sentence-of-words-joined-by-hyphens-123456"),
        ] {
            assert_eq!(suspicion(name, value), None, "{name}={value}");
        }
    }
}
