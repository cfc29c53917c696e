//! Secrets and TLS: what is refused, and what is called by its name.

use crate::{mistakes, starting};
use ringfence_tests::command::Playground;
use serde_json::Value;

#[test]
fn line_109_and_306_a_secret_as_a_variable_is_called_weaker() {
    let secret = "[secrets.api-token]\nfrom = \"env:TOKEN\"\nas = \"env\"";
    let playground = Playground::new().with("ringfence.toml", &starting("/bin/true", secret));
    let run = playground.run(["statement", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = report["sentences"].as_array().unwrap();
    let said = all.iter().find(|sentence| sentence["claim"] == "secrets-delivered").unwrap();
    assert_eq!(said["weight"], "note");
    let text = said["text"].as_str().unwrap();
    assert!(text.contains("API_TOKEN: the weakest form"), "{text}");

    let run = playground.finish(playground.command().env("TOKEN", "t0p").args(["check-config"]));
    assert_eq!(run.code, 0, "{run}");
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("any code of the service and every child can read it"), "{run}");
    assert!(!said.contains("t0p"), "{run}");
}

#[test]
fn line_298_verification_is_never_switched_off() {
    let name = "NODE_TLS_REJECT_UNAUTHORIZED";
    for env in [format!("[env]\npass = [\"{name}\"]"), format!("[env]\nset = {{ {name} = \"0\" }}")]
    {
        let file = starting("/bin/true", &env);
        let playground = Playground::new().with("ringfence.toml", &file);
        let found = mistakes(&playground, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "refused-variable");
        assert!(found[0].1.ends_with("switches the verification of certificates off"));
        assert_eq!(playground.run(["run"]).code, 125);
    }
}
