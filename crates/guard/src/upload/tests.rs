use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::io::Cursor;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";

fn intake() -> Intake {
    Intake::new(1 << 20, &[Kind::Png, Kind::Gif, Kind::Jpeg, Kind::Pdf, Kind::Text, Kind::Csv])
}

/// What comes of a file, and the names in the store afterwards.
fn receive(
    intake: &Intake,
    content: &[u8],
    declared: &str,
) -> (Result<Accepted, UploadError>, Vec<String>) {
    let store = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = Root::new(store.path()).unwrap();
    let received = intake.receive(&mut Cursor::new(content), declared, &root);
    let names = std::fs::read_dir(store.path()).unwrap().flatten();
    (received, names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

fn assert_refused(intake: &Intake, content: &[u8], declared: &str, code: &str) {
    let (received, names) = receive(intake, content, declared);
    let error = received.expect_err(declared);
    assert_eq!(error.code(), code, "{declared}: {error}");
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_file_is_kept_under_its_hash_and_the_ending_of_its_kind() {
    let store = tempfile::tempdir().unwrap();
    let root = Root::new(store.path()).unwrap();
    let first = intake().receive(&mut Cursor::new(PNG), "Image/PNG; x=y", &root).unwrap();
    assert_eq!(first.name, format!("{}.png", first.sha256));
    assert_eq!((first.kind, first.bytes, first.known), (Kind::Png, PNG.len() as u64, false));
    assert_eq!(std::fs::read(store.path().join(&first.name)).unwrap(), PNG);
    let again = intake().receive(&mut Cursor::new(PNG), "image/png", &root).unwrap();
    assert_eq!(again, Accepted { known: true, ..first });
    assert_eq!(std::fs::read_dir(store.path()).unwrap().count(), 1);
    let (table, names) = receive(&intake(), "BMW,Äpfel\n1,2\n".as_bytes(), "text/csv");
    assert_eq!((table.unwrap().kind, names.len()), (Kind::Csv, 1));
    assert_eq!(
        hex(&Sha256::digest(b"abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn what_is_not_wanted_or_declared_otherwise_is_refused() {
    let refused = |content: &[u8], declared, code| {
        assert_refused(&intake(), content, declared, code);
    };
    refused(PNG, "image/jpeg", "declared-otherwise");
    refused(PNG, "text/plain", "declared-otherwise");
    refused(PNG, "", "declared-otherwise");
    refused(PNG, "image/svg+xml", "declared-otherwise");
    refused(b"plain", "image/png", "declared-otherwise");
    refused(b"{}", "application/json", "unwanted-kind");
    refused(b"PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "application/zip", "unwanted-kind");
    refused(b"", "text/plain", "empty");
    for active in [
        "<!DOCTYPE html><p>",
        "<html ><script>alert(1)</script>",
        " \n<script >1</script>",
        "<?xml version='1.0'?><svg onload='x()'/>",
        "#!/bin/sh\n",
        "%PDF-1.7",
        "GIF89a=1;alert(1)",
        "MZ\0\0",
        "\x7fELF\x02\x01\x01",
        "a\0b",
        "a\u{1b}[2J",
    ] {
        let (received, names) = receive(&intake(), active.as_bytes(), "text/plain");
        assert!(received.is_err() && names.is_empty(), "{active:?}");
    }
    refused(b"caf\xe9", "text/plain", "unwanted-kind");
    let mut late = vec![b'a'; 200_000];
    late.push(0xff);
    refused(&late, "text/plain", "unwanted-kind");
    let mut cut = vec![b'a'; PIECE - 1];
    cut.extend("é and more".as_bytes());
    receive(&intake(), &cut, "text/plain").0.unwrap();
}

#[test]
fn size_is_bounded_while_it_comes() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            room.fill(b'a');
            Ok(room.len())
        }
    }
    let store = tempfile::tempdir().unwrap();
    let root = Root::new(store.path()).unwrap();
    let refused = intake().receive(&mut Endless, "text/plain", &root).unwrap_err();
    assert_eq!(refused.code(), "too-long");
    assert_eq!(std::fs::read_dir(store.path()).unwrap().count(), 0);
    let exact = vec![b'a'; 1 << 20];
    receive(&intake(), &exact, "text/plain").0.unwrap();
    let more = vec![b'a'; (1 << 20) + 1];
    assert_refused(&intake(), &more, "text/plain", "too-long");
}

#[test]
fn a_file_that_is_two_things_is_refused_or_noted() {
    let end = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let pieces: [(&[u8], &str, Vec<u8>, Note); 6] = [
        (PNG, "image/png", b"<ScRiPt>alert(1)</script>".to_vec(), Note::Script),
        (JPEG, "image/jpeg", b"<?php system($_GET[0]);".to_vec(), Note::Script),
        (GIF, "image/gif", b"<svg onload=x>".to_vec(), Note::Script),
        (PNG, "image/png", end.to_vec(), Note::Archive),
        (GIF, "image/gif", b"%PDF-1.4".to_vec(), Note::Document),
        // Between two pieces.
        (
            PNG,
            "image/png",
            [vec![0; PIECE - PNG.len() - 3], b"<script".to_vec()].concat(),
            Note::Script,
        ),
    ];
    for (head, declared, tail, note) in pieces {
        let both = [head, &tail].concat();
        assert_refused(&intake(), &both, declared, "hidden-content");
        let noted = receive(&intake().with_hidden_noted(), &both, declared).0.unwrap();
        assert_eq!(noted.notes, [note], "{declared}");
        // The control: as much of something else.
        let plain = [head, &vec![b'-'; tail.len()]].concat();
        assert_eq!(receive(&intake(), &plain, declared).0.unwrap().notes, []);
    }
    let pdf = b"%PDF-1.7\n1 0 obj << /OpenAction 2 0 R /S /JavaScript >>".to_vec();
    let active = receive(&intake(), &pdf, "application/pdf").0.unwrap();
    assert_eq!(active.notes, [Note::Active]);
    // A document far from the beginning is none to its reader.
    let far = [GIF, &vec![0; 5000], b"%PDF-1.4".as_slice()].concat();
    receive(&intake(), &far, "image/gif").0.unwrap();
}

/// Says what it is told to.
struct Puppet(fn() -> Result<Option<Finding>, ScanError>);

impl Scanner for Puppet {
    fn scan(&self, content: &mut dyn Read) -> Result<Option<Finding>, ScanError> {
        let mut seen = Vec::new();
        content.read_to_end(&mut seen).map_err(ScanError::Unreachable)?;
        assert_eq!(seen, PNG);
        (self.0)()
    }
}

#[test]
fn a_scanner_that_finds_something_or_fails_means_refused() {
    let with = |says| intake().with_scanner(Puppet(says));
    receive(&with(|| Ok(None)), PNG, "image/png").0.unwrap();
    let found = || Ok(Some(Finding::new("Eicar\u{202e}\x1b")));
    assert_refused(&with(found), PNG, "image/png", "infected");
    let failed = || Err(ScanError::TooLong);
    assert_refused(&with(failed), PNG, "image/png", "not-scanned");
    assert_eq!(Finding::new("Eicar\u{202e}\x1b").to_string(), "Eicar");
}

/// A stand-in for the daemon: reads one whole stream by the protocol and says `answers` in turn.
fn stand_in(path: &Path, answers: &[&'static [u8]]) -> std::thread::JoinHandle<Vec<Vec<u8>>> {
    let listener = UnixListener::bind(path).unwrap();
    let mut answers: VecDeque<&'static [u8]> = answers.iter().copied().collect();
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        while let Some(answer) = answers.pop_front() {
            let (mut stream, _) = listener.accept().unwrap();
            let mut word = [0; 10];
            stream.read_exact(&mut word).unwrap();
            assert_eq!(&word, b"zINSTREAM\0");
            let mut content = Vec::new();
            loop {
                let mut length = [0; 4];
                stream.read_exact(&mut length).unwrap();
                let length = u32::from_be_bytes(length) as usize;
                if length == 0 {
                    break;
                }
                assert!(length <= LONGEST_CHUNK);
                let at = content.len();
                content.resize(at + length, 0);
                stream.read_exact(&mut content[at..]).unwrap();
            }
            stream.write_all(answer).unwrap();
            seen.push(content);
        }
        seen
    })
}

#[test]
fn only_an_ok_of_the_daemon_is_an_acceptance() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("clamd.sock");
    let answers: [(&'static [u8], &str); 10] = [
        (b"stream: OK\0", ""),
        (b"stream: Eicar-Test-Signature FOUND\0", "infected"),
        (b"INSTREAM size limit exceeded. ERROR\0", "not-scanned"),
        (b"stream: Can't allocate memory ERROR\0", "not-scanned"),
        (b"stream: OK", "not-scanned"),
        (b"stream: OK\n\0", "not-scanned"),
        (b"OK\0", "not-scanned"),
        (b"stream: OK FOUND\0", "infected"),
        (b"", "not-scanned"),
        (b"\xff\xfe\0", "not-scanned"),
    ];
    let daemon = stand_in(&path, &answers.map(|(answer, _)| answer));
    let intake = intake().with_scanner(Clamd::unix(&path).with_chunk(7));
    for (answer, code) in answers {
        let (received, names) = receive(&intake, PNG, "image/png");
        match received {
            Ok(_) => assert_eq!((code, names.len()), ("", 1), "{answer:?}"),
            Err(error) => assert_eq!((error.code(), names.len()), (code, 0), "{answer:?}"),
        }
    }
    assert!(daemon.join().unwrap().iter().all(|content| content == PNG));
    // Nobody there any more, and nobody ever.
    assert_refused(&intake, PNG, "image/png", "not-scanned");
    let nobody = super::tests::intake().with_scanner(Clamd::unix("/nonexistent/clamd"));
    assert_refused(&nobody, PNG, "image/png", "not-scanned");
}

#[test]
fn a_daemon_that_says_nothing_is_given_up_at_the_deadline() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("clamd.sock");
    // It listens and never accepts.
    let silent = UnixListener::bind(&path).unwrap();
    let clamd = Clamd::unix(&path).with_deadline(Duration::from_millis(50));
    let intake = intake().with_scanner(clamd);
    let began = std::time::Instant::now();
    assert_refused(&intake, PNG, "image/png", "not-scanned");
    assert!(began.elapsed() < Duration::from_mins(3));
    drop(silent);
}

proptest! {
    #[test]
    fn any_bytes_are_kept_whole_or_not_at_all(
        content in prop::collection::vec(any::<u8>(), 0..300),
        head in prop::sample::select(vec![PNG, GIF, JPEG, b"text ".as_slice(), b""]),
        declared in prop::sample::select(vec!["image/png", "image/gif", "text/plain", "", "a/b"]),
    ) {
        let content = [head, &content].concat();
        let (received, names) = receive(&intake(), &content, declared);
        match received {
            Ok(accepted) => {
                prop_assert_eq!(names.as_slice(), std::slice::from_ref(&accepted.name));
                prop_assert_eq!(accepted.bytes, content.len() as u64);
                prop_assert_eq!(Kind::declared(declared), Some(accepted.kind));
                prop_assert_eq!(accepted.sha256, hex(&Sha256::digest(&content)));
            }
            Err(error) => {
                prop_assert!(names.is_empty());
                prop_assert!(!error.code().is_empty());
            }
        }
    }

    #[test]
    fn a_mark_is_found_wherever_pieces_are_cut(cuts in prop::collection::vec(0_usize..60, 0..6)) {
        let text = b"....<script....................................................";
        let mut search = hidden::Search::new(Kind::Png);
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            search.look(&text[from..cut]);
            from = cut;
        }
        prop_assert_eq!(search.finish().unwrap(), vec![Note::Script]);
    }
}

#[test]
fn what_comes_in_pieces_of_any_size_is_judged_as_a_whole() {
    let store = tempfile::tempdir().unwrap();
    let root = Root::new(store.path()).unwrap();
    let mut content = PNG.to_vec();
    content.resize(PIECE + 1000, 7);
    let whole = intake().receive(&mut Cursor::new(&content), "image/png", &root).unwrap();
    for size in [1, 7, PIECE - 1, PIECE, PIECE + 1] {
        let mut receiving = intake().begin("image/png", &root).unwrap();
        for piece in content.chunks(size) {
            intake().take(&mut receiving, piece).unwrap();
        }
        let accepted = intake().finish(receiving).unwrap();
        assert_eq!(
            (accepted.sha256, accepted.bytes, accepted.known),
            (whole.sha256.clone(), whole.bytes, true)
        );
    }
    // What is wrong at the beginning is refused before the rest is there, and dropping leaves nothing.
    let mut receiving = intake().begin("image/gif", &root).unwrap();
    let refused = content.chunks(1000).find_map(|piece| intake().take(&mut receiving, piece).err());
    assert_eq!(refused.unwrap().code(), "declared-otherwise");
    drop(receiving);
    assert_eq!(std::fs::read_dir(store.path()).unwrap().count(), 1);
}
