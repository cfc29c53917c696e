//! Promises of the page, over reports made up for them: every probe of the battery with whatever
//! came back from it.

use super::*;
use crate::prove::arena::LayerAnswer;
use crate::prove::report::{ClaimReport, ClaimState, Evidence, ProbeReport};
use crate::prove::{Attempt, Outcome, PROBES, Setting, Verdict};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::{Claim, statement};

const MADE: &str = "2026-11-22T19:00:00.000Z";

const ORDERS: &str = r#"schema = 1

[service]
name = "orders"
start = ["/usr/bin/node", "server.mjs"]

[fs]
read = ["./src", "./node_modules"]
write = ["/var/lib/orders"]

[net]
connect = ["api.internal:443"]
listen = ["127.0.0.1:8080"]

[env]
pass = ["LOG_LEVEL"]

[secrets.jwt-key]
from = "file:./jwt.pem"
as = "file"
to = "/run/secrets/jwt.pem"
"#;

fn boundary(text: &str) -> Boundary {
    ringfence_policy::parse("ringfence.toml", text).unwrap()
}

fn attempt(outcome: Outcome, code: &str, detail: &str) -> Attempt {
    Attempt { outcome, code: code.into(), errno: None, detail: detail.into() }
}

/// A report in which the probes named so went through.
fn report(boundary: &Boundary, open: &[&str]) -> Report {
    let probes: Vec<ProbeReport> = PROBES
        .iter()
        .map(|probe| {
            let through = open.contains(&probe.id);
            ProbeReport {
                claim: probe.claim,
                probe: probe.id,
                class: probe.class.id(),
                attack: probe.attack,
                verdict: if through { Verdict::Open } else { Verdict::Blocked },
                why: String::new(),
                inside: if through {
                    attempt(Outcome::Succeeded, "", "read the canary")
                } else {
                    attempt(Outcome::Failed, "EACCES", "open: permission denied")
                },
                inside_with_node_flags: None,
                outside: attempt(Outcome::Succeeded, "", "read the canary"),
                layers: probe.layers,
                canary_grants: probe.setting == Setting::Granted,
            }
        })
        .collect();
    let mut claims: Vec<ClaimReport> = Vec::new();
    for sentence in statement(boundary) {
        match claims.last_mut() {
            Some(last) if last.claim == sentence.claim => last.sentences.push(sentence),
            _ => claims.push(claim(sentence.claim, sentence, &probes)),
        }
    }
    Report { schema: 1, evidence: evidence(), claims, only: Vec::new(), probes }
}

fn claim(
    claim: Claim,
    sentence: ringfence_policy::statement::Sentence,
    probes: &[ProbeReport],
) -> ClaimReport {
    let count = |verdict| {
        probes.iter().filter(|probe| probe.claim == claim && probe.verdict == verdict).count()
    };
    let counts = [count(Verdict::Blocked), count(Verdict::Inconclusive), count(Verdict::Open)];
    let state = if counts[2] > 0 { ClaimState::Broken } else { ClaimState::Proven };
    ClaimReport { claim, sentences: vec![sentence], state, counts, not_run: 0 }
}

fn evidence() -> Evidence {
    let answer = |layer: Layer| LayerAnswer {
        layer: layer.id().to_owned(),
        state: "enforced".to_owned(),
        why: None,
    };
    Evidence {
        service: "orders".into(),
        boundary: "ab".repeat(32),
        ringfence: "0.1.0",
        host: "host".into(),
        kernel: "Linux 6.18.0 x86_64".into(),
        node: Some("26.10.0".into()),
        users: [0, 65534, 65534],
        layers: Layer::ALL.into_iter().map(answer).collect(),
    }
}

fn render(report: &Report, boundary: &Boundary) -> String {
    Page { report, boundary, runtime: &[], made: MADE }.render()
}

fn many() -> String {
    let list = |start: usize, of: &dyn Fn(usize) -> String| {
        (start..start + 20).map(of).collect::<Vec<_>>().join(", ")
    };
    let read = list(0, &|i| format!("\"/srv/a-rather-long-folder-name/and-another/part-{i}\""));
    let write = list(0, &|i| format!("\"/var/lib/orders/{i}\""));
    let connect = list(1, &|i| format!("\"a-very-long-host-name-{i}.some.example.internal:{i}\""));
    let listen = list(8000, &|i| format!("\"127.0.0.1:{i}\""));
    ORDERS
        .replace("name = \"orders\"", "name = \"order-price-confirmation-service-of-the-north\"")
        .replace("[\"./src\", \"./node_modules\"]", &format!("[{read}]"))
        .replace("[\"/var/lib/orders\"]", &format!("[{write}]"))
        .replace("[\"api.internal:443\"]", &format!("[{connect}]"))
        .replace("[\"127.0.0.1:8080\"]", &format!("[{listen}]"))
}

#[test]
fn dump() {
    let Some(folder) = std::env::var_os("PAGE_DUMP") else { return };
    let folder = std::path::PathBuf::from(folder);
    let boundary_ = boundary(ORDERS);
    let mut broken = report(&boundary_, &["read-outside", "write-outside", "become-root"]);
    broken.evidence.layers[5].state = "absent".into();
    broken.evidence.layers[5].why = Some("this kernel has no Landlock".into());
    broken.evidence.layers[2].state = "partial".into();
    broken.evidence.layers[2].why = Some("user namespaces are switched off".into());
    broken.evidence.layers[4].state = "not-needed".into();
    broken.claims[8].state = ClaimState::Unproven;
    broken.claims[9].state = ClaimState::Accepted;
    broken.claims[10].state = ClaimState::NothingToAttack;
    std::fs::write(folder.join("broken.html"), render(&broken, &boundary_)).unwrap();
    let boundary_ = boundary(&many());
    let mut long = report(&boundary_, &[]);
    long.evidence.service = "order-price-confirmation-service-of-the-north".into();
    std::fs::write(folder.join("many.html"), render(&long, &boundary_)).unwrap();
}
