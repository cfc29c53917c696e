//! What a script tried and was refused, and which of it ends the install.
//!
//! The boundary has refused all of it already. Programs look for many files that need not be there, so
//! reading what the system keeps for everybody is told and goes on; a connection, a name that is looked
//! up, a file of a home or of the project that is not shown, and writing anywhere outside are the
//! end.

use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::Layer;
use ringfence_policy::secret_files;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tried {
    /// Reaching the limit of memory or of processes.
    Limit,
    /// Looking whether a file is there.
    Look,
    /// A connection, a name, a datagram.
    Network,
    /// Starting a program.
    Program,
    /// Reading a file.
    Read,
    /// Writing, making, renaming or removing a file.
    Write,
}

/// A refused attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Attempt {
    /// Of what kind.
    pub tried: Tried,
    /// On what: an address, a name, a path. From outside: show it escaped.
    pub what: String,
    /// Whether it ended the install.
    pub stops: bool,
}

/// Where programs look by themselves, and nothing secret lies under an ordinary name.
const SYSTEM: [&str; 13] = [
    "/bin/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/lib/",
    "/lib64/",
    "/opt/",
    "/proc/",
    "/run/",
    "/sbin/",
    "/sys/",
    "/usr/",
    "/var/lib/",
];

/// How the engine begins to say that something is not there because nothing shows it.
const HIDDEN: &str = "no grant shows it";

/// Where `prebuild-install` looks for its settings each time, as endings of paths: nothing is there inside.
const SETTINGS: [&str; 4] = [
    "/.config/prebuild-install",
    "/.config/prebuild-install/config",
    "/.prebuild-install/config",
    "/.prebuild-installrc",
];

/// What is no file of anybody.
const NOWHERE: [&str; 3] = ["/dev/", "/proc/", "/sys/"];

/// Judges an event; `None` where nothing was refused. `trees` are the places of `node_modules`: on the
/// host the old tree may still be there, and what is missing in the new one was not refused.
pub(super) fn judge(event: &Event, trees: &[PathBuf]) -> Option<Attempt> {
    if event.kind != Kind::Denial || event.told_by_service {
        return None;
    }
    let what = event.resource.as_str();
    let is_hidden = event.layer == Layer::Namespaces && event.reason.starts_with(HIDDEN);
    if is_hidden && trees.iter().any(|tree| Path::new(what).starts_with(tree)) {
        return None;
    }
    let (tried, stops) = match event.action {
        Action::Bind
        | Action::Connect
        | Action::Listen
        | Action::Resolve
        | Action::Socket
        | Action::UdpSend
        | Action::UnixConnect => (Tried::Network, true),
        Action::Change => (Tried::Write, !is_below(what, &NOWHERE)),
        Action::Open => (Tried::Read, is_secret(what)),
        Action::Look => (Tried::Look, false),
        Action::Exec => (Tried::Program, false),
        Action::Limit => (Tried::Limit, true),
        Action::Signal => (Tried::Program, true),
        Action::Drop | Action::Inspect | Action::Load | Action::Start | Action::Worker => {
            return None;
        }
    };
    Some(Attempt { tried, what: what.to_owned(), stops })
}

/// All attempts of a run, each once, those that end it first.
pub(super) fn all(events: &[Event], trees: &[PathBuf]) -> Vec<Attempt> {
    let judged = events.iter().filter_map(|event| judge(event, trees));
    let mut attempts: Vec<Attempt> = judged.collect();
    attempts.sort_by(|one, other| other.stops.cmp(&one.stops).then_with(|| one.cmp(other)));
    attempts.dedup();
    attempts
}

fn is_below(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether reading a file is the end. A manifest is looked for in all folders above, and settings of
/// the tool that fetches prebuilt addons in the home.
fn is_secret(path: &str) -> bool {
    if secret_files::holds(path).is_some() {
        return true;
    }
    let is_looked_for =
        path.ends_with("/package.json") || SETTINGS.iter().any(|ending| path.ends_with(ending));
    !is_below(path, &SYSTEM) && !is_looked_for
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: Action, what: &str) -> Event {
        Event::new(Kind::Denial, "", "", Layer::Broker, action, what)
    }

    #[test]
    fn homes_secrets_the_network_and_writing_outside_end_an_install() {
        for (action, what) in [
            (Action::Connect, "127.0.0.1:80"),
            (Action::Resolve, "evil.example"),
            (Action::UdpSend, "192.0.2.1:53"),
            (Action::Open, "/home/u/.npmrc"),
            (Action::Open, "/root/notes.txt"),
            (Action::Open, "/etc/ssl/private/server.key"),
            (Action::Open, "/srv/app/.env"),
            (Action::Change, "/home/u/.bashrc"),
            (Action::Change, "/usr/lib/node_modules/x/index.js"),
            (Action::Change, "/srv/app/package.json"),
        ] {
            assert!(judge(&event(action, what), &[]).unwrap().stops, "{action:?} {what}");
        }
    }

    #[test]
    fn what_programs_look_for_by_themselves_is_told_and_goes_on() {
        for (action, what) in [
            (Action::Open, "/etc/gitconfig"),
            (Action::Open, "/home/u/package.json"),
            (Action::Open, "/home/u/.config/prebuild-install/config"),
            (Action::Open, "/home/u/.prebuild-installrc"),
            (Action::Look, "/home/u/.npmrc"),
            (Action::Change, "/proc/self/oom_score_adj"),
            (Action::Exec, "/tmp/x"),
        ] {
            assert!(!judge(&event(action, what), &[]).unwrap().stops, "{action:?} {what}");
        }
        let mut told = event(Action::Open, "/home/u/x");
        told.told_by_service = true;
        assert_eq!(judge(&told, &[]), None, "a script's own word is no evidence");
    }
    #[test]
    fn what_only_the_old_tree_has_was_not_refused_and_writing_the_new_one_was() {
        let trees = [PathBuf::from("/srv/app/node_modules")];
        let mut open = event(Action::Open, "/srv/app/node_modules/a/build/x");
        open.layer = Layer::Namespaces;
        open.reason = format!("{HIDDEN}: it does not exist inside");
        assert_eq!(judge(&open, &trees), None);
        open.resource = "/srv/app/node_modules2/x".to_owned();
        assert!(judge(&open, &trees).unwrap().stops);
        let mut write = event(Action::Change, "/srv/app/node_modules/b/index.js");
        write.layer = Layer::Namespaces;
        write.reason = "no grant lets the service write there".to_owned();
        assert!(judge(&write, &trees).unwrap().stops);
    }
}
