//! Numbers, their medians and ratios, as a table and as JSON.

use crate::bench::runner::Runner;
use crate::failure::Failure;
use crate::places;
use crate::printer::{say, step, table};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Measurements of one kind: for each runner one number a round.
#[derive(Debug, Default)]
pub(crate) struct Series {
    rate: bool,
    rounds: BTreeMap<Runner, Vec<f64>>,
}

impl Series {
    /// Measurements where more is better.
    pub(crate) fn rate() -> Self {
        Self { rate: true, ..Self::default() }
    }

    /// Adds the number of one round.
    pub(crate) fn add(&mut self, runner: Runner, number: f64) {
        self.rounds.entry(runner).or_default().push(number);
    }

    fn of(&self, runner: Runner) -> &[f64] {
        self.rounds.get(&runner).map_or(&[], Vec::as_slice)
    }

    /// Median over the rounds.
    pub(crate) fn median(&self, runner: Runner) -> Option<f64> {
        median(self.of(runner))
    }

    /// The best round: what the machine gives when nothing else runs.
    pub(crate) fn best(&self, runner: Runner) -> Option<f64> {
        self.of(runner).iter().copied().reduce(if self.rate { f64::max } else { f64::min })
    }

    /// Ratio of the best rounds.
    pub(crate) fn best_ratio(&self, runner: Runner) -> Option<f64> {
        Some(self.best(runner)? / self.best(Runner::Bare)?)
    }

    /// Median of the ratios to bare, round by round.
    pub(crate) fn ratio(&self, runner: Runner) -> Option<f64> {
        let pairs = self.of(runner).iter().zip(self.of(Runner::Bare));
        median(&pairs.map(|(ours, bare)| ours / bare).collect::<Vec<_>>())
    }

    /// Median of the differences to bare, round by round.
    pub(crate) fn added(&self, runner: Runner) -> Option<f64> {
        let pairs = self.of(runner).iter().zip(self.of(Runner::Bare));
        median(&pairs.map(|(ours, bare)| ours - bare).collect::<Vec<_>>())
    }

    /// Lower and upper quartile of the ratios of the control: the noise.
    pub(crate) fn noise(&self) -> Option<(f64, f64)> {
        let pairs = self.of(Runner::Control).iter().zip(self.of(Runner::Bare));
        let mut ratios: Vec<f64> = pairs.map(|(again, bare)| again / bare).collect();
        ratios.sort_by(f64::total_cmp);
        Some((*ratios.get(ratios.len() / 4)?, *ratios.get(ratios.len() * 3 / 4)?))
    }

    fn runners(&self) -> impl Iterator<Item = Runner> {
        self.rounds.keys().copied()
    }
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// A figure that SPECIFICATION.md limits.
#[derive(Debug)]
pub(crate) struct Limit {
    /// What.
    pub(crate) name: &'static str,
    /// What was measured.
    pub(crate) measured: Option<f64>,
    /// What it is held against.
    pub(crate) bound: Bound,
    /// Whether the control differed from bare by more than 3 %, so that CPU time decides instead.
    pub(crate) noisy: bool,
}

/// A bound of a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Limit {
    fn verdict(&self) -> &'static str {
        let held = match (self.measured, self.bound) {
            (None, _) => return "not measured",
            (Some(measured), Bound::AtLeast(bound)) => measured >= bound,
            (Some(measured), Bound::AtMost(bound)) => measured <= bound,
        };
        match (held, self.noisy) {
            (true, _) => "held",
            (false, true) => "noise: CPU decides",
            (false, false) => "MISSED",
        }
    }
}

/// Collects what a run measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    series: Vec<(&'static str, &'static str, Series)>,
    limits: Vec<Limit>,
    not_run: Vec<String>,
    also: Vec<(&'static str, Value)>,
}

impl Report {
    /// Adds something to the JSON file alone.
    pub(crate) fn also(&mut self, key: &'static str, value: Value) {
        self.also.push((key, value));
    }

    /// Notes something that could not be measured here.
    pub(crate) fn not_run(&mut self, what: String) {
        self.not_run.push(what);
    }

    /// Adds a series and prints it.
    pub(crate) fn series(&mut self, name: &'static str, unit: &'static str, series: Series) {
        let cell = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), rounded);
        let heading =
            ["", "median", "of bare", "added", "best", "of bare's"].map(str::to_owned).to_vec();
        let mut rows = vec![heading];
        for runner in series.runners() {
            rows.push(vec![
                runner.name().to_owned(),
                cell(series.median(runner)),
                cell(series.ratio(runner)),
                cell(series.added(runner)),
                cell(series.best(runner)),
                cell(series.best_ratio(runner)),
            ]);
        }
        step(format!("{name}, {unit}"));
        table(&rows);
        if let Some((low, high)) = series.noise() {
            say(format!(
                "noise (bare again / bare, quartiles): {} to {}",
                rounded(low),
                rounded(high)
            ));
        }
        self.series.push((name, unit, series));
    }

    /// A series added before.
    pub(crate) fn find(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|(known, ..)| *known == name).map(|(.., series)| series)
    }

    /// Adds a limited figure.
    pub(crate) fn limit(&mut self, limit: Limit) {
        self.limits.push(limit);
    }

    /// Prints the limits and writes the JSON file of this area.
    pub(crate) fn close(self, area: &str) -> Result<(), Failure> {
        step("Against SPECIFICATION.md");
        let heading = ["", "measured", "limit", ""].map(str::to_owned).to_vec();
        let rows = self.limits.iter().map(|limit| {
            let bound = match limit.bound {
                Bound::AtLeast(bound) => format!(">= {}", rounded(bound)),
                Bound::AtMost(bound) => format!("<= {}", rounded(bound)),
            };
            vec![
                limit.name.to_owned(),
                limit.measured.map_or_else(|| "-".to_owned(), rounded),
                bound,
                limit.verdict().to_owned(),
            ]
        });
        table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
        for missing in &self.not_run {
            say(format!("not run: {missing}"));
        }
        let folder = places::target()?.join("bench");
        std::fs::create_dir_all(&folder).map_err(Failure::file("cannot create", &folder))?;
        let path = folder.join(format!("{area}.json"));
        let text = format!("{:#}\n", self.json());
        std::fs::write(&path, text).map_err(Failure::file("cannot write", &path))?;
        say(format!("\nwritten: {}", path.display()));
        Ok(())
    }

    fn json(&self) -> Value {
        let series = self.series.iter().map(|(name, unit, series)| {
            let runners: serde_json::Map<_, _> = series
                .runners()
                .map(|runner| {
                    let of = json!({
                        "median": series.median(runner),
                        "best": series.best(runner),
                        "best_ratio": series.best_ratio(runner),
                        "ratio": series.ratio(runner),
                        "added": series.added(runner),
                        "rounds": series.of(runner),
                    });
                    (runner.name().to_owned(), of)
                })
                .collect();
            json!({ "name": name, "unit": unit, "runners": runners })
        });
        let limits = self.limits.iter().map(|limit| {
            json!({
                "name": limit.name,
                "measured": limit.measured,
                "bound": match limit.bound {
                    Bound::AtLeast(bound) => json!({ "at_least": bound }),
                    Bound::AtMost(bound) => json!({ "at_most": bound }),
                },
                "verdict": limit.verdict(),
            })
        });
        let mut all = json!({
            "series": series.collect::<Vec<_>>(),
            "limits": limits.collect::<Vec<_>>(),
            "not_run": self.not_run,
        });
        for (key, value) in &self.also {
            all[*key] = value.clone();
        }
        all
    }
}

/// Three significant digits are all that such measurements have.
fn rounded(number: f64) -> String {
    match number.abs() {
        size if size >= 1000.0 => format!("{number:.0}"),
        size if size >= 100.0 => format!("{number:.1}"),
        size if size >= 10.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut series = Series::default();
        for (bare, ours) in [(10.0, 11.0), (100.0, 110.0), (1.0, 9.0)] {
            series.add(Runner::Bare, bare);
            series.add(Runner::Ringfence, ours);
        }
        assert_eq!(series.ratio(Runner::Ringfence).map(|ratio| (ratio * 10.0).round()), Some(11.0));
        assert_eq!(series.best(Runner::Bare), Some(1.0));
    }

    #[test]
    fn a_limit_is_held_at_its_edge() {
        let limit = |measured, bound| Limit { name: "x", measured, bound, noisy: false }.verdict();
        assert_eq!(limit(Some(5.0), Bound::AtMost(5.0)), "held");
        assert_eq!(limit(Some(5.0), Bound::AtLeast(5.0)), "held");
        assert_eq!(limit(Some(5.1), Bound::AtMost(5.0)), "MISSED");
        assert_eq!(limit(Some(4.9), Bound::AtLeast(5.0)), "MISSED");
        assert_eq!(limit(None, Bound::AtMost(5.0)), "not measured");
    }
}
