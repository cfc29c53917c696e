//! What a browser makes of a page, opened from the disk.

use crate::browser::Browser;
use crate::{TRUE, ids, prove};
use ringfence_tests::command::Playground;
use ringfence_tests::workspace;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that a page of the whole battery may take.
const LARGEST: usize = 100_000;

/// Proves a boundary, and answers its page and the JSON form of the same proof.
fn page(playground: &Playground) -> Option<(PathBuf, String)> {
    let run = prove(playground, &["--format", "json", "--report", "proof.html"])?;
    Some((playground.path().join("proof.html"), run.stdout))
}

#[test]
fn a_browser_shows_every_claim_and_refuses_nothing_of_the_page() {
    let Some(browser) = Browser::installed() else { return };
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let Some((page, json)) = page(&playground) else { return };
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.len() < LARGEST, "{} bytes", text.len());
    let opened = browser.open(&page);
    for id in ids(&json) {
        let (element, code) = (format!("id=\"{id}\""), format!("<code>{id}</code>"));
        assert!(opened.document.contains(&element) || opened.document.contains(&code), "{id}");
    }
    assert!(!opened.console.contains("CONSOLE"), "{}", opened.console);
    // The control: with another style sheet than the policy names, the browser does complain.
    let changed = playground.path().join("changed.html");
    fs::write(&changed, text.replace("<style>", "<style>p{margin:9px}")).unwrap();
    let console = browser.open(&changed).console;
    assert!(console.contains("Content Security Policy"), "{console}");
}

#[test]
fn a_page_with_everything_that_node_was_attacked_with_is_small() {
    let Some(node) = node() else { return };
    let boundary = TRUE.replace("[\"/bin/true\"]", &format!("[{node:?}, \"server.mjs\"]"));
    let playground = Playground::new().with("ringfence.toml", &boundary).with("server.mjs", "");
    let Some((page, json)) = page(&playground) else { return };
    assert!(json.contains("inside_with_node_flags"), "scripts were run");
    let text = fs::read_to_string(page).unwrap();
    assert!(text.len() < LARGEST, "{} bytes", text.len());
    assert!(text.contains(">Node 26."), "the ring names it");
}

/// A Node of the tests, where `cargo xtask setup` has put it.
fn node() -> Option<PathBuf> {
    let found = nodes().into_iter().find(|node| node.to_string_lossy().contains("/26.10.0/"));
    if found.is_none() {
        ringfence_tests::not_run("Node 26.10.0 is not there: cargo xtask setup");
    }
    found
}

/// Every Node of the tests.
pub(crate) fn nodes() -> Vec<PathBuf> {
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map_or_else(
        || {
            let target = &workspace::metadata()["target_directory"];
            Path::new(target.as_str().unwrap()).join("ringfence-nodes")
        },
        PathBuf::from,
    );
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let binary = format!("node_modules/node-linux-{machine}/bin/node");
    let versions = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join(&binary))
        .filter(|node| node.is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        ringfence_tests::not_run("no Node is there: cargo xtask setup");
    }
    found
}

#[test]
fn a_browser_draws_it_in_light_in_dark_and_on_a_narrow_screen() {
    let Some(browser) = Browser::installed() else { return };
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let Some((page, _)) = page(&playground) else { return };
    let blank = playground.path().join("blank.html");
    fs::write(&blank, "<!DOCTYPE html><title>blank</title>").unwrap();
    let light = "--blink-settings=preferredColorScheme=1";
    let dark = "--blink-settings=preferredColorScheme=0";
    let mut pictures = Vec::new();
    for options in [
        [light, "--window-size=1440,1800"],
        [dark, "--window-size=1440,1800"],
        [light, "--window-size=500,1800"],
    ] {
        let picture = browser.screenshot(&page, &options);
        // One colour all over packs into next to nothing; the control is such a picture.
        let uniform = browser.screenshot(&blank, &options);
        assert!(picture.starts_with(b"\x89PNG") && uniform.starts_with(b"\x89PNG"));
        assert!(picture.len() > 5 * uniform.len(), "{} {}", picture.len(), uniform.len());
        pictures.push(picture);
    }
    assert!(pictures[0] != pictures[1], "dark is not light");
}

#[test]
fn names_made_to_be_markup_are_shown_as_text() {
    let Some(browser) = Browser::installed() else { return };
    let hostile =
        "<img src=x onerror=\"document.title='taken'\"></table><script>document.title='taken'";
    let playground = Playground::new()
        .with(&format!("{}/kept", hostile.replace('/', "-")), "")
        .with("\u{200b}lmth.x/kept", "")
        .with(
            "ringfence.toml",
            &TRUE.replace(
                "\"./\"",
                &format!("'''./{}''', \"./\\u200blmth.x\"", hostile.replace('/', "-")),
            ),
        );
    let Some((page, _)) = page(&playground) else { return };
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("&lt;img src=x onerror=&quot;document.title"), "it is on the page");
    assert!(text.is_ascii() && text.contains(r"./\u{200b}lmth.x"));
    let opened = browser.open(&page);
    assert!(opened.document.contains("<title>Proof of true"));
    assert!(!opened.document.contains("<img") && !opened.document.contains("<script"));
}
