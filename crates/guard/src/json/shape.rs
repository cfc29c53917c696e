//! A checked value as a type of the application.

use super::{JsonError, Limits, parse};
use serde::de::DeserializeOwned;

/// Reads a whole text into a type. Give it `#[serde(deny_unknown_fields)]`: a field that nobody knows
/// is refused then.
///
/// ```
/// use ringfence_guard::json::{Limits, parse_as};
///
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Order {
///     id: u32,
/// }
///
/// let order: Order = parse_as(br#"{"id": 7}"#, &Limits::default())?;
/// assert_eq!(order.id, 7);
/// let refused = parse_as::<Order>(br#"{"id": 7, "admin": true}"#, &Limits::default());
/// assert_eq!(refused.err().map(|why| why.rule()), Some("shape"));
/// # Ok::<(), ringfence_guard::json::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError`]; [`JsonError::Shape`] for a text within the limits that is not of this type.
pub fn parse_as<T: DeserializeOwned>(text: &[u8], limits: &Limits) -> Result<T, JsonError> {
    let value = parse(text, limits)?;
    serde_json::from_value(value).map_err(|error| JsonError::Shape { why: why(&error) })
}

/// What is wrong, without what was read: of serde's sentence only what comes out of the type.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field `") {
        return text;
    }
    if text.starts_with("unknown field `") {
        return "a field is not known".to_owned();
    }
    if text.starts_with("unknown variant `") {
        return "a value is none of those that are known".to_owned();
    }
    // `invalid type: string "...", expected u32`: a text that was read cannot reach the last part,
    // because what is expected never holds the word.
    let known = ["invalid type: ", "invalid value: ", "invalid length "];
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| expected);
    match expected {
        Some(expected) if known.iter().any(|start| text.starts_with(start)) => {
            format!("a value is of another kind: expected {expected}")
        }
        _ => "it is not of the expected shape".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only read")]
        id: u32,
    }

    fn refused(text: &str) -> String {
        parse_as::<Order>(text.as_bytes(), &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_of_the_type_is_told_by_the_type_and_not_by_what_was_read() {
        assert_eq!(refused("{}"), "missing field `id`");
        assert_eq!(refused(r#"{"id":1,"hunter2":1}"#), "a field is not known");
        for text in [r#"{"id":"hunter2"}"#, r#"{"id":"x, expected hunter2"}"#, r#"{"id":-5}"#] {
            let why = refused(text);
            assert_eq!(why, "a value is of another kind: expected u32");
        }
    }
}
