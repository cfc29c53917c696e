//! What an application does with files of others: archives, temporary files, uploads.

use ringfence_guard::path::{PathError, Root};
use ringfence_guard::temp::{Draft, Folder};
use ringfence_guard::upload::{Finding, Intake, Kind, ScanError, Scanner, UploadError};
use ringfence_tests::command::{Playground, other};
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};

#[test]
fn line_161_an_archive_that_climbs_out_is_extracted_nowhere() {
    let playground = Playground::new()
        .with("make/kept.txt", "kept")
        .with("climbed.txt", "climbed")
        .with("victim/make/here", "");
    let tar = |words: &[&str], folder: &str| {
        let mut tar = other("tar");
        let run = tar.args(words).current_dir(playground.path().join(folder)).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    tar(&["-cf", "../good.tar", "kept.txt"], "make");
    tar(&["-P", "-cf", "../evil.tar", "kept.txt", "../climbed.txt"], "make");
    let run = playground.run(["extract", "good.tar", "--into", "good"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(std::fs::read(playground.path().join("good/kept.txt")).unwrap(), b"kept");
    let run = playground.run(["extract", "evil.tar", "--into", "victim/out"]);
    assert!(run.code == 1 && run.stderr.contains("nothing was written"), "{run}");
    assert!(!playground.path().join("victim/out").exists());
    assert!(!playground.path().join("victim/climbed.txt").exists());
    // The control: a program that believes the names writes beside its folder.
    tar(&["-P", "-xf", "../../evil.tar"], "victim/make");
    assert!(playground.path().join("victim/climbed.txt").exists());
}

#[test]
fn line_162_temporary_files_are_private_and_no_planted_link_is_followed() {
    let playground = Playground::new().with("precious", "as it was");
    let place = playground.path();
    let (one, two) = (Folder::new_in(&place).unwrap(), Folder::new_in(&place).unwrap());
    assert_ne!(one.name(), two.name());
    let (name, mode) =
        (place.join(one.name()), std::fs::metadata(place.join(one.name())).unwrap().mode());
    assert_eq!(mode & 0o777, 0o700);
    // A name that somebody guessed, and made a link of before we came.
    symlink(place.join("precious"), place.join("report.txt")).unwrap();
    let mut report = Draft::new_in(&place).unwrap();
    report.write_all(b"report").unwrap();
    assert!(matches!(report.persist_new("report.txt"), Err(PathError::Exists)));
    let mut report = Draft::new_in(&place).unwrap();
    report.write_all(b"report").unwrap();
    report.replace("report.txt").unwrap();
    assert_eq!(std::fs::read(place.join("precious")).unwrap(), b"as it was");
    assert_eq!(std::fs::read(place.join("report.txt")).unwrap(), b"report");
    drop(one);
    assert!(!name.exists(), "it is gone with its owner");
    // The control: opened by its name, the link leads to the other file.
    std::fs::remove_file(place.join("report.txt")).unwrap();
    symlink(place.join("precious"), place.join("report.txt")).unwrap();
    std::fs::write(place.join("report.txt"), "report").unwrap();
    assert_eq!(std::fs::read(place.join("precious")).unwrap(), b"report");
}

/// Finds the test virus by its first word.
struct FirstWord;

impl Scanner for FirstWord {
    fn scan(&self, content: &mut dyn Read) -> Result<Option<Finding>, ScanError> {
        let mut text = String::new();
        content.read_to_string(&mut text).map_err(ScanError::Unreachable)?;
        Ok(text.starts_with("virus").then(|| Finding::new("Test.Virus")))
    }
}

#[test]
fn line_374_an_upload_has_a_size_a_kind_a_name_of_ours_and_a_scanner() {
    let playground = Playground::new().with("store/.keep", "");
    let store = Root::new(playground.path().join("store")).unwrap();
    let intake = Intake::new(1000, &[Kind::Text, Kind::Png]).with_scanner(FirstWord);
    let receive = |mut body: &[u8], declared| intake.receive(&mut body, declared, &store);
    let kept = receive(b"hello", "text/plain").unwrap();
    assert_eq!(kept.name, format!("{}.txt", kept.sha256));
    let code = |body: &[u8], declared| receive(body, declared).map_err(|error| error.code());
    assert_eq!(code(&[b'a'; 1001], "text/plain"), Err("too-long"));
    assert_eq!(code(b"GIF89a\x01\0\x01\0\0\0\0;", "image/gif"), Err("unwanted-kind"));
    assert_eq!(code(b"hello", "image/png"), Err("declared-otherwise"));
    assert!(matches!(receive(b"virus", "text/plain"), Err(UploadError::Infected(_))));
    let names = std::fs::read_dir(playground.path().join("store")).unwrap();
    assert_eq!(names.count(), 2, "what was refused is not there");
}
