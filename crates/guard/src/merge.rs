//! One JSON value merged into another without reaching a prototype.
//!
//! Merging what a user sent into defaults is where prototype pollution happens in JavaScript; here the
//! names are refused even though Rust has no prototypes, because the result is sent on. Nothing is
//! merged before everything is checked. It is no JSON Merge Patch (RFC 7396): `null` is a value and
//! removes nothing.

use crate::event::{Kind, Refusal};
use serde_json::{Map, Value};

/// Names that reach the prototype of an object in JavaScript.
const PROTOTYPES: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// Deepest nesting that is merged.
pub const DEEPEST: usize = 32;

/// Whether a name reaches the prototype of an object in JavaScript: `__proto__`, `constructor` and
/// `prototype`, as exactly as JavaScript compares names.
#[must_use]
pub fn is_prototype_name(name: &str) -> bool {
    PROTOTYPES.contains(&name)
}

/// Why nothing was merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A name in one of them reaches the prototype.
    #[error("a name reaches the prototype")]
    Prototype,
    /// One of them is deeper than [`DEEPEST`].
    #[error("it is deeper than {DEEPEST}")]
    Depth,
}

impl MergeError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Prototype => "prototype-name",
            Self::Depth => "too-deep",
        }
    }

    /// The event of this refusal: of the value only its absence is told.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        Refusal::new(Kind::Merge, self.rule(), b"")
    }
}

/// Merges `from` into `into`: objects member by member, everything else replaces what was there.
///
/// ```
/// use ringfence_guard::merge::safe_merge;
/// use serde_json::json;
///
/// let mut settings = json!({"theme": {"dark": false, "size": 12}});
/// safe_merge(&mut settings, json!({"theme": {"dark": true}}))?;
/// assert_eq!(settings, json!({"theme": {"dark": true, "size": 12}}));
/// # Ok::<(), ringfence_guard::merge::MergeError>(())
/// ```
///
/// # Errors
/// [`MergeError`]; `into` is as it was then.
pub fn safe_merge(into: &mut Value, from: Value) -> Result<(), MergeError> {
    check(into, 0)?;
    check(&from, 0)?;
    merge(into, from);
    Ok(())
}

fn check(value: &Value, depth: usize) -> Result<(), MergeError> {
    let deeper = || if depth < DEEPEST { Ok(depth + 1) } else { Err(MergeError::Depth) };
    match value {
        Value::Array(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| check(item, depth))
        }
        Value::Object(members) => {
            let depth = deeper()?;
            members.iter().try_for_each(|(name, value)| {
                if is_prototype_name(name) {
                    Err(MergeError::Prototype)
                } else {
                    check(value, depth)
                }
            })
        }
        _ => Ok(()),
    }
}

/// Both are checked: the depth is bounded.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => merge_members(into, from),
        (into, from) => *into = from,
    }
}

fn merge_members(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match into.get_mut(&name) {
            Some(known) => merge(known, value),
            None => {
                into.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_merged_and_everything_else_replaces() {
        let mut into = json!({"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}});
        safe_merge(&mut into, json!({"a": {"c": [3], "x": null}, "d": 5, "n": {"m": 1}})).unwrap();
        assert_eq!(into, json!({"a": {"b": 1, "c": [3], "x": null}, "d": 5, "n": {"m": 1}}));
    }

    #[test]
    fn names_of_prototypes_are_refused_at_any_depth_and_nothing_is_merged() {
        for from in [
            json!({"x": 1, "__proto__": {"admin": true}}),
            json!({"x": 1, "a": {"constructor": {"prototype": {}}}}),
            json!({"x": 1, "a": [{"prototype": 1}]}),
        ] {
            let mut into = json!({"a": 1});
            assert_eq!(safe_merge(&mut into, from), Err(MergeError::Prototype));
            assert_eq!(into, json!({"a": 1}), "nothing was merged");
        }
        let deep = (0..33).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(safe_merge(&mut json!(1), deep.clone()), Err(MergeError::Depth));
        assert_eq!(safe_merge(&mut json!([deep]), json!(1)), Err(MergeError::Depth));
        let allowed = (0..32).fold(json!(1), |inner, _| json!({"a": inner}));
        safe_merge(&mut json!({}), allowed).unwrap();
    }
}
