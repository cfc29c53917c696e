//! `ringfence extract`: what comes out, what is refused, and that nothing is ever half there.

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, binary, other};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

/// A folder `src` of all that is lawful.
fn sources() -> Playground {
    let playground = Playground::new()
        .with("src/package.json", "{}\n")
        .with("src/bin/run", "#!/bin/sh\n")
        .with("src/deep/1/2/3/file", &"text ".repeat(5000))
        .with("src/empty", "")
        .with("src/name with spaces", "x")
        .with(&format!("src/{}/{}", "d".repeat(110), "f".repeat(150)), "long");
    let run = playground.path().join("src/bin/run");
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(playground.path().join("src/nothing in it")).unwrap();
    playground
}

/// Runs another program here; false, and said by name, where it is missing.
fn ran(playground: &Playground, words: &[&str]) -> bool {
    let (name, rest) = words.split_first().unwrap();
    let mut command = other(name);
    command.args(rest).current_dir(playground.path()).stdin(Stdio::null());
    if let Ok(output) = command.output() {
        assert!(output.status.success(), "{words:?}: {output:?}");
        true
    } else {
        ringfence_tests::not_run(&format!("{name} is missing: what it packs is not extracted"));
        false
    }
}

/// Path, content and whether it may be executed.
fn tree(folder: &Path) -> BTreeMap<String, Option<(Vec<u8>, bool)>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let found_there = entry.metadata().unwrap();
            let runs = found_there.permissions().mode() & 0o100 != 0;
            let content = found_there.is_file().then(|| (fs::read(&path).unwrap(), runs));
            if content.is_none() {
                todo.push(path);
            }
            found.insert(name, content);
        }
    }
    found
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A tape with one symbolic link, which a file follows.
fn evil(playground: &Playground) {
    std::os::unix::fs::symlink("/etc/passwd", playground.path().join("link")).unwrap();
    assert!(ran(playground, &["tar", "cf", "evil.tar", "src/empty", "link"]));
    fs::remove_file(playground.path().join("link")).unwrap();
}

#[test]
fn what_tar_and_unzip_extract_is_extracted_byte_for_byte() {
    let playground = sources();
    let packed: [(&str, &[&str], &[&str]); 7] = [
        ("a.tar", &["tar", "cf", "a.tar", "src"], &["tar", "xf", "a.tar", "-C", "theirs"]),
        (
            "b.tar",
            &["tar", "--format=pax", "-cf", "b.tar", "./src"],
            &["tar", "xf", "b.tar", "-C", "theirs"],
        ),
        (
            "c.tar",
            &["tar", "--format=gnu", "-cf", "c.tar", "src"],
            &["tar", "xf", "c.tar", "-C", "theirs"],
        ),
        ("d.tgz", &["tar", "czf", "d.tgz", "src"], &["tar", "xf", "d.tgz", "-C", "theirs"]),
        (
            "e.tar.zst",
            &["tar", "--zstd", "-cf", "e.tar.zst", "src"],
            &["tar", "--zstd", "-xf", "e.tar.zst", "-C", "theirs"],
        ),
        ("f.zip", &["zip", "-qr", "f.zip", "src"], &["unzip", "-q", "f.zip", "-d", "theirs"]),
        // Stored, and the name says nothing.
        ("g", &["zip", "-qr0", "g.zip", "src"], &["unzip", "-q", "g.zip", "-d", "theirs"]),
    ];
    for (name, pack, unpack) in packed {
        if pack.contains(&"--zstd") && !ran(&playground, &["zstd", "--version"]) {
            continue;
        }
        fs::create_dir(playground.path().join("theirs")).unwrap();
        if !(ran(&playground, pack) && ran(&playground, unpack)) {
            fs::remove_dir(playground.path().join("theirs")).unwrap();
            continue;
        }
        if name == "g" {
            fs::rename(playground.path().join("g.zip"), playground.path().join("g")).unwrap();
        }
        let run = playground.run(["extract", name, "--into", "ours"]);
        assert_eq!(run.code, 0, "{name}: {run}");
        let (ours, theirs) = (playground.path().join("ours"), playground.path().join("theirs"));
        assert_eq!(tree(&ours), tree(&theirs), "{name}");
        for folder in [ours, theirs] {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

#[test]
fn what_was_done_is_said() {
    let playground = sources();
    assert!(ran(&playground, &["tar", "czf", "a.tgz", "--sort=name", "src/bin", "src/empty"]));
    assert_snapshot!(playground.run(["extract", "a.tgz", "--into", "out"]), @r"
    exit: 0
    --- stdout
    extracted a tar.gz into out: 2 files in 2 folders, 10 bytes
    --- stderr
    ---
    ");
    assert_snapshot!(playground.run(["extract", "a.tgz", "--list", "--strip", "1"]), @r"
    exit: 0
    --- stdout
                  bin/
              10  bin/run*
               0  empty
    2 files in 1 folder, 10 bytes: this tar.gz can be extracted
    --- stderr
    ---
    ");
    let run = playground.run(["extract", "a.tgz", "--list", "--format", "json"]);
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(shown["verdict"], "listed");
    assert_eq!(shown["content"]["files"], 2);
    assert_eq!(shown["entries"][1]["path"], "src/bin/run");
    assert_eq!(shown["entries"][1]["executable"], true);
}

#[test]
fn what_is_refused_says_why_and_leaves_nothing() {
    let playground = sources();
    evil(&playground);
    let before = names(&playground.path());
    assert_snapshot!(playground.run(["extract", "evil.tar", "--into", "out"]), @r"
    exit: 1
    --- stdout
    --- stderr
    refused: evil.tar: entry `link`: it is a symbolic link
    nothing was written
    ---
    ");
    let run = playground.run(["extract", "evil.tar", "--into", "out", "--format", "json"]);
    assert_eq!(run.code, 1, "{run}");
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(shown["verdict"], "refused");
    assert_eq!(shown["refusal"]["code"], "link");
    assert_eq!(shown["refusal"]["entry"], "link");
    assert_eq!(names(&playground.path()), before);
    // The control: without the link it is extracted.
    assert!(ran(&playground, &["tar", "cf", "good.tar", "src/empty"]));
    assert_eq!(playground.run(["extract", "good.tar", "--into", "out"]).code, 0);
}

#[test]
fn each_bound_is_an_option_and_its_refusal_names_it() {
    let playground = sources();
    assert!(ran(&playground, &["tar", "czf", "a.tgz", "src"]));
    fs::write(playground.path().join("zeros"), vec![0; 5 << 20]).unwrap();
    assert!(ran(&playground, &["tar", "czf", "z.tgz", "zeros"]));
    let cases = [
        ("a.tgz", "--max-bytes", "1KB"),
        ("a.tgz", "--max-entries", "5"),
        ("a.tgz", "--max-depth", "3"),
        ("z.tgz", "--max-ratio", "50"),
    ];
    for (archive, option, value) in cases {
        let run = playground.run(["extract", archive, "--into", "out", option, value]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains(&format!("say so with {option}")), "{run}");
        assert!(!playground.path().join("out").exists());
    }
    let run = playground.run(["extract", "z.tgz", "--into", "out", "--max-ratio", "2000"]);
    assert_eq!(run.code, 0, "{run}");
    for wrong in ["0", "1GB!", "x"] {
        let run = playground.run(["extract", "a.tgz", "--list", "--max-bytes", wrong]);
        assert_eq!(run.code, 2, "{run}");
    }
}

#[test]
fn a_destination_that_is_not_free_is_left_as_it_is() {
    let playground = sources();
    assert!(ran(&playground, &["tar", "cf", "a.tar", "src"]));
    assert_snapshot!(playground.run(["extract", "a.tar", "--into", "src"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: cannot extract a.tar
      caused by: the destination is not empty: nothing is merged into it
    hint: name a folder that is not there yet
    ---
    ");
    for (into, code) in [(".", 2), ("a.tar", 2), ("missing/out", 2)] {
        assert_eq!(playground.run(["extract", "a.tar", "--into", into]).code, code, "{into}");
    }
    assert_eq!(playground.run(["extract", "a.tar"]).code, 2);
    assert_eq!(playground.run(["extract", "none.tar", "--into", "out"]).code, 2);
    assert_eq!(playground.run(["extract", "/dev/zero", "--into", "out"]).code, 2);
    assert_eq!(names(&playground.path()), ["a.tar", "src"]);
}

#[test]
fn standard_input_is_any_format_and_is_bounded_too() {
    let playground = sources();
    let mut archives = vec!["a.tgz"];
    assert!(ran(&playground, &["tar", "czf", "a.tgz", "src"]));
    if ran(&playground, &["zip", "-qr", "a.zip", "src"]) {
        archives.push("a.zip");
    }
    for archive in archives {
        let bytes = fs::read(playground.path().join(archive)).unwrap();
        let piped = |options: &[&str]| {
            let mut command = playground.command();
            command.args(["extract", "-", "--into", "out"]).args(options);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // It may have refused before it has read everything.
            let _ = child.stdin.take().unwrap().write_all(&bytes);
            child.wait_with_output().unwrap()
        };
        let output = piped(&["--max-bytes", "100B"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!playground.path().join("out").exists());
        let output = piped(&[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(tree(&playground.path().join("out/src")), tree(&playground.path().join("src")));
        fs::remove_dir_all(playground.path().join("out")).unwrap();
        let file = fs::File::open(playground.path().join(archive)).unwrap();
        let mut command = playground.command();
        command.args(["extract", "-", "--into", "out"]).stdin(file);
        assert_eq!(playground.finish(&mut command).code, 0);
        fs::remove_dir_all(playground.path().join("out")).unwrap();
    }
    assert!(names(&playground.path()).iter().all(|name| !name.starts_with('.')));
}

/// Many files, so that there is a middle.
fn many(playground: &Playground) {
    for folder in 0..100 {
        let folder = playground.path().join(format!("many/{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..200 {
            fs::write(folder.join(file.to_string()), "content").unwrap();
        }
    }
    assert!(ran(playground, &["tar", "cf", "many.tar", "many"]));
}

#[test]
fn killed_in_the_middle_it_leaves_only_what_the_next_one_removes() {
    let playground = Playground::new();
    many(&playground);
    let mut command = playground.command();
    command.args(["extract", "many.tar", "--into", "out"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let staged = || names(&playground.path()).into_iter().find(|name| name.starts_with(".ring"));
    let begun = loop {
        if let Some(name) = staged()
            && playground.path().join(&name).join("tree/many").exists()
        {
            break name;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!playground.path().join("out").exists());
    assert_eq!(staged().as_ref(), Some(&begun));
    // A second one at the same time is not disturbed by the rest, and takes it away.
    let run = playground.run(["extract", "many.tar", "--into", "out"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(tree(&playground.path().join("out/many")), tree(&playground.path().join("many")));
    assert_eq!(names(&playground.path()), ["many", "many.tar", "out"]);
}

/// A shell in a mount namespace of its own, with this program as `$0`.
fn apart(playground: &Playground, namespaces: &[&str], script: &str) -> Option<String> {
    let mut command = other("unshare");
    command.args(namespaces).args(["sh", "-c", script]).arg(binary());
    command.current_dir(playground.path()).stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success());
    if output.is_none() {
        ringfence_tests::not_run("unshare cannot make namespaces: no full or closed disk is tried");
    }
    Some(String::from_utf8_lossy(&output?.stdout).into_owned())
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let playground = Playground::new();
    fs::create_dir(playground.path().join("disk")).unwrap();
    fs::write(playground.path().join("big"), vec![b'x'; 600_000]).unwrap();
    assert!(ran(&playground, &["tar", "cf", "big.tar", "big"]));
    let script = |size: &str| {
        format!(
            "mount -t tmpfs -o size={size} t disk && {{ \"$0\" extract big.tar --into disk/out; \
             echo \"code $?\"; ls -A disk; }} 2>&1"
        )
    };
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let Some(full) = apart(&playground, &namespaces, &script("256k")) else { return };
    assert!(full.contains("No space left on device"), "{full}");
    assert!(full.ends_with("code 2\n"), "{full}");
    // The control: the same with room.
    let roomy = apart(&playground, &namespaces, &script("4m")).unwrap();
    assert!(roomy.ends_with("code 0\nout\n"), "{roomy}");
}

#[test]
fn a_folder_that_may_not_be_written_to_is_an_error_and_stays_empty() {
    let playground = Playground::new().with("file", "x");
    assert!(ran(&playground, &["tar", "cf", "a.tar", "file"]));
    let disk = playground.path().join("disk");
    fs::create_dir(&disk).unwrap();
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o555)).unwrap();
    // Whoever is nobody there has no right to pass over modes.
    let script = "{ \"$0\" extract a.tar --into disk/out; echo \"code $?\"; ls -A disk; } 2>&1";
    let Some(closed) = apart(&playground, &["--user"], script) else { return };
    assert!(closed.contains("permission denied"), "{closed}");
    assert!(closed.ends_with("code 2\n"), "{closed}");
    fs::set_permissions(&disk, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(playground.run(["extract", "a.tar", "--into", "disk/out"]).code, 0);
}

#[test]
fn standard_input_that_does_not_fit_on_the_disk_is_not_an_archive_that_cannot_be_read() {
    let playground = Playground::new();
    fs::create_dir(playground.path().join("disk")).unwrap();
    fs::write(playground.path().join("big"), vec![b'x'; 600_000]).unwrap();
    assert!(ran(&playground, &["tar", "cf", "big.tar", "big"]));
    let script = |size: &str| {
        format!(
            "mount -t tmpfs -o size={size} t disk && {{ cat big.tar | \"$0\" extract - --into \
             disk/out; echo \"code $?\"; ls -A disk; }} 2>&1"
        )
    };
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let Some(full) = apart(&playground, &namespaces, &script("256k")) else { return };
    assert!(full.contains("No space left on device"), "{full}");
    assert!(!full.contains("cannot be read"), "{full}");
    assert!(full.ends_with("code 2\n"), "{full}");
    // The control: the same with room.
    let roomy = apart(&playground, &namespaces, &script("4m")).unwrap();
    assert!(roomy.ends_with("code 0\nout\n"), "{roomy}");
}

#[test]
fn a_limit_for_files_is_an_error_and_leaves_nothing() {
    let playground = Playground::new();
    fs::write(playground.path().join("big"), vec![b'x'; 600_000]).unwrap();
    assert!(ran(&playground, &["tar", "cf", "big.tar", "big"]));
    let extract = |blocks: &str| {
        let mut command = other("sh");
        let script = format!("ulimit -f {blocks}; \"$0\" extract big.tar --into out; exit $?");
        command.args(["-c", &script]).arg(binary()).current_dir(playground.path());
        command.stdin(Stdio::null()).output().unwrap()
    };
    let limited = extract("100");
    assert_eq!(limited.status.code(), Some(2), "{limited:?}");
    assert!(String::from_utf8_lossy(&limited.stderr).contains("File too large"), "{limited:?}");
    assert_eq!(names(&playground.path()), ["big", "big.tar"]);
    // The control: the same without a limit.
    assert_eq!(extract("unlimited").status.code(), Some(0));
}
