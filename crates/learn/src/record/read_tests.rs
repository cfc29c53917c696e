use super::super::line::{
    Begin, Blind, Caller, Capability, Connect, Count, End, Exec, Feature, FeatureUsed, FileKind,
    FileSeen, FileUse, Line, Listen, Query, Resolved, Transport, UnixSocket, Use, VERSION,
    Variable,
};
use super::super::{ReadError, Record};
use std::path::{Path, PathBuf};

fn begin(version: u32) -> Line {
    Line::Begin(Begin {
        version,
        ringfence: "0.1.0".to_owned(),
        command: vec!["node".to_owned()],
        cwd: "/app".into(),
        started: 1,
        environment: vec!["PATH".to_owned()],
        boundary: None,
        blind: Vec::new(),
    })
}

fn file(path: &str, used: FileUse, found: FileKind, pid: i32) -> Line {
    let (path, program) = (path.into(), "/usr/bin/node".into());
    Line::File(FileSeen {
        path,
        real: None,
        used,
        found,
        at: u64::from(pid.unsigned_abs()),
        pid,
        program,
    })
}

fn count(of: &str, times: u64) -> Line {
    Line::Count(Count { of: of.to_owned(), times })
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

fn read(text: &[u8]) -> Result<Record, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    std::fs::write(&path, text).unwrap();
    Record::read(&path)
}

const PEER: &str = "127.0.0.1:80";

fn caller() -> Caller {
    Caller { package: Some("pg".to_owned()), version: None, place: "/a.js:1:1".to_owned() }
}

/// The same things as several processes tell them.
fn told_by_several() -> Vec<Line> {
    let peer = PEER.parse().unwrap();
    let connect =
        |own, pid| Line::Connect(Connect { to: peer, transport: Transport::Tcp, own, at: 3, pid });
    let listen = |listening| {
        let address = "0.0.0.0:80".parse().unwrap();
        Line::Listen(Listen { address, transport: Transport::Tcp, listening, at: 1, pid: 1 })
    };
    let by = caller();
    let used = |pid| {
        let (capability, resource) = (Capability::FsRead, "/app/a".to_owned());
        Line::Use(Use { capability, resource, by: by.clone(), pid })
    };
    let env = |present, pid| Line::Env(Variable { name: "PORT".to_owned(), present, pid });
    let unix = |bound| Line::Unix(UnixSocket { path: "@x".to_owned(), bound, at: 1, pid: 1 });
    let exec = |first| {
        let (path, real) = ("/bin/sh".into(), Some("/bin/dash".into()));
        Line::Exec(Exec { path, real, argv: vec!["sh".to_owned()], first, at: 0, pid: 1 })
    };
    vec![
        begin(VERSION),
        exec(true),
        exec(false),
        file("/app/a", FileUse::Read, FileKind::Missing, 1),
        file("/app/a", FileUse::Read, FileKind::File, 2),
        file("/app/a", FileUse::Look, FileKind::File, 3),
        count("/app/a", 4),
        count("/app/a", 9),
        count("/app/unknown", 9),
        connect(true, 1),
        connect(false, 2),
        count("127.0.0.1:80", 7),
        listen(false),
        listen(true),
        unix(true),
        unix(false),
        used(1),
        used(2),
        env(false, 1),
        env(true, 2),
        Line::Feature(FeatureUsed { feature: Feature::Told, pid: 2 }),
        Line::Query(Query {
            name: "api.test".to_owned(),
            to: "9.9.9.9:53".parse().unwrap(),
            at: 1,
            pid: 1,
        }),
        Line::Resolved(Resolved {
            name: "api.test".to_owned(),
            addresses: vec!["192.0.2.1".parse().unwrap()],
            pid: 1,
        }),
        Line::Blind(Blind { what: "io_uring".to_owned() }),
        Line::End(End { code: 0, at: 9, calls: 20, left_out: 0, untold: 0 }),
    ]
}

#[test]
fn what_several_processes_tell_becomes_one_entry_and_the_last_count_counts() {
    let peer = PEER.parse().unwrap();
    let by = caller();
    let record = read(text(&told_by_several()).as_bytes()).unwrap();
    let seen = &record.files[Path::new("/app/a")];
    assert_eq!(seen.times, 9);
    let first = &seen.uses[&FileUse::Read];
    assert_eq!((first.found, first.pid), (FileKind::File, 1));
    assert_eq!(seen.uses[&FileUse::Look].pid, 3);
    assert_eq!(record.files.len(), 1);
    let seen = &record.connects[&(Transport::Tcp, peer)];
    // The run listened there itself: a connection before that asked for the same.
    assert_eq!((seen.own, seen.times, seen.pid), (true, 7, 1));
    assert!(record.listens.values().all(|seen| seen.listening) && record.listens.len() == 1);
    assert!(record.unix["@x"].bound && record.unix["@x"].connected);
    let program = &record.programs[Path::new("/bin/sh")];
    assert!(program.first && program.times == 2);
    assert_eq!(program.real, Some(PathBuf::from("/bin/dash")));
    assert_eq!(record.uses[&(Capability::FsRead, "/app/a".to_owned())][&by], 2);
    assert!(record.env["PORT"]);
    assert!(record.told.contains(&2));
    assert_eq!(record.queries["api.test"].len(), 1);
    let address = "192.0.2.1".parse().unwrap();
    assert!(record.names_of[&address].contains("api.test"));
    assert_eq!(record.begin.blind, ["io_uring"]);
    assert_eq!(record.end.as_ref().map(|end| end.calls), Some(20));
    assert_eq!((record.unknown, record.torn), (0, false));
}

#[test]
fn a_record_that_was_cut_anywhere_holds_what_was_whole() {
    let lines = [begin(VERSION), file("/a", FileUse::Read, FileKind::File, 1)];
    let whole = text(&[lines.as_slice(), &[file("/b", FileUse::Read, FileKind::File, 1)]].concat());
    let head = text(&lines).len();
    for cut in head..whole.len() - 1 {
        let record = read(&whole.as_bytes()[..cut]).unwrap();
        assert_eq!(record.files.len(), 1, "{cut}");
        assert_eq!(record.torn, cut > head, "{cut}");
        assert_eq!((record.unknown, record.end), (0, None), "{cut}");
    }
}

#[test]
fn lines_that_are_not_known_are_counted_and_harm_nothing() {
    let strange = "{\"kind\":\"smell\"}\nno json\n{\"kind\":\"file\",\"path\":7}\n\n\u{fffd}\n";
    let long = format!("{}\n", "x".repeat(10_000));
    let known = [file("/a", FileUse::Read, FileKind::File, 1), begin(VERSION)];
    let whole = [text(&[begin(VERSION)]).as_str(), strange, &long, &text(&known)].concat();
    let record = read(whole.as_bytes()).unwrap();
    assert_eq!(record.files.len(), 1);
    // A second beginning is none; the long line comes in pieces.
    assert_eq!(record.unknown, 4 + 3 + 1);
    assert!(!record.torn);
}

#[test]
fn what_is_no_record_or_of_a_later_version_is_refused() {
    for text in
        ["", "\n", "{}", "{\"kind\":\"end\"}\n", "hello\n", "{\"kind\":\"begin\",\"version\":1}\n"]
    {
        assert!(matches!(read(text.as_bytes()), Err(ReadError::NotARecord { .. })), "{text}");
    }
    let newer = text(&[begin(VERSION + 1)]);
    assert!(matches!(read(newer.as_bytes()), Err(ReadError::Newer { version: 2, .. })));
    let missing = Record::read(Path::new("/no/such/record"));
    assert!(matches!(missing, Err(ReadError::Read { .. })));
}

#[test]
fn every_line_is_read_as_it_was_written() {
    for line in [begin(1), file("/a b/ü", FileUse::RenameTo, FileKind::Other, 2), count("/x", 2)] {
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line, "{text}");
    }
}

#[test]
fn neither_file_is_believed_what_belongs_into_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    let env = || Line::Env(Variable { name: "PORT".to_owned(), present: true, pid: 1 });
    let seen = file("/a", FileUse::Read, FileKind::File, 1);
    std::fs::write(&path, text(&[begin(VERSION), seen.clone(), env()])).unwrap();
    // One file alone holds both.
    let alone = Record::read(&path).unwrap();
    assert_eq!((alone.files.len(), alone.env.len(), alone.unknown), (1, 1, 0));
    let forged = file("/etc/shadow", FileUse::Read, FileKind::File, 1);
    let told = text(&[env(), forged, count("/a", 99), Line::Blind(Blind { what: "x".into() })]);
    std::fs::write(super::told_beside(&path), told).unwrap();
    let record = Record::read(&path).unwrap();
    assert_eq!(record.files.keys().collect::<Vec<_>>(), [Path::new("/a")]);
    assert_eq!((record.env.len(), record.unknown), (1, 4));
    assert_eq!((record.files[Path::new("/a")].times, record.begin.blind.len()), (1, 0));
}

#[test]
fn what_is_no_file_or_larger_than_a_record_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    for no_file in ["/dev/zero", "/proc"] {
        assert!(matches!(Record::read(Path::new(no_file)), Err(ReadError::Read { .. })));
    }
    let whole = text(&[begin(VERSION)]) + &"\n".repeat(999_999);
    std::fs::write(&path, &whole).unwrap();
    assert!(Record::read(&path).is_ok());
    std::fs::write(&path, whole + "\n").unwrap();
    assert!(matches!(Record::read(&path), Err(ReadError::TooLarge { .. })));
}
