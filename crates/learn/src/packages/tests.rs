use super::*;
use crate::record::{
    Begin, Caller, Capability, End, FileKind, FileSeen, FileUse, FirstUse, ListenSeen, Record,
    Transport,
};
use std::path::PathBuf;

const APP: &str = "/home/ada/shop";

fn record() -> Record {
    let mut record = Record::new(Begin {
        version: 1,
        ringfence: "0.1.0".to_owned(),
        command: vec!["node".to_owned(), "server.js".to_owned()],
        cwd: APP.into(),
        started: 1_700_000_000,
        environment: Vec::new(),
        boundary: None,
        blind: Vec::new(),
    });
    record.told.insert(7);
    record.end = Some(End { code: 0, at: 90, calls: 12, left_out: 0, untold: 0 });
    record
}

fn by(package: &str, version: &str) -> Caller {
    let name = (!package.is_empty()).then(|| package.to_owned());
    let version = (!version.is_empty()).then(|| version.to_owned());
    let folder =
        if package.is_empty() { String::new() } else { format!("node_modules/{package}/") };
    Caller { package: name, version, place: format!("{APP}/{folder}index.js:3:7") }
}

fn used(record: &mut Record, capability: Capability, resource: &str, by: Caller) {
    record.uses.entry((capability, resource.to_owned())).or_default().insert(by, 1);
}

fn shop() -> Record {
    let mut record = record();
    let all = [
        (Capability::FsRead, "/home/ada/shop/views/a.html", ""),
        (Capability::FsRead, "/etc/hostname", ""),
        (Capability::FsRead, "/home/ada/shop/node_modules/send/data.json", "send"),
        (Capability::FsRead, "/home/ada/shop/views/a.html", "send"),
        (Capability::FsLook, "/home/ada/shop/views/b.html", "send"),
        (Capability::FsWrite, "/tmp/upload-8f/x", "multer"),
        (Capability::Connect, "db.internal:5432", "pg"),
        (Capability::Connect, "127.0.0.1:40001", "supertest"),
        (Capability::Udp, "127.0.0.1:8125", "statsd"),
        (Capability::FsRead, "/home/ada/shop/node_modules/@scope/pool/package.json", "resolve"),
        (Capability::FsRead, "/home/ada/shop/node_modules/pg/node_modules/@a/b", "resolve"),
        (Capability::FsRead, "/home/ada/shop/node_modules/.cache/x.json", "resolve"),
        (Capability::Child, "/usr/bin/node", "@scope/pool"),
        (Capability::Child, "/bin/sh", "node-gyp-build"),
        (Capability::Addon, "/home/ada/shop/node_modules/bcrypt/lib/bcrypt.node", "bindings"),
        (Capability::Env, "PGHOST", "pg"),
        (Capability::Wasi, "", "wasm-thing"),
    ];
    for (capability, resource, package) in all {
        let version = if package.is_empty() { "" } else { "1.2.3" };
        used(&mut record, capability, resource, by(package, version));
    }
    let address = "127.0.0.1:40001".parse().unwrap();
    let listening = ListenSeen { listening: true, at: 1, pid: 7 };
    record.listens.insert((Transport::Tcp, address), listening);
    record
}

#[test]
fn each_package_is_told_with_what_leaves_its_own_folder() {
    let view = view(&shop());
    let lines: Vec<String> = std::iter::once(("", &view.application))
        .chain(view.packages.iter().map(|(name, entry)| (name.as_str(), entry)))
        .flat_map(|(name, entry)| {
            entry.uses.iter().map(move |(ability, what)| {
                let what: Vec<&str> = what.iter().map(String::as_str).collect();
                format!("{name} {}: {}", ability.title(), what.join(", "))
            })
        })
        .collect();
    assert_eq!(
        lines,
        [
            " reads: /etc/hostname",
            "@scope/pool starts: node",
            "bcrypt native code: ./node_modules/bcrypt/lib/bcrypt.node",
            "multer writes: /tmp/*",
            "node-gyp-build starts: /bin/sh",
            "pg connects to: db.internal:5432",
            "pg environment: PGHOST",
            "resolve reads: ./node_modules/*, ./node_modules/.cache/x.json",
            "send reads: ./views/a.html",
            "statsd datagrams: 127.0.0.1:8125",
            "supertest connects to: own listener",
            "wasm-thing WASI: no folder",
        ]
    );
    assert_eq!(view.packages["pg"].versions, BTreeSet::from(["1.2.3".to_owned()]));
    assert_eq!(view.gaps, [] as [String; 0]);
}

#[test]
fn a_port_that_the_system_chose_for_the_run_itself_is_not_told() {
    let mut record = record();
    used(&mut record, Capability::Listen, "127.0.0.1:0", by("", ""));
    record.resolved.insert("mapped.test".to_owned(), ["127.0.0.1".parse().unwrap()].into());
    for peer in [
        "mapped.test:40100",
        "localhost:41943",
        "127.0.0.1:5432",
        "[::1]:50000",
        "db.internal:50000",
    ] {
        used(&mut record, Capability::Connect, peer, by("undici", "7.0.0"));
    }
    let view = view(&record);
    let peers: Vec<_> = view.packages["undici"].uses[&Ability::Network].iter().collect();
    assert_eq!(peers, ["127.0.0.1:5432", "db.internal:50000", "own listener"]);
}

#[test]
fn native_code_counts_for_the_package_that_ships_it_also_when_only_the_kernel_saw_it() {
    let mut record = record();
    let path = PathBuf::from("/home/ada/shop/node_modules/sharp/build/sharp.node");
    let first = FirstUse {
        found: FileKind::File,
        at: 3,
        pid: 7,
        program: "/usr/bin/node".into(),
        real: None,
    };
    let uses = [(FileUse::Load, first)].into();
    record.files.insert(path, FileSeen { uses, times: 1, made: false });
    let view = view(&record);
    let native = &view.packages["sharp"].uses[&Ability::NativeCode];
    assert!(native.contains("./node_modules/sharp/build/sharp.node"), "{native:?}");
}

#[test]
fn the_same_use_gives_the_same_file_whatever_the_machine_and_the_run() {
    let mut other = shop();
    other.begin.started += 100;
    other.begin.cwd = "/srv/shop".into();
    let uses = std::mem::take(&mut other.uses);
    for ((capability, resource), callers) in uses {
        for mut caller in callers.into_keys() {
            caller.place = caller.place.replace(APP, "/srv/shop");
            used(&mut other, capability, &resource.replace(APP, "/srv/shop"), caller);
        }
    }
    assert_eq!(view(&other).to_json().unwrap(), view(&shop()).to_json().unwrap());
}

#[test]
fn what_a_package_gained_is_a_finding_and_what_it_lost_is_not() {
    let old = view(&shop());
    let mut next = shop();
    used(&mut next, Capability::Child, "/usr/bin/curl", by("pg", "1.2.4"));
    used(&mut next, Capability::Env, "AWS_SECRET_ACCESS_KEY", by("pg", "1.2.4"));
    used(&mut next, Capability::Connect, "collect.example:443", by("left-pad", "2.0.0"));
    next.uses.remove(&(Capability::Child, "/bin/sh".to_owned()));
    let found = compare(&old, &view(&next));
    let codes: Vec<_> =
        found.findings.iter().map(|one| (one.code, one.package.as_deref().unwrap())).collect();
    assert_eq!(
        codes,
        [
            ("new-package-with-capability", "left-pad"),
            ("new-child", "pg"),
            ("new-environment", "pg")
        ]
    );
    assert_eq!(found.lost[0].package.as_deref(), Some("node-gyp-build"));
    assert_eq!(found.versions[0].package, "pg");
    assert_eq!(compare(&old, &old), Comparison::default());
}

#[test]
fn a_kept_view_reads_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.json");
    let kept = view(&shop());
    std::fs::write(&path, kept.to_json().unwrap()).unwrap();
    assert_eq!(read(&path).unwrap(), (kept, Source::Kept));
}

#[test]
fn the_kept_form_is_the_interface() {
    let mut record = record();
    used(&mut record, Capability::Env, "PGHOST", by("pg", "8.1.0"));
    insta::assert_snapshot!(view(&record).to_json().unwrap(), @r#"
    {
      "schema": 1,
      "application": {},
      "packages": {
        "pg": {
          "versions": [
            "8.1.0"
          ],
          "uses": {
            "environment": [
              "PGHOST"
            ]
          }
        }
      }
    }
    "#);
}

#[test]
fn a_run_that_was_cut_short_or_told_nothing_says_so() {
    let mut record = record();
    record.end = None;
    assert!(view(&record).gaps[0].contains("cut short"));
    record.told.clear();
    assert!(view(&record).gaps[1].contains("no Node process"));
    record.end = Some(End { code: 0, at: 1, calls: 1, left_out: 0, untold: 2 });
    assert!(view(&record).gaps[0].starts_with("2 Node processes told"));
}

#[test]
fn what_is_neither_a_record_nor_a_view_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    for text in ["", "{}", "{\"schema\":1}", "hello\n", "[1]", "{\"kind\":\"use\"}\n"] {
        std::fs::write(&path, text).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, BaselineError::Neither { .. }), "{text}: {error}");
    }
    std::fs::write(&path, "{\"schema\":9,\"more\":1}").unwrap();
    assert!(matches!(read(&path).unwrap_err(), BaselineError::Newer { schema: 9, .. }));
    assert!(matches!(read(folder.path()).unwrap_err(), BaselineError::Neither { .. }));
    let missing = folder.path().join("none");
    assert!(matches!(read(&missing).unwrap_err(), BaselineError::Read { .. }));
}

#[test]
fn every_ability_has_a_code_and_a_title_of_its_own() {
    let codes: BTreeSet<_> = Ability::ALL.iter().map(|ability| ability.code()).collect();
    assert_eq!(codes.len(), Ability::ALL.len());
    insta::assert_snapshot!(codes.into_iter().collect::<Vec<_>>().join("\n"), @r"
    new-child
    new-datagrams
    new-environment
    new-file-outside
    new-foreign-functions
    new-inspector
    new-listener
    new-name
    new-native-code
    new-network
    new-unix-socket
    new-wasi
    new-worker
    new-write-outside
    ");
}
