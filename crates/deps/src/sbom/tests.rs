use super::*;

fn graph() -> Graph {
    let text = r#"{"lockfileVersion": 3, "name": "app", "packages": {
      "": {"name": "app", "version": "1.0.0", "dependencies": {"@s/a": "1"}, "devDependencies": {"d": "1"}},
      "node_modules/@s/a": {"version": "1.0.0", "license": "MIT", "integrity": "sha1-AAECAwQFBgcICQoLDA0ODxAREhM= sha512-AAEC",
        "resolved": "https://registry.example/@s/a/-/a-1.0.0.tgz", "dependencies": {"b": "1"}},
      "node_modules/b": {"version": "1.0.0", "license": "(MIT OR Apache-2.0)", "peerDependencies": {"d": "1"}},
      "node_modules/d": {"version": "1.0.0", "license": "Our own", "optionalDependencies": {"b": "1"},
        "resolved": "git+https://code.example/d.git#0123456789abcdef0123456789abcdef01234567"}}}"#;
    Graph::read("package-lock.json", text, &[]).unwrap()
}

const SUBJECT: Subject<'_> = Subject { name: "unnamed", made: 1_700_000_000, omit_dev: false };

#[test]
fn the_same_graph_gives_the_same_bytes_and_another_time_another_number() {
    for write in [cyclonedx, spdx] {
        let bill = write(&graph(), &SUBJECT);
        assert_eq!(bill, write(&graph(), &SUBJECT));
        assert_ne!(bill, write(&graph(), &Subject { made: 1, ..SUBJECT }));
        assert!(bill.contains("2023-11-14T22:13:20Z"), "{bill}");
    }
}

#[test]
fn components_have_hash_licence_address_and_edges() {
    let bill: serde_json::Value = serde_json::from_str(&cyclonedx(&graph(), &SUBJECT)).unwrap();
    let a = &bill["components"][0];
    assert_eq!(a["purl"], "pkg:npm/%40s/a@1.0.0");
    // A hash that is too short for its algorithm is none.
    let hashes = serde_json::json!([{ "alg": "SHA-1", "content": "000102030405060708090a0b0c0d0e0f10111213" }]);
    assert_eq!(a["hashes"], hashes);
    assert_eq!(a["licenses"][0]["license"]["id"], "MIT");
    assert_eq!(bill["components"][1]["licenses"][0]["expression"], "(MIT OR Apache-2.0)");
    assert_eq!(bill["components"][2]["licenses"][0]["license"]["name"], "Our own");
    assert_eq!(bill["dependencies"][0]["dependsOn"], serde_json::json!(["@s/a@1.0.0", "d@1.0.0"]));
    assert_eq!(bill["dependencies"][1]["dependsOn"], serde_json::json!(["b@1.0.0"]));
    let without: serde_json::Value =
        serde_json::from_str(&cyclonedx(&graph(), &Subject { omit_dev: true, ..SUBJECT })).unwrap();
    // A peer keeps it.
    assert_eq!(without["components"].as_array().unwrap().len(), 3);
}

#[test]
fn identifiers_of_spdx_stay_apart_and_development_is_told() {
    let bill: serde_json::Value = serde_json::from_str(&spdx(&graph(), &SUBJECT)).unwrap();
    assert_eq!(bill["packages"][1]["SPDXID"], "SPDXRef--40s-2Fa-401.0.0");
    let told = bill["relationships"].as_array().unwrap();
    let dev = told.iter().find(|one| one["relationshipType"] == "DEV_DEPENDENCY_OF").unwrap();
    assert_eq!(dev["relatedSpdxElement"], "SPDXRef-project");
}
