//! Opening a file below a folder: guarded, by a plain openat(2), and by that with an fstat(2) behind it,
//! as everybody does who wants to know the size or the kind, in turn.
//!
//! Each opens and closes the same files by relative paths of three names. What is counted is
//! processor time, most of which is the kernel's.

use crate::Failure;
use ringfence_guard::path::Root;
use rustix::fs::{Mode, OFlags, openat};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::io::Write as _;
use std::os::fd::OwnedFd;

/// Files that are opened in turn.
const FILES: usize = 64;
/// Opens of each way in a round.
const OPENS: u32 = 20_000;

/// Prints a line of JSON for each round: nanoseconds of an open of each way.
pub(crate) fn measure(rounds: u32) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir_all(folder.path().join("uploads/2026"))?;
    let names: Vec<String> =
        (0..FILES).map(|number| format!("uploads/2026/order-{number}.json")).collect();
    for name in &names {
        std::fs::write(folder.path().join(name), b"{}")?;
    }
    let root = Root::new(folder.path())?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let plain = rustix::fs::open(folder.path(), flags, Mode::empty())?;
    let mut out = std::io::stdout().lock();
    for round in 0..=rounds {
        let mut nanos = [0.0; 4];
        for turn in 0..4 {
            let way = (turn + usize::try_from(round)?) % 4;
            nanos[way] = match way {
                2 => guarded(&root, &names)?,
                3 => bare(&plain, &names, true)?,
                _ => bare(&plain, &names, false)?,
            };
        }
        // The first round only warms the kernel's caches.
        if round > 0 {
            let [bare, again, ringfence, looked] = nanos;
            let line = serde_json::json!({
                "bare": bare, "again": again, "ringfence": ringfence, "looked": looked,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn guarded(root: &Root, names: &[String]) -> Result<f64, Failure> {
    let began = processor();
    for name in names.iter().cycle().take(usize::try_from(OPENS)?) {
        drop(root.open(name)?);
    }
    Ok((processor() - began) / f64::from(OPENS))
}

fn bare(folder: &OwnedFd, names: &[String], looks: bool) -> Result<f64, Failure> {
    let began = processor();
    for name in names.iter().cycle().take(usize::try_from(OPENS)?) {
        let file = openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if looks {
            black_box(rustix::fs::fstat(&file)?);
        }
    }
    Ok((processor() - began) / f64::from(OPENS))
}

/// Nanoseconds of processor time of this thread.
fn processor() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a few minutes in nanoseconds")]
    let nanos = (time.tv_sec * 1_000_000_000 + time.tv_nsec) as f64;
    nanos
}
