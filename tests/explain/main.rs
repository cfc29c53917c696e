//! Errors that really happened, and what `explain` must say about each.
//!
//! A case in `cases/` is a program, how it was run, the text it left, and the answer: code, grant,
//! and the access that the grant must allow. Recorded texts are explained as they are; and a case
//! is run again on the Nodes that are here, so that the texts stay true.
//!
//! `RINGFENCE_RECORD=1 cargo test -p ringfence-tests --test explain` writes the texts anew, with
//! `RINGFENCE_RECORD=NAME` only those of cases whose name holds NAME.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a case that cannot be read must fail"
)]

mod case;
mod run;

use case::Case;
use ringfence_boundary::explain::access::{Access, Decision, Target};
use ringfence_boundary::explain::{
    Advice, Context, Explanation, Grant, Host, Look, Report, Setting,
};
use ringfence_boundary::explain::{Code, NoHost, explain};
use ringfence_policy::model::Boundary;
use ringfence_policy::net::Transport;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cases that run at the same time.
const AT_ONCE: usize = 4;

/// Where a case's program lies, in its text.
const FOLDER: &str = "/srv/app";

/// A host of which only some paths are known.
struct Known<'a>(&'a Case);

impl Host for Known<'_> {
    fn look(&self, path: &str) -> Look {
        if self.0.list("exists").iter().any(|known| known == path) {
            Look::File
        } else {
            Look::Unknown
        }
    }
}

fn explained(case: &Case, text: &str) -> (Report, Option<(String, Boundary)>) {
    let file = case.boundary_file();
    let boundary = file.map(|file| {
        let boundary = ringfence_policy::parse("ringfence.toml", &file).expect(&case.name);
        (file, boundary)
    });
    let setting = boundary.as_ref().map(|(text, boundary)| Setting {
        path: "ringfence.toml",
        text,
        boundary,
        folder: FOLDER,
    });
    let report = explain(text, &Context { setting, host: &Known(case) });
    (report, boundary)
}

/// What is wrong with the answer to a text of this case; empty when nothing is.
fn wrong(case: &Case, text: &str) -> String {
    let mut wrong = String::new();
    let (report, boundary) = explained(case, text);
    let expected = case.text("code").unwrap_or_default();
    let Some(found) = report.explanations.iter().find(|found| found.code.id() == expected) else {
        let codes: Vec<&str> = report.explanations.iter().map(|found| found.code.id()).collect();
        return format!("expected {expected}, got {codes:?}");
    };
    // What is told first is what a reader takes.
    if report.explanations.first().map(|first| first.code.id()) != Some(expected) {
        let first = report.explanations.first().map(|first| first.code.id());
        let _ = writeln!(wrong, "{expected} is not the first: {first:?}");
    }
    let or: Vec<&str> = found.alternatives.iter().map(|other| other.code.id()).collect();
    let expected_or = case.list("or");
    if !expected_or.is_empty() && or != expected_or {
        let _ = writeln!(wrong, "expected the alternatives {expected_or:?}, got {or:?}");
    }
    match (case.text("grant"), found.grants()) {
        (Some(grant), [own]) if own.line() == grant => {
            if let (Some(access), Some((_, boundary))) = (case.text("allows"), &boundary) {
                wrong.push_str(&helps(own, access, boundary));
            }
        }
        (grant, grants) => {
            let lines: Vec<String> = grants.iter().map(Grant::line).collect();
            if grant.is_some() || (case.has("no-grant") && !lines.is_empty()) {
                let _ = writeln!(wrong, "expected the grant {grant:?}, got {lines:?}");
            }
        }
    }
    wrong.push_str(&every_grant_helps(&report, boundary.as_ref().map(|(_, boundary)| boundary)));
    wrong
}

/// The access is refused without the grant and allowed with it.
fn helps(grant: &Grant, access: &str, boundary: &Boundary) -> String {
    let access = access_of(access);
    if access.decide(boundary, FOLDER, &NoHost) == Decision::Allowed {
        return format!("{access:?} is allowed without the grant\n");
    }
    let changed = match grant.apply(boundary) {
        Ok(changed) => changed,
        Err(why) => return format!("the grant is refused: {why}\n"),
    };
    match access.decide(&changed, FOLDER, &NoHost) {
        Decision::Allowed => String::new(),
        Decision::Refused(why, _) => format!("{access:?} stays refused: {why}\n"),
    }
}

/// No grant that is named anywhere in a report is refused by the parser or there already.
fn every_grant_helps(report: &Report, boundary: Option<&Boundary>) -> String {
    fn all(found: &Explanation) -> Vec<&Grant> {
        found.grants().iter().chain(found.alternatives.iter().flat_map(all)).collect()
    }
    let Some(boundary) = boundary else { return String::new() };
    let mut wrong = String::new();
    for grant in report.explanations.iter().flat_map(all) {
        if let Err(why) = grant.apply(boundary) {
            let _ = writeln!(wrong, "{} cannot be granted: {why}", grant.line());
        }
    }
    wrong
}

/// `read /x`, `connect host:1`, `worker`, ...
fn access_of(text: &str) -> Access {
    let (kind, what) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "connect" => {
            let (host, port) = what.rsplit_once(':').unwrap();
            let target = Target::parse(host).unwrap();
            Access::Connect(Transport::Tcp, target, port.parse().unwrap())
        }
        "exec" => Access::Exec(what.to_owned()),
        "ffi" => Access::Ffi,
        "read" => Access::Read(what.to_owned()),
        "unix" => Access::Unix(what.to_owned()),
        "variable" => Access::Variable(what.to_owned()),
        "wasi" => Access::Wasi,
        "worker" => Access::Worker,
        "write" => Access::Write(what.to_owned()),
        other => panic!("unknown access {other}"),
    }
}

#[test]
fn every_recorded_text_is_explained_and_every_named_grant_helps() {
    if std::env::var_os("RINGFENCE_RECORD").is_some() {
        return;
    }
    let cases = case::all();
    let recorded = cases.iter().filter(|case| case.recorded().is_some()).count();
    assert!(recorded >= 60, "only {recorded} texts were recorded");
    let mut wrongs = String::new();
    for case in &cases {
        let Some(text) = case.recorded() else {
            let _ = writeln!(wrongs, "{}: it has no recorded text", case.name);
            continue;
        };
        let wrong = wrong(case, &text);
        if !wrong.is_empty() {
            let _ = writeln!(wrongs, "{}: {}", case.name, wrong.trim_end());
        }
    }
    assert!(wrongs.is_empty(), "\n{wrongs}");
}

#[test]
fn what_happens_today_is_explained_as_what_was_recorded() {
    let record = std::env::var("RINGFENCE_RECORD").ok();
    let mut cases = case::all();
    if let Some(name) = record.as_ref().filter(|name| *name != "1") {
        cases.retain(|case| case.name.contains(name.as_str()));
    }
    let next = AtomicUsize::new(0);
    let outcome: Mutex<(BTreeSet<String>, String)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let happened = run::again(case);
                    let mut outcome = outcome.lock().unwrap();
                    match happened {
                        Ok(text) if record.is_some() => case.record(&text),
                        Ok(text) => {
                            let wrong = wrong(case, &text);
                            if !wrong.is_empty() {
                                let _ = writeln!(
                                    outcome.1,
                                    "{}: {}\n{text}",
                                    case.name,
                                    wrong.trim_end()
                                );
                            }
                        }
                        Err(why) => drop(outcome.0.insert(why)),
                    }
                }
            });
        }
    });
    let (absent, wrongs) = outcome.into_inner().unwrap();
    for why in absent {
        ringfence_tests::not_run(&why);
    }
    assert!(wrongs.is_empty(), "\n{wrongs}");
}

/// Every answer, as a page that can be read in one sitting: a change of words is a change of it.
#[test]
fn answers_are_those_of_the_page() {
    let mut page = String::from(
        "# What `ringfence explain` answers to the recorded errors\n\nWritten by `RINGFENCE_RECORD=1 \
         cargo test -p ringfence-tests --test explain`; the errors are in `cases/`.\n",
    );
    for case in case::all() {
        let Some(text) = case.recorded() else { continue };
        let _ = write!(page, "\n## {}\n\n", case.name);
        for found in &explained(&case, &text).0.explanations {
            answer(&mut page, "", found);
        }
    }
    let path = ringfence_tests::workspace::root().join("tests/explain/answers.md");
    if std::env::var_os("RINGFENCE_RECORD").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap();
    for (number, (expected, line)) in written.lines().zip(page.lines()).enumerate() {
        assert_eq!(line, expected, "{}:{}", path.display(), number + 1);
    }
    assert_eq!(written.lines().count(), page.lines().count());
}

#[test]
fn the_page_names_every_code() {
    let page = ringfence_tests::workspace::text(std::path::Path::new("docs/explain.md")).unwrap();
    for code in Code::ALL {
        assert!(page.contains(&format!("`{}`", code.id())), "docs/explain.md lacks {code}");
    }
}

fn answer(page: &mut String, or: &str, found: &Explanation) {
    let layer = found.layer.map_or("nobody", |layer| layer.id());
    let confidence = found.confidence.id();
    let _ =
        writeln!(page, "- {or}**{}** ({confidence}, {layer}): {}", found.code.id(), found.cause);
    match &found.advice {
        Advice::Grant { grants, note, .. } => {
            for grant in grants {
                let _ = writeln!(page, "  - grant `{}`", grant.line());
            }
            if !note.is_empty() {
                let _ = writeln!(page, "  - note: {note}");
            }
        }
        Advice::Refuse { why, instead } => {
            let _ = writeln!(page, "  - do not grant it: {why}\n  - instead: {instead}");
        }
        Advice::Other { what } => drop(writeln!(page, "  - {what}")),
    }
    if let Some(manual) = &found.manual {
        let _ = writeln!(page, "  - {manual}");
    }
    found.alternatives.iter().for_each(|other| answer(page, "or ", other));
}

#[test]
fn texts_in_other_clothes_are_explained_the_same() {
    for case in case::all().iter().take(40) {
        let Some(text) = case.recorded() else { continue };
        let plain = explained(case, &text).0;
        let coloured: String = text
            .split('\n')
            .fold(String::new(), |all, line| format!("{all}\u{1b}[31m{line}\u{1b}[0m\r\n"));
        let prefixed: String =
            text.split('\n').fold(String::new(), |all, line| format!("{all}api-1  | {line}\n"));
        for other in [coloured, prefixed] {
            let codes = |report: &Report| -> Vec<String> {
                report.explanations.iter().map(|found| found.code.id().to_owned()).collect()
            };
            assert_eq!(codes(&explained(case, &other).0), codes(&plain), "{}\n{other}", case.name);
        }
    }
}
