//! Secrets in what would be shipped: few kinds, each told with certainty.
//!
//! Private keys with a body, files that exist to hold secrets, and tokens whose form leaves no doubt; where
//! a token carries a check sum, one that does not fit is none. What is found is never shown.

use super::super::finding::Found;
use crate::Severity;
use memchr::memmem;

pub(super) fn look(path: &str, bytes: &[u8], found: &mut Found<'_>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_environment(name) && has_assignment(bytes) {
        let message = "a file of environment variables is shipped".to_owned();
        found.in_package("secret-shipped", path, 1, message);
    }
    let of_registry = matches!(name, ".npmrc" | ".yarnrc.yml");
    if let Some(line) = of_registry.then(|| token_line(bytes)).flatten() {
        let message = "the token of a registry is shipped".to_owned();
        found.in_package("secret-shipped", path, line, message);
    }
    if let Some(at) = private_key(bytes) {
        let message = "a private key is shipped".to_owned();
        // What tests and examples bring is rarely anybody's key, and can be.
        let shown = path.split('/').any(|part| part.contains("test") || part.contains("example"));
        let severity = if shown { Severity::Moderate } else { Severity::Critical };
        found.in_package_as(severity, "secret-shipped", (path, line_at(bytes, at)), message);
    }
    for (kind, at) in tokens(bytes) {
        let message = format!("{kind} is shipped");
        found.in_package("secret-shipped", path, line_at(bytes, at), message);
    }
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Parts of the names of files that show how to write one.
const SHOWN: [&str; 7] = ["example", "sample", "template", "dist", "defaults", "schema", "test"];

/// `.env`, `.env.production`; not the ones that show how to write one.
fn is_environment(name: &str) -> bool {
    let rest = match name.strip_prefix(".env") {
        Some("") => return true,
        Some(rest) => rest.strip_prefix('.'),
        None => None,
    };
    rest.is_some_and(|rest| !rest.split('.').any(|part| SHOWN.contains(&part)))
}

/// Whether any line gives a name a value.
fn has_assignment(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).lines().any(|line| {
        let line = line.trim();
        let assigned = line.split_once('=').is_some_and(|(_, value)| !value.trim().is_empty());
        assigned && !line.starts_with('#')
    })
}

/// The line of a token that is written down, and not taken from the environment.
pub(in super::super) fn token_line(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let is_token = |line: &str| {
        let line = line.trim();
        let (key, value) =
            line.split_once('=').or_else(|| line.split_once(": ")).unwrap_or_default();
        let key = key.trim();
        let named = ["_authToken", "_auth", "_password", "npmAuthToken", "npmAuthIdent"];
        let value = value.trim().trim_matches(['"', '\'']);
        let known = named.iter().any(|name| key.ends_with(name)) && !key.starts_with(['#', ';']);
        known && !value.is_empty() && !value.contains("${")
    };
    text.lines().position(is_token).map(|index| index + 1)
}

/// Where a private key with a body begins.
fn private_key(bytes: &[u8]) -> Option<usize> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"PRIVATE KEY-----";
    for at in memmem::find_iter(bytes, BEGIN) {
        let rest = &bytes[at + BEGIN.len()..];
        let Some(end) = memmem::find(&rest[..rest.len().min(40)], END) else { continue };
        let body = &rest[end + END.len()..];
        // Line ends of a text in a program are two characters, or quotes and plus signs.
        let body: Vec<u8> = body.iter().take(400).copied().collect();
        let letters = longest_base64(&body);
        if letters >= 48 {
            return Some(at);
        }
    }
    None
}

/// The longest run of base64 letters.
fn longest_base64(bytes: &[u8]) -> usize {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    bytes.split(|byte| !is_letter(byte)).map(<[u8]>::len).max().unwrap_or(0)
}

/// A kind of token: how it begins, how many letters follow, and what else must hold.
struct Kind {
    name: &'static str,
    prefix: &'static str,
    letters: usize,
    checked: bool,
}

const KINDS: [Kind; 9] = [
    Kind { name: "a token of npm", prefix: "npm_", letters: 36, checked: true },
    Kind { name: "a token of GitHub", prefix: "ghp_", letters: 36, checked: true },
    Kind { name: "a token of GitHub", prefix: "gho_", letters: 36, checked: true },
    Kind { name: "a token of GitHub", prefix: "ghu_", letters: 36, checked: true },
    Kind { name: "a token of GitHub", prefix: "ghs_", letters: 36, checked: true },
    Kind { name: "a token of GitHub", prefix: "github_pat_", letters: 82, checked: false },
    Kind { name: "a token of GitLab", prefix: "glpat-", letters: 20, checked: false },
    Kind { name: "a live key of Stripe", prefix: "sk_live_", letters: 24, checked: false },
    Kind { name: "a token of Slack", prefix: "xoxb-", letters: 50, checked: false },
];

fn tokens(bytes: &[u8]) -> Vec<(&'static str, usize)> {
    let mut all = Vec::new();
    for kind in &KINDS {
        for at in memmem::find_iter(bytes, kind.prefix) {
            let is_letter = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
            let joined = at > 0 && is_letter(&&bytes[at - 1]);
            let body: Vec<u8> = bytes[at + kind.prefix.len()..]
                .iter()
                .take_while(is_letter)
                .take(120)
                .copied()
                .collect();
            let fits = if kind.checked {
                body.len() == kind.letters && has_check_sum(&body)
            } else {
                body.len() >= kind.letters && is_random(&body)
            };
            if fits && !joined {
                all.push((kind.name, at));
            }
        }
    }
    all
}

/// Whether the last six letters are the CRC-32 of those before, in base 62.
fn has_check_sum(body: &[u8]) -> bool {
    const UPPER: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const LOWER: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let Some((data, sum)) = body.split_at_checked(body.len().saturating_sub(6)) else {
        return false;
    };
    [UPPER, LOWER].iter().any(|letters| {
        let mut value = crc32fast::hash(data) as usize;
        let mut written = [b'0'; 6];
        for place in written.iter_mut().rev() {
            *place = letters[value % 62];
            value /= 62;
        }
        sum == written
    })
}

/// Whether it looks drawn by lot: digits and letters, and many different ones.
fn is_random(body: &[u8]) -> bool {
    let mut seen: Vec<u8> = body.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len() >= 10
        && body.iter().any(u8::is_ascii_digit)
        && body.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(prefix: &str, data: &str) -> String {
        const LETTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut value = crc32fast::hash(data.as_bytes()) as usize;
        let mut sum = Vec::new();
        for _ in 0..6 {
            sum.insert(0, LETTERS[value % 62]);
            value /= 62;
        }
        format!("{prefix}{data}{}", String::from_utf8(sum).unwrap())
    }

    #[test]
    fn a_token_is_one_when_its_check_sum_fits() {
        let real = token("npm_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5");
        assert_eq!(tokens(format!("x = '{real}'").as_bytes()).len(), 1);
        let mut wrong = real.clone();
        wrong.replace_range(39..40, if real.ends_with('0') { "1" } else { "0" });
        assert!(tokens(wrong.as_bytes()).is_empty());
        assert!(tokens(format!("my_{real}").as_bytes()).is_empty(), "part of a longer word");
        assert!(
            tokens(b"npm_config_registry npm_package_json ghp_ sk_live_xxxxxxxxxxxxxxxxxxxxxxxx")
                .is_empty()
        );
    }

    #[test]
    fn a_key_is_one_when_it_has_a_body() {
        let key = format!("-----BEGIN EC PRIVATE KEY-----\n{}\n", "MHcCAQEE".repeat(8));
        assert_eq!(private_key(key.as_bytes()), Some(0));
        for text in ["-----BEGIN PRIVATE KEY-----", "/-----BEGIN (RSA )?PRIVATE KEY-----/", ""] {
            assert_eq!(private_key(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn files_that_hold_secrets_are_told_from_those_that_show_how() {
        for name in [".env", ".env.production", ".env.local"] {
            assert!(is_environment(name), "{name}");
        }
        for name in [".env.example", ".env.sample", ".envrc.md", "env.js", ".environment"] {
            assert!(!is_environment(name), "{name}");
        }
        assert_eq!(token_line(b"a=1\n//host/:_authToken=abc\n"), Some(2));
        assert_eq!(token_line(b"//host/:_authToken=${NPM_TOKEN}\n"), None);
    }
}
