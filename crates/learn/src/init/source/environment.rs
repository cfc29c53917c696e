//! Variables of manifests: a mapping, a list of `NAME=value`, or Kubernetes' list of entries.

use super::super::facts::{Fact, Facts, Origin, Setting};
use super::values;
use ringfence_policy::redacted::Redacted;
use ringfence_project::variables::{Suspicion, suspicion};
use ringfence_project::yaml::Node;

pub(super) fn read(file: &str, node: &Node, facts: &mut Facts) {
    if let Some(entries) = node.as_map() {
        for entry in entries {
            push(file, entry.line, &entry.key, values::text(&entry.value), facts);
        }
    }
    for item in node.as_seq().unwrap_or_default() {
        if let Some(name) = item.get("name").map(Node::shown) {
            let secret = item.path(["valueFrom", "secretKeyRef"]).is_some();
            let value = item.get("value").and_then(values::text);
            if secret {
                let suspicion = Some(Suspicion::Name);
                let setting = Setting { name, value: None, suspicion, fixed: true };
                facts.settings.push(Fact::new(setting, Origin::new(file, item.line())));
            } else {
                push(file, item.line(), &name, value, facts);
            }
        } else if let Some(text) = item.as_str() {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, values::expanded(value)),
                None => (text, None),
            };
            push(file, item.line(), name, value, facts);
        }
    }
}

fn push(file: &str, line: usize, name: &str, value: Option<String>, facts: &mut Facts) {
    let suspicion = suspicion(name, value.as_deref().unwrap_or_default());
    let (name, value) = (name.to_owned(), value.map(Redacted::new));
    let setting = Setting { name, value, suspicion, fixed: true };
    facts.settings.push(Fact::new(setting, Origin::new(file, line)));
}
