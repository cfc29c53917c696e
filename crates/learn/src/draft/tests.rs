//! Each rule of a draft, from handmade records.

use super::testing::{Seen, boundary, granted};
use crate::record::{Capability, Feature, FileKind, FileUse, Transport};

const NOTHING: [&str; 0] = [];

#[test]
fn a_folder_of_sources_is_one_grant_and_a_single_file_stays_one() {
    let seen = Seen::new(&[]).read(&[
        "/srv/app/server.mjs",
        "/srv/app/src/a.mjs",
        "/srv/app/src/deep/b.mjs",
        "/srv/app/config/one.json",
    ]);
    assert_eq!(
        seen.lines(),
        [
            r#"fs.read = ["./config/one.json"]"#,
            r#"fs.read = ["./server.mjs"]"#,
            r#"fs.read = ["./src/"]"#
        ]
    );
}

#[test]
fn the_project_itself_is_never_granted_however_much_of_it_is_read() {
    let files: Vec<String> = (0..20).map(|n| format!("/srv/app/f{n}.js")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let lines = Seen::new(&[]).read(&files).lines();
    assert_eq!(lines.len(), 20);
    assert!(!lines.iter().any(|line| line.contains("\"./\"")));
}

#[test]
fn subfolders_are_not_joined_into_one_that_holds_no_file_that_was_read() {
    let seen = Seen::new(&[]).read(&[
        "/srv/app/packages/a/src/x.js",
        "/srv/app/packages/a/src/y.js",
        "/srv/app/packages/b/src/x.js",
        "/srv/app/packages/b/src/y.js",
    ]);
    assert_eq!(
        seen.lines(),
        [r#"fs.read = ["./packages/a/src/"]"#, r#"fs.read = ["./packages/b/src/"]"#]
    );
}

#[test]
fn node_modules_is_one_grant_also_those_of_workspaces() {
    let seen = Seen::new(&[]).read(&[
        "/srv/app/node_modules/a/index.js",
        "/srv/app/node_modules/a/node_modules/b/index.js",
        "/srv/app/node_modules/.bin/x",
        "/srv/app/packages/w/node_modules/c/index.js",
    ]);
    assert_eq!(
        seen.lines(),
        [r#"fs.read = ["./node_modules"]"#, r#"fs.read = ["./packages/w/node_modules"]"#]
    );
}

#[test]
fn packages_of_the_host_are_granted_one_by_one() {
    let seen = Seen::new(&[]).read(&[
        "/usr/lib/node_modules/npm/lib/cli.js",
        "/usr/lib/node_modules/@scope/tool/cli.js",
    ]);
    assert_eq!(
        seen.lines(),
        [
            r#"fs.read = ["/usr/lib/node_modules/@scope/tool"]"#,
            r#"fs.read = ["/usr/lib/node_modules/npm"]"#
        ]
    );
}

#[test]
fn a_package_linked_into_node_modules_is_granted_where_it_lies() {
    let seen = Seen::new(&[])
        .link("/srv/app/node_modules/lib", "/srv/app/packages/lib")
        .with("/srv/app/packages/lib/index.js", "")
        .read(&["/srv/app/node_modules/lib/index.js", "/srv/app/node_modules/x/i.js"]);
    assert_eq!(
        seen.lines(),
        [r#"fs.read = ["./node_modules"]"#, r#"fs.read = ["./packages/lib/index.js"]"#]
    );
}

#[test]
fn a_folder_with_a_secret_in_it_is_granted_file_by_file() {
    let seen = Seen::new(&["/srv/app/conf/tls.key"]).read(&[
        "/srv/app/conf/a.json",
        "/srv/app/conf/b.json",
        "/srv/app/conf/sub/c.json",
        "/srv/app/conf/sub/d.json",
    ]);
    assert_eq!(
        seen.lines(),
        [
            r#"fs.read = ["./conf/a.json"]"#,
            r#"fs.read = ["./conf/b.json"]"#,
            r#"fs.read = ["./conf/sub/"]"#
        ]
    );
}

#[test]
fn a_secret_that_is_read_is_granted_alone_and_said_to_be_one() {
    let seen = Seen::new(&[]).read(&["/srv/app/.env", "/srv/app/keys/id_ed25519", "/srv/app/a.js"]);
    let draft = seen.draft_with(None);
    let secret: Vec<_> = draft.notes.iter().filter(|note| note.code == "secret-file").collect();
    assert_eq!(secret.len(), 2);
    assert_eq!(
        secret[0].lines,
        ["[secrets.env]", "from = \"file:./.env\"", "as = \"file\"", "to = \"/run/secrets/env\""]
    );
    assert_eq!(
        seen.lines(),
        [
            r#"fs.read = ["./.env"]"#,
            r#"fs.read = ["./a.js"]"#,
            r#"fs.read = ["./keys/id_ed25519"]"#
        ]
    );
    let text =
        format!("[service]\nname = \"a\"\nstart = [\"node\"]\n{}\n", secret[0].lines.join("\n"));
    ringfence_policy::parse("", &text).unwrap();
}

#[test]
fn the_source_of_a_secret_is_never_granted_and_keeps_its_folder_closed() {
    let file = "[secrets.k]\nfrom = \"file:./conf/k\"\nas = \"file\"\nto = \"/run/secrets/k\"\n";
    let seen = Seen::new(&[]).read(&["/srv/app/conf/k", "/srv/app/conf/a", "/srv/app/conf/b"]);
    assert_eq!(seen.lines_with(file), [r#"fs.read = ["./conf/a"]"#, r#"fs.read = ["./conf/b"]"#]);
    let draft = seen.draft_with(Some(&boundary(file)));
    assert!(draft.notes.iter().any(|note| note.code == "secret-source-read"));
}

#[test]
fn folders_of_the_system_and_homes_are_never_granted_as_a_whole() {
    let many =
        |folder: &str| -> Vec<String> { (0..30).map(|n| format!("{folder}/f{n}")).collect() };
    for folder in
        ["/etc", "/usr/share", "/var/lib", "/home/ann", "/root", "/srv", "/opt", "/home/bob"]
    {
        let files = many(folder);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let mut seen = Seen::new(&[]).read(&files);
        seen = seen.file(folder, FileUse::Read, FileKind::Directory);
        let lines = seen.lines();
        let whole = format!("fs.read = [\"{folder}/\"]");
        assert!(!lines.contains(&whole), "{lines:?}");
        assert_eq!(lines.len(), 30, "{folder}");
    }
    let files = many("/usr/share/fonts/dejavu");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(Seen::new(&[]).read(&files).lines(), [r#"fs.read = ["/usr/share/fonts/dejavu/"]"#]);
    let data = many("/data");
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    assert_eq!(Seen::new(&[]).read(&data).lines(), [r#"fs.read = ["/data/"]"#]);
}

#[test]
fn what_the_runtime_reads_is_kept_apart() {
    let seen =
        Seen::new(&[]).read(&["/usr/lib/libc.so.6", "/etc/gai.conf", "/etc/hosts", "/proc/stat"]);
    assert_eq!(seen.lines(), NOTHING);
    let draft = seen.draft_with(None);
    let runtime: Vec<_> = draft.runtime.iter().map(|read| read.path.to_str().unwrap()).collect();
    assert_eq!(runtime, ["/etc/gai.conf", "/usr/lib/libc.so.6"]);
}

#[test]
fn a_file_in_tmp_that_lay_there_before_is_a_finding_and_one_of_the_run_is_nothing() {
    let before = Seen::new(&[]).read(&["/tmp/config.json"]);
    assert_eq!((before.lines().len(), before.codes()), (0, vec!["file-in-tmp"]));
    let made = Seen::new(&[]).file("/tmp/x", FileUse::Create, FileKind::Missing).read(&["/tmp/x"]);
    assert_eq!((made.lines().len(), made.codes().len()), (0, 0));
    let program = Seen::new(&[]).read(&["/tmp/bin/node"]);
    assert_eq!((program.lines().len(), program.codes().len()), (0, 0));
}

#[test]
fn what_is_found_by_way_of_home_is_not_granted_unless_the_service_gets_that_home() {
    let seen = Seen::new(&["/home/ann/.cache/"])
        .read(&["/home/ann/.gitconfig", "/home/ann/.npmrc"])
        .file("/home/ann/.cache/x", FileUse::Create, FileKind::Missing);
    assert_eq!(seen.lines(), NOTHING);
    assert_eq!(seen.codes(), ["home-directory"; 3]);
    // A folder of a home is written by nobody's grant but the author's.
    assert_eq!(seen.lines_with("[env]\npass = [\"HOME\"]\n").len(), 2);
}

#[test]
fn libraries_of_the_host_that_no_grant_could_load_are_findings() {
    let seen = Seen::new(&[]).read(&["/usr/lib/libnss_mdns4.so.2", "/usr/lib/plugins/p.so"]).file(
        "/usr/lib/plugins/p.so",
        FileUse::Load,
        FileKind::File,
    );
    assert_eq!(seen.lines(), NOTHING);
    assert_eq!(seen.codes(), ["native-code-outside-packages"]);
}

#[test]
fn a_look_grants_nothing_unless_the_program_asked() {
    let looked = |seen: Seen| seen.file("/srv/app/flag", FileUse::Look, FileKind::File);
    let seen = || Seen::new(&["/srv/app/flag"]);
    assert_eq!(looked(seen()).lines(), NOTHING);
    let asked = looked(seen()).asked(Capability::FsLook, "/srv/app/flag");
    assert_eq!(asked.lines(), [r#"fs.read = ["./flag"]"#]);
}

#[test]
fn to_ask_for_what_is_not_there_is_granted_while_node_would_throw() {
    let seen = || {
        Seen::new(&[])
            .file("/srv/app/none", FileUse::Look, FileKind::Missing)
            .asked(Capability::FsLook, "/srv/app/none")
    };
    assert_eq!(seen().lines(), [r#"fs.optional = ["./none"]"#]);
    let off = seen().feature(Feature::NeedsNoFlags);
    assert!(!off.lines().iter().any(|line| line.contains("optional")));
}

#[test]
fn a_missing_file_is_optional_when_the_program_wanted_it_and_a_secret_only_a_hint() {
    let seen = Seen::new(&[]).file("/srv/app/local.json", FileUse::Read, FileKind::Missing);
    assert_eq!((seen.lines().len(), seen.codes().len()), (0, 0));
    let asked = seen.asked(Capability::FsRead, "/srv/app/local.json");
    assert_eq!(asked.lines(), [r#"fs.optional = ["./local.json"]"#]);
    let secret = Seen::new(&[])
        .file("/srv/app/.env", FileUse::Read, FileKind::Missing)
        .asked(Capability::FsRead, "/srv/app/.env");
    assert_eq!(secret.lines(), NOTHING);
    assert_eq!(secret.codes(), ["missing-file"]);
    let inside = Seen::new(&[])
        .read(&["/srv/app/conf/a", "/srv/app/conf/b"])
        .file("/srv/app/conf/c", FileUse::Read, FileKind::Missing)
        .asked(Capability::FsRead, "/srv/app/conf/c");
    assert_eq!(inside.codes().len(), 0, "in a granted folder it may come and go");
}

#[test]
fn a_package_json_is_granted_only_where_it_makes_a_difference() {
    let with = |text: &str, script: &str| {
        Seen::new(&[]).with("/srv/app/package.json", text).read(&["/srv/app/package.json", script])
    };
    let granted = |seen: &Seen| seen.lines().iter().any(|line| line.contains("package.json"));
    assert!(!granted(&with(r#"{"name":"a","main":"server.js"}"#, "/srv/app/server.js")));
    assert!(granted(&with(r#"{"type":"module"}"#, "/srv/app/server.js")));
    assert!(!granted(&with(r#"{"type":"module"}"#, "/srv/app/server.mjs")));
    assert!(granted(&with(r##"{"imports":{"#a":"./a.js"}}"##, "/srv/app/server.mjs")));
    let read = with("{}", "/srv/app/server.mjs").asked(Capability::FsRead, "/srv/app/package.json");
    assert!(granted(&read));
}

#[test]
fn what_is_made_needs_its_folder_and_what_is_only_written_needs_itself() {
    let seen = Seen::new(&["/srv/app/data/", "/srv/app/state.json"])
        .file("/srv/app/data/a.db", FileUse::Create, FileKind::Missing)
        .file("/srv/app/data/new", FileUse::Create, FileKind::Missing)
        .file("/srv/app/data/new", FileUse::Create, FileKind::Directory)
        .file("/srv/app/data/new/x", FileUse::Create, FileKind::Missing)
        .file("/srv/app/state.json", FileUse::Write, FileKind::File)
        .read(&["/srv/app/data/a.db", "/srv/app/state.json"]);
    assert_eq!(seen.lines(), [r#"fs.write = ["./data/"]"#, r#"fs.write = ["./state.json"]"#]);
}

#[test]
fn a_file_that_is_replaced_by_rename_needs_its_folder() {
    let seen = Seen::new(&["/srv/app/data/state.json"])
        .file("/srv/app/data/state.json.tmp", FileUse::Create, FileKind::Missing)
        .file("/srv/app/data/state.json.tmp", FileUse::RenameFrom, FileKind::File)
        .file("/srv/app/data/state.json", FileUse::RenameTo, FileKind::File);
    assert_eq!(seen.lines(), [r#"fs.write = ["./data/"]"#]);
}

#[test]
fn nothing_lets_a_service_write_its_project_or_the_system() {
    let seen = Seen::new(&["/etc/app/", "/usr/lib/x/", "/var/lib/app/"])
        .file("/srv/app/tmp-1", FileUse::Create, FileKind::Missing)
        .file("/srv/app/tmp-1", FileUse::Remove, FileKind::File)
        .file("/usr/lib/x/y", FileUse::Create, FileKind::Missing)
        .file("/var/lib/app/y", FileUse::Create, FileKind::Missing);
    assert_eq!(seen.lines(), [r#"fs.write = ["/var/lib/app/"]"#]);
    assert_eq!(seen.codes(), ["cannot-write-there", "writes-system"]);
}

#[test]
fn a_log_file_hints_at_standard_output() {
    let seen = Seen::new(&["/srv/app/logs/app.log"]).file(
        "/srv/app/logs/app.log",
        FileUse::Write,
        FileKind::File,
    );
    assert_eq!(seen.lines(), [r#"fs.write = ["./logs/app.log"]"#]);
    assert_eq!(seen.codes(), ["log-file"]);
}

#[test]
fn a_folder_of_code_that_is_written_is_a_finding() {
    let seen = Seen::new(&[]).read(&["/srv/app/dist/a.js"]).file(
        "/srv/app/dist/b.js",
        FileUse::Create,
        FileKind::Missing,
    );
    assert_eq!(seen.lines(), [r#"fs.write = ["./dist/"]"#]);
    assert_eq!(seen.codes(), ["writes-beside-code"]);
}

#[test]
fn a_volume_that_rotates_by_rename_is_granted_as_a_folder() {
    let seen = Seen::new(&["/etc/certs/..2026/tls.crt", "/etc/certs/..2026/tls.key"])
        .link("/etc/certs/..data", "/etc/certs/..2026")
        .link("/etc/certs/tls.crt", "/etc/certs/..2026/tls.crt")
        .file("/etc/certs/tls.crt", FileUse::Read, FileKind::File);
    let draft = seen.draft_with(None);
    assert_eq!(seen.lines(), [r#"fs.read = ["/etc/certs/"]"#]);
    assert!(draft.proposed[0].why.remark.as_deref().unwrap().contains("rename"));
}

#[test]
fn names_stand_for_addresses_at_the_exact_port() {
    let seen = Seen::new(&[])
        .resolved("api.example.com", &["93.184.216.34", "2606:2800::1"])
        .connect("93.184.216.34:443", false)
        .connect("[2606:2800::1]:443", false)
        .connect("8.8.4.4:99", false);
    assert_eq!(
        seen.lines(),
        [r#"net.connect = ["8.8.4.4:99"]"#, r#"net.connect = ["api.example.com:443"]"#]
    );
    assert_eq!(seen.codes(), ["address-without-name"]);
}

#[test]
fn two_names_of_one_address_are_told_apart_by_what_node_asked_for() {
    let seen = Seen::new(&[])
        .resolved("a.example.com", &["93.184.216.34"])
        .resolved("b.example.com", &["93.184.216.34"])
        .connect("93.184.216.34:443", false);
    assert_eq!(seen.lines().len(), 2, "nobody knows which");
    let told = seen.asked(Capability::Connect, "b.example.com:443");
    assert_eq!(told.lines(), [r#"net.connect = ["b.example.com:443"]"#]);
}

#[test]
fn a_program_that_is_no_node_gets_the_names_it_asked_for() {
    let seen = Seen::new(&[])
        .query("example.com", "10.0.0.53:53")
        .query("example.com.corp.test", "10.0.0.53:53")
        .connect("93.184.216.34:443", false);
    assert_eq!(seen.lines(), [r#"net.connect = ["example.com:443"]"#]);
}

#[test]
fn a_name_that_was_only_looked_up_is_told_because_no_grant_says_that_alone() {
    let seen = Seen::new(&[]).resolved("db.example.com", &["93.184.216.34"]);
    assert_eq!((seen.lines().len(), seen.codes()), (0, vec!["looked-up-alone"]));
}

#[test]
fn an_address_that_was_written_out_is_granted_beside_a_name_that_leads_to_it() {
    let seen = Seen::new(&[])
        .resolved("api.internal", &["127.0.0.1"])
        .connect("127.0.0.1:80", false)
        .connect("127.0.0.1:99", false)
        .connect("127.0.0.1:7", false)
        .asked(Capability::Connect, "api.internal:80")
        .asked(Capability::Connect, "127.0.0.1:99")
        .asked(Capability::Connect, "api.internal:7")
        .asked(Capability::Connect, "localhost:7");
    assert_eq!(
        seen.lines_with("[net]\nhosts = { \"api.internal\" = \"127.0.0.1\" }\n"),
        [
            r#"net.connect = ["127.0.0.1:7"]"#,
            r#"net.connect = ["127.0.0.1:99"]"#,
            r#"net.connect = ["api.internal:7"]"#,
            r#"net.connect = ["api.internal:80"]"#
        ]
    );
}

#[test]
fn a_name_of_a_private_address_is_said_to_be_one() {
    let seen = Seen::new(&[])
        .resolved("db.internal", &["10.0.0.5"])
        .connect("10.0.0.5:5432", false)
        .resolved("self.example.com", &["203.0.114.9"])
        .connect("203.0.114.9:443", false);
    assert_eq!(
        seen.lines(),
        [
            r#"net.connect = ["db.internal:5432"]"#,
            r#"net.connect = ["self.example.com:443"]"#,
            r#"net.private = ["db.internal"]"#,
            r#"net.private = ["self.example.com"]"#
        ]
    );
    let fixed = seen.lines_with("[net]\nhosts = { \"db.internal\" = \"10.0.0.5\" }\n");
    assert!(!fixed.contains(&r#"net.private = ["db.internal"]"#.to_owned()), "{fixed:?}");
}

#[test]
fn a_connection_that_failed_counts_and_one_to_itself_does_not() {
    let seen = Seen::new(&[])
        .resolved("gone.example.com", &[])
        .asked(Capability::Connect, "gone.example.com:443")
        .listen("127.0.0.1:8080", Transport::Tcp)
        .connect("127.0.0.1:8080", true)
        .connect("127.0.0.1:5432", false);
    assert_eq!(
        seen.lines(),
        [r#"net.connect = ["127.0.0.1:5432"]"#, r#"net.connect = ["gone.example.com:443"]"#]
    );
    assert_eq!(seen.codes(), ["own-listener"]);
}

#[test]
fn a_listener_that_others_are_meant_to_reach_is_granted_exactly() {
    let seen = Seen::new(&[])
        .listen("127.0.0.1:8080", Transport::Tcp)
        .listen("[::]:9090", Transport::Tcp)
        .listen("127.0.0.1:0", Transport::Tcp)
        .listen("0.0.0.0:5353", Transport::Udp)
        .listen("0.0.0.0:0", Transport::Udp);
    assert_eq!(
        seen.lines(),
        [
            r#"net.listen = ["127.0.0.1:8080"]"#,
            r#"net.listen = ["[::]:9090"]"#,
            r#"net.udp-listen = ["0.0.0.0:5353"]"#
        ]
    );
}

#[test]
fn resolvers_need_no_grant_and_other_datagrams_do() {
    let seen = Seen::new(&[])
        .query("api.example.com", "10.0.0.53:53")
        .resolved("api.example.com", &["93.184.216.34"])
        .connect("93.184.216.34:443", true)
        .udp("10.0.0.53:53")
        .udp("93.184.216.34:0")
        .udp("10.0.0.9:8125");
    assert_eq!(seen.lines(), [r#"net.udp = ["10.0.0.9:8125"]"#]);
}

#[test]
fn metadata_is_never_granted_and_always_told() {
    let seen = Seen::new(&[])
        .connect("169.254.169.254:80", false)
        .asked(Capability::Connect, "metadata.google.internal:80");
    assert_eq!(seen.lines(), NOTHING);
    assert_eq!(seen.codes(), ["metadata-asked", "metadata-asked"]);
}

#[test]
fn sockets_of_the_host_are_granted_by_path() {
    let seen = Seen::new(&["/run/pg/s.sock", "/var/run/docker.sock", "/srv/app/own.sock"])
        .unix("/run/pg/s.sock", false)
        .unix("/var/run/docker.sock", false)
        .unix("/srv/app/own.sock", true)
        .unix("/run/nscd/socket", false)
        .unix("@bus", false);
    assert_eq!(
        seen.lines(),
        [r#"net.unix = ["/run/pg/s.sock"]"#, r#"net.unix = ["/var/run/docker.sock"]"#]
    );
    assert_eq!(seen.codes(), ["abstract-socket", "socket-controls-host"]);
}

#[test]
fn programs_are_granted_by_the_path_they_were_started_with_and_shells_are_told() {
    let seen = Seen::new(&["/usr/bin/git", "/bin/dash"])
        .with("/srv/app/bin/tool", "#!/bin/dash\n")
        .exec("/usr/bin/git")
        .exec("/srv/app/bin/tool")
        .exec("/bin/dash")
        .exec("/opt/none/git");
    assert_eq!(
        seen.lines(),
        [r#"process.children = ["./bin/tool"]"#, r#"process.children = ["/usr/bin/git"]"#],
        "the interpreter comes with the script"
    );
    let shell = Seen::new(&["/usr/bin/dash"]).link("/bin/sh", "/usr/bin/dash").exec("/bin/sh");
    assert_eq!(shell.lines(), [r#"process.children = ["/bin/sh"]"#], "the link is needed too");
    assert_eq!(shell.lines_with("[process]\nchildren = [\"/bin/sh\"]\n"), NOTHING);
    assert_eq!(shell.lines_with("[process]\nchildren = [\"/usr/bin/dash\"]\n").len(), 1);
    assert_eq!(shell.codes(), ["shell-started"]);
}

#[test]
fn the_same_node_started_again_is_a_child() {
    let seen = Seen::new(&[]);
    assert_eq!(seen.lines(), NOTHING);
    assert_eq!(seen.exec("/usr/bin/node").lines(), [r#"process.children = ["/usr/bin/node"]"#]);
}

#[test]
fn switches_follow_what_was_used() {
    let seen = Seen::new(&[])
        .feature(Feature::Workers)
        .feature(Feature::Told)
        .feature(Feature::NeedsNoFlags)
        .asked(Capability::Wasi, "");
    assert_eq!(
        seen.lines(),
        ["process.workers = true", "process.wasi = true", "process.node-flags = false"]
    );
}

#[test]
fn an_addon_is_granted_by_package_and_hash() {
    let seen = Seen::new(&[])
        .with("/srv/app/node_modules/@img/sharp/a.node", "xx")
        .asked(Capability::Addon, "/srv/app/node_modules/@img/sharp/a.node")
        .with("/srv/app/build/own.node", "x")
        .asked(Capability::Addon, "/srv/app/build/own.node");
    let hash = format!("{:064x}", 2);
    assert_eq!(
        seen.lines(),
        [format!("process.addons = [{{ package = \"@img/sharp\", sha256 = \"{hash}\" }}]")]
    );
    assert_eq!(seen.codes(), ["native-code-outside-packages"]);
}

#[test]
fn variables_pass_when_they_were_asked_for_and_there_and_never_with_their_values() {
    let seen = Seen::new(&[])
        .given("TZ")
        .given("API_TOKEN")
        .given("TERM")
        .env("SET_BY_THE_PROGRAM_ITSELF", true)
        .env("PORT", true)
        .env("LOG_LEVEL", false)
        .env("HOME", true)
        .env("NODE_OPTIONS", true)
        .env("API_TOKEN", true)
        .env("TERM", true)
        .env("NODE_ENV", true)
        .feature(Feature::WholeEnvironment);
    assert_eq!(
        seen.lines_with("[env]\nset = { NODE_ENV = \"x\" }\n"),
        [r#"env.pass = ["API_TOKEN"]"#, r#"env.pass = ["PORT"]"#, r#"env.pass = ["TZ"]"#]
    );
    assert_eq!(seen.codes(), ["secret-variable", "session-variable", "whole-environment"]);
}

#[test]
fn what_the_file_grants_is_not_proposed_again_and_counts_as_exercised() {
    let file = r#"
[fs]
read = ["./src", "./node_modules", "/etc/never"]
write = ["./data"]
[net]
connect = ["*.example.com:443", "db.internal:1"]
listen = ["0.0.0.0:80"]
[process]
children = ["/usr/bin/git"]
workers = true
[env]
pass = ["PORT", "UNUSED"]
"#;
    let seen = Seen::new(&["/usr/bin/git", "/srv/app/data/"])
        .read(&["/srv/app/src/a.js", "/srv/app/node_modules/x/i.js", "/srv/app/data/y"])
        .file("/srv/app/data/x", FileUse::Create, FileKind::Missing)
        .resolved("a.example.com", &["93.184.216.34"])
        .connect("93.184.216.34:443", false)
        .listen("[::]:80", Transport::Tcp)
        .exec("/usr/bin/git")
        .env("PORT", true);
    let boundary = boundary(file);
    let draft = seen.draft_with(Some(&boundary));
    let missing: Vec<String> = draft.missing().map(super::Proposed::line).collect();
    assert_eq!(missing, NOTHING);
    assert_eq!(granted(&draft).len(), 7, "{:?}", granted(&draft));
    let unused: Vec<_> = draft.coverage.unused.iter().map(|one| one.entry.as_str()).collect();
    assert_eq!(unused, ["/etc/never", "db.internal:1", "UNUSED", "true"]);
    let sections: Vec<_> =
        draft.coverage.sections.iter().map(|s| (s.section, s.used, s.granted)).collect();
    assert_eq!(sections, [("fs", 3, 4), ("net", 2, 3), ("process", 1, 2), ("env", 1, 2)]);
}

#[test]
fn why_says_who_when_and_how_often_without_paths_of_homes() {
    let seen =
        Seen::new(&[]).read(&["/srv/app/a.json"]).asked(Capability::FsRead, "/srv/app/a.json");
    let draft = seen.draft_with(None);
    let folder = std::path::Path::new(super::testing::PROJECT);
    assert_eq!(
        draft.proposed[0].why.words("read", folder),
        "read by pkg 1.0.0 (node_modules/pkg/index.js:3), first after 12 ms"
    );
}

#[test]
fn a_name_that_the_file_cannot_hold_is_told_and_spoils_nothing() {
    let seen = Seen::new(&[]).read(&["/srv/app/a*b.json", "/srv/app/ok.json"]);
    assert_eq!(seen.lines(), [r#"fs.read = ["./ok.json"]"#]);
    assert_eq!(seen.codes(), ["cannot-be-written"]);
    for ends_a_line in ['\n', '\u{85}', '\u{2028}', '\u{202e}'] {
        let path = format!("/srv/app/a{ends_a_line}hostNetwork: true");
        let seen = Seen::new(&[]).read(&[&path, "/srv/app/ok.json"]);
        assert_eq!(seen.lines(), [r#"fs.read = ["./ok.json"]"#]);
        assert_eq!(seen.codes(), ["cannot-be-written"]);
    }
}

#[test]
fn what_another_command_needed_is_said_to_be_granted_to_the_service() {
    let seen = Seen::new(&[]);
    assert!(seen.draft_with(Some(&boundary(""))).notes.is_empty());
    let text = "[service]\nname = \"a\"\nstart = [\"node\", \"other.mjs\"]\n";
    let other = ringfence_policy::parse("", text).unwrap();
    assert_eq!(seen.draft_with(Some(&other)).notes[0].code, "another-command");
}

#[test]
fn a_draft_of_a_record_that_was_cut_short_says_so() {
    assert!(Seen::new(&[]).draft_with(None).coverage.cut_short);
}
