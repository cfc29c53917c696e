//! A boundary file as a git revision has it.
//!
//! git itself is asked, with the user's own settings for where repositories may be; it is told to
//! fetch nothing. What a revision is called is git's business, and its own words say what is wrong.

use crate::error::{CommandError, Kind};
use crate::settings::{MAX_SIZE, Source, too_large};
use ringfence_policy::display::untrusted;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository may name a program that git asks for changed files, and it is asked where the index is
/// read (`:PATH`): nothing of a repository runs because somebody looks at it. For the same reason no
/// way to fetch is allowed.
const QUIET: [&str; 2] = ["-c", "core.fsmonitor=false"];

/// Reads `path`, counted from the current folder, as `revision` has it.
pub(crate) fn read(revision: &str, path: &Path) -> Result<Source, CommandError> {
    read_up_to(revision, path, MAX_SIZE)
}

/// The same, of at most these many bytes.
#[expect(clippy::disallowed_methods, reason = "git is asked with the caller's own settings")]
pub(crate) fn read_up_to(revision: &str, path: &Path, most: u64) -> Result<Source, CommandError> {
    let shown = PathBuf::from(format!("{revision}:{}", path.display()));
    let failed = |error: &std::io::Error| {
        CommandError::new(Kind::Source, "cannot ask git for a revision")
            .caused_by(error)
            .hint("install git, or name two files")
    };
    // A relative name counts from the current folder only behind `./`, from the top without.
    let start = if path.is_absolute() || path.starts_with(".") { "" } else { "./" };
    let object = format!("{revision}:{start}{}", path.display());
    let mut git = Command::new("git")
        .args(QUIET)
        .args(["cat-file", "blob", &object])
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    if let Some(output) = git.stdout.take() {
        output.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    }
    // Its output was let go of: a git that has more to say ends.
    let ended = git.wait_with_output().map_err(|error| failed(&error))?;
    if bytes.len() as u64 > most {
        return Err(match most {
            MAX_SIZE => too_large(&shown),
            _ => CommandError::new(
                Kind::Source,
                format!("{} is longer than {most} bytes", shown.display()),
            ),
        });
    }
    if !ended.status.success() {
        let words = String::from_utf8_lossy(&ended.stderr);
        let words = words.lines().next().unwrap_or("it said nothing").trim_start_matches("fatal: ");
        let message = format!("git has no {}: {words}", shown.display());
        return Err(CommandError::new(Kind::Source, message).hint(hint(revision, &ended.stderr)));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        let message = format!("{} is not UTF-8 text", shown.display());
        CommandError::new(Kind::Configuration, message)
    })?;
    Ok(Source { path: shown, text })
}

/// Names in a folder, counted from the current one, as `revision` has it; an error where the revision
/// or the folder is not there.
#[cfg(feature = "deps")]
#[expect(clippy::disallowed_methods, reason = "git is asked with the caller's own settings")]
pub(crate) fn names(revision: &str, folder: &str) -> Result<Vec<String>, CommandError> {
    let object = format!("{revision}:./{folder}");
    let ended = Command::new("git")
        .args(QUIET)
        // Without --full-tree it would count from the current folder once more.
        .args(["ls-tree", "--full-tree", "--name-only", "-z", &object])
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            CommandError::new(Kind::Source, "cannot ask git for a revision")
                .caused_by(&error)
                .hint("install git, or name two files")
        })?;
    if !ended.status.success() {
        let words = String::from_utf8_lossy(&ended.stderr);
        let words = words.lines().next().unwrap_or("it said nothing").trim_start_matches("fatal: ");
        let place = if folder.is_empty() { "" } else { ":" };
        let message = format!("git has no {revision}{place}{folder}: {words}");
        return Err(CommandError::new(Kind::Source, message).hint(hint(revision, &ended.stderr)));
    }
    let text = String::from_utf8_lossy(&ended.stdout);
    Ok(text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// What to do about git's words. It trusts no repository that belongs to somebody else, as in a
/// container with a mounted checkout, until it is told to; its last line says how, for its folder. A
/// checkout of one commit has no branch of the remote.
fn hint(revision: &str, words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    if let Some(branch) = revision.strip_prefix("origin/")
        && words.contains("Not a valid object name")
    {
        let branch = untrusted(branch);
        return format!(
            "where one commit alone is checked out, fetch it first: \
             `git fetch --depth=1 origin {branch}:refs/remotes/origin/{branch}`"
        );
    }
    if !words.contains("dubious ownership") {
        return "name a file, a revision such as main, or REVISION:PATH".to_owned();
    }
    let found = words.split_once("safe.directory ").and_then(|(_, rest)| rest.lines().next());
    let folder = found.map_or_else(|| "FOLDER".to_owned(), |found| untrusted(found).to_string());
    format!(
        "the repository belongs to another user: where you trust it, \
         `git config --global --add safe.directory {folder}`"
    )
}
