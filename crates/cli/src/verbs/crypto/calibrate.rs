//! `ringfence crypto calibrate`

use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::Printer;
use crate::table::{self, Cell};
use ringfence_crypto::password::calibrate::{self, Calibration, Obstacle};

/// Measure what passwords may cost on this machine
///
/// Tries parameters at and above OWASP's minimum under open arrivals: logins come at 70 % of what the
/// machine can do, whether earlier ones are done or not. Prints latencies and safe logins a second
/// for each. Exits 3 when the processor is throttled or so busy that figures would mean nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Calibrate {
    /// How many are hashed at once; without it, the processor's quota or cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: Option<u16>,
    #[command(flatten)]
    format: FormatOption,
}

impl Calibrate {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let at_once = self.at_once.map(usize::from);
        let measured = calibrate::calibrate(at_once, |what| printer.progress(what));
        printer.progress("");
        let calibration = measured.map_err(|obstacle| {
            let error = CommandError::new(Kind::Host, "figures would mean nothing here");
            let hint = match obstacle {
                Obstacle::Throttled => "raise the quota of its control group, or measure elsewhere",
                _ => "measure when nothing else runs",
            };
            error.caused_by(&obstacle).hint(hint)
        })?;
        match self.format.format {
            Format::Human => printer.text(&human(&calibration, printer)),
            Format::Json => format::json(&calibration, printer)?,
        }
        Ok(Finish::Clean)
    }
}

fn human(calibration: &Calibration, printer: &Printer) -> String {
    let head = ["parameters", "p50", "p99", "logins/s", "memory", "policy"].map(Cell::plain);
    let rows = calibration.measured.iter().map(|one| {
        [
            one.parameters.clone(),
            format!("{:.0} ms", one.p50_ms),
            format!("{:.0} ms", one.p99_ms),
            format!("{:.1}", one.safe_per_second),
            format!("{} MiB", one.memory_mib),
            one.policy.clone(),
        ]
        .map(Cell::plain)
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    format!(
        "{} at once, {:.1} cores; a control of equal hashes spread by {:.0} %\n\n{}",
        calibration.at_once,
        calibration.cores,
        calibration.spread * 100.0,
        table::draw(&rows, printer)
    )
}
