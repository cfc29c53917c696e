//! JSON from outside, read within bounds before anybody's schema sees it.
//!
//! Refused are: more bytes or depth than agreed, a name twice in an object (parsers differ in which one
//! counts), and names that reach an object's prototype in JavaScript. What is refused is told by its
//! place and never by its content.

mod value;

use serde::de::DeserializeSeed as _;
use serde_json::Value;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Arrays and objects in each other.
    pub depth: usize,
    /// Values altogether, names of objects not counted.
    pub values: usize,
}

impl Default for Limits {
    /// 1 MiB, 32 deep, 100,000 values.
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 32, values: 100_000 }
    }
}

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Another content type than JSON.
    #[error("the content type is not application/json")]
    ContentType,
    /// More bytes than agreed.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// What was agreed.
        limit: usize,
    },
    /// It is no JSON, or against a rule.
    #[error("{why} (line {line}, column {column})")]
    Refused {
        /// The rule.
        why: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
}

/// Whether a content type is JSON: `application/json` or `+json`, in UTF-8 or without a charset.
///
/// # Errors
/// [`JsonError::ContentType`].
pub fn check_content_type(header: &str) -> Result<(), JsonError> {
    let mut parts = header.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let suffix = kind.strip_prefix("application/").is_some_and(|subtype| {
        let plus = subtype.strip_suffix("+json");
        subtype == "json" || plus.is_some_and(|plus| !plus.is_empty())
    });
    let charsets = parts.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let utf_8 = charsets.into_iter().all(|charset| charset.eq_ignore_ascii_case("utf-8"));
    if suffix && utf_8 { Ok(()) } else { Err(JsonError::ContentType) }
}

/// Reads a whole text.
///
/// # Errors
/// [`JsonError`].
pub fn parse(text: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLong { limit: limits.bytes });
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    // Our own depth is counted instead, and is told as what it is.
    let budget = value::Budget::new(limits);
    let read = value::Guarded::new(&budget).deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| JsonError::Refused {
        why: value::reason(&error),
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(text: &str) -> String {
        parse(text.as_bytes(), &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn plain_json_is_read_as_it_is() {
        let text = r#"{"a":[1,-2.5,true,null,"x\u00e9"],"b":{"c":{}},"1e3":18446744073709551615}"#;
        let value = parse(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(parse(b" 1 ", &Limits::default()).unwrap(), json!(1));
    }

    #[test]
    fn names_twice_and_names_of_prototypes_are_refused_at_any_depth_however_written() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":1,"b":2,"a":3}}]"#]
        {
            assert!(refused(text).starts_with("a name is there twice"), "{}", refused(text));
        }
        for text in [
            r#"{"__proto__":{"admin":true}}"#,
            r#"{"\u005f_proto__":{}}"#,
            r#"{"a":[{"constructor":{"prototype":{"admin":true}}}]}"#,
            r#"{"prototype":1}"#,
        ] {
            assert!(refused(text).contains("prototype"), "{}", refused(text));
        }
    }

    #[test]
    fn what_is_too_long_too_deep_or_too_much_is_refused_and_never_repeated() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert!(refused(&deep).starts_with("it is deeper than 32 (line 1"), "{}", refused(&deep));
        parse(format!("{}{}", "[".repeat(32), "]".repeat(32)).as_bytes(), &Limits::default())
            .unwrap();
        assert!(refused(&"[".repeat(200_000)).starts_with("it is deeper than 32"));
        let many = format!("[{}0]", "0,".repeat(100_000));
        assert!(refused(&many).starts_with("it has more than 100000 values"));
        let limits = Limits { bytes: 4, ..Limits::default() };
        assert_eq!(parse(b"12345", &limits), Err(JsonError::TooLong { limit: 4 }));
        for text in ["", "{", "hunter2", "{\"hunter2\":}", "1 2", "\"hunter2", "[1,]", "\u{feff}{}"]
        {
            assert!(!refused(text).contains("hunter2"), "{}", refused(text));
        }
        assert!(parse(b"\"\xff\"", &Limits::default()).is_err());
    }

    #[test]
    fn content_types_other_than_json_are_refused() {
        for header in
            ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"]
        {
            check_content_type(header).unwrap();
        }
        for header in
            ["", "text/plain", "application/json; charset=utf-16", "text/json", "application/+json"]
        {
            assert_eq!(check_content_type(header), Err(JsonError::ContentType), "{header}");
        }
    }
}
