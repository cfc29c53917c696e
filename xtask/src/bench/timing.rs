//! Whether the time of a comparison tells where the first difference is: dudect (Reparaz, Balasch,
//! Verbauwhede, 2017).
//!
//! Two classes of inputs, mixed at random, differ from what is right in the first byte or in the last.
//! Welch's t-test asks whether their times have different means, over all measurements and over those
//! below several quantiles, because what interrupts a measurement is not what is asked about. A
//! comparison that leaves at the first difference is measured the same way: where it is not found out,
//! nothing else that was measured means anything. What is not found here may still be there: a leak
//! below the noise of this machine, or of another kind.

use crate::addon;
use crate::bench::report::{Bound, Limit, Report};
use crate::bench::runner::pinned;
use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::printer::{say, step, table};
use crate::process;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Below this no difference is found.
const NONE: f64 = 4.5;
/// Above this one is.
const FOUND: f64 = 10.0;
/// How often what is between is measured again: a difference that is there stays.
const AGAIN: u32 = 3;
/// Quantiles of the crops beside the whole: 1/2, 3/4, 7/8 and so on.
const CROPS: i32 = 10;
/// Measurements of one subject.
const NATIVE: usize = 1_000_000;
const IN_NODE: usize = 300_000;
/// CPU that measures.
const MEASURED: u32 = 0;
const PATIENCE: Duration = Duration::from_mins(5);

/// What is measured, by the name that it is asked for; whether in Node; whether it is the mistake that
/// must be found.
const SUBJECTS: [(&str, &str, bool, bool); 6] = [
    ("a comparison that leaves early, |t|", "control", false, true),
    ("secret_equals, |t|", "secret-equals", false, false),
    ("token verification, |t|", "token", false, false),
    ("webhook verification, |t|", "webhook", false, false),
    ("in Node: leaves early, |t|", "control", true, true),
    ("in Node: secretEquals, |t|", "secret-equals", true, false),
];

/// Measures every subject; fails when the mistake is not found or another difference is.
pub(crate) fn run() -> Result<(), Failure> {
    step("Building");
    let native = build()?;
    addon::build(addon::Profile::Published)?;
    let newest = npm::NODE_VERSIONS[npm::NODE_VERSIONS.len() - 1];
    let Some(node) = npm::node(newest)? else {
        let remedy = "run `cargo xtask setup`".to_owned();
        return Err(Failure::Missing { what: format!("Node {newest}"), remedy });
    };
    let mut report = Report::default();
    let heading = ["", "measurements", "median ns, first", "last", "|t| each time"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut broken = Vec::new();
    for (name, subject, in_node, mistake) in SUBJECTS {
        let mut tries = Vec::new();
        let mut medians = (0.0, 0.0);
        let count = if in_node { IN_NODE } else { NATIVE };
        while tries.len() < AGAIN as usize && tries.last().is_none_or(|t| (NONE..FOUND).contains(t))
        {
            let mut command =
                if in_node { in_node_command(&node.path) } else { process::command(&native) };
            if !in_node {
                command.arg("timing");
            }
            command.args([subject, &count.to_string()]);
            let samples = Samples::read(&mut pinned(&command, MEASURED))?;
            medians = samples.medians();
            tries.push(samples.largest());
        }
        let t = tries.iter().copied().fold(f64::INFINITY, f64::min);
        let (bound, held) = if mistake {
            (Bound::AtLeast(FOUND), t > FOUND)
        } else {
            (Bound::AtMost(NONE), t < NONE)
        };
        if !held {
            broken.push(name);
        }
        let tries: Vec<String> = tries.iter().map(|t| format!("{t:.1}")).collect();
        let (first, last) = (format!("{:.0}", medians.0), format!("{:.0}", medians.1));
        rows.push(vec![name.to_owned(), count.to_string(), first, last, tries.join(", ")]);
        report.limit(Limit { name, measured: Some(t), bound, noisy: false });
    }
    step("Time by the place of the first difference");
    table(&rows);
    say(format!("no difference is found below {NONE}, one is above {FOUND}"));
    report.close("timing")?;
    if broken.is_empty() { Ok(()) } else { Err(Failure::NotHeld(broken.join("; "))) }
}

/// Builds the program that measures.
pub(crate) fn build() -> Result<std::path::PathBuf, Failure> {
    let mut command = places::cargo();
    command.args(["build", "--quiet", "--release", "-p", "ringfence-benches"]);
    process::show_success(&mut command)?;
    Ok(places::target()?.join("release/ringfence-measure"))
}

fn in_node_command(node: &Path) -> Command {
    let mut command = process::command(node);
    command.arg(places::root().join("benches/timing.mjs"));
    command
}

/// Nanoseconds by class.
#[derive(Debug, Default)]
struct Samples {
    first: Vec<f64>,
    last: Vec<f64>,
}

impl Samples {
    /// Runs a program that prints `CLASS NANOSECONDS` on each line.
    fn read(command: &mut Command) -> Result<Self, Failure> {
        let said = process::run(command, b"", PATIENCE)?.success("the measuring program")?;
        let mut samples = Self::default();
        for line in said.stdout.lines() {
            match line.split_once(' ').and_then(|(class, nanos)| Some((class, nanos.parse().ok()?)))
            {
                Some(("0", nanos)) => samples.first.push(nanos),
                Some(("1", nanos)) => samples.last.push(nanos),
                _ => return Err(Failure::NotHeld(format!("no measurement: {line:?}"))),
            }
        }
        Ok(samples)
    }

    fn medians(&self) -> (f64, f64) {
        let median = |numbers: &[f64]| {
            let mut sorted = numbers.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or_default()
        };
        (median(&self.first), median(&self.last))
    }

    /// The largest |t| of the whole and of all crops.
    fn largest(&self) -> f64 {
        let mut all: Vec<f64> = self.first.iter().chain(&self.last).copied().collect();
        all.sort_by(f64::total_cmp);
        let mut largest = welch(&self.first, &self.last).abs();
        for crop in 1..=CROPS {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a list of a million"
            )]
            let place = (all.len() as f64 * (1.0 - 0.5_f64.powi(crop))) as usize;
            let Some(&most) = all.get(place) else { continue };
            let below = |numbers: &[f64]| -> Vec<f64> {
                numbers.iter().copied().filter(|number| *number <= most).collect()
            };
            largest = largest.max(welch(&below(&self.first), &below(&self.last)).abs());
        }
        largest
    }
}

/// Welch's t of two samples; 0 where there is nothing to tell them apart by.
fn welch(left: &[f64], right: &[f64]) -> f64 {
    if left.len() < 2 || right.len() < 2 {
        return 0.0;
    }
    let ((left_mean, left_error), (right_mean, right_error)) = (spread(left), spread(right));
    let error = (left_error + right_error).sqrt();
    if error > 0.0 { (left_mean - right_mean) / error } else { 0.0 }
}

/// Mean, and the square of its standard error.
fn spread(numbers: &[f64]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a million numbers")]
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (mean, squares / (count - 1.0) / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_is_what_welch_defined() {
        // Means 3 and 6, variances 2.5 and 10, five of each: (3 - 6) / sqrt(0.5 + 2).
        let t = welch(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 4.0, 6.0, 8.0, 10.0]);
        assert!((t + 3.0 / 2.5_f64.sqrt()).abs() < 1e-12, "{t}");
        assert!(welch(&[1.0, 1.0], &[1.0, 1.0]).abs() < 1e-12);
    }

    #[test]
    fn a_difference_below_rare_long_measurements_is_found_by_cropping() {
        let mut samples = Samples::default();
        for number in 0..20_000_u32 {
            let noise = f64::from(number * 7919 % 13);
            let rare = if number % 97 == 0 { 1e6 * f64::from(number % 7) } else { 0.0 };
            samples.first.push(200.0 + noise + rare);
            samples.last.push(201.0 + noise + rare);
        }
        assert!(welch(&samples.first, &samples.last).abs() < NONE);
        assert!(samples.largest() > FOUND);
        // Control: the same times in both classes are told apart by nothing.
        samples.last = samples.first.clone();
        assert!(samples.largest() < NONE);
    }
}
