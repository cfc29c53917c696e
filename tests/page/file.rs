//! The file: whole or not there, never in the place of something that is not a file, and never at
//! the cost of the result itself.

use crate::{TRUE, prove};
use insta::assert_snapshot;
use ringfence_tests::command::Playground;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, symlink};

#[test]
fn every_form_of_the_result_is_printed_beside_the_page_and_the_page_names_the_json_by_its_hash() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    for form in ["human", "json", "markdown"] {
        let options = ["--only", "files", "--format", form, "--report", "proof.html"];
        let Some(run) = prove(&playground, &options) else { return };
        assert!(run.stdout.contains("files-read"), "{run}");
        let page = fs::read_to_string(playground.path().join("proof.html")).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>\n") && page.ends_with("</html>\n"));
        if form == "json" {
            let digest = Sha256::digest(run.stdout.replace("[DIR]", &folder(&playground)));
            let mut hex = String::new();
            for byte in digest {
                write!(hex, "{byte:02x}").unwrap();
            }
            assert!(page.contains(&hex), "{hex} is not on the page");
        }
    }
    let mut left: Vec<_> = fs::read_dir(playground.path()).unwrap().collect();
    left.retain(|entry| entry.as_ref().unwrap().file_name() != "ringfence.toml");
    assert_eq!(left.len(), 1, "only the page is left: {left:?}");
}

#[test]
fn a_folder_is_refused_before_anything_is_attacked() {
    let playground = Playground::new().with("ringfence.toml", TRUE).with("pages/kept", "");
    assert_snapshot!(playground.run(["prove", "--report", "pages"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: cannot write the report: pages
      caused by: is a directory
    hint: name a file, in a folder that is there and may be written
    ---
    ");
    assert!(playground.path().join("pages/kept").is_file());
}

#[test]
fn a_folder_that_is_not_there_is_told_before_anything_is_attacked() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["prove", "--report", "missing/proof.html"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("hint: name a file, in a folder that is there"), "{run}");
}

#[test]
fn a_device_is_not_replaced_by_a_page() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["prove", "--report", "/dev/null"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn what_a_link_leads_to_is_replaced_and_the_link_stays() {
    let playground = Playground::new().with("ringfence.toml", TRUE).with("kept/old.html", "old");
    let link = playground.path().join("proof.html");
    symlink("kept/old.html", &link).unwrap();
    if prove(&playground, &["--only", "limits", "--report", "proof.html"]).is_none() {
        return;
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let page = fs::read_to_string(playground.path().join("kept/old.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_page_that_cannot_be_written_costs_the_exit_code_and_not_the_result() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    // Nobody can make a file there, and that is seen only when one is made.
    let options = ["--only", "limits", "--report", "/proc/ringfence-proof.html"];
    let Some(run) = prove(&playground, &options) else { return };
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("limits-open-files"), "{run}");
    assert!(run.stderr.contains("hint: the result itself is printed above"), "{run}");
}

fn folder(playground: &Playground) -> String {
    playground.path().to_string_lossy().into_owned()
}
