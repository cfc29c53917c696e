//! What recording costs: a test run of several files with dependencies, bare, under `learn` and under
//! strace, in turn.
//!
//! `learn` is measured twice: as the whole command, with the draft of grants at its end, and as the
//! run alone, by the last line of its record. strace sees the same files and addresses.

use crate::bench::report::{Bound, Limit, Report};
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places::{self, Build};
use crate::printer::{say, step};
use crate::process;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Files of the test run; each is a process of its own.
const FILES: usize = 4;
const PATIENCE: Duration = Duration::from_mins(2);
/// Requires what servers require, serves itself some requests, and works on files.
const FILE: &str = r"
const test = require('node:test'), assert = require('node:assert');
const fs = require('node:fs'), http = require('node:http'), os = require('node:os');
const path = require('node:path');
for (const name of ['pino', 'pg', 'redis', 'undici', 'ws', 'dotenv']) require(name);
test('serves itself', async () => {
  const server = http.createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  for (let request = 0; request < 50; request++) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
    assert.equal(await answer.text(), 'ok');
  }
  server.closeAllConnections();
  server.close();
});
test('works on files', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  for (let file = 0; file < 100; file++) {
    const name = path.join(folder, `${file % 20}`);
    fs.writeFileSync(name, 'x');
    assert.equal(fs.statSync(name).size, 1);
    assert.equal(fs.existsSync(`${name}.missing`), false);
  }
  fs.rmSync(folder, { recursive: true });
});
test('computes', () => {
  let text = '{}';
  for (let round = 0; round < 300; round++) {
    text = JSON.stringify({ ...JSON.parse(text), [`key${round}`]: round });
  }
  assert.equal(Object.keys(JSON.parse(text)).length, 300);
});
";

/// The ways of running it, in the order of a round.
const WAYS: [&str; 5] = ["bare", "bare again", "learn", "learn, the run alone", "strace -f"];

/// Measures all ways in turn.
pub(crate) fn run(rounds: u32) -> Result<(), Failure> {
    step("Building");
    let ringfence = places::ringfence(Build::Release)?;
    let newest = npm::NODE_VERSIONS[npm::NODE_VERSIONS.len() - 1];
    let Some(node) = npm::node(newest)? else {
        let remedy = "run `cargo xtask setup`".to_owned();
        return Err(Failure::Missing { what: format!("Node {newest}"), remedy });
    };
    let project = Project::make(node)?;
    let mut report = Report::default();
    let has_strace = places::in_path("strace").is_some();
    if !has_strace {
        report.not_run("strace: not installed".to_owned());
    }
    let mut milliseconds: [Vec<f64>; WAYS.len()] = Default::default();
    for round in 0..=rounds {
        // The order rotates, so that a slow moment hits all; learn fills two rows.
        for turn in 0..4 {
            let way = [0, 1, 2, 4][(turn + usize::try_from(round).unwrap_or_default()) % 4];
            if way == 4 && !has_strace {
                continue;
            }
            let millis = project.measure(way, &ringfence)?;
            // The first round only warms the page cache.
            if round > 0 {
                milliseconds[way].push(millis);
                if way == 2 {
                    milliseconds[3].push(project.recorded()?);
                }
            }
        }
    }
    step("A test run");
    let [bare, ..] = &milliseconds;
    for (name, numbers) in WAYS.iter().zip(&milliseconds) {
        let (Some(median), Some(ratio)) = (median(numbers), ratio(numbers, bare)) else { continue };
        say(format!("{name}: {median:.0} ms, {ratio:.2} times bare"));
    }
    let noisy = ratio(&milliseconds[1], bare).is_none_or(|again| (again - 1.0).abs() > 0.03);
    let (measured, bound) = (ratio(&milliseconds[2], bare), Bound::AtMost(1.25));
    report.limit(Limit { name: "a recorded test run, of bare", measured, bound, noisy });
    report.close("learn")
}

/// A folder with the tests and their dependencies.
struct Project {
    folder: tempfile::TempDir,
    node: Node,
}

impl Project {
    fn make(node: Node) -> Result<Self, Failure> {
        let packages = places::root().join("tests/node");
        npm::install_locked(&packages)?;
        let folder = tempfile::tempdir()
            .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))?;
        let link = folder.path().join("node_modules");
        std::os::unix::fs::symlink(packages.join("node_modules"), &link)
            .map_err(Failure::file("cannot link", &link))?;
        for number in 0..FILES {
            let file = folder.path().join(format!("{number}.test.cjs"));
            std::fs::write(&file, FILE).map_err(Failure::file("cannot write", &file))?;
        }
        Ok(Self { folder, node })
    }

    /// Milliseconds of one run.
    fn measure(&self, way: usize, ringfence: &Path) -> Result<f64, Failure> {
        let mut words: Vec<PathBuf> = match way {
            2 => vec![ringfence.into(), "learn".into(), "--dry-run".into(), "--".into()],
            4 => vec!["strace".into(), "-f".into(), "-o".into(), "/dev/null".into()],
            _ => Vec::new(),
        };
        if way == 4 {
            words.extend(["-e", "trace=%file,connect,bind"].map(PathBuf::from));
        }
        words.extend([self.node.path.clone(), "--test".into()]);
        let mut words = words.iter();
        let mut command: Command = process::command(words.next().map_or(Path::new("true"), |w| w));
        command.args(words).current_dir(self.folder.path());
        let begun = Instant::now();
        process::run(&mut command, b"", PATIENCE)?.success(WAYS[way])?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    /// Milliseconds that the newest record tells of its run.
    fn recorded(&self) -> Result<f64, Failure> {
        let folder = self.folder.path().join(".ringfence/records");
        let entries = std::fs::read_dir(&folder).map_err(Failure::file("cannot list", &folder))?;
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let newest = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).max();
        let newest = newest.unwrap_or(folder);
        let text =
            std::fs::read_to_string(&newest).map_err(Failure::file("cannot read", &newest))?;
        let last = text.lines().last().unwrap_or_default();
        let end = serde_json::from_str::<Value>(last).ok();
        end.and_then(|end| end.get("at")?.as_f64())
            .ok_or_else(|| Failure::NotHeld(format!("no end in {}", newest.display())))
    }
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Median of the ratios, round by round.
fn ratio(numbers: &[f64], bare: &[f64]) -> Option<f64> {
    median(&numbers.iter().zip(bare).map(|(ours, bare)| ours / bare).collect::<Vec<_>>())
}
