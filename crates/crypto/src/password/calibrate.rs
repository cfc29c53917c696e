//! What hashing costs on this machine, measured as a server meets it.
//!
//! Logins arrive whether earlier ones are done or not, so that waiting counts: a closed loop would
//! hide it. Before and after, equal hashes are timed one by one; where these differ much, or the
//! control group was throttled meanwhile, there is no result, because a figure that flatters is worse
//! than none.

use super::{Hasher, HasherOptions, PasswordError, Scheme};
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
/// Arrivals of each trial.
const ARRIVALS: u32 = 60;
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
    /// As in a PHC string.
    pub parameters: String,
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
    let cores = quota().unwrap_or_else(cores);
    let at_once = at_once.unwrap_or_else(|| whole(cores));
    let before = throttled();
    told("timing equal hashes");
    let spread = control()?;
    let mut measured = Vec::new();
    for scheme in TRIED {
        told(&format!("measuring {}", parameters(&scheme)));
        measured.push(measure(scheme, at_once)?);
    }
    let spread = spread.max(control()?);
    if throttled() != before {
        return Err(Obstacle::Throttled);
    }
    if spread > MOST_SPREAD {
        return Err(Obstacle::Noisy(spread));
    }
    Ok(Calibration { schema: 1, at_once, cores, spread, measured })
}

fn hasher(policy: Scheme, at_once: usize) -> Result<Hasher, PasswordError> {
    let waiting = usize::try_from(ARRIVALS).unwrap_or(usize::MAX);
    let options = HasherOptions { policy, at_once, waiting, attempts: None, ..Default::default() };
    Hasher::new(options)
}

/// How much the median of equal hashes is above the fastest, as a part of it.
fn control() -> Result<f64, PasswordError> {
    let hasher = hasher(Scheme::OWASP, 1)?;
    let mut times = Vec::with_capacity(CONTROL);
    for _ in 0..CONTROL {
        let began = Instant::now();
        hasher.hash(b"calibration")?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let (fastest, median) = (at(&times, 0.0), at(&times, 0.5));
    Ok(if fastest > 0.0 { median / fastest - 1.0 } else { f64::INFINITY })
}

fn measure(scheme: Scheme, at_once: usize) -> Result<Measured, PasswordError> {
    let hasher = hasher(scheme, at_once)?;
    let rate = LOAD * throughput(&hasher, at_once)?;
    let between = Duration::from_secs_f64(1.0 / rate.max(0.01));
    let (times, began) = (Mutex::new(Vec::new()), Instant::now());
    let (failed, failures) = mpsc::channel();
    let mut late = Duration::ZERO;
    std::thread::scope(|scope| {
        for arrival in 0..ARRIVALS {
            let due = began + between * arrival;
            wait_until(due);
            late = late.max(due.elapsed());
            let (times, hasher, failed) = (&times, &hasher, failed.clone());
            scope.spawn(move || match hasher.hash(b"calibration") {
                Ok(_) => {
                    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                    times.push(due.elapsed().as_secs_f64() * 1000.0);
                }
                Err(error) => drop(failed.send(error)),
            });
        }
    });
    if let Ok(error) = failures.try_recv() {
        return Err(error);
    }
    let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.sort_by(f64::total_cmp);
    let memory = scheme.memory() * u64::try_from(at_once).unwrap_or(u64::MAX);
    Ok(Measured {
        parameters: parameters(&scheme),
        p50_ms: at(&times, 0.5),
        p99_ms: at(&times, 0.99),
        logins: ARRIVALS,
        safe_per_second: rate,
        memory_mib: memory / 1024,
    })
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

/// The processor's quota of this control group in cores, version 2 and then version 1; `None` when
/// there is none.
fn quota() -> Option<f64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    if let Some(text) = read("/sys/fs/cgroup/cpu.max") {
        let (quota, period) = text.trim().split_once(' ')?;
        return Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?);
    }
    let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?.trim().parse::<f64>().ok()?;
    let period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?.trim().parse::<f64>().ok()?;
    (quota > 0.0).then(|| quota / period)
}

/// How often the control group was stopped by its quota.
fn throttled() -> Option<u64> {
    let paths = ["/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"];
    let text = paths.iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    let count = text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?;
    count.trim().parse().ok()
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
}
