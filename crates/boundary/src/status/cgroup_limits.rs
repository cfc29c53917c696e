//! Which limits control groups can carry here, by setting each on a group made for it.
//!
//! Whether a controller is there, belongs to version 1 or 2, is handed on and may be written to is
//! decided in five different places of a host; making a group asks all of them. The groups are
//! empty and removed at once. Where version 2 demands it, this process moves into a child group
//! for that moment and back.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;
use ringfence_sys::Errno;
use ringfence_sys::cgroup::{self, Cause, CgroupError, Controller, Group, Limits};
use std::sync::atomic::{AtomicU32, Ordering};

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "cgroup-limits", layer: Layer::Cgroup, run };
/// Freezing and killing a whole service.
pub(super) const TREE: Probe = Probe { id: "cgroup-tree", layer: Layer::Cgroup, run: tree };

/// The prefix of every group this program makes, by which the next start finds forgotten ones.
const PREFIX: &str = "ringfence";

const NONE: Limits = Limits { memory: None, pids: None, cpu: None };
/// Limits that limit nothing: only whether they can be set is asked.
const TRIALS: [(Controller, Limits); 3] = [
    (Controller::Memory, Limits { memory: Some(1 << 40), ..NONE }),
    (Controller::Pids, Limits { pids: Some(1 << 20), ..NONE }),
    (Controller::Cpu, Limits { cpu: Some(1.0), ..NONE }),
];

fn run(facts: &Facts) -> Finding {
    let tried = TRIALS.map(|(controller, limits)| (controller, make(&limits).map(drop)));
    judge(&tried, facts)
}

fn tree(_: &Facts) -> Finding {
    match make(&NONE) {
        Ok(true) => Finding::good("services can be frozen and killed as a whole"),
        // Not a gap: the end of the first process of a pid namespace kills all of them.
        _ => Finding::good("services are killed as a whole by their pid namespace"),
    }
}

/// Makes a group and removes it; answers whether it could be frozen and killed as a whole.
fn make(limits: &Limits) -> Result<bool, CgroupError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let trial = format!("status-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let name = cgroup::own_name(PREFIX, &trial).map_err(|errno| CgroupError {
        controller: Controller::Tree,
        why: Cause::File { file: "/proc/self/stat".into(), errno },
    })?;
    let mut group = Group::create(&name, limits)?;
    let has_tree = group.has_tree();
    group.remove()?;
    Ok(has_tree)
}

fn judge(tried: &[(Controller, Result<(), CgroupError>)], facts: &Facts) -> Finding {
    let works = |(controller, result): &(Controller, Result<(), _>)| {
        result.is_ok().then(|| controller.name())
    };
    let working: Vec<&str> = tried.iter().filter_map(works).collect();
    let errors: Vec<&CgroupError> =
        tried.iter().filter_map(|(_, result)| result.as_ref().err()).collect();
    let Some(first) = errors.first() else {
        return Finding::good(format!("{} can be limited", working.join(", ")));
    };
    let why = reasons(&errors);
    let finding = if working.is_empty() {
        Finding::absent(why)
    } else {
        Finding::partial(format!("{} can be limited; {why}", working.join(", ")))
    };
    finding.remedy(remedy(&first.why, facts))
}

/// What cannot be limited, those with the same cause together; which file refused is no matter.
fn reasons(errors: &[&CgroupError]) -> String {
    let mut causes: Vec<(String, Vec<&str>)> = Vec::new();
    for error in errors {
        let cause = match &error.why {
            Cause::File { errno, .. } => errno.to_string(),
            other => other.to_string(),
        };
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, controllers)) => controllers.push(error.controller.name()),
            None => causes.push((cause, vec![error.controller.name()])),
        }
    }
    let told = causes.into_iter().map(|(cause, of)| format!("not {}: {cause}", of.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

fn remedy(cause: &Cause, facts: &Facts) -> &'static str {
    const DELEGATE: &str = "start it in a group of its own: systemd-run --scope \
         --property=Delegate=yes ringfence run (with --user where you are not root)";
    match cause {
        Cause::File { errno: Errno(libc::EROFS), .. } => {
            "let the container's own runtime set the limits (docker run --memory, --cpus, \
             --pids-limit) and leave them out of [limits], or mount /sys/fs/cgroup writable"
        }
        Cause::Absent if facts.container.is_some() => {
            "let the container's own runtime set the limits (docker run --memory, --cpus, \
             --pids-limit) and leave them out of [limits]"
        }
        Cause::Absent => {
            "mount the hierarchy (mount -t cgroup2 cgroup2 /sys/fs/cgroup), or boot with \
             cgroup_enable=memory where the distribution switches it off"
        }
        Cause::File { .. } | Cause::Shared { .. } => DELEGATE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    fn judged(results: [Result<(), Cause>; 3]) -> Finding {
        let controllers = [Controller::Memory, Controller::Pids, Controller::Cpu];
        let tried: Vec<_> = controllers
            .into_iter()
            .zip(results)
            .map(|(controller, result)| {
                (controller, result.map_err(|why| CgroupError { controller, why }))
            })
            .collect();
        judge(&tried, &Facts::default())
    }

    fn refused(errno: i32) -> Cause {
        Cause::File { file: "/sys/fs/cgroup/x".into(), errno: Errno(errno) }
    }

    #[test]
    fn one_missing_controller_is_partial_and_all_are_absent() {
        let some = judged([Ok(()), Ok(()), Err(Cause::Absent)]);
        assert!(matches!(some.answer, Answer::Partial(_)));
        assert!(some.seen.starts_with("memory, pids can be limited; not cpu: "), "{}", some.seen);
        let none = judged([const { Err(Cause::Absent) }; 3]);
        assert!(matches!(none.answer, Answer::Absent(_)));
    }

    #[test]
    fn a_group_that_is_not_delegated_is_told_from_a_read_only_one() {
        let undelegated = judged([Err(refused(libc::EACCES)), Ok(()), Ok(())]);
        assert!(undelegated.remedies[0].contains("Delegate=yes"));
        let read_only = judged([Err(refused(libc::EROFS)), Ok(()), Ok(())]);
        assert!(read_only.remedies[0].contains("docker run --memory"));
    }
}
