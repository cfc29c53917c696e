//! A proof as a page: what a reader who was not there needs to believe it or to doubt it.
//!
//! One HTML file without scripts, and nothing in it is fetched from elsewhere: its own content
//! policy forbids it. Names, paths and errors come from the service, the host and the boundary
//! file, so none of them can reach the page but through [`html::Html::text`]. The page has no
//! signature: it is evidence for people who trust where they got it from.

mod attached;
mod callouts;
mod claims;
mod dial;
mod grants;
mod html;
mod layers;
mod picture;
mod remains;
mod summary;
mod tally;
mod words;

#[cfg(test)]
mod tests;

use super::Report;
use super::attach::AttachReport;
use html::Html;
use ringfence_policy::display::hex;
use ringfence_policy::model::Boundary;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The proof.
    pub report: &'a Report,
    /// The boundary it is of.
    pub boundary: &'a Boundary,
    /// What the program's runtime is granted besides.
    pub runtime: &'a [RuntimeGrant],
    /// The same proof with the running service it was attached to.
    pub attached: Option<&'a AttachReport>,
}

/// One thing that the program's runtime is granted without being listed in the file.
#[derive(Debug, Clone)]
pub struct RuntimeGrant {
    /// Path as the service sees it.
    pub path: String,
    /// What it may do with it, in words.
    pub access: &'static str,
    /// What needs it, in words.
    pub why: String,
}

impl Page<'_> {
    /// The page as HTML 5, in printable ASCII and line feeds.
    #[must_use]
    pub fn render(&self) -> String {
        let mut html = Html::default();
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
        html.raw("style-src 'sha256-").text(&base64(&Sha256::digest(STYLE.as_str())));
        html.raw("'; base-uri 'none'; form-action 'none'\">\n");
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
        html.raw("<meta name=\"referrer\" content=\"no-referrer\">\n<title>Proof of ");
        html.text(&self.report.evidence.service)
            .raw(", ")
            .text(&self.report.evidence.time)
            .raw("</title>\n<style>");
        html.raw(&STYLE).raw("</style>\n</head>\n<body>\n");
        html.raw(include_str!("nav.html"));
        summary::write(&mut html, self);
        html.raw("<main>\n");
        attached::write(&mut html, self.attached);
        picture::write(&mut html, self);
        claims::write(&mut html, self.report);
        remains::write(&mut html, self.report);
        layers::write(&mut html, self);
        layers::write_statement(&mut html, self);
        html.raw(include_str!("limits.html"));
        html.raw("</main>\n<footer><p>Made by <code>ringfence prove --report</code>, version ");
        html.text(self.report.evidence.ringfence).raw(". To check it, run <code>ringfence prove");
        html.raw("</code> on the boundary file with the hash above.</footer>\n</body>\n</html>\n");
        html.finish()
    }

    /// As the command ends.
    fn exit_code(&self) -> u8 {
        self.attached.map_or_else(|| self.report.exit_code(), AttachReport::exit_code)
    }

    /// SHA-256 of the proof in the form that `--format json` prints, line feed included.
    fn digest(&self) -> Option<String> {
        let mut json = match self.attached {
            Some(attached) => serde_json::to_string_pretty(attached).ok()?,
            None => self.report.to_json().ok()?,
        };
        json.push('\n');
        Some(hex(&Sha256::digest(json)))
    }
}

/// The style sheet without what only its readers need.
static STYLE: LazyLock<String> =
    LazyLock::new(|| include_str!("style.css").lines().map(str::trim).collect());

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let part = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for sextet in 0..4_usize {
            let index = usize::try_from(bits >> (18 - 6 * sextet) & 63).unwrap_or_default();
            text.push(if sextet > three.len() { '=' } else { char::from(LETTERS[index]) });
        }
    }
    text
}
