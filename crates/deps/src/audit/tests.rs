use super::*;
use crate::advisories::{Affected, End, Span};

const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {
  "": {"name": "app", "dependencies": {"web": "^1.0.0", "git": "git+https://code.example/git.git"}, "devDependencies": {"tool": "1"}},
  "node_modules/web": {"version": "1.0.0", "dependencies": {"parse": "^2.0.0"}},
  "node_modules/parse": {"version": "2.1.0", "dependencies": {"deep": "~3.0.0"}},
  "node_modules/tool": {"version": "1.0.0", "dependencies": {"deep": "^3.0.0", "web": "^1.0.0"}},
  "node_modules/deep": {"version": "3.0.1"},
  "node_modules/git": {"version": "1.0.0", "resolved": "git+https://code.example/git.git#0123456789abcdef0123456789abcdef01234567"}}}"#;

fn graph() -> Graph {
    Graph::read("package-lock.json", LOCK, &[]).unwrap()
}

fn advisory(id: &str, from: &str, before: Option<&str>) -> Advisory {
    let to = before.map(|version| End::Before(version.to_owned()));
    let spans = vec![Span { from: from.to_owned(), to }];
    Advisory {
        id: id.to_owned(),
        aliases: Vec::new(),
        severity: Some(Severity::High),
        summary: String::new(),
        affected: Affected { spans, ..Affected::default() },
    }
}

fn known(about: &[(&str, Vec<Advisory>)]) -> Advisories {
    about.iter().map(|(name, all)| ((*name).to_owned(), all.clone())).collect()
}

fn report(advisories: &Advisories, accept: &[Accept], omit_dev: bool) -> Report {
    audit(&Audit { graph: &graph(), advisories, asked: None, accept, omit_dev, now: 1_000 })
}

#[test]
fn who_brings_it_in_and_what_would_mend_it_is_told() {
    let advisories = known(&[("deep", vec![advisory("GHSA-1", "0", Some("3.1.0"))])]);
    let report = report(&advisories, &[], false);
    assert_eq!(report.judged, 5);
    let found = &report.vulnerabilities[0];
    assert_eq!((found.package.as_str(), found.need, found.line), ("deep@3.0.1", "production", 6));
    assert_eq!(found.direct, ["tool@1.0.0", "web@1.0.0"]);
    assert_eq!(found.path, ["tool@1.0.0", "deep@3.0.1"]);
    let without = super::tests::report(&advisories, &[], true);
    assert_eq!(without.vulnerabilities[0].direct, ["web@1.0.0"], "the tool is left out");
    // The tool would take it, the parser would not.
    let by = Hindrance { by: "parse@2.1.0".to_owned(), range: "~3.0.0".to_owned() };
    assert_eq!(
        found.fix,
        Fix { version: Some("3.1.0".to_owned()), in_range: false, hindered_by: vec![by] }
    );
    let near = known(&[("deep", vec![advisory("GHSA-1", "0", Some("3.0.2"))])]);
    assert!(
        super::audit(&Audit {
            graph: &graph(),
            advisories: &near,
            asked: None,
            accept: &[],
            omit_dev: false,
            now: 0
        })
        .vulnerabilities[0]
            .fix
            .in_range
    );
}

#[test]
fn the_lowest_version_that_nothing_known_is_about_is_the_fix() {
    let fix = |about: Vec<Advisory>| {
        report(&known(&[("deep", about)]), &[], false).vulnerabilities.remove(0).fix.version
    };
    let one = || advisory("GHSA-1", "0", Some("3.0.2"));
    assert_eq!(
        fix(vec![one(), advisory("GHSA-2", "3.0.2", Some("3.0.5"))]).as_deref(),
        Some("3.0.5")
    );
    assert_eq!(fix(vec![one(), advisory("GHSA-2", "3.0.2", None)]).as_deref(), Some("3.0.2"));
    assert_eq!(fix(vec![advisory("GHSA-1", "0", None)]), None);
}

#[test]
fn names_of_one_thing_are_one_vulnerability() {
    let mut ghsa = advisory("GHSA-1", "0", None);
    ghsa.aliases = vec!["CVE-1".to_owned()];
    let mut malware = advisory("MAL-1", "0", None);
    malware.aliases = vec!["OTHER-1".to_owned()];
    malware.severity = Some(Severity::Critical);
    let mut bridge = advisory("OTHER-1", "0", None);
    bridge.aliases = vec!["CVE-1".to_owned()];
    let report = report(&known(&[("deep", vec![ghsa, malware, bridge])]), &[], false);
    let [found] = &report.vulnerabilities[..] else { panic!("{report:#?}") };
    assert_eq!((found.id.as_str(), found.severity), ("MAL-1", Some(Severity::Critical)));
    assert_eq!(found.aliases, ["CVE-1", "GHSA-1", "OTHER-1"]);
}

#[test]
fn development_can_be_left_out_and_what_nobody_rated_counts() {
    let mut unrated = advisory("GHSA-1", "0", None);
    unrated.severity = None;
    let advisories = known(&[("tool", vec![unrated])]);
    let with = report(&advisories, &[], false);
    assert_eq!(with.vulnerabilities[0].need, "dev");
    assert!(with.vulnerabilities[0].counts(Severity::Critical));
    let without = report(&advisories, &[], true);
    assert_eq!((without.judged, without.vulnerabilities.len()), (4, 0));
}

#[test]
fn an_agreement_holds_for_its_package_and_its_time() {
    let mut one = advisory("GHSA-1", "0", None);
    one.aliases = vec!["CVE-1".to_owned()];
    let advisories = known(&[("deep", vec![one])]);
    let agreed = |id: &str, package: Option<&str>, until| {
        let accept = Accept {
            id: id.to_owned(),
            package: package.map(str::to_owned),
            reason: "why".to_owned(),
            until,
        };
        let report = report(&advisories, &[accept], false);
        let unused = report.unused.first().map(|unused| unused.expired);
        (report.vulnerabilities.len(), report.accepted.len(), unused)
    };
    assert_eq!(agreed("GHSA-1", None, None), (0, 1, None));
    assert_eq!(agreed("CVE-1", Some("deep"), Some(1_001)), (0, 1, None));
    assert_eq!(agreed("CVE-1", Some("deep@3.0.1"), Some(1_000)), (1, 0, Some(true)));
    assert_eq!(agreed("GHSA-1", Some("web"), None), (1, 0, Some(false)));
    assert_eq!(agreed("GHSA-2", None, None), (1, 0, Some(false)));
}

#[test]
fn what_has_no_version_or_comes_from_elsewhere_is_not_called_clean() {
    let yarn = "# yarn lockfile v1\n\n\"a@git+https://code.example/a.git\":\n  version \"main\"\n  resolved \"git+https://code.example/a.git#main\"\n";
    let graph = Graph::read("yarn.lock", yarn, &[]).unwrap();
    let advisories = known(&[("a", vec![advisory("GHSA-1", "0", Some("2.0.0"))])]);
    let report = audit(&Audit {
        graph: &graph,
        advisories: &advisories,
        asked: None,
        accept: &[],
        omit_dev: false,
        now: 0,
    });
    let found = &report.vulnerabilities[0];
    assert!(!found.certain, "{found:?}");
    let git = known(&[("git", vec![advisory("GHSA-1", "0", Some("2.0.0"))])]);
    let report = self::report(&git, &[], false);
    assert!(report.vulnerabilities[0].note.as_ref().unwrap().contains("from git"));
}

#[test]
fn a_registry_hears_of_its_own_packages_alone_and_the_rest_is_told() {
    let place = tempfile::tempdir().unwrap();
    let npmrc = "registry=https://one.example/\n@own:registry=https://two.example/\n";
    std::fs::write(place.path().join(".npmrc"), npmrc).unwrap();
    let config = Npmrc::read(place.path(), &std::collections::BTreeMap::new()).unwrap();
    let lock = LOCK.replace("node_modules/tool\"", "node_modules/@own/tool\"");
    let graph = Graph::read("package-lock.json", &lock, &[]).unwrap();
    let asked = question(&graph, &config, false);
    assert_eq!(asked.keys().collect::<Vec<_>>(), ["deep", "parse", "web"]);
    let audited = Audit {
        graph: &graph,
        advisories: &Advisories::new(),
        asked: Some(&asked),
        accept: &[],
        omit_dev: false,
        now: 0,
    };
    let report = audit(&audited);
    let untold: Vec<_> = report.unjudged.iter().map(|one| one.package.as_str()).collect();
    assert_eq!((report.judged, untold), (3, vec!["@own/tool@1.0.0", "git@1.0.0"]));
}

#[test]
fn a_range_that_no_lockfile_tells_is_not_said_to_have_the_mended_version() {
    const BELOW: &str = "lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1.0.0, version: 1.0.0}
packages:
  a@1.0.0:
    resolution: {integrity: sha512-a}
  b@1.0.0:
    resolution: {integrity: sha512-b}
snapshots:
  a@1.0.0:
    dependencies:
      b: 1.0.0
  b@1.0.0: {}
";
    let fix = |text: &str, name: &str| {
        let graph = Graph::read("pnpm-lock.yaml", text, &[]).unwrap();
        let advisories = known(&[(name, vec![advisory("GHSA-1", "0", Some("1.0.1"))])]);
        let asked = Audit {
            graph: &graph,
            advisories: &advisories,
            asked: None,
            accept: &[],
            omit_dev: false,
            now: 0,
        };
        audit(&asked).vulnerabilities.remove(0).fix
    };
    assert!(fix(BELOW, "a").in_range, "the project's own range is told");
    let below = fix(BELOW, "b");
    assert_eq!((below.version.as_deref(), below.in_range), (Some("1.0.1"), false));
    assert!(below.hindered_by.is_empty());
}
