//! Running a case: its program on its Node, bare or inside its boundary, and the text it leaves.

use super::FOLDER;
use super::case::Case;
use ringfence_tests::command;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest text that is kept of a run, in bytes.
const LONGEST: usize = 12_000;

/// Seconds a case may take.
const DEADLINE: &str = "180";

/// Runs a case again.
///
/// # Errors
/// The name of what this machine lacks for it.
pub(crate) fn again(case: &Case) -> Result<String, String> {
    let node = node(case.text("node").unwrap_or("26"))?;
    let packages = packages(&case.list("needs"))?;
    if !case.list("needs").is_empty() && packages.is_none() {
        return Err(format!("{} of npm", case.list("needs").join(", ")));
    }
    if let Some(program) = case.list("start").first()
        && !Path::new(program).exists()
    {
        return Err(program.clone());
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let root = folder.path().canonicalize().expect("it is there");
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let fill = |text: &str| {
        let packages = packages.as_deref().unwrap_or(Path::new("/nowhere"));
        text.replace("${folder}", &root.to_string_lossy())
            .replace("${packages}", &packages.to_string_lossy())
    };
    for (name, text) in case.table("files") {
        let path = root.join(&name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        // Programs name the folder as texts show it.
        let text = text.replace(FOLDER, &root.to_string_lossy());
        std::fs::write(path, text).expect("a file can be written");
    }
    if let Some(packages) = &packages {
        // A copy: a link would lead out of what the boundary grants.
        let copied =
            command::other("cp").arg("-R").arg(packages).arg(root.join("node_modules")).status();
        assert!(
            copied.is_ok_and(|status| status.success()),
            "{} is not copied",
            packages.display()
        );
    }
    if let Some(setup) = case.text("setup") {
        let done = command::other("sh").args(["-c", setup]).current_dir(&root).status();
        if !done.is_ok_and(|status| status.success()) {
            return Err(format!("what `{}` needs", setup.split(' ').next().unwrap_or("sh")));
        }
    }
    let mut run = if case.text("where") == Some("inside") {
        inside(case, &root, &node, &fill)
    } else {
        bare(case, &node, &fill)
    };
    let output = run.current_dir(&root).output().expect("it starts");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if let Some((_, layer)) = text.split_once("error: the layer ")
        && let Some((layer, _)) = layer.split_once(" is required and this host cannot give")
    {
        return Err(format!("a host that can give the layer {layer}"));
    }
    let text = neutral(&text, &root, &node, packages.as_deref());
    Ok(shortened(&text))
}

/// With a deadline: a case that waits for ever is a failure.
fn limited() -> Command {
    let mut limited = command::other("timeout");
    limited.args(["-k", "1", DEADLINE]);
    limited
}

fn bare(case: &Case, node: &Path, fill: &dyn Fn(&str) -> String) -> Command {
    let mut run = limited();
    match case.list("start").as_slice() {
        [] => run.arg(node).args(case.list("arguments").iter().map(|word| fill(word))),
        start => run.args(start),
    };
    run.env("HOME", "/home/app").envs(case.table("env"));
    run
}

fn inside(case: &Case, root: &Path, node: &Path, fill: &dyn Fn(&str) -> String) -> Command {
    let mut start: Vec<String> = case.list("start").iter().map(|word| fill(word)).collect();
    if start.is_empty() {
        start.push(node.to_string_lossy().into_owned());
        start.extend(case.list("arguments").iter().map(|word| fill(word)));
    }
    let start: Vec<String> = start.iter().map(|word| format!("'{word}'")).collect();
    let sections = case.text("boundary").unwrap_or_default();
    let text = format!(
        "schema = 1\n[service]\nname = \"app\"\nstart = [{}]\n{sections}",
        start.join(", ")
    );
    std::fs::write(root.join("ringfence.toml"), text).expect("a file can be written");
    let events = tempfile::NamedTempFile::new().expect("a file can be made");
    let mut run = limited();
    run.arg(command::binary()).args(["run", "--events"]).arg(events.path());
    run.env("HOME", "/home/app").envs(case.table("env"));
    run
}

/// The Node of a release line.
fn node(line: &str) -> Result<PathBuf, String> {
    let folders = [std::env::var_os("RINGFENCE_TEST_NODES").map(PathBuf::from)]
        .into_iter()
        .flatten()
        .chain([ringfence_tests::workspace::root().join("target/ringfence-nodes")]);
    for folder in folders {
        let versions = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let version = versions
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .find(|version| version.split('.').next() == Some(line));
        if let Some(version) = version {
            let folder = folder.join(version).join("node_modules");
            let packages = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let found =
                packages.map(|package| package.path().join("bin/node")).find(|node| node.is_file());
            if let Some(found) = found {
                return Ok(found.canonicalize().unwrap_or(found));
            }
        }
    }
    Err(format!("Node {line} (cargo xtask setup)"))
}

/// A `node_modules` with these packages.
fn packages(needs: &[String]) -> Result<Option<PathBuf>, String> {
    if needs.is_empty() {
        return Ok(None);
    }
    let own = ringfence_tests::workspace::root().join("tests/node/node_modules");
    let other = std::env::var_os("RINGFENCE_EXPLAIN_PACKAGES").map(PathBuf::from);
    for folder in other.into_iter().chain([own]) {
        if needs.iter().all(|name| folder.join(name).is_dir()) {
            return Ok(Some(folder.canonicalize().unwrap_or(folder)));
        }
    }
    Err(format!("{} of npm", needs.join(", ")))
}

/// The text without paths of this machine.
fn neutral(text: &str, root: &Path, node: &Path, packages: Option<&Path>) -> String {
    let mut text = text.replace(&*root.to_string_lossy(), FOLDER);
    if let Some(packages) = packages {
        text = text.replace(&*packages.to_string_lossy(), &format!("{FOLDER}/node_modules"));
    }
    text.replace(&*node.to_string_lossy(), "/usr/local/bin/node")
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(LONGEST / 2);
    let tail = text.ceil_char_boundary(text.len() - LONGEST / 2);
    format!("{}\n...\n{}", &text[..head], &text[tail..])
}
