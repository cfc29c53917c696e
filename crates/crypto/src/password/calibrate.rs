//! What hashing costs on this machine, measured as a server meets it.
//!
//! Logins arrive whether earlier ones are done or not, at random moments as independent users do, so
//! that waiting counts: a closed loop would hide it. Before and after, equal hashes are timed in every
//! place; where these differ much, had to wait for the processor, or the control group was throttled
//! meanwhile, there is no result, because a figure that flatters is worse than none. A machine that is
//! busy at the start is told so at once.

use super::quota::{self, Groups};
use super::{Hasher, HasherOptions, PasswordError, Scheme};
use crate::random;
use aws_lc_rs::digest::{SHA256, digest};
use ringfence_policy::display::hex;
use serde::Serialize;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Parameters that are tried: OWASP's minimum and what is dearer.
const TRIED: [Scheme; 4] = [
    Scheme::OWASP,
    Scheme::Argon2id { memory: 46 * 1024, passes: 1, lanes: 1 },
    Scheme::Argon2id { memory: 64 * 1024, passes: 3, lanes: 1 },
    Scheme::Argon2id { memory: 128 * 1024, passes: 3, lanes: 1 },
];
/// Equal hashes in a control.
const CONTROL: usize = 12;
/// By how much the slower half of a control may be slower than the fastest.
const MOST_SPREAD: f64 = 0.5;
/// Part of a control's time that may be spent waiting for the processor.
const MOST_WAITING: f64 = 0.1;
/// The same of a trial, in which arrivals interrupt those that compute.
const MOST_WAITING_IN_TRIAL: f64 = 0.2;
/// Arrivals of each trial: so many that the 99th of 100 is not the worst one.
const ARRIVALS: u32 = 200;
/// Part of what the machine can do that arrives.
const LOAD: f64 = 0.7;

/// Why there are no figures.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Obstacle {
    /// The control group's quota stopped this process while it measured.
    #[error("the processor was throttled by its control group")]
    Throttled,
    /// Equal hashes took too different times.
    #[error("equal hashes differ by {:.0} %: the machine is busy", .0 * 100.0)]
    Noisy(f64),
    /// Something else used the processor while hashes were computed.
    #[error("hashes waited {:.0} % of their time for the processor: something else uses it", .0 * 100.0)]
    Busy(f64),
    /// Hashing failed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Version of the form: 1.
    pub schema: u32,
    /// Hashes at once.
    pub at_once: usize,
    /// Cores, or the quota of the control group.
    pub cores: f64,
    /// How much the slower half of equal hashes was slower than the fastest.
    pub spread: f64,
    /// One line for each set of parameters.
    pub measured: Vec<Measured>,
}

/// One set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Algorithm and cost in words.
    pub parameters: String,
    /// What a PHC string of these begins with.
    pub phc: String,
    /// SHA-256 of [`Measured::phc`], 12 hexadecimal digits: tells policies apart in logs and
    /// deployments at a glance.
    pub policy: String,
    /// Half of the logins took no longer, waiting included, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 logins took no longer; with [`Measured::logins`] of them.
    pub p99_ms: f64,
    /// How many logins the figures are from.
    pub logins: u32,
    /// Logins a second that the machine took in this trial.
    pub safe_per_second: f64,
    /// Memory of all hashes at once.
    pub memory_mib: u64,
}

/// Measures; `told` hears what is being done.
///
/// # Errors
/// [`Obstacle`].
pub fn calibrate(
    at_once: Option<usize>,
    mut told: impl FnMut(&str),
) -> Result<Calibration, Obstacle> {
    let groups = Groups::own();
    let cores = groups.cores().map_or_else(cores, |quota| quota.min(cores()));
    let at_once = at_once.unwrap_or_else(|| whole(cores));
    let before = groups.throttled();
    told("timing equal hashes");
    let mut spread = control(at_once, cores)?;
    let mut measured = Vec::new();
    for scheme in TRIED {
        told(&format!("measuring {}", parameters(&scheme)));
        measured.push(measure(scheme, at_once)?);
        if groups.throttled() != before {
            return Err(Obstacle::Throttled);
        }
    }
    told("timing equal hashes again");
    spread = spread.max(control(at_once, cores)?);
    if groups.throttled() != before {
        return Err(Obstacle::Throttled);
    }
    Ok(Calibration { schema: 1, at_once, cores, spread, measured })
}

fn hasher(policy: Scheme, at_once: usize) -> Result<Hasher, PasswordError> {
    let waiting = usize::try_from(ARRIVALS).unwrap_or(usize::MAX);
    let options = HasherOptions { policy, at_once, waiting, attempts: None, ..Default::default() };
    Hasher::new(options)
}

/// How much the median of equal hashes is above the fastest, as a part of it: as many at once as there
/// are cores for, so that none has a reason to wait.
fn control(at_once: usize, cores: f64) -> Result<f64, Obstacle> {
    let threads = at_once.min(whole(cores));
    let hasher = hasher(Scheme::OWASP, threads)?;
    let one = || -> Result<(Vec<f64>, f64), PasswordError> {
        // The first has its memory to get.
        hasher.hash(b"calibration")?;
        let before = quota::ran_and_waited();
        let mut times = Vec::with_capacity(CONTROL);
        for _ in 0..CONTROL {
            let began = Instant::now();
            hasher.hash(b"calibration")?;
            times.push(began.elapsed().as_secs_f64());
        }
        let both = before.zip(quota::ran_and_waited());
        let waiting = both.map_or(0.0, |((ran, waited), (ran_then, waited_then))| {
            part(ran_then.saturating_sub(ran), waited_then.saturating_sub(waited))
        });
        Ok((times, waiting))
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let (mut times, mut waiting) = (Vec::new(), 0.0_f64);
    for result in results {
        let (some, waited) = result?;
        times.extend(some);
        waiting = waiting.max(waited);
    }
    if waiting > MOST_WAITING {
        return Err(Obstacle::Busy(waiting));
    }
    times.sort_by(f64::total_cmp);
    let (fastest, median) = (at(&times, 0.0), at(&times, 0.5));
    let spread = if fastest > 0.0 { median / fastest - 1.0 } else { f64::INFINITY };
    if spread > MOST_SPREAD { Err(Obstacle::Noisy(spread)) } else { Ok(spread) }
}

/// Which part of its time somebody waited for the processor.
fn part(ran: Duration, waited: Duration) -> f64 {
    waited.as_secs_f64() / (ran + waited).as_secs_f64().max(f64::MIN_POSITIVE)
}

/// One login of a trial.
struct Login {
    /// From its arrival to its answer.
    took: Duration,
    /// On a processor, and waiting for one.
    ran: Duration,
    waited: Duration,
}

fn measure(scheme: Scheme, at_once: usize) -> Result<Measured, Obstacle> {
    let hasher = hasher(scheme, at_once)?;
    let rate = LOAD * throughput(&hasher, at_once)?;
    let moments = arrivals(rate.max(0.01))?;
    let (logins, began) = (Mutex::new(Vec::new()), Instant::now());
    let (failed, failures) = mpsc::channel();
    std::thread::scope(|scope| {
        for moment in moments {
            let due = began + moment;
            wait_until(due);
            let (logins, hasher, failed) = (&logins, &hasher, failed.clone());
            scope.spawn(move || match hasher.hash(b"calibration") {
                Ok(_) => {
                    let took = due.elapsed();
                    let (ran, waited) = quota::ran_and_waited().unwrap_or_default();
                    let mut logins = logins.lock().unwrap_or_else(PoisonError::into_inner);
                    logins.push(Login { took, ran, waited });
                }
                Err(error) => drop(failed.send(error)),
            });
        }
    });
    if let Ok(error) = failures.try_recv() {
        return Err(error.into());
    }
    let logins = logins.into_inner().unwrap_or_else(PoisonError::into_inner);
    let waiting =
        part(logins.iter().map(|one| one.ran).sum(), logins.iter().map(|one| one.waited).sum());
    if waiting > MOST_WAITING_IN_TRIAL {
        return Err(Obstacle::Busy(waiting));
    }
    let mut times: Vec<f64> = logins.iter().map(|one| one.took.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    let memory = scheme.memory() * u64::try_from(at_once).unwrap_or(u64::MAX);
    let phc = phc(&scheme);
    Ok(Measured {
        parameters: parameters(&scheme),
        policy: policy(&phc),
        phc,
        p50_ms: at(&times, 0.5),
        p99_ms: at(&times, 0.99),
        logins: ARRIVALS,
        safe_per_second: rate,
        memory_mib: memory / 1024,
    })
}

/// When logins arrive, at this many a second: independent of one another (a Poisson process).
fn arrivals(rate: f64) -> Result<Vec<Duration>, PasswordError> {
    let mut moment = 0.0;
    (0..ARRIVALS)
        .map(|_| {
            let number = u32::from_le_bytes(random::bytes::<4>()?);
            let part = (f64::from(number) + 1.0) / (f64::from(u32::MAX) + 2.0);
            moment += -part.ln() / rate;
            Ok(Duration::from_secs_f64(moment))
        })
        .collect()
}

/// Hashes a second with all places taken.
fn throughput(hasher: &Hasher, at_once: usize) -> Result<f64, PasswordError> {
    const EACH: u32 = 4;
    // Once for the memory, which is new at first.
    let round = |times: u32| -> Result<(), PasswordError> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once)
                .map(|_| {
                    scope.spawn(|| {
                        (0..times).try_for_each(|_| hasher.hash(b"calibration").map(drop))
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
        })
    };
    round(1)?;
    let began = Instant::now();
    round(EACH)?;
    let count = f64::from(EACH) * f64::from(u32::try_from(at_once).unwrap_or(u32::MAX));
    Ok(count / began.elapsed().as_secs_f64())
}

/// Waits for a moment: nobody ever sends.
fn wait_until(due: Instant) {
    let (_sender, receiver) = mpsc::channel::<()>();
    let _ = receiver.recv_timeout(due.saturating_duration_since(Instant::now()));
}

/// The value below which this part of sorted values lies.
fn at(sorted: &[f64], part: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let index = ((sorted.len() as f64 * part).ceil() as usize).saturating_sub(1);
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn parameters(scheme: &Scheme) -> String {
    match scheme {
        Scheme::Argon2id { memory, passes, lanes } => {
            format!("argon2id m={memory},t={passes},p={lanes}")
        }
        Scheme::Scrypt { log_n, r, p } => format!("scrypt ln={log_n},r={r},p={p}"),
    }
}

fn cores() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    f64::from(u32::try_from(cores).unwrap_or(1))
}

fn whole(cores: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few cores")]
    let whole = cores.floor() as usize;
    whole.max(1)
}

/// What a PHC string with these parameters begins with.
fn phc(scheme: &Scheme) -> String {
    match scheme {
        Scheme::Argon2id { memory, passes, lanes } => {
            format!("$argon2id$v=19$m={memory},t={passes},p={lanes}")
        }
        Scheme::Scrypt { log_n, r, p } => format!("$scrypt$ln={log_n},r={r},p={p}"),
    }
}

fn policy(phc: &str) -> String {
    let digest = digest(&SHA256, phc.as_bytes());
    hex(digest.as_ref().get(..6).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((at(&hundred, 0.5), at(&hundred, 0.99), at(&hundred, 0.0)), (50.0, 99.0, 1.0));
        assert_eq!((at(&[7.0], 0.99), at(&[], 0.5)), (7.0, 0.0));
    }

    #[test]
    fn logins_arrive_at_the_rate_that_was_asked_for_and_not_evenly() {
        let moments = arrivals(1000.0).unwrap();
        assert!(moments.is_sorted());
        let whole = moments.last().unwrap().as_secs_f64();
        // Eight standard deviations around 0.2 s.
        assert!((0.08..0.32).contains(&whole), "{whole}");
        let gap = |pair: &[Duration]| pair[1].saturating_sub(pair[0]);
        let gaps: Vec<_> = moments.windows(2).map(gap).collect();
        assert!(gaps.iter().max() > gaps.iter().min());
    }

    #[test]
    fn a_policy_is_named_by_what_its_hashes_begin_with() {
        let phc = phc(&Scheme::OWASP);
        assert_eq!(phc, "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(policy(&phc).len(), 12);
        assert_ne!(policy(&phc), policy("$argon2id$v=19$m=19456,t=3,p=1"));
    }
}
