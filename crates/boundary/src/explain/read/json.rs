//! Errors in JSON: log lines (pino, bunyan, winston), events of ringfence, error objects.

use super::super::symptom::{FIELDS, Symptom, cut};
use super::{Found, clean, inspect, message};
use ringfence_policy::event::Event;
use serde_json::{Map, Value};

/// How deep errors in errors are followed.
const DEEPEST: usize = 12;

/// Longest text that is read as one JSON value, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Reads a text that is one JSON value on several lines. Answers whether it was.
pub(super) fn whole(text: &str, found: &mut Found) -> bool {
    let text = text.trim();
    if text.len() > LONGEST || !text.starts_with(['{', '[']) || !text.contains('\n') {
        return false;
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    take(&value, 1, found)
}

/// Reads one line, with whatever stands before the object on it. Answers whether it was JSON that
/// told something.
pub(super) fn line(text: &str, number: usize, found: &mut Found) -> bool {
    let Some(object) = text.find("{\"").and_then(|at| text.get(at..)) else { return false };
    let Ok(value) = serde_json::from_str::<Value>(object) else { return false };
    take(&value, number, found)
}

fn take(value: &Value, line: usize, found: &mut Found) -> bool {
    if is_event(value)
        && let Ok(event) = serde_json::from_value::<Event>(value.clone())
    {
        found.events.push((line, event));
        return true;
    }
    let before = found.symptoms.len();
    walk(value, line, None, 0, found);
    found.symptoms.len() > before
}

/// Whether an object is meant to be an event of ringfence.
pub(crate) fn is_event(value: &Value) -> bool {
    ["v", "kind", "layer", "action"].iter().all(|key| value.get(key).is_some())
}

fn walk(value: &Value, line: usize, parent: Option<usize>, depth: usize, found: &mut Found) {
    if depth > DEEPEST || found.full() {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                walk(item, line, parent, depth + 1, found);
            }
        }
        Value::Object(object) => {
            let own = is_error(object).then(|| add(object, line, parent, found)).or(parent);
            let before = found.symptoms.len();
            for value in object.values() {
                if value.is_object() || value.is_array() {
                    walk(value, line, own, depth + 1, found);
                }
            }
            // A logger repeats the message of the error that it logs.
            if found.symptoms.len() > before {
                return;
            }
            for (key, value) in object {
                match value {
                    // A message of the logger: only where it is an error itself.
                    Value::String(text)
                        if own == parent
                            && matches!(
                                key.as_str(),
                                "msg" | "message" | "error" | "err" | "reason" | "log"
                            ) =>
                    {
                        sentence(text, line, parent, found);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// An object that was an error before it was written down.
fn is_error(object: &Map<String, Value>) -> bool {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    text("stack").is_some()
        || (text("message").is_some()
            && (text("code").is_some() || text("syscall").is_some() || text("type").is_some()))
        || (text("code").is_some() && (text("syscall").is_some() || text("permission").is_some()))
}

fn add(
    object: &Map<String, Value>,
    line: usize,
    parent: Option<usize>,
    found: &mut Found,
) -> usize {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut symptom = Symptom {
        kind: cut(if text("type").is_empty() { text("name") } else { text("type") }),
        message: cut(text("message")),
        line,
        parent,
        ..Symptom::default()
    };
    let mut stack = Found::default();
    inspect::read(&clean::lines(text("stack")), &mut stack);
    let mut inner = std::mem::take(&mut stack.symptoms).into_iter();
    if let Some(first) = inner.next() {
        let message = std::mem::take(&mut symptom.message);
        symptom = Symptom { line, parent, message: first.message.clone(), ..first };
        if symptom.message.is_empty() {
            symptom.message = message;
        }
    }
    symptom.bare = false;
    for field in FIELDS {
        match object.get(field) {
            Some(Value::String(value)) => symptom.set(field, value),
            Some(Value::Number(value)) => symptom.set(field, &value.to_string()),
            _ => {}
        }
    }
    let shown = format!("{}: {}", symptom.kind, symptom.message);
    symptom.seen = cut(shown.trim_start_matches(": ").trim_end_matches(": "));
    let own = found.add(symptom);
    // What the stack says is caused by something: pino writes `caused by:` into it.
    for mut below in inner {
        (below.line, below.parent) = (line, Some(own));
        found.add(below);
    }
    own
}

fn sentence(text: &str, line: usize, parent: Option<usize>, found: &mut Found) {
    if !text.contains("Error") && !message::is_telling(text) {
        return;
    }
    let mut inner = Found::default();
    inspect::read(&clean::lines(text), &mut inner);
    let first = found.symptoms.len();
    for mut symptom in inner.symptoms {
        symptom.line = line;
        symptom.parent = symptom.parent.map(|index| index + first).or(parent);
        found.add(symptom);
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_line_of_pino_is_an_error_with_its_parts() {
        let found = super::super::read(
            r#"{"level":50,"time":1,"err":{"type":"Error","message":"connect ECONNREFUSED 127.0.0.1:5432","stack":"Error: connect ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap.afterConnect","errno":-111,"code":"ECONNREFUSED","syscall":"connect","address":"127.0.0.1","port":5432},"msg":"connect ECONNREFUSED 127.0.0.1:5432"}"#,
        );
        assert_eq!(found.symptoms[0].code, "ECONNREFUSED");
        assert_eq!(found.symptoms[0].port, Some(5432));
        assert_eq!(found.symptoms[0].frames.len(), 1);
    }

    #[test]
    fn an_event_among_the_lines_is_an_event() {
        let found = super::super::read(
            r#"{"v":1,"time":"t","service":"s","kind":"denial","layer":"broker","action":"connect","resource":"a:1","reason":"r"}"#,
        );
        assert_eq!(found.events.len(), 1);
        assert!(found.symptoms.is_empty());
    }

    #[test]
    fn deep_json_is_left_alone() {
        let deep = format!("{}1{}", "{\"a\":".repeat(2000), "}".repeat(2000));
        assert!(super::super::read(&deep).symptoms.is_empty());
    }
}
