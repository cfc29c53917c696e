//! Whole boundaries resolved on scratch trees, parsed from the text a person would write.

use super::*;
use crate::generated::GENERATED;
use crate::node::Detected;
use crate::plan::{Access, ViewEntry};
use ringfence_policy::layer::Answer;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

/// A folder with a boundary file in it.
struct Site {
    _keep: tempfile::TempDir,
    root: PathBuf,
    environment: Vec<(OsString, OsString)>,
    caller: Caller,
}

/// A boundary's start: a program that is on every Linux.
const SERVICE: &str = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"true\"]\n";

impl Site {
    fn new(paths: &[&str]) -> Self {
        Self::beside(tempfile::tempdir().unwrap(), paths)
    }

    /// Not below `/tmp`, which Node's flags grant because the service has one of its own.
    fn outside_tmp(paths: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        Self::beside(tempfile::tempdir_in(program.parent().unwrap()).unwrap(), paths)
    }

    fn beside(keep: tempfile::TempDir, paths: &[&str]) -> Self {
        let root = fs::canonicalize(keep.path()).unwrap();
        let environment = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
        let caller = Caller { uid: 0, gid: 0, groups: vec![] };
        let site = Self { _keep: keep, root, environment, caller };
        site.make(paths)
    }

    fn make(self, paths: &[&str]) -> Self {
        for path in paths {
            if let Some(folder) = path.strip_suffix('/') {
                fs::create_dir_all(self.root.join(folder)).unwrap();
            } else if let Some((from, to)) = path.split_once(" -> ") {
                symlink(to, self.root.join(from)).unwrap();
            } else {
                fs::create_dir_all(self.root.join(path).parent().unwrap()).unwrap();
                fs::write(self.root.join(path), *path).unwrap();
            }
        }
        self
    }

    fn resolve(&self, text: &str) -> Result<Plan, Vec<ResolveError>> {
        self.resolve_command(text, None)
    }

    fn resolve_command(
        &self,
        text: &str,
        command: Option<&[&str]>,
    ) -> Result<Plan, Vec<ResolveError>> {
        let text =
            if text.contains("[service]") { text.to_owned() } else { format!("{SERVICE}{text}") };
        let file = self.root.join("ringfence.toml");
        fs::write(&file, &text).unwrap();
        let boundary =
            ringfence_policy::parse("ringfence.toml", &text).unwrap_or_else(|e| panic!("{e:?}"));
        let command: Option<Vec<OsString>> =
            command.map(|words| words.iter().map(OsString::from).collect());
        resolve(&Request {
            boundary: &boundary,
            file: &file,
            folder: &self.root,
            hash: "0",
            command: command.as_deref(),
            environment: &self.environment,
            caller: self.caller.clone(),
        })
    }

    fn plan(&self, text: &str) -> Plan {
        self.resolve(text).unwrap_or_else(|errors| panic!("{}", self.lines(&errors)))
    }

    /// Errors as a person sees them: message and hint.
    fn errors(&self, text: &str) -> String {
        match self.resolve(text) {
            Ok(plan) => panic!("resolved: {plan:?}"),
            Err(errors) => self.lines(&errors),
        }
    }

    fn lines(&self, errors: &[ResolveError]) -> String {
        let lines: Vec<String> =
            errors.iter().map(|error| format!("{error}\n  hint: {}", error.hint())).collect();
        self.short(&lines.join("\n"))
    }

    fn short(&self, text: &str) -> String {
        text.replace(self.root.to_str().unwrap(), "~")
    }

    /// The part of a view that the file asked for.
    fn view(&self, plan: &Plan) -> String {
        let lines: Vec<String> = plan.view.iter().filter_map(describe).collect();
        self.short(&lines.join("\n"))
    }
}

fn describe(entry: &ViewEntry) -> Option<String> {
    match entry {
        ViewEntry::Bind { why, .. } if why.starts_with("runtime:") => None,
        ViewEntry::Bind { source, target, directory, access, why, .. } => {
            assert_eq!(source, target);
            let kind = if *directory { "/" } else { "" };
            Some(format!("{access:?} {}{kind}  {why}", target.display()))
        }
        ViewEntry::Symlink { path, .. } if path.starts_with("/tmp") => {
            let ViewEntry::Symlink { to, .. } = entry else { return None };
            Some(format!("Symlink {} -> {}", path.display(), to.display()))
        }
        ViewEntry::Symlink { .. } => None,
        ViewEntry::Directory { path, .. } => Some(format!("Directory {}", path.display())),
        ViewEntry::Mask { target, why } => Some(format!("Mask {}  {why}", target.display())),
    }
}

#[test]
fn grants_become_objects_at_their_real_paths_with_the_symlinks_beside_them() {
    let site = Site::new(&[
        "app/r1/server.js",
        "app/current -> r1",
        "data/",
        "data/keep/",
        "data/public/",
        "certs/tls.key",
        "link -> data/keep",
        "current -> app/current",
    ]);
    let plan = site.plan(
        "[fs]\nread = [\"current/server.js\", \"app\", \"app/r1\", \"certs\", \"data/public\"]\n\
         write = [\"data\", \"link\"]\noptional = [\"missing.d\", \"app/r1/server.js\"]\ndroppable = [\"certs/tls.key\"]\n",
    );
    insta::assert_snapshot!(site.view(&plan), @r#"
    Directory ~
    Read ~/app/  fs.read "app"
    Read ~/certs/  fs.read "certs"
    Read ~/certs/tls.key  fs.droppable "certs/tls.key"
    Symlink ~/current -> app/current
    Write ~/data/  fs.write "data"
    Read ~/data/public/  fs.read "data/public"
    Symlink ~/link -> data/keep
    "#);
    assert_eq!(plan.droppable, [site.root.join("certs/tls.key")]);
}

#[test]
fn the_program_its_interpreter_libraries_and_runtime_data_are_granted_without_being_listed() {
    let site = Site::new(&[]);
    let plan = site.plan("[fs]\nread = [\"./\"]\n");
    let has = |wanted: &str, access: Access| {
        plan.view.iter().any(|entry| {
            matches!(entry, ViewEntry::Bind { target, access: found, .. } if target.to_string_lossy().contains(wanted) && *found == access)
        })
    };
    assert!(has("/bin/true", Access::Execute));
    assert!(has("/ld-", Access::Execute));
    assert!(has("/libc", Access::Execute));
    assert_eq!(plan.program.argv, ["true"]);
    assert_eq!(plan.node_answer, Answer::NotNeeded);
    assert_eq!((plan.identity.uid, plan.identity.switch), (65534, true));
    let executable = plan.view.iter().filter(|entry| {
        matches!(entry, ViewEntry::Bind { access: Access::Execute, directory: true, target, .. } if !target.ends_with("gconv"))
    });
    assert_eq!(executable.count(), 0, "only single files may be executed");
}

#[test]
fn parents_come_before_children_and_no_entry_lies_behind_a_symlink() {
    let site = Site::new(&["a/b/c/", "s -> a/b"]);
    let plan = site.plan("[fs]\nread = [\"s/c\", \"a\"]\nwrite = [\"a/b\"]\n");
    let places: Vec<&PathBuf> = plan
        .view
        .iter()
        .map(|entry| match entry {
            ViewEntry::Bind { target, .. } | ViewEntry::Mask { target, .. } => target,
            ViewEntry::Symlink { path, .. } | ViewEntry::Directory { path, .. } => path,
        })
        .collect();
    assert!(places.is_sorted());
    for place in places {
        let parent = place.parent().unwrap();
        assert_eq!(fs::canonicalize(parent).unwrap(), parent, "{}", place.display());
    }
}

#[test]
fn paths_that_cannot_be_granted_each_have_their_own_error_and_hint() {
    let site = Site::new(&["loop -> loop", "file"]);
    let _socket = UnixListener::bind(site.root.join("sock")).unwrap();
    let errors = site.errors(
        "[fs]\nread = [\"/\", \"/proc/self/fd\", \"/dev/sda\", \"loop\", \"gone\", \"sock\", \"file/x\"]\n\
         write = [\"/etc\", \"/usr/bin/x\", \"/usr/lib\", \"/home\", \"new\"]\n[net]\nunix = [\"file\"]\n",
    );
    insta::assert_snapshot!(errors, @r"
    fs.read grants the whole host: /
      hint: grant the folders the service reads; the program and its runtime need no grant
    fs.read cannot grant a path of /proc: /proc/self/fd
      hint: remove it: the service has a /proc of its own, with what every program may use
    fs.read cannot grant a path of /dev: /dev/sda
      hint: remove it: the service has a /dev of its own, with what every program may use
    fs.read: symlinks go in a circle: ~/loop
      hint: remove one of the symlinks
    fs.read: does not exist: ~/gone
      hint: check the path, which counts from the boundary file's folder, or list it in fs.optional
    fs.read is not a file or a directory but a socket: ~/sock
      hint: put it into net.unix, which grants connecting to it
    fs.read: a component before the last is not a directory: ~/file
      hint: check the path
    fs.write makes a folder of the system writable: /etc
      hint: grant only the folder the service writes, such as /var/lib/NAME
    fs.write makes a folder of the system writable: /usr/bin/x
      hint: grant only the folder the service writes, such as /var/lib/NAME
    fs.write makes a folder of the system writable: /usr/lib
      hint: grant only the folder the service writes, such as /var/lib/NAME
    fs.write makes a folder of the system writable: /home
      hint: grant only the folder the service writes, such as /var/lib/NAME
    fs.write: does not exist: ~/new
      hint: create it first, such as `mkdir -p ~/new`
    net.unix is not a socket: ~/file
      hint: net.unix lists sockets; files and directories belong into fs.read or fs.write
    ");
}

#[test]
fn private_and_generated_places_are_noted_and_not_mounted() {
    let site = Site::new(&[]);
    let plan = site.plan("[fs]\nread = [\"/etc/hosts\"]\nwrite = [\"/tmp\", \"/dev/shm\"]\n");
    assert_eq!(site.view(&plan), "Directory ~");
    insta::assert_snapshot!(site.short(&plan.notes.join("\n")), @r#"
    fs.read "/etc/hosts": the service has a /etc/hosts written for it; the host's is not visible
    fs.write "/tmp": the service has a private /tmp of its own; the host's is not visible
    fs.write "/dev/shm": the service has a private /dev/shm of its own; the host's is not visible
    the working directory ~ is not granted: inside it holds only what is granted below it
    "#);
}

#[test]
fn every_generated_file_stays_the_generated_one_by_whatever_path_it_is_granted() {
    for own in GENERATED {
        let site = Site::new(&[&format!("link -> {own}"), "etc -> /etc"]);
        let name = own.strip_prefix("/etc/").unwrap();
        for path in [own.to_owned(), "./link".to_owned(), format!("./etc/{name}")] {
            for list in ["read", "optional", "droppable"] {
                // By its own path it need not even be on the host.
                if !Path::new(own).exists() && path != own {
                    continue;
                }
                let plan = site.plan(&format!("[fs]\n{list} = [\"{path}\"]\n"));
                let view = site.view(&plan);
                assert!(!view.contains("Bind"), "{list} {path}: {view}");
                assert_eq!(view.contains("Symlink"), path != own, "{list} {path}: {view}");
                let note = format!("the service has a {own} written for it");
                assert!(plan.notes.iter().any(|told| told.contains(&note)), "{:?}", plan.notes);
                assert!(plan.droppable.is_empty());
            }
            let errors = site.errors(&format!("[fs]\nwrite = [\"{path}\"]\n"));
            let wrong = format!("fs.write makes a folder of the system writable: {own}");
            assert!(errors.contains(&wrong), "{path}: {errors}");
        }
    }
}

#[test]
fn the_service_cannot_replace_its_policy_its_program_or_its_dependencies() {
    let site = Site::new(&["node_modules/x/index.js", "dist/server.js", "bin/", "data/"]);
    fs::copy("/bin/true", site.root.join("bin/tool")).unwrap();
    insta::assert_snapshot!(site.errors("[fs]\nwrite = [\"./\"]\n"), @r#"
    fs.write lets the service replace its own boundary file: ~/ringfence.toml is in ~
      hint: grant a folder that holds only data, or add "~/ringfence.toml" to fs.read, which makes it read-only
    "#);
    // A read grant directly below protects what is in it.
    let narrower = "[fs]\nread = [\"./ringfence.toml\", \"node_modules\"]\nwrite = [\"./\"]\n";
    assert!(site.resolve(narrower).is_ok());
    let with_tool =
        "schema = 1\n[service]\nname = \"x\"\nstart = [\"./bin/tool\"]\n[fs]\nwrite = [\"bin\"]\n";
    insta::assert_snapshot!(site.errors(with_tool), @r#"
    fs.write lets the service replace a program or library it runs: ~/bin/tool is in ~/bin
      hint: grant a folder that holds only data, or add "~/bin/tool" to fs.read, which makes it read-only
    "#);
    let listed = with_tool.replace("write", "read = [\"bin/tool\"]\nwrite");
    assert!(site.resolve(&listed).is_ok(), "a grant directly below protects it at every start");
    let deep = "schema = 1\n[service]\nname = \"x\"\nstart = [\"./bin/tool\"]\n[fs]\nread = [\"ringfence.toml\", \"node_modules\"]\nwrite = [\"./\"]\n";
    insta::assert_snapshot!(site.errors(deep), @r#"
    fs.write lets the service replace a program or library it runs: ~/bin/tool is in ~
      hint: grant a folder that holds only data, or add "~/bin" to fs.read, which makes it read-only
    "#);
}

#[test]
fn the_service_cannot_choose_where_a_path_of_the_boundary_leads() {
    let site = Site::new(&[
        "data/",
        "data/cache -> ../elsewhere",
        "data/tool -> /bin/true",
        "data/modules -> ../lib",
        "elsewhere/",
        "lib/",
        "node_modules -> data/modules",
    ]);
    let error = |text: &str| {
        let errors = site.errors(text);
        errors.lines().next().unwrap_or_default().to_owned()
    };
    let chosen = "fs.write lets the service choose where a path leads: the symlink";
    for list in ["read", "write", "optional", "droppable"] {
        let also = if list == "write" { "" } else { "write = [\"data\"]\n" };
        let own = if list == "write" { "\"data\", " } else { "" };
        let text = format!("[fs]\n{also}{list} = [{own}\"data/cache\"]\n");
        assert_eq!(error(&text), format!("{chosen} ~/data/cache is in ~/data"), "{list}");
    }
    let program = "schema = 1\n[service]\nname = \"x\"\nstart = [\"./data/tool\"]\n[fs]\nwrite = [\"data\"]\n";
    assert!(error(program).starts_with(chosen), "{}", error(program));
    assert!(error("[fs]\nwrite = [\"data\"]\n").ends_with("~/data/modules is in ~/data"));
    fs::remove_file(site.root.join("node_modules")).unwrap();
    assert!(site.resolve("[fs]\nwrite = [\"data\"]\n").is_ok(), "symlinks nobody follows");
}

#[test]
fn a_secret_is_read_and_its_source_is_hidden_from_a_broader_grant() {
    let site = Site::new(&["secrets/key.pem", "app/index.js"]);
    let text = "[fs]\nread = [\"./\"]\n[secrets.key]\nfrom = \"file:./secrets/key.pem\"\nto = \"/run/secrets/key\"\n";
    let plan = site.plan(text);
    insta::assert_snapshot!(site.view(&plan), @r#"
    Read ~/  fs.read "./"
    Mask ~/secrets/key.pem  source of secret key
    "#);
    let held = plan.secrets[0].value.file().try_clone_to_owned().unwrap();
    let mut value = String::new();
    std::io::Seek::rewind(&mut &std::fs::File::from(held.try_clone().unwrap())).unwrap();
    std::io::Read::read_to_string(&mut std::fs::File::from(held), &mut value).unwrap();
    assert_eq!(value, "secrets/key.pem");
    assert_eq!(plan.secrets[0].to, Path::new("/run/secrets/key"));
    assert!(!format!("{plan:?}").contains("secrets/key.pem\\\""), "a value is never shown");
    let granted = text.replace("\"./\"]", "\"./secrets/key.pem\"]");
    insta::assert_snapshot!(site.errors(&granted), @r"
    the source of secret key is itself granted: ~/secrets/key.pem
      hint: remove the grant, or remove the secret
    ");
}

#[test]
fn secrets_that_cannot_be_delivered_are_told_apart() {
    let site = Site::new(&["folder/", "large", "key"]);
    fs::write(site.root.join("large"), vec![0; (1 << 20) + 1]).unwrap();
    let secrets = [
        ("a", "from = \"file:none\"\nto = \"/run/secrets/a\""),
        ("b", "from = \"file:folder\"\nto = \"/run/secrets/b\""),
        ("c", "from = \"file:large\"\nto = \"/run/secrets/c\""),
        ("d", "from = \"env:NOT_SET\"\nto = \"/run/secrets/d\""),
        ("e", "from = \"vault:x\"\nto = \"/run/secrets/e\""),
        ("f", "from = \"file:key\"\nas = \"fd\""),
        ("g", "from = \"file:key\"\nto = \"/tmp/key\""),
        ("h", "from = \"file:key\"\nto = \"/usr/share/zoneinfo/key\""),
    ];
    let text: String = secrets.map(|(name, lines)| format!("[secrets.{name}]\n{lines}\n")).concat();
    insta::assert_snapshot!(site.errors(&text), @r#"
    the source of secret a does not exist: ~/none
      hint: check the path, which counts from the boundary file's folder
    the source of secret b is not a regular file: ~/folder
      hint: name a regular file
    the source of secret c is larger than 1 MiB: ~/large
      hint: a secret is at most 1 MiB; grant large files with fs.read
    secret d: environment variable NOT_SET is not set
      hint: start ringfence with NOT_SET set
    secret e: this build cannot read vault: sources
      hint: use from = "file:PATH" or from = "env:NAME"
    secret f: as = "fd" is not in this build yet
      hint: use as = "file"
    secret g cannot be delivered at /tmp/key: /tmp is a file system of its own
      hint: deliver it below /run/secrets, such as to = "/run/secrets/g"
    secret h cannot be delivered at /usr/share/zoneinfo/key: a grant covers the place
      hint: deliver it below /run/secrets, such as to = "/run/secrets/h"
    "#);
}

#[test]
fn an_error_stands_at_the_line_that_asks_for_it() {
    let site = Site::new(&[]);
    let text = format!("{SERVICE}[fs]\nread = [\"./\", \"gone\"]\n");
    let errors = site.resolve(&text).unwrap_err();
    assert_eq!(&text[errors[0].span.clone()], "\"gone\"");
    assert_eq!(errors[0].kind(), Kind::Configuration);
}

#[test]
fn a_child_comes_with_its_libraries_and_a_script_with_its_interpreter() {
    let site = Site::new(&["tool"]);
    fs::write(site.root.join("tool"), "#!/usr/bin/env sh\n").unwrap();
    fs::set_permissions(site.root.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let tool = site.root.join("tool");
    let plan =
        site.plan(&format!("[process]\nchildren = [\"{}\", \"/bin/cat\"]\n", tool.display()));
    let real = |path: &str| fs::canonicalize(path).unwrap();
    for path in [tool, real("/bin/cat"), real("/usr/bin/env"), real("/bin/sh")] {
        assert!(plan.children.contains(&path), "{}", path.display());
        assert!(plan.view.iter().any(|entry| {
            matches!(entry, ViewEntry::Bind { target, access: Access::Execute, .. } if *target == path)
        }));
    }
    assert!(plan.notes.iter().any(|note| note.contains("is a script")));
}

#[test]
fn a_child_of_the_folder_counts_from_the_boundary_file_wherever_the_service_stands() {
    let site = Site::new(&["bin/tool", "work/bin/tool"]);
    for path in ["bin/tool", "work/bin/tool"] {
        fs::copy("/bin/true", site.root.join(path)).unwrap();
    }
    let service = SERVICE.replace("start", "cwd = \"./work\"\nstart");
    let plan = site.plan(&format!("{service}[process]\nchildren = [\"./bin/tool\"]\n"));
    assert_eq!(plan.children, [site.root.join("bin/tool")]);
    // The running service is answered by the whole path.
    assert!(plan.process.child(&site.root.join("bin/tool").to_string_lossy()).is_ok());
    let errors = site.errors("[process]\nchildren = [\"./gone\"]\n");
    assert!(errors.contains("process.children"), "{errors}");
    // What the service could replace is refused, as with a whole path.
    let errors = site.errors("[fs]\nwrite = [\"./bin\"]\n[process]\nchildren = [\"./bin/tool\"]\n");
    assert!(errors.contains("fs.write lets the service replace a program"), "{errors}");
}

#[test]
fn what_the_services_user_may_not_do_is_told_before_the_start() {
    let site = Site::new(&["private.txt", "data/"]);
    fs::copy("/bin/true", site.root.join("tool")).unwrap();
    let mode = |path: &str, mode| {
        fs::set_permissions(site.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("tool", 0o700);
    mode("private.txt", 0o600);
    mode("data", 0o755);
    let text = |user: u32| {
        let start = SERVICE.replace("\"true\"", "\"./tool\"");
        format!(
            "{start}[fs]\nread = [\"private.txt\"]\nwrite = [\"data\"]\n[identity]\nuser = \"{user}\"\n"
        )
    };
    insta::assert_snapshot!(site.errors(&text(4242)), @r"
    program may not be executed by the service's user 4242: ~/tool
      hint: run `chmod o+x ~/tool`, or set identity.user to its owner
    ");
    mode("tool", 0o755);
    let plan = site.plan(&text(4242));
    insta::assert_snapshot!(site.short(&plan.warnings.join("\n")), @r"
    ~/data is granted but not writable for the service's user 4242
    ~/private.txt is granted but not readable for the service's user 4242
    ");
    insta::assert_snapshot!(site.short(&plan.notes.join("\n")), @"the working directory ~ is not granted: inside it holds only what is granted below it");
}

#[test]
fn unix_sockets_are_known_by_written_and_real_path_and_may_come_later() {
    let site = Site::new(&["run/", "alias -> run"]);
    let _socket = UnixListener::bind(site.root.join("run/db")).unwrap();
    let plan = site.plan("[net]\nunix = [\"alias/db\", \"alias/later\"]\n");
    let [db, later] = &plan.unix_sockets[..] else { panic!("{:?}", plan.unix_sockets) };
    assert_eq!((&db.named, &db.real), (&site.root.join("alias/db"), &site.root.join("run/db")));
    assert!(db.object.is_some());
    assert_eq!((&later.real, later.object), (&site.root.join("run/later"), None));
}

#[test]
fn an_addon_is_executable_only_with_the_listed_hash() {
    let site = Site::new(&["node_modules/fast/package.json", "node_modules/empty/package.json"]);
    let addon = site.root.join("node_modules/fast/build/fast.node");
    fs::create_dir_all(addon.parent().unwrap()).unwrap();
    fs::copy("/bin/true", &addon).unwrap();
    fs::write(addon.with_file_name("windows.node"), "MZ").unwrap();
    let sha256 = addons::hash(&fs::File::open(&addon).unwrap()).unwrap();
    let text = |package: &str, sha256: &str| {
        format!(
            "[fs]\nread = [\"./\"]\n[process]\naddons = [{{ package = \"{package}\", sha256 = \"{sha256}\" }}]\n"
        )
    };
    let plan = site.plan(&text("fast", &sha256));
    assert!(plan.view.iter().any(|entry| {
        matches!(entry, ViewEntry::Bind { target, access: Access::Execute, .. } if *target == addon)
    }));
    let other = "0".repeat(64);
    let errors = [text("fast", &other), text("empty", &other), text("absent", &other)]
        .map(|text| site.errors(&text));
    insta::assert_snapshot!(errors.join("\n").replace(&sha256, "HASH").replace(&other, "ZEROS"), @r#"
    addon of fast has another hash than listed: ~/node_modules/fast/build/fast.node is sha256 HASH, listed ZEROS
      hint: if you expect this change, set { package = "fast", sha256 = "HASH" }; otherwise install again from the lockfile
    package empty has no .node file for this machine: ~/node_modules/empty
      hint: remove it from process.addons, or build it for this machine
    package absent is not installed: does not exist: ~/node_modules/absent
      hint: run `npm ci`, or remove it from process.addons
    "#);
}

#[test]
fn of_a_package_with_several_builds_only_the_listed_one_is_executable() {
    let site = Site::new(&["node_modules/fast/package.json"]);
    let build = |name: &str| site.root.join("node_modules/fast/prebuilds").join(name);
    fs::create_dir_all(build("")).unwrap();
    fs::copy("/bin/true", build("linux.glibc.node")).unwrap();
    fs::copy("/bin/false", build("linux.musl.node")).unwrap();
    let sha256 = addons::hash(&fs::File::open(build("linux.glibc.node")).unwrap()).unwrap();
    let text = |sha256: &str| {
        format!(
            "[fs]\nread = [\"./\"]\n[process]\naddons = [{{ package = \"fast\", sha256 = \"{sha256}\" }}]\n"
        )
    };
    let plan = site.plan(&text(&sha256));
    let executable = |path: &Path| {
        plan.view.iter().any(|entry| {
            matches!(entry, ViewEntry::Bind { target, access: Access::Execute, .. } if target == path)
        })
    };
    assert!(executable(&build("linux.glibc.node")));
    assert!(!executable(&build("linux.musl.node")));
    let error = site.errors(&text(&"0".repeat(64)));
    assert!(error.contains("no addon of fast has the listed sha256"), "{error}");
    assert!(error.contains(&sha256), "{error}");
}

#[test]
fn certificates_named_by_a_variable_must_be_readable_inside() {
    let site = Site::new(&["ca.pem", "granted/ca.pem"]);
    let text = |path: &str| {
        format!("[fs]\nread = [\"granted\"]\n[env]\nset = {{ NODE_EXTRA_CA_CERTS = \"{path}\" }}\n")
    };
    assert!(site.resolve(&text("granted/ca.pem")).is_ok());
    insta::assert_snapshot!(site.errors(&text("ca.pem")), @r#"
    NODE_EXTRA_CA_CERTS names a file that is not readable inside: ~/ca.pem
      hint: add "~/ca.pem" to fs.read
    "#);
}

/// Resolves a service on a real Node; the file lists what it grants.
fn on_node(
    site: &mut Site,
    program: &Path,
    text: &str,
    command: &[&str],
) -> Result<Plan, Vec<ResolveError>> {
    let mut words = vec![program.to_str().unwrap()];
    words.extend(command);
    site.resolve_command(text, Some(&words))
}

#[test]
fn a_program_is_told_that_an_optional_file_is_missing_instead_of_being_refused() {
    for (_, program) in crate::node::detect::tests::nodes() {
        let mut site = Site::outside_tmp(&["app/"]);
        let script = "const fs = require('fs');\n\
            const ask = (path) => { try { return fs.existsSync(path) } catch (e) { return e.code } };\n\
            console.log(ask('config.json'), ask('other.json'));\n";
        fs::write(site.root.join("app/server.js"), script).unwrap();
        let text = format!("{SERVICE}[fs]\nread = [\"app\"]\noptional = [\"./config.json\"]\n");
        let plan = on_node(&mut site, &program, &text, &["app/server.js"]).unwrap();
        let (stdout, stderr, _) = run(&plan);
        assert_eq!(stdout, "false ERR_ACCESS_DENIED\n", "{stderr}");
    }
}

/// Runs what a plan would run, bare and with nothing but its environment; returns what it printed.
#[expect(clippy::disallowed_methods, reason = "a test runs the real program")]
fn run(plan: &Plan) -> (String, String, bool) {
    let output = Command::new(&plan.program.path)
        .args(&plan.program.argv[1..])
        .env_clear()
        .envs(plan.env.iter().cloned())
        .current_dir(&plan.cwd)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[test]
fn every_generated_command_starts_on_its_node_and_grants_what_the_file_says() {
    for (version, program) in crate::node::detect::tests::nodes() {
        let mut site = Site::outside_tmp(&["app/", "data/", "outside.txt", "link -> app"]);
        let script = "const fs = require('fs'); const p = process.permission; const dir = __dirname + '/..';\n\
            const can = (act) => { try { act(); return true } catch (e) { return e.code } };\n\
            console.log(JSON.stringify([p.has('fs.read', dir + '/app/x'), p.has('fs.read', dir + '/link/x'),\n\
            p.has('fs.write', dir + '/data/x'), p.has('fs.write', dir + '/app/x'), p.has('child'), p.has('worker'),\n\
            p.has('wasi'), can(() => fs.readFileSync(dir + '/outside.txt')), can(() => fs.writeFileSync(dir + '/data/x', '')),\n\
            can(() => fs.readFileSync('/etc/hosts')), can(() => fs.existsSync(process.execPath))]));\n";
        fs::write(site.root.join("app/server.js"), script).unwrap();
        for all in [false, true] {
            let process =
                format!("workers = {all}\nwasi = {all}\nffi = {all}\ninspector = {all}\n");
            let text = format!(
                "{SERVICE}[fs]\nread = [\"link\"]\nwrite = [\"data\"]\n[process]\n{process}"
            );
            let plan = on_node(&mut site, &program, &text, &["app/server.js"]).unwrap();
            assert_eq!(plan.program.node.as_ref().unwrap().version, version);
            assert!(matches!(plan.node_answer, Answer::Partial(_)));
            let (stdout, stderr, success) = run(&plan);
            println!(
                "{}: {} flags; stderr: {stderr:?}",
                crate::node::show(version),
                plan.program.argv.len()
            );
            assert!(success, "{version:?}: {stderr}");
            let expected = format!(
                "[true,true,true,false,false,{all},{all},\"ERR_ACCESS_DENIED\",true,true,true]\n"
            );
            assert_eq!(stdout, expected, "{version:?} {:?}", plan.program.argv);
        }
    }
}

#[test]
fn a_boundary_without_node_s_own_flags_passes_none_and_says_so() {
    for (version, program) in crate::node::detect::tests::nodes() {
        let mut site = Site::outside_tmp(&["app/a.js", "data/"]);
        let text = |process: &str| {
            format!("{SERVICE}[fs]\nread = [\"app\"]\nwrite = [\"data\"]\n[process]\n{process}")
        };
        let mut plan = |process: &str| {
            on_node(&mut site, &program, &text(process), &["--permission", "app/a.js"]).unwrap()
        };
        let flags = |plan: &Plan| -> Vec<String> {
            let options =
                plan.program.argv.iter().skip(1).map(|word| word.to_string_lossy().into());
            options.filter(|word: &String| word.starts_with("--")).collect()
        };
        let said = |plan: &Plan| plan.notes.iter().any(|note| note.contains("node-flags = false"));

        let with = plan("workers = true\n");
        assert!(
            flags(&with).iter().any(|flag| flag.starts_with("--allow-fs-read=")),
            "{version:?}"
        );
        assert!(!said(&with));
        let without = plan("node-flags = false\nworkers = true\n");
        assert_eq!(flags(&without), [""; 0], "{version:?}");
        assert_eq!(without.node_answer, Answer::NotNeeded);
        assert!(said(&without), "{:?}", without.notes);
        // What is off in Node without its switch still needs it, where there is one.
        let calls: &[&str] = if version >= [26, 1, 0] { &["--experimental-ffi"] } else { &[] };
        assert_eq!(flags(&plan("node-flags = false\nffi = true\n")), calls, "{version:?}");
        // No flag names a file, and the program is told all the same that it may write there.
        let facts = crate::control::facts::Facts::new(&without, true);
        assert!(facts.flags_name(&without.cwd.join("data/x"), true));
    }
}

#[test]
fn what_weakens_real_nodes_is_refused_and_would_have_weakened_them() {
    for (version, program) in crate::node::detect::tests::nodes() {
        let mut site = Site::outside_tmp(&["app/"]);
        fs::write(
            site.root.join("app/a.js"),
            "console.log(process.permission.has('fs.read', '/etc/shadow'))",
        )
        .unwrap();
        fs::write(site.root.join(".env"), "NODE_OPTIONS=--allow-fs-read=*\n").unwrap();
        let text = format!("{SERVICE}[fs]\nread = [\"app\"]\n");
        let refused =
            on_node(&mut site, &program, &text, &["--env-file=.env", "app/a.js"]).unwrap_err();
        assert!(refused[0].to_string().contains("NODE_OPTIONS"), "{}", refused[0]);
        // The control: the same file outside widens the grants of this very Node.
        let mut plan = on_node(&mut site, &program, &text, &["app/a.js"]).unwrap();
        assert_eq!(run(&plan).0, "false\n", "{version:?}");
        plan.program.argv.insert(1, "--env-file=.env".into());
        assert_eq!(run(&plan).0, "true\n", "{version:?}");
    }
}

#[test]
fn a_node_out_of_range_and_a_hidden_script_are_refused() {
    for (version, program) in crate::node::detect::tests::nodes() {
        assert_eq!(
            crate::node::detect(&program, &crate::node::Detection::default()).unwrap(),
            Detected::Node(version)
        );
        let mut site = Site::new(&["app/a.js", "other/"]);
        let text = SERVICE.replace("start", "node = \">=99\"\nstart");
        let errors =
            on_node(&mut site, &program, &format!("{text}[fs]\nread = [\"app\"]\n"), &["app/a.js"])
                .unwrap_err();
        assert!(errors[0].to_string().contains("not in the accepted range"));
        let errors = on_node(
            &mut site,
            &program,
            &format!("{SERVICE}[fs]\nread = [\"other\"]\n"),
            &["app/a.js"],
        )
        .unwrap_err();
        assert_eq!(
            site.lines(&errors),
            "the script is not granted: ~/app/a.js\n  hint: add \"./app\" to fs.read"
        );
        // Written in the file, it is the script's own word that is shown.
        let text = format!(
            "schema = 1\n[service]\nname = \"x\"\nstart = [\"{}\", \"app/a.js\"]\n",
            program.display()
        );
        let errors = site.resolve(&text).unwrap_err();
        assert_eq!(&text[errors[0].span.clone()], "\"app/a.js\"");
    }
}
