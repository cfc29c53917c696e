//! The incidents on record, each as the lockfiles before and after it and what the registry and the
//! tarballs said on the day. The packages are stand-ins with other names; what they do to a lockfile
//! is what the public reports say.

use super::staged::{reviewed, reviewed_offline};
use crate::Severity;

struct Incident {
    what: &'static str,
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// Codes that have to be among what is found.
    codes: &'static [&'static str],
}

const fn row(
    what: &'static str,
    before: &'static [&'static str],
    after: &'static [&'static str],
    codes: &'static [&'static str],
) -> Incident {
    Incident { what, before, after, codes }
}

const YOUNG: &str = "young-version";
const SCRIPT: &str = "new-install-script";
const NEEDS: &str = "new-dependency";
const WHO: &str = "maintainer-or-repository-changed";
const LOST: &str = "provenance-lost";

#[rustfmt::skip]
const INCIDENTS: [Incident; 31] = [
    row("2017-08 a name like another, with a script", &["pear@1.0.0"], &["pear@1.0.0", "crossenv@6.1.1 script hours:300"], &["similar-name", SCRIPT]),
    row("2018-07 a linter's scope package", &["pear-scope@3.7.1"], &["pear-scope@3.7.2 script hours:2"], &[SCRIPT, YOUNG]),
    row("2018-11 a stream and what it newly needs", &["pear-stream@3.3.5"], &["pear-stream@3.3.6 needs:flat-pear-stream hours:1500 by:eve", "flat-pear-stream@0.1.1 hours:1500"], &[NEEDS, WHO]),
    row("2021-10 a parser, three lines at once", &["pear-parser@0.7.28"], &["pear-parser@0.7.29 script hours:3"], &[SCRIPT, YOUNG]),
    row("2021-11 two options parsers, long dormant", &["pear-options@2.0.2"], &["pear-options@2.0.3 script hours:1"], &[SCRIPT, YOUNG]),
    row("2022-01 colours with a word behind", &["pear-colors@1.4.0"], &["pear-colors@1.4.44-liberty-2 hours:20"], &["odd-version", YOUNG]),
    row("2022-03 a protest", &["pear-ipc@10.1.0"], &["pear-ipc@10.1.1 needs:peaceful-pear hours:10", "peaceful-pear@9.1.3 hours:12"], &[NEEDS, YOUNG]),
    row("2023-12 a wallet's connector", &["@pear/connect@1.1.4"], &["@pear/connect@1.1.5 hours:1 by:former"], &[WHO, YOUNG]),
    row("2024-10 a player", &["@pear/player@2.0.4"], &["@pear/player@2.0.5 hours:1"], &[YOUNG]),
    row("2024-12 a chain's library", &["@pear/chain@1.95.5"], &["@pear/chain@1.95.6 hours:2"], &[YOUNG]),
    row("2024-12 a bundler", &["@pear/pack@1.1.6"], &["@pear/pack@1.1.7 script hours:1"], &[SCRIPT, YOUNG]),
    row("2025-04 a ledger's library", &["pearl@4.2.0"], &["pearl@4.2.1 hours:8"], &[YOUNG]),
    row("2025-05 a dormant generator", &["pear-agent@2.0.82"], &["pear-agent@2.0.83 hours:30"], &[YOUNG]),
    row("2025-06 many of one scope", &["@pear/a@1.0.0", "@pear/b@1.0.0", "@pear/c@1.0.0", "@pear/d@1.0.0", "@pear/e@1.0.0", "@pear/f@1.0.0", "@pear/g@1.0.0", "@pear/h@1.0.0"],
        &["@pear/a@1.0.1 hours:5", "@pear/b@1.0.1 hours:5", "@pear/c@1.0.1 hours:5", "@pear/d@1.0.1 hours:5", "@pear/e@1.0.1 hours:5", "@pear/f@1.0.1 hours:5", "@pear/g@1.0.1 hours:5", "@pear/h@1.0.1 hours:5"], &[YOUNG, "scope-burst"]),
    row("2025-07 a linter's configuration", &["pear-config@10.1.5 provenance"], &["pear-config@10.1.6 script hours:2"], &[SCRIPT, YOUNG, LOST]),
    row("2025-07 a small test, old maintainer back", &["pear-is@3.3.0"], &["pear-is@3.3.1 hours:4 by:old"], &[WHO, YOUNG]),
    row("2025-08 a build system", &["pear-nx@21.4.0 provenance"], &["pear-nx@21.5.0 script hours:3"], &[SCRIPT, YOUNG, LOST]),
    row("2025-09 eighteen small packages", &["pear-chalk@5.6.0", "pear-debug@4.4.1"], &["pear-chalk@5.6.1 hours:1", "pear-debug@4.4.2 hours:1"], &[YOUNG]),
    row("2025-09 the first worm", &["@pear/color@4.1.0"], &["@pear/color@4.1.1 script hours:6"], &[SCRIPT, YOUNG]),
    row("2025-09 a mail tool, clean for fifteen versions", &["pear-mail@1.0.15"], &["pear-mail@1.0.16 hours:400"], &[]),
    row("2025-11 the second worm", &["pear-http@1.0.0"], &["pear-http@1.0.1 script hours:6"], &[SCRIPT, YOUNG]),
    row("2026-02 names like others", &["pear@1.0.0"], &["pear@1.0.0", "loadsh@1.0.0 hours:10"], &["similar-name", YOUNG]),
    row("2026-03 a client and what it newly needs", &["pear-client@1.14.0 provenance"], &["pear-client@1.14.1 needs:plain-pear-js hours:1", "plain-pear-js@4.2.1 script hours:2"], &[NEEDS, SCRIPT, YOUNG, LOST]),
    row("2026-04 a command line", &["@pear/cli@2026.3.0"], &["@pear/cli@2026.4.0 hours:1"], &[YOUNG]),
    row("2026-04 a vendor's tools", &["@pear/sqlite@2.2.1"], &["@pear/sqlite@2.2.2 script hours:2"], &[SCRIPT, YOUNG]),
    row("2026-05 a query library, provenance valid", &["@pear/query@5.90.0 provenance"], &["@pear/query@5.90.1 may:github:pear/query#0123456 provenance hours:2"], &["exotic-source", YOUNG]),
    row("2026-05 a wave over hundreds", &["pear-tool@4.0.0"], &["pear-tool@4.0.1 hours:3"], &[YOUNG]),
    row("2026-05 the protest's package, hijacked", &["pear-ipc@12.0.0"], &["pear-ipc@12.0.1 hours:5 by:eve"], &[WHO, YOUNG]),
    row("2026-06 a build file instead of a script", &["@pear/services@3.0.0"], &["@pear/services@3.0.1 gyp hours:5"], &[SCRIPT, YOUNG]),
    row("2026-06 a framework and what it newly needs", &["@pear/agents@0.20.0"], &["@pear/agents@0.20.1 needs:easy-pear-js hours:3", "easy-pear-js@1.0.0 hours:9"], &[NEEDS, YOUNG]),
    row("2026-08 a cache, provenance valid", &["pear-cache@5.5.0 provenance"], &["pear-cache@6.0.0 script provenance hours:1"], &[SCRIPT, YOUNG]),
];

#[test]
fn at_least_28_of_the_31_incidents_fail_the_review() {
    let mut missed = Vec::new();
    for Incident { what, before, after, codes } in &INCIDENTS {
        let outcome = reviewed(before, after);
        let found: Vec<&str> = outcome.findings.iter().map(|finding| finding.code).collect();
        for code in *codes {
            assert!(found.contains(code), "{what}: no {code} in {found:?}");
        }
        if !outcome.fails(Severity::High) {
            missed.push(*what);
        }
    }
    assert_eq!(missed, ["2025-09 a mail tool, clean for fifteen versions"]);
}

#[test]
fn lockfiles_alone_fail_about_half_of_them() {
    let fails = |one: &&Incident| reviewed_offline(one.before, one.after).fails(Severity::High);
    let count = INCIDENTS.iter().filter(fails).count();
    assert_eq!(count, 18, "the documentation says how many");
}

#[test]
fn a_longer_age_finds_the_rest() {
    // Nothing in the lockfile, the registry or the tarball's outline told of it: only time did.
    let offline = reviewed_offline(&["pear-mail@1.0.15"], &["pear-mail@1.0.16"]);
    assert!(offline.findings.is_empty());
    assert!(offline.unknown.iter().any(|one| one.code == "young-version"));
}
