//! `ringfence schema`

use ringfence_tests::command::Playground;
use serde_json::Value;

#[test]
fn the_schema_of_the_boundary_file_is_json_and_closed() {
    let run = Playground::new().run(["schema"]);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &schema["additionalProperties"]), (0, &false.into()));
    for section in ["service", "fs", "net", "process", "env", "secrets", "limits"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}

#[test]
fn the_schema_of_the_events_is_json() {
    let run = Playground::new().run(["schema", "--events"]);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(schema["properties"]["missing_grant"].is_object());
}
