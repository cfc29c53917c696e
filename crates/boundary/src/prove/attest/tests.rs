//! What a statement may not do: say more than its proof, change its form by accident.

use super::super::arena::LayerAnswer;
use super::super::attach::{AttachReport, Attached, Check};
use super::super::battery::Side;
use super::super::report::{Evidence as ProofEvidence, asked_for};
use super::super::{Class, Probe};
use super::*;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Boundary;
use serde_json::Value;

fn boundary() -> Boundary {
    let text =
        "schema = 1\n[service]\nname = \"a\"\nstart = [\"/bin/true\"]\n[fs]\nread = [\"./\"]\n";
    ringfence_policy::parse("ringfence.toml", text).unwrap()
}

fn evidence(landlock: &str) -> ProofEvidence {
    let layer = |layer: Layer, state: &str| LayerAnswer {
        layer: layer.id().to_owned(),
        state: state.to_owned(),
        why: (state == "absent").then(|| "not in this kernel".to_owned()),
    };
    let layers =
        Layer::ALL.map(|l| layer(l, if l == Layer::Landlock { landlock } else { "enforced" }));
    ProofEvidence {
        service: "a".into(),
        boundary: "00".repeat(32),
        ringfence: "0.0.0",
        time: "2026-01-02T03:04:06.000Z".into(),
        host: "h".into(),
        kernel: "Linux 6.12 x86_64".into(),
        node: None,
        users: [0, 1000, 1000],
        layers: layers.to_vec(),
    }
}

/// A proof in which `inside` says what becomes of each attack there, and every control works.
fn proof(only: &[Class], landlock: &str, inside: impl Fn(&Probe) -> Attempt) -> Report {
    let side = |of: &dyn Fn(&Probe) -> Attempt| Side {
        attempts: asked_for(only).map(|probe| (probe.id, of(probe))).collect(),
        ..Side::default()
    };
    let worked = |_: &Probe| attempt(Came::Succeeded, "");
    Report::judge(&boundary(), evidence(landlock), only, &side(&inside), &side(&worked))
}

fn attempt(outcome: Came, code: &str) -> Attempt {
    Attempt { outcome, code: code.into(), errno: None, detail: "words".into() }
}

fn stopped(probe: &Probe) -> Attempt {
    attempt(Came::Failed, probe.refusals.first().copied().unwrap_or("EPERM"))
}

fn begun() -> Begun {
    let annotations = Annotations { role: Role::Boundary };
    let boundary = Resource {
        name: "ringfence.toml".into(),
        digest: files::known(&"00".repeat(32)),
        annotations,
    };
    Begun { started: "2026-01-02T03:04:05.000Z".into(), subject: vec![boundary], executable: None }
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&begun().attest(report).to_json().unwrap()).unwrap()
}

#[test]
fn only_a_proof_of_every_claim_is_called_proven() {
    let statement = json(&proof(&[], "enforced", stopped));
    assert_eq!(statement["predicate"]["result"]["verdict"], "proven", "{statement:#}");
    assert_eq!(statement["predicate"]["result"]["notProven"], Value::Array(Vec::new()));
}

#[test]
fn what_was_not_attacked_is_not_proven() {
    let statement = json(&proof(&[Class::Environment], "enforced", stopped));
    let result = &statement["predicate"]["result"];
    assert_eq!((&result["verdict"], &result["exitCode"]), (&"partial".into(), &0.into()));
    let left = result["notProven"].as_array().unwrap();
    assert!(left.contains(&"files-read".into()), "{result}");
    assert_eq!(statement["predicate"]["options"]["only"], serde_json::json!(["environment"]));
    let limits = statement["predicate"]["limits"].to_string();
    assert!(limits.contains("only some classes were attacked"), "{limits}");
}

#[test]
fn an_attack_that_went_through_shows_in_the_verdict_the_claim_and_the_probe() {
    let statement = json(&proof(&[], "enforced", |probe| {
        if probe.id == "read-outside" { attempt(Came::Succeeded, "") } else { stopped(probe) }
    }));
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"]["verdict"], "broken");
    assert_eq!(predicate["result"]["exitCode"], 1);
    assert_eq!(predicate["counts"]["claims"]["broken"], 1);
    let claims = predicate["claims"].as_array().unwrap();
    let broken: Vec<&Value> = claims.iter().filter(|claim| claim["state"] == "broken").collect();
    let probes = broken[0]["probes"].as_array().unwrap();
    assert!(probes.iter().any(|p| p["probe"] == "read-outside" && p["verdict"] == "open"));
}

#[test]
fn a_claim_that_is_accepted_as_not_held_is_carried_as_such() {
    let statement = json(&proof(&[], "absent", |probe| {
        if probe.layers.contains(&Layer::Landlock) {
            attempt(Came::Succeeded, "")
        } else {
            stopped(probe)
        }
    }));
    let predicate = &statement["predicate"];
    assert!(predicate["counts"]["claims"]["accepted"].as_u64().unwrap() > 0, "{predicate:#}");
    assert_ne!(predicate["result"]["verdict"], "proven");
    let limits = predicate["limits"].to_string();
    assert!(limits.contains("an accepted claim does not hold"), "{limits}");
}

#[test]
fn what_is_not_conclusive_is_undecided() {
    let statement = json(&proof(&[], "enforced", |_| attempt(Came::TimedOut, "")));
    let result = &statement["predicate"]["result"];
    assert_eq!((&result["verdict"], &result["exitCode"]), (&"undecided".into(), &3.into()));
    assert_eq!(statement["predicate"]["counts"]["attacks"]["blocked"], 0);
}

#[test]
fn states_have_the_words_of_the_other_forms() {
    for known in [
        ClaimState::Accepted,
        ClaimState::Broken,
        ClaimState::NotAttacked,
        ClaimState::NotClaimed,
        ClaimState::NothingToAttack,
        ClaimState::PartlyAttacked,
        ClaimState::Proven,
        ClaimState::Unproven,
    ] {
        assert_eq!(serde_json::to_value(known).unwrap(), state(known));
    }
    for known in [Weight::Claim, Weight::Note, Weight::WayOut] {
        assert_eq!(serde_json::to_value(known).unwrap(), weight(known));
    }
    for known in [Came::Failed, Came::NotApplicable, Came::Nothing, Came::Succeeded, Came::TimedOut]
    {
        assert_eq!(serde_json::to_value(known).unwrap(), side(&attempt(known, "")));
    }
}

#[test]
fn the_same_proof_is_the_same_text_and_its_fields_have_one_order() {
    let text = || begun().attest(&proof(&[], "enforced", stopped)).to_json().unwrap();
    assert_eq!(text(), text());
    let text = text();
    let place = |key: &str| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}"));
    let order = [
        "_type",
        "subject",
        "predicateType",
        "predicate",
        "service",
        "result",
        "counts",
        "made",
        "options",
        "layers",
        "evidence",
        "limits",
    ];
    assert!(order.is_sorted_by_key(|key| place(key)), "{text}");
}

#[test]
fn a_check_of_a_running_service_counts_and_a_drop_is_told() {
    let mut report = proof(&[], "enforced", stopped);
    report.claims.clear();
    let check = Check {
        check: "same-program",
        expects: "it runs what the boundary starts",
        verdict: Verdict::Open,
        seen: "it runs something else".into(),
    };
    let attached =
        Attached { supervisor: 7, program: 8, generation: 2, beside: vec!["a"], anew: Vec::new() };
    let proof = AttachReport { attached, checks: vec![check], report };
    let statement = begun().attest_attached(&proof).to_json().unwrap();
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let predicate = &statement["predicate"];
    assert_eq!(predicate["result"]["verdict"], "broken");
    assert_eq!(predicate["checks"][0]["verdict"], "open");
    assert_eq!(predicate["options"]["attached"]["drops"], 2);
    assert!(predicate["limits"].to_string().contains("grants were dropped"), "{predicate}");
}

#[test]
fn the_schema_names_every_field() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let report = proof(&[], "absent", |_| attempt(Came::TimedOut, ""));
    let statement = json(&report);
    let keys = |value: &Value| {
        value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keys(&schema["properties"]), keys(&statement));
    let of = |name: &str| keys(&schema["$defs"][name]["properties"]);
    for (name, value) in [
        ("Counts", &statement["predicate"]["counts"]),
        ("ClaimCounts", &statement["predicate"]["counts"]["claims"]),
        ("Outcome", &statement["predicate"]["result"]),
        ("Evidence", &statement["predicate"]["evidence"]),
        ("Resource", &statement["subject"][0]),
    ] {
        assert_eq!(of(name), keys(value), "{name}");
    }
    assert!(keys(&statement["predicate"]).is_subset(&of("Predicate")));
    assert_eq!(schema["properties"]["_type"]["const"], STATEMENT);
    assert_eq!(schema["properties"]["predicateType"]["const"], PREDICATE);
}
