//! The entry for fuzzing: any bytes are explained, with and without a boundary.

use super::{Context, NoHost, Setting, explain};

const FILE: &str = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"x.mjs\"]\n[fs]\nread = [\"./\"]\nwrite = [\"/var/lib/a\"]\n[net]\nconnect = [\"api.internal:443\"]\n[secrets.s]\nfrom = \"file:./s\"\nas = \"file\"\nto = \"/run/secrets/s\"\n";

/// Explains bytes; false when a promise about the answer is broken: everything in it can be shown,
/// and every grant in it changes what the boundary says.
#[must_use]
pub fn fuzz_explain(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(boundary) = ringfence_policy::parse("ringfence.toml", FILE) else { return false };
    let setting =
        Setting { path: "ringfence.toml", text: FILE, boundary: &boundary, folder: "/srv/app" };
    let context = Context { setting: Some(setting), host: &NoHost };
    [Context::NOTHING, context].iter().all(|context| {
        let report = explain(&text, context);
        let Ok(json) = serde_json::to_string(&report) else { return false };
        let shown = json.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let applies = report
            .explanations
            .iter()
            .flat_map(super::Explanation::grants)
            .all(|grant| grant.apply(&boundary).is_ok());
        shown && applies
    })
}
