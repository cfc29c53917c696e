//! One value of a JSON file set in place: every other byte stays.

use serde_json::Value;
use std::ops::Range;

/// A member of an object, by places in the text.
struct Member {
    key: String,
    value: Range<usize>,
    /// From its key to the end of its value.
    whole: Range<usize>,
}

/// An object, by places in the text.
struct Object {
    members: Vec<Member>,
    /// Behind its `{`, and its `}`.
    inside: Range<usize>,
}

/// The text with the value of a key of the outermost object set; with `None`, without that key.
///
/// # Errors
/// What is no JSON object, or has the key twice.
pub(super) fn set(text: &str, key: &str, value: Option<&Value>) -> Result<String, String> {
    set_by(text, key, value, None)
}

/// The text with the value of a key set in the object that is the value of an outer key.
///
/// # Errors
/// As [`set`], of both keys, and an outer value that is no object.
pub(super) fn set_below(
    text: &str,
    outer: &str,
    key: &str,
    value: &Value,
) -> Result<String, String> {
    let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let inner = root.get(outer).map(|inner| inner.as_object());
    match inner {
        Some(None) => return Err(format!("the value of {outer} is no object")),
        Some(Some(inner)) if !inner.is_empty() => {}
        _ => return set(text, outer, Some(&serde_json::json!({ key: value }))),
    }
    let object = object(text).ok_or("it is no JSON object")?;
    let mut found = object.members.iter().filter(|member| member.key == outer);
    let (Some(member), None) = (found.next(), found.next()) else {
        return Err(format!("the key {outer} is there twice"));
    };
    let unit = indent(text, &object);
    let inner = set_by(&text[member.value.clone()], key, Some(value), Some(&unit))?;
    Ok(replaced(text, member.value.clone(), &inner))
}

/// The text without a key of the object that is the value of an outer key.
///
/// # Errors
/// As [`set_below`], and an outer key that is not there.
pub(crate) fn without_below(text: &str, outer: &str, key: &str) -> Result<String, String> {
    let object = object(text).ok_or("it is no JSON object")?;
    let member = object.members.iter().find(|member| member.key == outer);
    let member = member.ok_or_else(|| format!("the key {outer} is not there"))?;
    let inner = set_by(&text[member.value.clone()], key, None, None)?;
    Ok(replaced(text, member.value.clone(), &inner))
}

/// The same; what is deeper than the keys is indented by `unit`, or else as they are.
fn set_by(
    text: &str,
    key: &str,
    value: Option<&Value>,
    unit: Option<&str>,
) -> Result<String, String> {
    // Whatever the scan below lets through, this does not.
    if !serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object()) {
        return Err("it is no JSON object".to_owned());
    }
    let object = object(text).ok_or("it is no JSON object")?;
    let mut found = object.members.iter().filter(|member| member.key == key);
    let (member, second) = (found.next(), found.next());
    if second.is_some() {
        return Err(format!("the key {key} is there twice"));
    }
    let indent = indent(text, &object);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let written = |value: &Value| -> Result<String, String> {
        let mut out = Vec::new();
        let unit = unit.unwrap_or(&indent);
        let unit = if unit.is_empty() { "  " } else { unit };
        let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        serde::Serialize::serialize(value, &mut serializer).map_err(|error| error.to_string())?;
        let text = String::from_utf8(out).map_err(|error| error.to_string())?;
        Ok(text.replace('\n', &format!("{newline}{indent}")))
    };
    match (member, value) {
        (None, None) => Ok(text.to_owned()),
        (Some(member), Some(value)) => {
            let now: Option<Value> = serde_json::from_str(&text[member.value.clone()]).ok();
            if now.as_ref() == Some(value) {
                return Ok(text.to_owned());
            }
            Ok(replaced(text, member.value.clone(), &written(value)?))
        }
        (None, Some(value)) => {
            let member = format!("{}: {}", Value::from(key), written(value)?);
            Ok(match object.members.last() {
                Some(last) => {
                    let at = last.whole.end;
                    replaced(text, at..at, &format!(",{newline}{indent}{member}"))
                }
                None => {
                    replaced(text, object.inside, &format!("{newline}{indent}{member}{newline}"))
                }
            })
        }
        (Some(member), None) => Ok(without(text, &object, member)),
    }
}

fn without(text: &str, object: &Object, member: &Member) -> String {
    let before = object.members.iter().rfind(|one| one.whole.end <= member.whole.start);
    let after = object.members.iter().find(|one| one.whole.start >= member.whole.end);
    let range = match (before, after) {
        (_, Some(after)) => member.whole.start..after.whole.start,
        (Some(before), None) => before.whole.end..member.whole.end,
        (None, None) => object.inside.clone(),
    };
    replaced(text, range, "")
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// The blanks before the first key.
fn indent(text: &str, object: &Object) -> String {
    let Some(first) = object.members.first() else { return "  ".to_owned() };
    let before = &text[object.inside.start..first.whole.start];
    before.rsplit_once('\n').map(|(_, blanks)| blanks.to_owned()).unwrap_or_default()
}

/// The outermost object of a text that is known to be one.
fn object(text: &str) -> Option<Object> {
    let bytes = text.as_bytes();
    let mut at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    let start = at;
    let mut members = Vec::new();
    loop {
        at = blanks(bytes, at);
        match bytes.get(at)? {
            b'}' => return Some(Object { members, inside: start..at }),
            b',' => at += 1,
            _ => {
                let key_end = value_end(bytes, at)?;
                let key = serde_json::from_str(&text[at..key_end]).ok()?;
                let colon = blanks(bytes, key_end);
                let value = blanks(bytes, colon + 1);
                let end = value_end(bytes, value)?;
                members.push(Member { key, value: value..end, whole: at..end });
                at = end;
            }
        }
    }
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Behind the value that begins here.
fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at += 1;
                while *bytes.get(at)? != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            byte if depth == 0 && !byte.is_ascii_whitespace() => {
                // A number, true, false or null.
                let end = |byte: &u8| byte.is_ascii_whitespace() || b",}]".contains(byte);
                while bytes.get(at).is_some_and(|byte| !end(byte)) {
                    at += 1;
                }
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str =
        "{\n    \"name\" : \"a\\\"}\",\n\n    \"x\": [1,{\"allowScripts\": 2}],   \"n\":null\n}\n";

    #[test]
    fn only_the_value_of_the_key_changes() {
        let once = set(TEXT, "allowScripts", Some(&json!({"a@1.0.0": true}))).unwrap();
        let added = ",\n    \"allowScripts\": {\n        \"a@1.0.0\": true\n    }";
        assert_eq!(once, TEXT.replacen("null", &format!("null{added}"), 1));
        assert_eq!(set(&once, "allowScripts", Some(&json!({"a@1.0.0": true}))).unwrap(), once);
        let twice = set(&once, "allowScripts", Some(&json!({}))).unwrap();
        assert_eq!(twice, TEXT.replacen("null", "null,\n    \"allowScripts\": {}", 1));
        assert_eq!(set(&once, "allowScripts", None).unwrap(), TEXT);
        assert_eq!(set(TEXT, "allowScripts", None).unwrap(), TEXT);
        let first = set(TEXT, "name", None).unwrap();
        assert!(first.starts_with("{\n    \"x\""), "{first}");
        let dos = set("{\r\n\t\"a\": 1\r\n}", "b", Some(&json!([1]))).unwrap();
        assert_eq!(dos, "{\r\n\t\"a\": 1,\r\n\t\"b\": [\r\n\t\t1\r\n\t]\r\n}");
        assert_eq!(set("{}", "b", Some(&json!(1))).unwrap(), "{\n  \"b\": 1\n}");
    }

    #[test]
    fn a_key_of_an_object_within_is_set_at_its_depth() {
        let text = "{\n   \"pnpm\": {\n      \"x\": [ 1 ]\n   },\n   \"z\": 1\n}\n";
        let once = set_below(text, "pnpm", "list", &json!(["a"])).unwrap();
        let added = "[ 1 ],\n      \"list\": [\n         \"a\"\n      ]\n   }";
        assert_eq!(once, text.replace("[ 1 ]\n   }", added));
        assert_eq!(set_below(&once, "pnpm", "list", &json!(["a"])).unwrap(), once);
        let new = "{\n  \"pnpm\": {\n    \"list\": []\n  }\n}";
        assert_eq!(set_below("{}", "pnpm", "list", &json!([])).unwrap(), new);
        assert_eq!(set_below("{\n  \"pnpm\": {}\n}", "pnpm", "list", &json!([])).unwrap(), new);
        assert!(set_below("{\"pnpm\": 1}", "pnpm", "list", &json!([])).is_err());
    }

    #[test]
    fn a_key_of_an_object_within_is_taken_out_with_its_line() {
        let text = "{\n  \"p\": {\n    \"a\": {},\n    \"b\": {\n      \"x\": 1\n    }\n  }\n}\n";
        let once = without_below(text, "p", "b").unwrap();
        assert_eq!(once, "{\n  \"p\": {\n    \"a\": {}\n  }\n}\n");
        assert_eq!(without_below(&once, "p", "a").unwrap(), "{\n  \"p\": {}\n}\n");
        assert!(without_below(text, "q", "b").is_err());
    }

    #[test]
    fn what_is_no_object_or_says_a_thing_twice_is_left_alone() {
        for text in ["", "[]", "{", "{\"a\": 1,}", "{\"b\": 1, \"b\": 2}"] {
            assert!(set(text, "b", Some(&json!(1))).is_err(), "{text}");
        }
    }
}
