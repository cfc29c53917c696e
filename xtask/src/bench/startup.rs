//! Start-up: from spawning the runner to its end, for a program that does nothing.

use crate::bench::report::Series;
use crate::bench::runner::{Bench, Network, Runner};
use crate::failure::Failure;
use crate::process::Running;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Milliseconds of each runner and round. Runners a hundred times slower take part in every
/// fourth round only.
pub(crate) fn measure(bench: &Bench, words: &[String], rounds: u32) -> Result<Series, Failure> {
    let mut series = Series::default();
    for round in 0..=rounds {
        let turn = usize::try_from(round).unwrap_or(0) % bench.runners.len();
        for runner in bench.runners.iter().cycle().skip(turn).take(bench.runners.len()) {
            if *runner == Runner::Runsc && round % 4 != 1 {
                continue;
            }
            let mut command = bench.command(*runner, words, &Network::None)?;
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let begun = Instant::now();
            let mut running = Running::start(&mut command)?;
            let status = running.wait(Duration::from_secs(30))?;
            let millis = begun.elapsed().as_secs_f64() * 1e3;
            if !status.is_some_and(|status| status.success()) {
                return Err(Failure::NotHeld(format!("{} could not run {words:?}", runner.name())));
            }
            // The first round only warms the page cache.
            if round > 0 {
                series.add(*runner, millis);
            }
        }
    }
    Ok(series)
}
