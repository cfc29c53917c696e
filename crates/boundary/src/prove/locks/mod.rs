//! The self-test: takes one lock after another away and asks whether a probe notices.
//!
//! A battery in which everything is blocked says nothing if nobody would see a lock missing. So each
//! lock is left out of a start of its own, in which only canaries are attacked, and the probes that
//! could notice are run with it and without it. Locks back each other up: where another one covers
//! the same attack, its twin is out of the way in both runs. A lock is noticed when a probe that is
//! blocked with it goes through without it; when the refusal is seen to come from elsewhere, which is
//! said apart; or when the service cannot even start without it.

mod bench;
mod report;
mod staged;
mod trials;

pub use report::{LockReport, Noticed, Noticing, SelfTest};

use super::attempt::{Attempt, Outcome};
use super::probe::Probe;
use super::probes::PROBES;
use super::report::Evidence;
use super::{Facts, ProveError, ProveRequest, Stage, live, secret_sources};
use crate::enforce::lock::Lock;
use bench::{Bench, Told};
use ringfence_sys::{landlock, seccomp};
use trials::{Removal, Rule, Trial, trials};

/// Takes each lock away in turn. Must be called while this process has a single thread; takes some
/// ten seconds. `progress` is told the lock that is tried and how many are left.
///
/// # Errors
/// The boundary does not fit this host, cannot be enforced here, or nothing can be staged.
pub fn self_test(
    request: &ProveRequest<'_>,
    progress: &mut dyn FnMut(&str, usize),
) -> Result<SelfTest, ProveError> {
    let plan = live::resolve(request, None, request.environment)?;
    let facts = Facts::of(&plan, request.file.to_owned(), secret_sources(request));
    let stage = Stage::set(&facts)?;
    let canaries = stage.environment().into_iter().map(|(name, value)| (name.into(), value.into()));
    let environment = request.environment.iter().cloned().chain(canaries).collect();
    let bench = Bench::set(request, &stage, environment)?;
    let all = trials();
    let baseline = bench.run(&[], None, &shared_probes(&all))?;
    let mut locks = Vec::with_capacity(all.len());
    for (index, trial) in all.iter().enumerate() {
        progress(&trial.removal.id(), all.len() - index);
        locks.push(match absent(trial.removal, &bench, &baseline) {
            Some(why) => LockReport::absent(trial, why),
            None => try_often(trial, &bench, &baseline),
        });
    }
    let evidence = Evidence::collect(request, &facts, &baseline.layers);
    Ok(SelfTest { schema: 1, evidence, locks })
}

/// The native probe with this id, of the battery or staged.
pub(super) fn probe_with_id(id: &str) -> Option<&'static Probe> {
    PROBES.iter().chain(staged::STAGED).find(|probe| probe.id == id)
}

/// Trials without twins share the run in which every lock is in place.
fn shares(trial: &Trial) -> bool {
    trial.twins.is_empty() && !trial.alone && group(trial).is_none()
}

fn shared_probes(trials: &[Trial]) -> Vec<String> {
    let mut probes: Vec<String> =
        trials.iter().filter(|trial| shares(trial)).flat_map(|t| t.probes.clone()).collect();
    probes.sort_unstable();
    probes.dedup();
    probes
}

/// A group of the filter shows by an error number of its own who refuses.
fn group(trial: &Trial) -> Option<&'static str> {
    match trial.removal {
        // What kills has no error number.
        Removal::Lock(Lock::Filter(name)) if !kills_or_allows(name) => Some(name),
        _ => None,
    }
}

fn kills_or_allows(group: &str) -> bool {
    group == seccomp::profile::ABI_GROUP || seccomp::profile::SOCKET_GROUPS.contains(&group)
}

/// A race is not won every time, and a busy host gives little processor time to be throttled: only
/// what nobody notices several times is missed.
fn try_often(trial: &Trial, bench: &Bench<'_>, baseline: &Told) -> LockReport {
    const TIMES: usize = 4;
    let mut report = try_without(trial, bench, baseline);
    for _ in 1..TIMES {
        if report.noticed != Noticed::No {
            break;
        }
        report = try_without(trial, bench, baseline);
    }
    report
}

fn try_without(trial: &Trial, bench: &Bench<'_>, baseline: &Told) -> LockReport {
    let marked = group(trial);
    let in_place = if shares(trial) && is_conclusive(trial, baseline) {
        Ok(baseline.attempts.clone())
    } else {
        bench.run(&trial.twins, marked, &trial.probes).map(|told| told.attempts)
    };
    let in_place = match in_place {
        Ok(attempts) => attempts,
        Err(error) => {
            return LockReport::unnoticed(trial, format!("it cannot be tried: {error}"));
        }
    };
    let away: Vec<Removal> = trial.twins.iter().copied().chain([trial.removal]).collect();
    let left_out = match bench.run(&away, marked, &trial.probes) {
        Ok(told) => told.attempts,
        Err(error) => return LockReport::start(trial, error.to_string()),
    };
    let of = |attempts: &std::collections::BTreeMap<String, Attempt>, id: &str| {
        attempts.get(id).cloned().unwrap_or_else(|| Attempt::nothing("it was not run"))
    };
    let probes = trial.probes.iter().filter_map(|id| {
        let probe = probe_with_id(id)?;
        Some(Noticing::of(probe, of(&in_place, id), of(&left_out, id)))
    });
    LockReport::judged(trial, probes.collect())
}

/// Whether the run in which every lock is in place said something of all probes of a trial.
fn is_conclusive(trial: &Trial, baseline: &Told) -> bool {
    let blocked = |id: &String| {
        let attempt = baseline.attempts.get(id);
        attempt.is_some_and(|attempt| matches!(attempt.outcome, Outcome::Failed))
    };
    trial.probes.iter().all(blocked)
}

/// Whether the probe met a refusal that it names, or one that the filter was told to give.
fn is_blocked(probe: &Probe, attempt: &Attempt) -> bool {
    attempt.outcome == Outcome::Failed
        && (probe.refusals.contains(&attempt.code.as_str())
            || attempt.errno == Some(seccomp::filter::MARK.0))
}

/// Why a lock does not exist on this host.
fn absent(removal: Removal, bench: &Bench<'_>, baseline: &Told) -> Option<String> {
    let layer = |id: &str| baseline.layers.iter().find(|answer| answer.layer == id);
    let missing = |id: &str| {
        let answer = layer(id).filter(|answer| answer.state == "absent")?;
        Some(format!("{id}: {}", answer.why.as_deref().unwrap_or("absent")))
    };
    let rights = landlock::rights_for(landlock::abi().unwrap_or_default());
    let unknown =
        |known: bool| (!known).then(|| "this kernel's Landlock does not know the right".to_owned());
    let namespaced = || missing("namespaces");
    match removal {
        Removal::Lock(lock) => match lock {
            Lock::LandlockFile(right) => unknown(rights.fs & right != 0),
            Lock::LandlockNet(right) => unknown(rights.net & right != 0),
            Lock::LandlockScope(scope) => unknown(rights.scope & scope != 0),
            Lock::Filter("abi") if cfg!(not(target_arch = "x86_64")) => {
                Some("this processor has no second table of system calls".to_owned())
            }
            Lock::Filter("obsolete") if cfg!(not(target_arch = "x86_64")) => {
                Some("this processor has none of these calls".to_owned())
            }
            Lock::Filter("shared-ipc") if namespaced().is_none() => {
                Some("the service has such objects of its own".to_owned())
            }
            Lock::CoreLimit => core_limit(),
            Lock::Groups | Lock::Identity if !bench.plan().identity.switch => {
                Some("the service runs as whoever starts it".to_owned())
            }
            Lock::BrokerAsked
            | Lock::BrokerCopies
            | Lock::BrokerExec
            | Lock::Descriptors
            | Lock::Filter(_)
            | Lock::Groups
            | Lock::Identity => None,
            Lock::ReadOnlySecrets => bench.lacks("secret_file").or_else(namespaced),
            Lock::PrivateTmp => bench.lacks("host_tmp_file").or_else(namespaced),
            Lock::PrivateSharedMemory => bench.lacks("shm_file").or_else(namespaced),
            _ => namespaced(),
        },
        Removal::Plan(rule) => match rule {
            Rule::CpuLimit | Rule::MemoryLimit | Rule::PidsLimit => missing("cgroup"),
            Rule::HiddenPaths | Rule::TmpLimit => namespaced(),
            _ => None,
        },
    }
}

fn core_limit() -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix("Max core file size"))?;
    let hard = line.split_whitespace().nth(1)?;
    matches!(hard, "0" | "1").then(|| format!("the caller's own limit is {hard}"))
}
