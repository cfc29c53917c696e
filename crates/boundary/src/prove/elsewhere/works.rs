//! Whether what is granted works in a place: who refuses everything blocks every attack too.

use super::Scene;
use crate::prove::Setting;
use crate::prove::arena::{Arena, Errand, Program};
use std::ffi::OsString;
use std::time::Duration;

/// What is granted to every service here, and whether it worked.
pub(super) type Works = Vec<(String, bool)>;

/// Reads, writes and connects as the canary grants allow, in the service's own Node. Empty where the
/// program is not Node. Node's flags are the boundary's own and do not name canaries.
pub(super) fn find(arena: &impl Arena, scene: &Scene) -> Works {
    if scene.node.is_none() {
        return Works::new();
    }
    let grants = scene.stage.grants();
    let text = |path: &std::path::Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let (host, port) =
        grants.connect.first().map_or((String::new(), 0), |at| (at.ip().to_string(), at.port()));
    let script = SCRIPT
        .replace("READ", &text(&grants.read.join("spare")))
        .replace("WRITE", &text(&grants.write.join("works")))
        .replace("HOST", &serde_json::Value::from(host).to_string())
        .replace("PORT", &port.to_string());
    let errand = Errand {
        program: Program::NodeWithoutFlags,
        arguments: ["--input-type=commonjs", "-"].map(OsString::from).to_vec(),
        input: script.into_bytes(),
        deadline: Duration::from_secs(20),
    };
    // A place that cannot be started grants nothing.
    let output = arena.inside(&errand, Setting::Granted).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let worked = |what: &str| told.lines().any(|line| line == what);
    ["read", "write", "connect"].map(|what| (what.to_owned(), worked(what))).to_vec()
}

const SCRIPT: &str = "
const fs = require('node:fs');
const say = (word) => fs.writeSync(1, `${word}\\n`);
try { fs.readFileSync(READ); say('read'); } catch {}
try { fs.writeFileSync(WRITE, 'x'); say('write'); } catch {}
try {
  const socket = require('node:net').connect(PORT, HOST);
  socket.once('data', () => { say('connect'); process.exit(0); });
  socket.once('error', () => process.exit(0));
} catch {}
setTimeout(() => process.exit(0), 3000).unref();
";
