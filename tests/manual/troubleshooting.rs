//! Troubleshooting: the manual's symptoms, told before the start.

use crate::{mistakes, starting};
use ringfence_tests::command::Playground;

#[test]
fn line_435_paths_count_from_the_file() {
    let file = starting("/bin/true", "[fs]\nread = [\"./data\"]");
    let playground = Playground::new().with("ringfence.toml", &file).with("data/prices.json", "");
    let elsewhere = playground.path().join("data");
    let mut command = playground.command();
    let run = playground.finish(command.current_dir(&elsewhere).arg("check-config"));
    assert_eq!(run.code, 0, "the folder a command is typed in does not count: {run}");

    let missing = Playground::new().with("ringfence.toml", &file);
    let found = mistakes(&missing, &[]);
    assert!(found[0].1.starts_with("fs.read: does not exist: "), "{found:?}");
}
