//! `ringfence tls watch`

use super::report::findings as shown;
use super::{Reach, Subject, now, read};
use crate::error::{CommandError, Finish, Kind};
use crate::format::Format;
use crate::printer::{Printer, Style};
use crate::settings;
use ringfence_crypto::tls::{
    Expected, Finding, Item, Level, Options, Thresholds, Trust, examine, inspect, items,
};
use ringfence_policy::display::untrusted;
use ringfence_policy::time;
use ringfence_project::whole;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Servers that are asked at the same time.
const AT_ONCE: usize = 8;
/// Most targets.
const MOST: usize = 1000;
/// Shortest time between two rounds.
const SHORTEST: Duration = Duration::from_secs(10);

/// Check servers and files for monitoring: how long is left, and what is wrong
///
/// One round ends with the exit code that monitoring systems take: 0 in order, 1 warning, 2
/// critical, 3 unknown. With --every it goes on until it is stopped, and what goes wrong after the
/// first round is told as an error of its round. What clients would refuse is critical, other findings
/// are a warning.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// Servers and files
    #[arg(value_name = "HOST:PORT|FILE", required_unless_present = "targets")]
    given: Vec<String>,
    /// A file with more of them, one a line; # begins a comment
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    targets: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
    /// Less time left than this is a warning
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    #[arg(value_parser = ringfence_policy::duration)]
    warn: Duration,
    /// Less time left than this is critical
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    #[arg(value_parser = ringfence_policy::duration)]
    critical: Duration,
    /// Go on, with a round every so often, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = ringfence_policy::duration)]
    every: Option<Duration>,
    /// Write the result of each round for Prometheus' text file collector; the file is replaced whole
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    prom: Option<PathBuf>,
    /// human, or json: an event a line for each target
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// What came of one target; an event of its own.
#[derive(Debug, Serialize)]
struct Watched {
    schema: u32,
    event: &'static str,
    time: String,
    target: String,
    level: Level,
    seconds_left: Option<i64>,
    not_after: Option<String>,
    error: Option<String>,
    findings: Vec<Finding>,
    #[serde(skip)]
    ends: Option<i64>,
}

impl Watch {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let subjects = self.subjects()?;
        if self.critical > self.warn {
            let message = "--critical must not be longer than --warn";
            return Err(CommandError::new(Kind::Usage, message));
        }
        if self.every.is_some_and(|every| every < SHORTEST) {
            return Err(CommandError::new(Kind::Usage, "--every must be at least 10s"));
        }
        // Nobody sends: what is waited for is the time.
        let (_sender, never) = mpsc::channel::<()>();
        // What fails from the start is a mistake of the command line, and later one of that round.
        let mut first = true;
        loop {
            // Authorities change too while a watch goes on.
            let watched = match self.reach.trust() {
                Ok(trust) => self.round(&subjects, &trust),
                Err(error) if first => return Err(error),
                Err(error) => self.without_trust(&subjects, &error),
            };
            self.tell(&watched, printer)?;
            match self.prom.as_ref().map_or(Ok(()), |path| publish(path, &watched)) {
                Err(error) if first => return Err(error),
                Err(error) => error.print(printer),
                Ok(()) => {}
            }
            first = false;
            let Some(every) = self.every else {
                let level = watched.iter().fold(Level::Ok, |worst, one| worst.worse(one.level));
                return Ok(finish(level));
            };
            printer.flush()?;
            if printer.is_closed() {
                return Ok(Finish::Clean);
            }
            let _ = never.recv_timeout(every);
        }
    }

    fn subjects(&self) -> Result<Vec<Subject>, CommandError> {
        let mut lines = self.given.clone();
        if let Some(path) = &self.targets {
            let text = settings::source(path.clone())?.text;
            let line = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
            lines.extend(text.lines().map(line).filter(|line| !line.is_empty()));
        }
        lines.sort();
        lines.dedup();
        if lines.is_empty() || lines.len() > MOST {
            let message = format!("between 1 and {MOST} targets can be watched");
            return Err(CommandError::new(Kind::Usage, message));
        }
        lines.iter().map(|line| Subject::read(line)).collect()
    }

    /// All targets once, some at the same time, in their order.
    fn round(&self, subjects: &[Subject], trust: &Trust) -> Vec<Watched> {
        let mut watched = Vec::with_capacity(subjects.len());
        for some in subjects.chunks(AT_ONCE) {
            thread::scope(|scope| {
                let started: Vec<_> =
                    some.iter().map(|subject| scope.spawn(|| self.one(subject, trust))).collect();
                let lost = || Outcome::Unknown("the check ended early".to_owned());
                for (subject, thread) in some.iter().zip(started) {
                    let outcome = thread.join().unwrap_or_else(|_| lost());
                    watched.push(self.judged(subject, outcome));
                }
            });
        }
        watched
    }

    /// A round in which nothing can be held against anything.
    fn without_trust(&self, subjects: &[Subject], error: &CommandError) -> Vec<Watched> {
        let unknown = || Outcome::Unknown(error.message().to_owned());
        subjects.iter().map(|subject| self.judged(subject, unknown())).collect()
    }

    fn one(&self, subject: &Subject, trust: &Trust) -> Outcome {
        match subject {
            Subject::Server(target) => {
                let options = Options {
                    name: None,
                    alpn: None,
                    starttls: self.reach.starttls.map(Into::into),
                    timeout: self.reach.timeout,
                    old_protocols: false,
                    expected: Expected { trust: Some(trust.clone()), ..Expected::default() },
                };
                match inspect(target, &options) {
                    Ok(seen) => Outcome::Seen { ends: seen.ends(), findings: seen.findings },
                    Err(error) => Outcome::Failed(error.to_string()),
                }
            }
            Subject::File(path) => self.file(path, trust).unwrap_or_else(Outcome::Unknown),
        }
    }

    fn file(&self, path: &Path, trust: &Trust) -> Result<Outcome, String> {
        let bytes = read(path).map_err(|error| error.message().to_owned())?;
        let parts = items(&bytes).map_err(|error| error.to_string())?;
        let trust = self.reach.ca.is_some().then(|| trust.clone());
        let (findings, _) = examine(&parts, &Expected { trust, ..Expected::default() });
        let ends = parts.iter().filter_map(|part| match part {
            Item::Certificate(certificate) => Some(certificate.not_after),
            _ => None,
        });
        let ends = Some(ends.min().ok_or("there is no certificate in it")?);
        Ok(Outcome::Seen { ends, findings })
    }

    fn judged(&self, subject: &Subject, outcome: Outcome) -> Watched {
        let thresholds = Thresholds { warn: self.warn, critical: self.critical };
        let now = now();
        let (level, ends, error, findings) = match outcome {
            Outcome::Failed(error) => (Level::Critical, None, Some(error), Vec::new()),
            Outcome::Unknown(error) => (Level::Unknown, None, Some(error), Vec::new()),
            Outcome::Seen { ends, findings } => {
                let mut level = ends.map_or(Level::Critical, |ends| thresholds.level(ends - now));
                for finding in &findings {
                    let broken = finding.code.is_refused_by_clients();
                    level = level.worse(if broken { Level::Critical } else { Level::Warning });
                }
                (level, ends, None, findings)
            }
        };
        Watched {
            schema: 1,
            event: "tls-certificate",
            time: time::written(now),
            target: subject.shown(),
            level,
            seconds_left: ends.map(|ends| ends - now),
            not_after: ends.map(time::written),
            error,
            findings,
            ends,
        }
    }

    fn tell(&self, watched: &[Watched], printer: &mut Printer) -> Result<(), CommandError> {
        if self.format == Format::Human {
            printer.text(&human(watched, printer));
            return Ok(());
        }
        for one in watched {
            let line = serde_json::to_string(one).map_err(|error| {
                CommandError::new(Kind::Internal, "cannot write an event").caused_by(&error)
            })?;
            printer.text(&format!("{line}\n"));
        }
        Ok(())
    }
}

/// What a check came to.
enum Outcome {
    Seen {
        ends: Option<i64>,
        findings: Vec<Finding>,
    },
    /// The server does not do its work.
    Failed(String),
    /// It could not be looked at.
    Unknown(String),
}

const fn finish(level: Level) -> Finish {
    match level {
        Level::Ok => Finish::Clean,
        Level::Warning => Finish::Findings,
        Level::Critical => Finish::Program(Level::Critical.code()),
        Level::Unknown => Finish::Unenforceable,
    }
}

/// The worst first, in one line: monitoring systems show that one.
fn human(watched: &[Watched], printer: &Printer) -> String {
    let level = watched.iter().fold(Level::Ok, |worst, one| worst.worse(one.level));
    let count = |level| watched.iter().filter(|one| one.level == level).count();
    let mut text = format!("tls {}:", painted(level, printer));
    for level in [Level::Critical, Level::Unknown, Level::Warning, Level::Ok] {
        if count(level) > 0 {
            let _ = write!(text, " {} {}", count(level), level.id());
        }
    }
    text.push('\n');
    for one in watched {
        let what = match (&one.error, one.seconds_left, &one.not_after) {
            (Some(error), _, _) => error.clone(),
            (None, Some(left), Some(until)) if left >= 0 => {
                format!("{} days left, until {until}", left / 86_400)
            }
            (None, _, Some(until)) => format!("over since {until}"),
            _ => "no certificate".to_owned(),
        };
        let level = painted(one.level, printer);
        let _ = writeln!(text, "{level} {}: {}", untrusted(&one.target), untrusted(&what));
        if !one.findings.is_empty() {
            for line in shown(&one.findings, printer).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

fn painted(level: Level, printer: &Printer) -> String {
    let style = match level {
        Level::Ok => Style::Good,
        Level::Warning | Level::Unknown => Style::Warning,
        Level::Critical => Style::Bad,
    };
    printer.paint(style, level.id())
}

/// Replaces the file, so that nobody collects half of a round.
fn publish(path: &Path, watched: &[Watched]) -> Result<(), CommandError> {
    whole::write(path, metrics(watched).as_bytes(), Some(0o644)).map_err(|error| {
        CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
            .caused_by(&error)
            .hint("its folder must exist and be writable")
    })
}

/// The text format of Prometheus.
fn metrics(watched: &[Watched]) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, value: &dyn Fn(&Watched) -> Option<i64>| {
        let _ = writeln!(text, "# HELP ringfence_tls_{name} {help}");
        let _ = writeln!(text, "# TYPE ringfence_tls_{name} gauge");
        for one in watched {
            if let Some(value) = value(one) {
                let target = label(&one.target);
                let _ = writeln!(text, "ringfence_tls_{name}{{target=\"{target}\"}} {value}");
            }
        }
    };
    metric("up", "Whether a certificate was seen.", &|one| Some(one.error.is_none().into()));
    metric("not_after_seconds", "When the first certificate of the chain ends.", &|one| one.ends);
    metric("findings", "How many things are wrong with it.", &|one| {
        one.error.is_none().then(|| i64::try_from(one.findings.len()).unwrap_or(i64::MAX))
    });
    metric("level", "0 in order, 1 warning, 2 critical, 3 unknown.", &|one| {
        Some(one.level.code().into())
    });
    let checked = now();
    let _ = writeln!(text, "# HELP ringfence_tls_checked_seconds When this was written.");
    let _ = writeln!(text, "# TYPE ringfence_tls_checked_seconds gauge");
    let _ = writeln!(text, "ringfence_tls_checked_seconds {checked}");
    text
}

/// A value between quotes.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
