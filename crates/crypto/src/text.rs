//! base64url without padding, as JOSE writes it (RFC 7515 section 2): one text for one value. And what is
//! wrong with a text that is no JSON.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::error::Category;

/// Bytes as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Text as bytes; `None` for padding, other letters, and bits that are left over.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// What is wrong with a text, without a word of it: whoever confuses two files may have given another
/// secret.
pub(crate) fn fault(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "a field is missing, not known or of another kind",
        Category::Eof => "it ends too early",
        Category::Io | Category::Syntax => "it is no JSON",
    };
    match error.line() {
        0 => what.to_owned(),
        line => format!("{what} at line {line} column {}", error.column()),
    }
}
