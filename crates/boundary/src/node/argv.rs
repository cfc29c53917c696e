//! The options a person gave to Node, held against the boundary.
//!
//! Grants come from the boundary file alone: a permission flag in the command, a file that sets
//! options, or a switch that turns the permissions off is refused with what to do instead.
//! `--permission` itself is taken out, because the right spelling for this version is put in.
//! Only the part before the script is looked at: what follows belongs to the program.

use super::NodeError;
use ringfence_policy::environment;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Options that take the next word as their value when they are written without `=`. Taken from
/// the option tables of 20.20, 22.23, 24.21, 25.9 and 26.10, sorted.
const WITH_VALUE: [&str; 90] = [
    "--bench-isolation",
    "--bench-name-pattern",
    "--bench-reporter",
    "--bench-reporter-destination",
    "--bench-samples",
    "--bench-warmup",
    "--build-sea",
    "--build-snapshot-config",
    "--conditions",
    "--cpu-prof-dir",
    "--cpu-prof-interval",
    "--cpu-prof-name",
    "--debug-port",
    "--diagnostic-dir",
    "--disable-proto",
    "--disable-warning",
    "--dns-result-order",
    "--env-file",
    "--env-file-if-exists",
    "--es-module-specifier-resolution",
    "--eval",
    "--experimental-default-type",
    "--experimental-loader",
    "--experimental-package-map",
    "--experimental-policy",
    "--experimental-sea-config",
    "--experimental-test-isolation",
    "--experimental-test-tag-filter",
    "--heap-prof-dir",
    "--heap-prof-interval",
    "--heap-prof-name",
    "--heapsnapshot-near-heap-limit",
    "--heapsnapshot-signal",
    "--icu-data-dir",
    "--import",
    "--input-type",
    "--inspect-port",
    "--inspect-publish-uid",
    "--loader",
    "--localstorage-file",
    "--max-http-header-size",
    "--max-old-space-size-percentage",
    "--network-family-autoselection-attempt-timeout",
    "--openssl-config",
    "--policy-integrity",
    "--print",
    "--redirect-warnings",
    "--report-dir",
    "--report-directory",
    "--report-filename",
    "--report-signal",
    "--require",
    "--run",
    "--secure-heap",
    "--secure-heap-min",
    "--security-revert",
    "--security-reverts",
    "--snapshot-blob",
    "--stack-trace-limit",
    "--test-concurrency",
    "--test-coverage-branches",
    "--test-coverage-exclude",
    "--test-coverage-functions",
    "--test-coverage-include",
    "--test-coverage-lines",
    "--test-global-setup",
    "--test-isolation",
    "--test-name-pattern",
    "--test-random-seed",
    "--test-reporter",
    "--test-reporter-destination",
    "--test-rerun-failures",
    "--test-shard",
    "--test-skip-pattern",
    "--test-timeout",
    "--title",
    "--tls-cipher-list",
    "--tls-keylog",
    "--trace-event-categories",
    "--trace-event-file-pattern",
    "--trace-require-module",
    "--unhandled-rejections",
    "--use-largepages",
    "--v8-pool-size",
    "--vfs-load",
    "--vfs-mount",
    "--watch-kill-signal",
    "--watch-path",
    "-C",
    "-r",
];

/// Options after which there is no script: code on the command line, a package script, tests.
const WITHOUT_SCRIPT: [&str; 7] = ["--eval", "--print", "--run", "--test", "-e", "-p", "-pe"];

/// What the words of a Node command come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The words without the permission switch.
    pub argv: Vec<OsString>,
    /// The script, as written.
    pub script: Option<Script>,
    /// Environment files, as written; `true` for one that may be missing.
    pub env_files: Vec<(PathBuf, bool)>,
}

/// The script of a Node command.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// As written.
    pub path: PathBuf,
    /// False when an option before it is unknown and might have taken the word as its value.
    pub sure: bool,
}

/// Holds the words of a command against what Node may be told.
///
/// # Errors
/// The first word that would widen or switch off the permissions.
pub fn check(argv: &[OsString], inspector: bool) -> Result<Checked, NodeError> {
    let mut checked =
        Checked { argv: argv.iter().take(1).cloned().collect(), ..Checked::default() };
    let (mut scriptless, mut sure) = (false, true);
    let mut at = 1;
    while let Some(word) = argv.get(at) {
        at += 1;
        let bytes = word.as_bytes();
        if bytes == b"--" || bytes == b"-" || !bytes.starts_with(b"-") {
            if at == 2 && bytes == b"inspect" && !inspector {
                return Err(NodeError::Inspector("inspect".into()));
            }
            // Behind `--` stands the script, if no option has given code already.
            let script =
                if bytes == b"--" { argv.get(at) } else { Some(word).filter(|_| bytes != b"-") };
            checked.script =
                script.filter(|_| !scriptless).map(|path| Script { path: path.into(), sure });
            checked.argv.push(word.clone());
            break;
        }
        let (name, given) = split(word);
        refuse(&name, inspector)?;
        let takes_next = given.is_none() && takes_value(&name);
        let next = argv.get(at).filter(|next| takes_next && !next.as_bytes().starts_with(b"-"));
        let value = given.or_else(|| next.cloned());
        if matches!(name.as_str(), "--env-file" | "--env-file-if-exists") {
            let file = value.map(|value| (value.into(), name != "--env-file"));
            checked.env_files.extend(file);
        } else if !bytes.contains(&b'=') && !takes_next {
            sure = false;
        }
        scriptless |= WITHOUT_SCRIPT.contains(&name.as_str());
        if matches!(name.as_str(), "--permission" | "--experimental-permission") {
            continue;
        }
        checked.argv.push(word.clone());
        if let Some(next) = next {
            checked.argv.push(next.clone());
            at += 1;
        }
    }
    checked.argv.extend(argv.iter().skip(at).cloned());
    Ok(checked)
}

fn takes_value(name: &str) -> bool {
    WITH_VALUE.contains(&name) || matches!(name, "-e" | "-p" | "-pe")
}

/// Name and value of an option; Node reads `_` in a name as `-`.
fn split(word: &OsStr) -> (String, Option<OsString>) {
    let bytes = word.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..end]).replace('_', "-");
    let value = bytes.get(end + 1..).map(|value| OsStr::from_bytes(value).to_owned());
    (name, value)
}

fn refuse(name: &str, inspector: bool) -> Result<(), NodeError> {
    let owned = || name.to_owned();
    if name.starts_with("--allow-") || name.starts_with("--no-allow-") {
        return Err(NodeError::PermissionFlag(owned()));
    }
    match name {
        "--no-permission" | "--no-experimental-permission" | "--permission-audit" => {
            Err(NodeError::Weakening(owned()))
        }
        "--experimental-config-file" | "--experimental-default-config-file" => {
            Err(NodeError::ConfigurationFile(owned()))
        }
        "--tls-keylog" => Err(NodeError::RevealsKeys(owned())),
        _ if !inspector && (name.starts_with("--inspect") || name.starts_with("--debug")) => {
            Err(NodeError::Inspector(owned()))
        }
        _ => Ok(()),
    }
}

/// Words of a command that is not Node itself, such as `env` or a shell, must not switch the
/// verification of certificates off for the Node they start: no other layer would notice.
///
/// # Errors
/// The first word that does.
pub fn check_words(argv: &[OsString]) -> Result<(), NodeError> {
    for word in argv.iter().skip(1) {
        if word.to_string_lossy().split(UNVERIFIED).skip(1).any(|rest| rest.starts_with('=')) {
            return Err(NodeError::SkipsVerification(UNVERIFIED));
        }
    }
    Ok(())
}

/// The option with which a Node command takes versions of TLS that RFC 8996 forbids.
#[must_use]
pub fn old_tls(checked: &Checked) -> Option<String> {
    let script = checked.script.as_ref().map(|script| script.path.as_os_str());
    let options = checked.argv.iter().skip(1).take_while(|word| Some(word.as_os_str()) != script);
    let mut names = options.map(|word| split(word).0);
    names.find(|name| matches!(name.as_str(), "--tls-min-v1.0" | "--tls-min-v1.1"))
}

/// Node accepts every certificate when this is 0.
pub(crate) const UNVERIFIED: &str = "NODE_TLS_REJECT_UNAUTHORIZED";

/// Environment files must not set what the boundary refuses: Node obeys `NODE_OPTIONS` in them.
///
/// # Errors
/// A file that cannot be read or sets a refused variable.
pub fn check_env_files(files: &[(PathBuf, bool)], cwd: &Path) -> Result<(), NodeError> {
    for (file, optional) in files {
        let path = cwd.join(file);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if *optional && error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(NodeError::EnvironmentFileUnreadable(path, error)),
        };
        let text = String::from_utf8_lossy(&bytes);
        for line in text.lines() {
            let line = line.trim_start();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, _)) = line.split_once('=') else { continue };
            // Node trims and unquotes generously; a name is refused in every spelling of it.
            let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if let Some(why) = environment::refused(name) {
                return Err(NodeError::EnvironmentFile {
                    path,
                    variable: name.into(),
                    why: why.words(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn script(command: &[&str]) -> Option<(String, bool)> {
        let checked = check(&words(command), false).unwrap();
        checked.script.map(|script| (script.path.display().to_string(), script.sure))
    }

    fn refused(command: &[&str]) -> String {
        check(&words(command), false).unwrap_err().to_string()
    }

    #[test]
    fn the_table_of_options_is_sorted() {
        assert!(WITH_VALUE.is_sorted());
    }

    #[test]
    fn the_script_is_found_behind_options_and_their_values() {
        assert_eq!(script(&["node", "a.js", "--inspect"]), Some(("a.js".into(), true)));
        assert_eq!(
            script(&["node", "-r", "./x", "--import=y", "a.js"]),
            Some(("a.js".into(), true))
        );
        assert_eq!(script(&["node", "--enable-source-maps", "a.js"]), Some(("a.js".into(), false)));
        assert_eq!(script(&["node", "--", "-odd.js"]), Some(("-odd.js".into(), true)));
        for none in [
            &["node"][..],
            &["node", "-e", "0", "x"],
            &["node", "-p", "1"],
            &["node", "--test", "a.js"],
            &["node", "-"],
        ] {
            assert_eq!(script(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_widens_or_switches_off_is_refused_in_every_spelling() {
        let lines = [
            refused(&["node", "--allow-fs-read=*", "a.js"]),
            refused(&["node", "--allow_net", "a.js"]),
            refused(&["node", "-e", "0", "--no-permission"]),
            refused(&["node", "--permission-audit", "a.js"]),
            refused(&["node", "--experimental-default-config-file", "a.js"]),
            refused(&["node", "--experimental_config_file", "x.json", "a.js"]),
            refused(&["node", "--inspect-brk=0", "a.js"]),
            refused(&["node", "inspect", "a.js"]),
            refused(&["node", "--tls_keylog=/tmp/keys", "a.js"]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        --allow-fs-read in the command: grants come from the boundary file
        --allow-net in the command: grants come from the boundary file
        --no-permission switches Node's permissions off
        --permission-audit switches Node's permissions off
        --experimental-default-config-file lets a file change Node's permissions
        --experimental-config-file lets a file change Node's permissions
        --inspect-brk opens the inspector, which process.inspector does not grant
        inspect opens the inspector, which process.inspector does not grant
        --tls-keylog writes the keys of TLS connections to a file
        ");
    }

    #[test]
    fn the_permission_switch_is_taken_out_and_the_rest_is_kept() {
        let checked =
            check(&words(&["node", "--permission", "-r", "x", "a.js", "--permission"]), false);
        assert_eq!(checked.unwrap().argv, words(&["node", "-r", "x", "a.js", "--permission"]));
        let all = words(&["node", "--inspect", "--", "a.js", "--allow-net"]);
        assert_eq!(check(&all, true).unwrap().argv, all);
    }

    #[test]
    fn a_command_around_node_may_not_switch_verification_off() {
        let refused = |command: &[&str]| check_words(&words(command)).is_err();
        assert!(refused(&["env", "NODE_TLS_REJECT_UNAUTHORIZED=0", "node", "a.js"]));
        assert!(refused(&["sh", "-c", "export NODE_TLS_REJECT_UNAUTHORIZED=0; node a.js"]));
        assert!(!refused(&["env", "NODE_ENV=production", "node", "a.js"]));
        assert!(!refused(&["grep", "NODE_TLS_REJECT_UNAUTHORIZED", "file"]));
    }

    #[test]
    fn old_versions_of_tls_are_noticed_before_the_script_only() {
        let old = |command: &[&str]| old_tls(&check(&words(command), false).unwrap());
        assert_eq!(old(&["node", "--tls-min-v1.0", "a.js"]).as_deref(), Some("--tls-min-v1.0"));
        assert_eq!(old(&["node", "a.js", "--tls-min-v1.0"]), None);
        assert_eq!(old(&["node", "--tls-min-v1.2", "a.js"]), None);
    }

    #[test]
    fn an_environment_file_may_not_set_node_options() {
        let folder = tempfile::tempdir().unwrap();
        let files = [(PathBuf::from(".env"), false)];
        fs::write(folder.path().join(".env"), "A=1\n# NODE_OPTIONS is not set\nB=2\n").unwrap();
        assert!(check_env_files(&files, folder.path()).is_ok());
        for line in
            ["NODE_OPTIONS=--x", "  export NODE_OPTIONS = '--x'", "\u{feff}NODE_OPTIONS=--x"]
        {
            fs::write(folder.path().join(".env"), format!("A=1\n{line}\n")).unwrap();
            assert!(check_env_files(&files, folder.path()).is_err(), "{line}");
        }
        fs::remove_file(folder.path().join(".env")).unwrap();
        assert!(check_env_files(&files, folder.path()).is_err());
        assert!(check_env_files(&[(PathBuf::from(".env"), true)], folder.path()).is_ok());
    }
}
