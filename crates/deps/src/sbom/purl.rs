//! Package URLs (purl specification, type `npm`).

use super::address;
use ringfence_project::graph::{Package, Source};

/// `pkg:npm/%40scope/name@version`, with where it comes from when that is no registry.
#[must_use]
pub fn purl(package: &Package) -> String {
    let version = package.version.as_deref();
    let mut text = String::with_capacity(16 + package.name.len() + version.map_or(0, str::len));
    text.push_str("pkg:npm/");
    for (index, part) in package.name.split('/').enumerate() {
        if index > 0 {
            text.push('/');
        }
        put(&mut text, part);
    }
    if let Some(version) = version {
        text.push('@');
        put(&mut text, version);
    }
    match &package.source {
        Source::Git { url, commit } => {
            text.push_str("?vcs_url=");
            put(&mut text, &address::with_tool(url, commit.as_deref()));
        }
        Source::Tarball { url } => {
            text.push_str("?download_url=");
            put(&mut text, url);
        }
        Source::File { .. } | Source::Link { .. } | Source::Registry { .. } => {}
    }
    text
}

/// Percent-encoded but for what the specification keeps: letters, digits, `.-_~` and `:`.
fn put(out: &mut String, text: &str) {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    super::encode(out, text, kept, '%');
}
