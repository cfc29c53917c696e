//! Whether a body says of itself that it is JSON.

use super::JsonError;

/// Whether a content type is JSON (RFC 9110 section 8.3.1): `application/json` or `application/...+json`,
/// in UTF-8 or without a charset. Anything else that stands in the header refuses it: a parser behind
/// may give it another meaning, and browsers send other types across sites without asking first.
///
/// # Errors
/// [`JsonError::ContentType`].
pub fn check_content_type(header: &str) -> Result<(), JsonError> {
    let mut parts = header.split(';').map(|part| part.trim_matches([' ', '\t']));
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    if is_json(&kind) && parts.all(is_parameter) { Ok(()) } else { Err(JsonError::ContentType) }
}

fn is_json(kind: &str) -> bool {
    kind.strip_prefix("application/").is_some_and(|subtype| {
        let plus = subtype.strip_suffix("+json");
        subtype == "json" || plus.is_some_and(|plus| !plus.is_empty() && is_token(plus))
    })
}

/// A parameter that changes nothing: `charset` is UTF-8, every other is a token or a plain quoted text.
fn is_parameter(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let text = quoted.unwrap_or(value);
    let plain = match quoted {
        Some(text) => text.bytes().all(|b| b != b'"' && b != b'\\' && matches!(b, b' '..=b'~')),
        None => is_token(text),
    };
    let charset = name.eq_ignore_ascii_case("charset");
    is_token(name) && plain && (!charset || text.eq_ignore_ascii_case("utf-8"))
}

/// A token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_other_than_json_are_refused() {
        for header in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/problem+json",
            "application/vnd.api+json; ext=\"https://example.com/a b\"",
        ] {
            check_content_type(header).unwrap();
        }
        for header in [
            "",
            "text/plain",
            "text/json",
            "application/+json",
            "application/a b+json",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=\"utf-8",
            "application/json; charset = utf-8",
            "application/json; charset",
            "application/json;",
            "application/json, text/html",
            "application/json; x=\"a\\\"\"",
            "application/jsonp",
            "application/x-www-form-urlencoded; x=application/json",
            "application/json\u{a0}",
        ] {
            assert_eq!(check_content_type(header), Err(JsonError::ContentType), "{header}");
        }
    }
}
