use super::*;
use serde_json::{Value, json};

fn document(id: &str, modified: &str, ranges: &Value) -> Value {
    json!({
        "schema_version": "1.6.0", "id": id, "modified": modified, "summary": "It breaks",
        "affected": [{ "package": { "ecosystem": "npm", "name": "a" }, "ranges": ranges }],
    })
}

fn semver(events: &Value) -> Value {
    json!([{ "type": "SEMVER", "events": events }])
}

fn index(documents: &[Value]) -> (Index, Imported) {
    let mut import = Import::default();
    for document in documents {
        import.read_json("one.json", document.to_string().as_bytes()).unwrap();
    }
    let (text, imported) = import.into_index();
    (Index::parse(text.into_bytes()).unwrap(), imported)
}

fn affected(ranges: &Value) -> Affected {
    let (index, _) = index(&[document("GHSA-1", "2026-01-01T00:00:00Z", ranges)]);
    index.of("a").unwrap().remove(0).affected
}

/// The versions out of a line of them that are affected.
fn among(affected: &Affected, versions: &str) -> String {
    let hit = |version: &&str| affected.judge(version) == Verdict::Affected;
    versions.split(' ').filter(hit).collect::<Vec<_>>().join(" ")
}

#[test]
fn events_are_evaluated_as_osv_says_with_versions_before_a_release() {
    let all = "0.0.1 1.0.0-rc.1 1.0.0 1.2.3-beta 1.2.3 1.2.4 2.0.0-0 2.0.0 3.0.0";
    for (events, expected) in [
        (json!([{ "introduced": "0" }, { "fixed": "1.2.3" }]), "0.0.1 1.0.0-rc.1 1.0.0 1.2.3-beta"),
        (json!([{ "fixed": "1.2.3" }, { "introduced": "1.0.0" }]), "1.0.0 1.2.3-beta"),
        (
            json!([{ "introduced": "1.0.0" }, { "last_affected": "1.2.3" }]),
            "1.0.0 1.2.3-beta 1.2.3",
        ),
        (json!([{ "introduced": "2.0.0-0" }]), "2.0.0-0 2.0.0 3.0.0"),
        (
            json!([{ "introduced": "0" }, { "fixed": "1.0.0" }, { "introduced": "2.0.0" }, { "fixed": "3.0.0" }]),
            "0.0.1 1.0.0-rc.1 2.0.0",
        ),
        // Fixed and broken again in one version.
        (json!([{ "introduced": "0" }, { "fixed": "2.0.0" }, { "introduced": "2.0.0" }]), all),
        // A second beginning or end within the same span changes nothing.
        (
            json!([{ "introduced": "1.0.0" }, { "introduced": "1.2.4" }, { "fixed": "2.0.0" }]),
            "1.0.0 1.2.3-beta 1.2.3 1.2.4 2.0.0-0",
        ),
        (json!([{ "introduced": "0" }, { "limit": "1.0.0" }]), "0.0.1 1.0.0-rc.1"),
        // What cannot be compared bounds nothing.
        (json!([{ "introduced": "nonsense" }, { "fixed": "1.0.0" }]), "0.0.1 1.0.0-rc.1"),
        (json!([{ "introduced": "2.0.0" }, { "fixed": "nonsense" }]), "2.0.0 3.0.0"),
        (json!([]), all),
    ] {
        let affected = affected(&semver(&events));
        assert_eq!(among(&affected, all), expected, "{events}");
    }
}

#[test]
fn single_versions_count_beside_spans_and_what_is_no_version_is_unknown() {
    let mut one =
        document("GHSA-1", "2026-01-01T00:00:00Z", &semver(&json!([{ "introduced": "2.0.0" }])));
    one["affected"][0]["versions"] = json!(["1.0.0", "2.1.0", "final"]);
    let (index, _) = index(&[one]);
    let affected = index.of("a").unwrap().remove(0).affected;
    // The span says 2.1.0 already.
    assert_eq!(affected.versions, ["1.0.0", "final"]);
    assert_eq!(among(&affected, "0.9.0 1.0.0 1.0.1 2.0.0 final"), "1.0.0 2.0.0 final");
    assert_eq!(affected.judge("git-1234"), Verdict::Unknown);
}

#[test]
fn an_index_holds_what_npm_has_and_nobody_took_back() {
    let range = semver(&json!([{ "introduced": "0" }]));
    let mut withdrawn = document("GHSA-2", "2026-02-01T00:00:00Z", &range);
    withdrawn["withdrawn"] = json!("2026-02-01T00:00:00Z");
    let mut elsewhere = document("PYSEC-1", "2027-01-01T00:00:00Z", &range);
    elsewhere["affected"][0]["package"]["ecosystem"] = json!("PyPI");
    let mut older = document("GHSA-1", "2025-01-01T00:00:00Z", &range);
    older["withdrawn"] = json!("2025-01-01T00:00:00Z");
    let mut malware = document("MAL-2026-1", "2026-01-02T00:00:00.123Z", &range);
    malware["affected"][0]["package"]["name"] = json!("@s/b");
    let newer = document("GHSA-1", "2026-01-01T00:00:00Z", &range);
    let all = [older, withdrawn, elsewhere, malware, newer];
    let (index, imported) = index(&all);
    assert_eq!((imported.documents, imported.entries, imported.packages), (5, 2, 2));
    assert_eq!((index.entries(), index.packages()), (2, 2));
    assert_eq!(ringfence_policy::time::written(index.newest()), "2026-01-02T00:00:00Z");
    assert_eq!(index.of("a").unwrap()[0].id, "GHSA-1");
    assert_eq!(index.of("@s/b").unwrap()[0].severity, Some(Severity::Critical));
    for unknown in ["", "@s", "@s/", "@s/bb", "aa", "b", "\t"] {
        assert_eq!(index.of(unknown).unwrap(), [], "{unknown:?}");
    }
}

#[test]
fn severity_is_the_databases_word_else_the_worst_vector_else_unknown() {
    let rated = |change: &dyn Fn(&mut Value)| {
        let mut one =
            document("GHSA-1", "2026-01-01T00:00:00Z", &semver(&json!([{ "introduced": "0" }])));
        change(&mut one);
        index(&[one]).0.of("a").unwrap()[0].severity
    };
    let high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H";
    let critical = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    assert_eq!(rated(&|_| {}), None);
    assert_eq!(
        rated(&|one| one["database_specific"] = json!({ "severity": "MODERATE" })),
        Some(Severity::Moderate)
    );
    let both = |one: &mut Value| {
        one["severity"] =
            json!([{ "type": "CVSS_V3", "score": high }, { "type": "CVSS_V4", "score": critical }]);
    };
    assert_eq!(rated(&both), Some(Severity::Critical));
    assert_eq!(
        rated(&|one| {
            both(one);
            one["database_specific"] = json!({ "severity": "LOW" });
        }),
        Some(Severity::Low)
    );
    assert_eq!(
        rated(&|one| one["affected"][0]["severity"] = json!([{ "type": "CVSS_V3", "score": high }])),
        Some(Severity::High)
    );
    assert_eq!(rated(&|one| one["aliases"] = json!(["MAL-2026-9"])), Some(Severity::Critical));
}

#[test]
fn what_is_no_advisory_is_an_error_that_names_it() {
    for (text, expected) in [
        ("", "no advisory of OSV: EOF"),
        ("{}", "missing field `id`"),
        ("{\"id\": \"GHSA-1\"}", "`modified` is no time"),
        ("{\"id\": \"a b\", \"modified\": \"2026-01-01T00:00:00Z\"}", "`id` is no identifier"),
        ("{\"id\": \"GHSA-1\", \"modified\": \"yesterday\"}", "`modified` is no time"),
        (
            "{\"id\": \"GHSA-1\", \"modified\": \"2026-01-01T00:00:00Z\", \"affected\": {}}",
            "invalid type: map",
        ),
    ] {
        let error = Import::default().read_json("one.json", text.as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("one.json: ") && text.contains(expected), "{text}");
    }
    // Deep nesting ends before the stack does.
    let bomb = format!(
        "{{\"id\": \"GHSA-1\", \"database_specific\": {{\"severity\": {}",
        "[".repeat(200_000)
    );
    assert!(Import::default().read_json("bomb.json", bomb.as_bytes()).is_err());
}

#[test]
fn a_damaged_index_is_no_index() {
    let mut import = Import::default();
    let one = document("GHSA-1", "2026-01-01T00:00:00Z", &semver(&json!([{ "introduced": "0" }])));
    import.read_json("one.json", one.to_string().as_bytes()).unwrap();
    let whole = import.into_index().0.into_bytes();
    assert!(Index::parse(whole.clone()).is_ok());
    let cut = Index::parse(whole[..whole.len() - 1].to_vec()).unwrap_err();
    assert_eq!(cut, IndexError::Damaged("it has another length than it says"));
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() = b' ';
    assert_eq!(Index::parse(flipped).unwrap_err(), IndexError::Damaged("its checksum is another"));
    let later = String::from_utf8(whole).unwrap().replacen("advisories\":1", "advisories\":2", 1);
    assert_eq!(Index::parse(later.into_bytes()).unwrap_err(), IndexError::Version(2));
    for nothing in ["", "\n", "{}\n", "not an index"] {
        assert_eq!(Index::parse(nothing.as_bytes().to_vec()).unwrap_err(), IndexError::Form);
    }
}

#[test]
fn a_zip_a_folder_and_a_list_give_the_same_index() {
    let range = semver(&json!([{ "introduced": "0" }, { "fixed": "1.0.0" }]));
    let all = [
        document("GHSA-1", "2026-01-01T00:00:00Z", &range),
        document("GHSA-2", "2026-01-02T00:00:00Z", &range),
    ];
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("folder");
    std::fs::create_dir_all(folder.join("2026/01")).unwrap();
    std::fs::write(folder.join("2026/GHSA-1.json"), all[0].to_string()).unwrap();
    std::fs::write(folder.join("2026/01/GHSA-2.json"), all[1].to_string()).unwrap();
    std::fs::write(folder.join("README.md"), "not read").unwrap();
    let list = place.path().join("list.json");
    std::fs::write(&list, json!(all).to_string()).unwrap();
    let read = |source: &std::path::Path| {
        let mut import = Import::default();
        import.read(source).unwrap();
        import.into_index().0
    };
    assert_eq!(read(&folder), read(&list));
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(Import::default().read(&empty), Err(ImportError::Empty)));
    let cut = place.path().join("cut.zip");
    std::fs::write(&cut, b"PK\x03\x04 and no more").unwrap();
    assert!(matches!(Import::default().read(&cut), Err(ImportError::Archive(_))));
}

#[test]
fn an_answer_of_a_registry_is_read_or_refused() {
    let asked = BTreeMap::from([("a".to_owned(), vec!["1.0.0".to_owned()])]);
    let read = |answer: Value| bulk::read(answer.to_string().as_bytes(), &asked);
    let told = |range: &str| {
        json!({ "a": [{ "id": 1_234, "url": "https://advisories.example/GHSA-x", "title": "It breaks",
            "severity": "high", "vulnerable_versions": range }], "other": [] })
    };
    let found = read(told(">=1.0.0 <1.2.3 || >=2.0.0-beta.1, <2.0.1"))
        .unwrap()
        .remove("a")
        .unwrap()
        .remove(0);
    assert_eq!((found.id.as_str(), found.aliases), ("GHSA-x", vec!["npm:1234".to_owned()]));
    assert_eq!(found.severity, Some(Severity::High));
    let all = "0.9.0 1.0.0-rc.1 1.0.0 1.2.3-rc.1 1.2.3 2.0.0-beta.1 2.0.1";
    assert_eq!(among(&found.affected, all), "1.0.0 1.2.3-rc.1 2.0.0-beta.1");
    assert_eq!(found.affected.fixes().collect::<Vec<_>>(), ["1.2.3", "2.0.1"]);
    for (range, expected) in [
        ("*", all),
        ("", all),
        ("<=1.0.0", "0.9.0 1.0.0-rc.1 1.0.0"),
        ("= 1.0.0", "1.0.0"),
        (">1.0.0 <2.0.0", "1.2.3-rc.1 1.2.3 2.0.0-beta.1"),
        (">1.0.0-rc.1 <1.2.3", "1.0.0 1.2.3-rc.1"),
        ("^1.0.0", "1.0.0-rc.1 1.0.0 1.2.3-rc.1 1.2.3"),
        ("1.x", "1.0.0-rc.1 1.0.0 1.2.3-rc.1 1.2.3"),
    ] {
        let found = read(told(range)).unwrap().remove("a").unwrap().remove(0);
        assert_eq!(among(&found.affected, all), expected, "{range}");
    }
    assert_eq!(read(json!({})).unwrap(), Advisories::new());
    assert_eq!(read(json!({ "b": [] })).unwrap(), Advisories::new());
    for wrong in
        [json!([]), json!(null), json!({ "a": {} }), json!({ "a": [{}] }), json!({ "error": "no" })]
    {
        assert!(matches!(read(wrong.clone()), Err(bulk::BulkError::Answer(_))), "{wrong}");
    }
    let page = bulk::read(b"\n<!doctype html>", &asked).unwrap_err().to_string();
    assert_eq!(page, "the registry's answer is not understood: it is a page for people (HTML)");
}
