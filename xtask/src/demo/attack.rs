//! The attacks of the demo: small programs run with the service's boundary and, as a control,
//! without it. An attack that does not work outside shows nothing and fails the demo.

use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::printer::say;
use crate::process::{self, Running};
use crate::surroundings::{self, Surroundings};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A variable of whoever starts the service, which the boundary does not pass on.
const TOKEN: &str = "DEPLOY_TOKEN";

/// One attack: its file in `attacks/` and what it is told.
struct Attack {
    file: &'static str,
    arguments: Vec<String>,
    /// A file of the host that it reached only if it is there afterwards.
    leaves: Option<PathBuf>,
}

/// What an attack reported.
struct Seen {
    reached: bool,
    saw: String,
}

/// Runs every attack twice.
pub(crate) fn all(ringfence: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    let mut neighbour = Running::listen(surroundings::node().arg("tools/neighbour.mjs"))?;
    let ready = neighbour.line_with("ready", Duration::from_mins(2))?;
    let ports: Vec<String> = ready.split_whitespace().skip(1).map(str::to_owned).collect();

    let mut held = true;
    for attack in attacks(surroundings, &ports) {
        held &= one(ringfence, &attack)?;
    }
    if held {
        return Ok(());
    }
    Err(Failure::NotHeld("an attack was not refused, or showed nothing".to_owned()))
}

fn attacks(surroundings: &Surroundings, ports: &[String]) -> Vec<Attack> {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let key = || vec![shown(&surroundings.private_key())];
    let attack = |file, arguments| Attack { file, arguments, leaves: None };
    let loot = surroundings.loot();
    vec![
        attack("private-key.mjs", key()),
        attack("worker-escape.mjs", key()),
        Attack { leaves: Some(loot.clone()), ..attack("sqlite-file.mjs", vec![shown(&loot)]) },
        attack("own-code.mjs", vec![shown(&places::orders().join("src/server.mjs"))]),
        attack("shell.mjs", Vec::new()),
        attack("neighbour-tcp.mjs", ports.to_vec()),
        attack("neighbour-udp.mjs", ports.to_vec()),
        attack("processes.mjs", Vec::new()),
        attack("environment.mjs", vec![TOKEN.to_owned()]),
    ]
}

/// Runs one attack outside and inside, prints both, and says whether the boundary held.
fn one(ringfence: &Path, attack: &Attack) -> Result<bool, Failure> {
    let path = places::orders().join("attacks").join(attack.file);
    let code = std::fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
    let title = code.lines().next().unwrap_or("").trim_start_matches("// ");

    let outside = seen(surroundings::node(), &code, attack)?;
    let mut within = process::command(ringfence);
    within.current_dir(places::orders()).args(["run", "--"]);
    within.arg(npm::executable(&places::orders()));
    let inside = seen(within, &code, attack)?;

    let verdict = match (outside.reached, inside.reached) {
        (true, false) => "refused",
        (true, true) => "REACHED",
        (false, _) => "SHOWS NOTHING",
    };
    say(format!("{verdict:<8} {title}"));
    say(format!("         outside: {}", outside.saw));
    say(format!("         inside:  {}", inside.saw));
    Ok(verdict == "refused")
}

/// Runs the attack's code, given on the command line: the boundary grants no folder of attacks.
fn seen(mut command: Command, code: &str, attack: &Attack) -> Result<Seen, Failure> {
    command.env(TOKEN, "hand-me-over").args(["--input-type=module", "-e", code]);
    command.arg("--").args(&attack.arguments);
    let said = process::run(&mut command, b"", Duration::from_mins(2))?;
    let answer: serde_json::Value =
        said.stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok()).ok_or_else(
            || Failure::Exit {
                program: attack.file.to_owned(),
                status: process::spoken(said.status),
                output: format!("{}{}", said.stdout, said.stderr),
            },
        )?;
    let reached = answer.get("reached").and_then(serde_json::Value::as_bool);
    let saw = answer.get("saw").and_then(serde_json::Value::as_str);
    let reached =
        reached.ok_or_else(|| Failure::NotHeld(format!("{} gave no verdict", attack.file)))?;
    let mut seen = Seen { reached, saw: saw.unwrap_or("nothing").to_owned() };
    if let Some(path) = &attack.leaves {
        // A checkout below /tmp: what is written there inside is in the private /tmp.
        let there = std::fs::remove_file(path).is_ok();
        if seen.reached && !there {
            seen.saw += ", in a private folder: nothing on the host";
        }
        seen.reached = there;
    }
    Ok(seen)
}
