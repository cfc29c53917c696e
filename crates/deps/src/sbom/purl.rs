//! Package URLs (purl specification, type `npm`).

use super::address;
use ringfence_project::graph::{Package, Source};

/// `pkg:npm/%40scope/name@version`, with where it comes from when that is no registry.
#[must_use]
pub fn purl(package: &Package) -> String {
    let mut text = String::from("pkg:npm/");
    let parts: Vec<String> = package.name.split('/').map(encoded).collect();
    text.push_str(&parts.join("/"));
    if let Some(version) = &package.version {
        text.push('@');
        text.push_str(&encoded(version));
    }
    let qualifier = match &package.source {
        Source::Git { url, commit } => {
            Some(("vcs_url", address::with_tool(url, commit.as_deref())))
        }
        Source::Tarball { url } => Some(("download_url", url.clone())),
        Source::File { .. } | Source::Link { .. } | Source::Registry { .. } => None,
    };
    if let Some((key, value)) = qualifier {
        text.extend(["?", key, "=", &encoded(&value)]);
    }
    text
}

/// Percent-encoded but for what the specification keeps: letters, digits, `.-_~` and `:`.
fn encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    super::encoded(text, kept, '%')
}
