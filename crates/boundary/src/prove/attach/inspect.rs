//! What can be seen of the live service from outside, against its plan.
//!
//! One check for each thing, with what was seen. A mismatch is `open`; what may not be read is
//! `inconclusive`, and never passes for held. Landlock rules and the contents of filters cannot be
//! read from outside; that a filter is on every process can.

use super::root;
use super::running::{self, AttachError, Running};
use crate::plan::Plan;
use crate::prove::{ProveRequest, Verdict};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Stable id.
    pub check: &'static str,
    /// What should be so.
    pub expects: &'static str,
    /// `blocked` when it is so, `open` when it is not.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
}

/// What one look found: what was seen, and whether it is as it should be.
pub type Finding = Result<String, Mismatch>;

/// Why a look did not find what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is otherwise.
    Otherwise(String),
    /// It cannot be read.
    Unread(String),
}

/// A process of the service, as `/proc` shows it.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) status: String,
}

impl Check {
    pub(super) fn of(check: &'static str, expects: &'static str, found: Finding) -> Self {
        let (verdict, seen) = match found {
            Ok(seen) => (Verdict::Blocked, seen),
            Err(Mismatch::Otherwise(seen)) => (Verdict::Open, seen),
            Err(Mismatch::Unread(why)) => (Verdict::Inconclusive, why),
        };
        Self { check, expects, verdict, seen }
    }
}

/// Looks at the live service.
pub(super) fn inspect(
    running: &Running,
    plan: &Plan,
    request: &ProveRequest<'_>,
) -> Result<Vec<Check>, AttachError> {
    let processes = processes(running)?;
    let each = |look: &dyn Fn(&Process) -> Finding| every(&processes, look);
    let check = Check::of;
    Ok(vec![
        check("live-boundary", "the running boundary is this file", Ok(hash(running))),
        check("live-program", "the program is the planned one", program(running, plan)),
        check("live-identity", "every process has the planned ids", each(&|p| identity(p, plan))),
        check("live-capabilities", "no process has a capability", each(&capabilities)),
        check("live-privileges", "no process can gain privileges", each(&privileges)),
        check("live-filter", "a filter is on every process", each(&filter)),
        check(
            "live-namespaces",
            "one set of namespaces, none of them ours",
            namespaces(&processes),
        ),
        check(
            "live-root",
            "every mount is granted, and no wider than granted",
            root::mounts(running, plan),
        ),
        check("live-descriptors", "no file from outside is open", each(&root::descriptors)),
        check("live-limits", "limits are the planned ones", limits(running, plan)),
        check(
            "live-groups",
            "control groups have the planned limits",
            super::root::groups(running, plan),
        ),
        check(
            "live-environment",
            "no variable but the granted ones",
            environment(running, plan, request),
        ),
    ])
}

/// Whether the service went on while it was attacked.
pub(super) fn still_there(running: &Running) -> Check {
    let found = match running::start_time(running.program) {
        Some(started) if started == running.started => {
            Ok(format!("process {} still runs", running.program))
        }
        _ => Err(Mismatch::Otherwise(format!("process {} has ended meanwhile", running.program))),
    };
    Check::of("live-undisturbed", "the service runs on", found)
}

/// A field of `/proc/PID/status`.
pub(super) fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The program and everything that runs in its pid namespace but its first process, which is ours.
fn processes(running: &Running) -> Result<Vec<Process>, AttachError> {
    let link = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let theirs = link(running.program).map_err(|error| running.denied(error.into()))?;
    let shared = link(std::process::id()).is_ok_and(|own| own == theirs);
    let all = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_service = |pid: &u32| {
        *pid == running.program || !shared && link(*pid).is_ok_and(|found| found == theirs)
    };
    let found = pids.filter(of_service).filter_map(|pid| {
        let status = running::status(pid)?;
        let first = field(&status, "NSpid")
            .is_some_and(|ids| ids.split_whitespace().count() > 1 && ids.ends_with("\t1"));
        (!first).then_some(Process { pid, status })
    });
    Ok(found.collect())
}

/// The first that is not as it should be, or what was seen of all.
fn every(processes: &[Process], look: &dyn Fn(&Process) -> Finding) -> Finding {
    let mut seen = BTreeSet::new();
    for process in processes {
        seen.insert(look(process).map_err(|found| match found {
            Mismatch::Otherwise(what) => {
                Mismatch::Otherwise(format!("process {}: {what}", process.pid))
            }
            unread @ Mismatch::Unread(_) => unread,
        })?);
    }
    let seen: Vec<String> = seen.into_iter().collect();
    match processes.len() {
        0 => Err(Mismatch::Unread("no process of the service can be seen".to_owned())),
        1 => Ok(seen.join("; ")),
        count => Ok(format!("{count} processes: {}", seen.join("; "))),
    }
}

fn hash(running: &Running) -> String {
    running.boundary.chars().take(16).collect()
}

fn program(running: &Running, plan: &Plan) -> Finding {
    use std::os::unix::fs::MetadataExt;
    let link = format!("/proc/{}/exe", running.program);
    let object = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (object(Path::new(&link)), object(&plan.program.path)) {
        (Ok(live), Ok(planned)) if live == planned => Ok(plan.program.path.display().to_string()),
        (Ok(_), Ok(_)) => {
            let shown = fs::read_link(&link).unwrap_or_default();
            Err(Mismatch::Otherwise(format!("it runs {}", shown.display())))
        }
        (Err(error), _) | (_, Err(error)) => Err(Mismatch::Unread(error.to_string())),
    }
}

fn identity(process: &Process, plan: &Plan) -> Finding {
    let id = &plan.identity;
    let ids = |name: &str| -> Vec<u32> {
        let text = field(&process.status, name).unwrap_or_default();
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    let (users, groups, more) = (ids("Uid"), ids("Gid"), ids("Groups"));
    let seen = format!("user {users:?}, group {groups:?}, groups {more:?}");
    let right = users.len() == 4
        && users.iter().all(|user| *user == id.uid)
        && groups.iter().all(|group| *group == id.gid)
        && more.iter().all(|group| *group == id.gid || id.groups.contains(group));
    // Groups that an unprivileged caller could not give up are its own.
    if right || !id.switch && users == [id.uid; 4] && groups == [id.gid; 4] {
        Ok(format!("user {}, group {}", id.uid, id.gid))
    } else {
        Err(Mismatch::Otherwise(seen))
    }
}

fn capabilities(process: &Process) -> Finding {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = field(&process.status, set).unwrap_or_default();
        if value.is_empty() || value.bytes().any(|byte| byte != b'0') {
            return Err(Mismatch::Otherwise(format!("{set} {value}")));
        }
    }
    Ok("all five sets are empty".to_owned())
}

fn privileges(process: &Process) -> Finding {
    match field(&process.status, "NoNewPrivs") {
        Some("1") => Ok("no_new_privs is set".to_owned()),
        other => Err(Mismatch::Otherwise(format!("NoNewPrivs {}", other.unwrap_or("is missing")))),
    }
}

fn filter(process: &Process) -> Finding {
    let count = field(&process.status, "Seccomp_filters").unwrap_or("?");
    match field(&process.status, "Seccomp") {
        Some("2") => Ok(format!("mode 2, {count} filters")),
        other => Err(Mismatch::Otherwise(format!("Seccomp {}", other.unwrap_or("is missing")))),
    }
}

fn namespaces(processes: &[Process]) -> Finding {
    let link = |pid: &str, kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    for kind in ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"] {
        let mut first = None;
        for process in processes {
            let Some(found) = link(&process.pid.to_string(), kind) else {
                return Err(Mismatch::Unread(format!("{kind} of {}", process.pid)));
            };
            if link("self", kind).is_some_and(|own| own == found) {
                let what = format!("process {} shares the host's {kind} namespace", process.pid);
                return Err(Mismatch::Otherwise(what));
            }
            if first.get_or_insert_with(|| found.clone()) != &found {
                let what = format!("process {} has another {kind} namespace", process.pid);
                return Err(Mismatch::Otherwise(what));
            }
        }
    }
    Ok("user, mnt, pid, ipc, uts, net and cgroup".to_owned())
}

fn limits(running: &Running, plan: &Plan) -> Finding {
    let table = fs::read_to_string(format!("/proc/{}/limits", running.program))
        .map_err(|error| Mismatch::Unread(error.to_string()))?;
    let hard = |name: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let wanted = [
        ("Max core file size", Some(1)),
        ("Max open files", plan.limits.open_files.as_ref().map(|limit| limit.value)),
        ("Max file size", plan.limits.file_size.as_ref().map(|limit| limit.value)),
    ];
    let mut seen = Vec::new();
    for (name, wanted) in wanted {
        let Some(wanted) = wanted else { continue };
        let found = hard(name).unwrap_or_default();
        if found.parse::<u64>().is_ok_and(|found| found <= wanted) {
            seen.push(format!("{name} {found}"));
        } else {
            return Err(Mismatch::Otherwise(format!("{name} {found} instead of {wanted}")));
        }
    }
    Ok(seen.join(", "))
}

/// Names the control channel of a Node program.
const CONTROL: &str = "RINGFENCE_CONTROL";

/// Names only: values may be secrets.
fn environment(running: &Running, plan: &Plan, request: &ProveRequest<'_>) -> Finding {
    /// What a service manager hands over.
    const MANAGER: [&str; 4] = ["LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET"];
    let bytes = fs::read(format!("/proc/{}/environ", running.program))
        .map_err(|error| Mismatch::Unread(error.to_string()))?;
    let name = |entry: &[u8]| {
        let name = entry.split(|byte| *byte == b'=').next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    };
    let found: BTreeSet<String> =
        bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).map(name).collect();
    let mut granted: BTreeSet<String> =
        plan.env.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    granted.extend(request.boundary.env.pass.iter().map(|name| name.value.clone()));
    granted.extend(MANAGER.map(str::to_owned));
    // As the statement says: Node asks about its boundary by it, and nobody else receives it.
    granted.extend(plan.program.node.is_some().then(|| CONTROL.to_owned()));
    only_granted(&found, &granted)
}

/// No name but the granted ones.
fn only_granted(found: &BTreeSet<String>, granted: &BTreeSet<String>) -> Finding {
    match found.iter().find(|name| !granted.contains(*name) && !is_channel(name)) {
        Some(other) => Err(Mismatch::Otherwise(format!("{other} is not granted"))),
        None if found.contains(CONTROL) => {
            Ok(format!("{} variables, {CONTROL} among them", found.len()))
        }
        None => Ok(format!("{} variables", found.len())),
    }
}

/// What Node hands to a child for its own channel.
fn is_channel(name: &str) -> bool {
    name.starts_with("NODE_CHANNEL_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tnode\nUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nGroups:\t\n\
                          CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
                          CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n\
                          CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n\
                          Seccomp_filters:\t1\n";

    fn process(status: &str) -> Process {
        Process { pid: 1, status: status.to_owned() }
    }

    fn is_open(found: &Finding) -> bool {
        matches!(found, Err(Mismatch::Otherwise(_)))
    }

    #[test]
    fn what_is_as_it_should_be_is_held() {
        let held = process(STATUS);
        assert!(capabilities(&held).is_ok() && privileges(&held).is_ok() && filter(&held).is_ok());
        assert!(every(&[held], &filter).is_ok());
    }

    #[test]
    fn what_is_otherwise_or_not_told_is_open() {
        for (from, to) in [
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400"),
            ("CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff"),
            ("CapAmb:\t0000000000000000\n", ""),
        ] {
            assert!(is_open(&capabilities(&process(&STATUS.replace(from, to)))), "{to}");
        }
        let gains = process(&STATUS.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"));
        assert!(is_open(&privileges(&gains)));
        let bare = process(&STATUS.replace("Seccomp:\t2", "Seccomp:\t0"));
        assert!(is_open(&filter(&bare)));
        assert!(is_open(&every(&[process(STATUS), bare], &filter)));
        assert!(is_open(&filter(&process(""))));
    }

    #[test]
    fn the_control_channel_is_named_where_it_is_granted_and_open_where_it_is_not() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let found: BTreeSet<String> = names(&["PATH", CONTROL]);
        let seen = only_granted(&found, &found).unwrap();
        assert_eq!(seen, "2 variables, RINGFENCE_CONTROL among them");
        assert!(is_open(&only_granted(&found, &names(&["PATH"]))));
    }

    #[test]
    fn a_service_of_which_nothing_can_be_seen_is_not_held() {
        assert!(matches!(every(&[], &filter), Err(Mismatch::Unread(_))));
        let check = Check::of("live-filter", "", Err(Mismatch::Unread("EACCES".to_owned())));
        assert_eq!(check.verdict, Verdict::Inconclusive);
    }
}
