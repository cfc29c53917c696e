//! Secrets among the words of a command, and the command without them.
//!
//! People write passwords and tokens behind `--password` and into URLs, and whatever repeats such a
//! command (a draft, a note, a log) repeats them. What looks like one is replaced before anything is
//! made of the command. A secret in an unremarkable argument is not noticed.

use crate::variables::{suspicion, suspicion_of_value};

/// What stands in the place of a secret.
pub const REDACTED: &str = "<redacted>";

/// Words that say how something is done, and are no secret behind any option.
const SETTINGS: [&str; 12] =
    ["basic", "bearer", "false", "jwt", "local", "no", "none", "oauth", "off", "on", "true", "yes"];

/// Where files of systems and images lie.
const FOLDERS: [&str; 10] =
    ["./", "../", "/app/", "/etc/", "/home/", "/opt/", "/run/", "/srv/", "/usr/", "/var/"];

/// Replaces what looks secret in `words`; true when there was something.
pub fn redact(words: &mut [String]) -> bool {
    let mut found = false;
    let mut option: Option<String> = None;
    for word in words {
        let asked = option.take();
        let redacted = match (asked, word.strip_prefix('-')) {
            (Some(name), None) if is_secret(&name, word) => Some(REDACTED.to_owned()),
            (_, Some(_)) if !word.contains('=') => {
                let short = glued_password(word);
                option = short.is_none().then(|| word.trim_start_matches('-').to_owned());
                short
            }
            _ => assigned(word).or_else(|| plain(word)),
        };
        if let Some(redacted) = redacted {
            *word = redacted;
            found = true;
        }
    }
    found
}

/// `--password=x`, `TOKEN=x`.
fn assigned(word: &str) -> Option<String> {
    let (name, value) = word.split_once('=').filter(|(name, _)| !name.contains("://"))?;
    if is_secret(name.trim_start_matches('-'), value) {
        return Some(format!("{name}={REDACTED}"));
    }
    plain(value).map(|value| format!("{name}={value}"))
}

/// `-phunter2`, as clients of databases take it; `-p8080` is a port.
fn glued_password(word: &str) -> Option<String> {
    let value = word.strip_prefix("-p")?;
    let mixed = value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    (mixed && value.len() >= 6).then(|| format!("-p{REDACTED}"))
}

/// A word that is secret by its form; of a URL only what is in front of its host, unless its query
/// holds one too.
fn plain(word: &str) -> Option<String> {
    if let Some((scheme, rest)) = word.split_once("://") {
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let secret = |pair: &str| {
            pair.split_once('=').is_some_and(|(name, value)| suspicion(name, value).is_some())
        };
        if query.split(['&', '#', ';']).any(secret) {
            return Some(REDACTED.to_owned());
        }
        suspicion_of_value(word)?;
        let host = rest.rsplit_once('@').map(|(_, host)| host)?;
        return Some(format!("{scheme}://{REDACTED}@{host}"));
    }
    suspicion_of_value(word).map(|_| REDACTED.to_owned())
}

fn is_secret(option: &str, value: &str) -> bool {
    let name = option.to_ascii_uppercase();
    let file = !name.contains("PASS")
        && !name.contains("PWD")
        && FOLDERS.iter().any(|folder| value.starts_with(folder));
    let setting = SETTINGS.contains(&value.to_ascii_lowercase().as_str());
    !value.is_empty() && !file && !setting && suspicion(option, value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (String, bool) {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let found = redact(&mut words);
        (words.join(" "), found)
    }

    #[test]
    fn no_secret_among_the_words_of_a_command_is_shown() {
        for secret in [
            "--password=hunter2",
            "--password hunter2",
            "--api-key hunter2",
            "--apiKey=hunter2",
            "--token hunter2",
            "--token=/hunter2",
            "--pw=hunter2cc",
            "--secret hunter2",
            "--client-secret=hunter2",
            "-phunter2p",
            "-u admin:hunter2admin",
            "--auth=hunter2",
            "--db postgres://u:hunter2@db/x",
            "--db=postgres://u:hunter2@db/x",
            "postgres://u:hunter2@db/x",
            "https://api.test/x?api_key=hunter2",
            "DB_PASSWORD=hunter2",
            "--x ghp_hunter20123456789abcdefghijABCDEFG",
        ] {
            let (shown, found) = shown(&format!("node server.js {secret} last"));
            assert!(found && !shown.contains("hunter2"), "{secret}: {shown}");
            assert!(shown.starts_with("node server.js ") && shown.ends_with(" last"), "{shown}");
        }
    }

    #[test]
    fn ordinary_arguments_stay_as_they_are() {
        for command in [
            "node --enable-source-maps --env-file .env dist/main.js --port 3000 -p8080",
            "node server.js --tls-key ./certs/server.key --token=/run/secrets/token --verbose",
            "node server.js --auth=false --no-auth --auth none --keyboard de --token-ttl 5",
            "node server.js https://api.test/v1?page=2 postgres://db:5432/x redis:6379 0.0.0.0:80",
            "node server.js --image node:22-alpine --debug express:router a:b @scope/x",
        ] {
            assert_eq!(shown(command), (command.to_owned(), false));
        }
    }
}
