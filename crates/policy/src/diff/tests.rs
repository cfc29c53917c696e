use super::*;

const HEAD: &str = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"node\", \"a.js\"]\n";

/// Every change between two files, a line each.
fn changes(old: &str, new: &str) -> String {
    let read = |text: &str| crate::parse("t.toml", &format!("{HEAD}{text}")).unwrap();
    let lines = diff(&read(old), &read(new)).into_iter().map(|change| {
        let mut told =
            vec![format!("{}: {}: {}", change.effect.word(), change.line(), change.sentence)];
        told.extend(change.ways_out.iter().map(|way| format!("[{way}]")));
        told.join(" ") + "\n"
    });
    lines.collect()
}

#[test]
fn the_same_boundary_written_otherwise_has_no_changes() {
    let old = "[fs]\nread = [\"./\", \"/etc/ssl\"]\n[net]\nconnect = [\"a.test:443\", \"b.test:80-90\"]\n";
    let new = "[fs]\nread = [\"/etc//ssl/\", \".\"]\n[net]\nconnect = [\"b.test:80-85\", \"b.test:86-90\", \"A.test:443\"]\n";
    assert_eq!(changes(old, new), "");
}

#[test]
fn a_path_within_a_grant_widens_nothing() {
    insta::assert_snapshot!(changes(
        "[fs]\nread = [\"./\", \"/opt\"]\nwrite = [\"/var/lib/a\"]\n",
        "[fs]\nread = [\"./src\", \"/opt/data\", \"/var/lib/a/x\"]\nwrite = [\"/var/lib/a/x\"]\n",
    ), @r"
    narrowed: fs.write /var/lib/a: can no longer write /var/lib/a
    narrowed: fs.read .: can no longer read .
    narrowed: fs.read /opt: can no longer read /opt
    ");
}

#[test]
fn what_is_written_read_and_given_up_is_told_apart() {
    insta::assert_snapshot!(changes(
        "[fs]\nread = [\"./\", \"/a\"]\ndroppable = [\"/key\"]\n",
        "[fs]\nread = [\"./\", \"/\", \"../x\"]\nwrite = [\"./data\"]\noptional = [\"/a\"]\n",
    ), @r"
    widened: fs.write data: can write data
    widened: fs.read /: can read / [that is every file its user can read]
    widened: fs.read ../x: can read ../x
    widened: fs.droppable /key: can no longer give up reading /key
    moved: fs.read /a: starts without /a too
    ");
}

#[test]
fn hosts_and_ports_are_compared_as_sets_and_ways_out_are_named() {
    insta::assert_snapshot!(changes(
        "[net]\nconnect = [\"*.corp.test:443\", \"10.0.0.0/8:5432\", \"x.test:80\"]\nlisten = [\"127.0.0.1:80\"]\n",
        "[net]\nconnect = [\"api.corp.test:443\", \"10.1.0.0/16:5432-5433\", \"*.test:80\", \"proxy.x.test:3128\"]\nlisten = [\"0.0.0.0:80\"]\nunix = [\"/run/docker.sock\"]\n",
    ), @r"
    widened: net.connect 10.1.0.0/16:5432-5433: can connect to 10.1.0.0/16:5433
    widened: net.connect *.test:80: can connect to *.test:80 [a wildcard is a way out, each name looked up below test can carry data to its name server]
    widened: net.connect proxy.x.test:3128: can connect to proxy.x.test:3128 [a proxy is a way out, the service reaches what it reaches]
    widened: net.listen 0.0.0.0:80: can be reached over TCP at 0.0.0.0:80 [that is every address of the host]
    widened: net.unix /run/docker.sock: can connect to the unix socket /run/docker.sock [a way out, it controls the host]
    narrowed: net.connect *.corp.test:443: can no longer connect to *.corp.test:443
    narrowed: net.connect 10.0.0.0/8:5432: can no longer connect to 10.0.0.0/8:5432
    ");
}

#[test]
fn names_that_lead_elsewhere_are_wider() {
    insta::assert_snapshot!(changes(
        "[net]\nconnect = [\"a.test:1\", \"b.test:1\"]\nhosts = { \"a.test\" = \"127.0.0.1\", \"b.test\" = \"10.0.0.1\" }\n",
        "[net]\nconnect = [\"a.test:1\", \"b.test:1\"]\nprivate = [\"b.test\"]\nhosts = { \"a.test\" = \"127.0.0.2\" }\ndns = \"real\"\n",
    ), @r"
    widened: net.private b.test: reaches private, loopback and link-local addresses by the name b.test
    widened: net.hosts a.test: reaches 127.0.0.2 by the name a.test, not 127.0.0.1
    widened: net.dns: sees real addresses: another host behind the same address can be reached at its ports
    moved: net.hosts b.test: has b.test looked up instead of fixed
    ");
}

#[test]
fn programs_addons_and_powers_are_changes_one_by_one() {
    let hash = |digit: char| digit.to_string().repeat(64);
    let old = format!(
        "[process]\nworkers = true\naddons = [{{ package = \"sharp\", sha256 = \"{}\" }}]\n",
        hash('a')
    );
    let new = format!(
        "[fs]\nwrite = [\"/srv/bin\"]\n[process]\ninspector = true\nchildren = [\"/srv/bin/tool\", \"/usr/bin/npm\"]\naddons = [{{ package = \"sharp\", sha256 = \"{}\" }}]\n",
        hash('b')
    );
    insta::assert_snapshot!(changes(&old, &new), @r"
    widened: fs.write /srv/bin: can write /srv/bin
    widened: process.children /srv/bin/tool: can start /srv/bin/tool, inside the same boundary [the service can replace it: it lies in a write grant]
    widened: process.children /usr/bin/npm: can start /usr/bin/npm, inside the same boundary [a package manager runs other people's code]
    widened: process.inspector: can open the inspector
    widened: process.addons sharp: can load another native addon of sharp
    narrowed: process.workers: can no longer start worker threads
    ");
}

#[test]
fn leaving_node_s_own_flags_out_widens_and_passing_them_again_narrows() {
    let without = "[process]\nnode-flags = false\n";
    insta::assert_snapshot!(changes("", without) + &changes(without, ""), @r"
    widened: process.node-flags: runs without Node's own permission flags
    narrowed: process.node-flags: runs with Node's own permission flags
    ");
}

#[test]
fn secrets_variables_limits_identity_and_layers_are_compared() {
    let old = "[env]\npass = [\"PORT\"]\nset = { A = \"hunter2\", B = \"x\" }\n[secrets.key]\nfrom = \"file:./key\"\nas = \"file\"\nto = \"/run/secrets/key\"\n[limits]\nmemory = \"512MiB\"\npids = 64\n";
    let new = "[env]\npass = [\"PORT\", \"TOKEN\"]\nset = { A = \"hunter3\" }\n[secrets.key]\nfrom = \"vault:kv/key\"\nas = \"file\"\nto = \"/run/secrets/key\"\nmode = \"0440\"\n[secrets.other]\nfrom = \"env:OTHER\"\nas = \"env\"\n[limits]\nmemory = \"1GiB\"\ncpu = 1.5\n[identity]\nuser = \"orders\"\ngroups = [\"docker\"]\n[require]\nlayers = [\"seccomp\"]\n";
    let told = changes(old, new);
    assert!(!told.contains("hunter"), "{told}");
    insta::assert_snapshot!(told, @r"
    widened: env.pass TOKEN: receives TOKEN of the environment it is started in
    widened: secrets.key mode: receives the secret key with mode 0440, not 0400
    widened: secrets.other: receives the secret other in the variable OTHER, which is weaker than a file
    widened: limits.memory: has up to 1 GiB of memory, not 512 MiB
    widened: limits.pids: has no limit any more where it had 64 processes and threads
    widened: identity.groups docker: has the rights of the group docker
    widened: require.layers environment: starts even where the layer environment is absent
    widened: require.layers identity: starts even where the layer identity is absent
    widened: require.layers namespaces: starts even where the layer namespaces is absent
    widened: require.layers cgroup: starts even where the layer cgroup is absent
    widened: require.layers rlimits: starts even where the layer rlimits is absent
    widened: require.layers landlock: starts even where the layer landlock is absent
    widened: require.layers broker: starts even where the layer broker is absent
    widened: require.layers node-flags: starts even where the layer node-flags is absent
    narrowed: limits.cpu: is limited to 1.5 processors
    moved: env.set A: receives another A
    moved: env.set B: receives no fixed B
    moved: secrets.key from: receives the secret key from another source (vault)
    moved: identity.user: runs as another user: orders
    ");
}

#[test]
fn a_wildcard_a_proxy_and_a_writable_program_are_called_what_they_are() {
    let told = changes(
        "[fs]\nread = [\"/srv\"]\n",
        "[fs]\nread = [\"/srv\"]\nwrite = [\"/srv/bin\"]\n[net]\nconnect = [\"*.example.com:443\", \"proxy.corp.test:3128\"]\n[process]\nchildren = [\"/srv/bin/tool\"]\n",
    );
    for called in ["a wildcard is a way out", "a proxy is a way out", "the service can replace it"]
    {
        assert!(told.contains(called), "{called}: {told}");
    }
}

/// What somebody would write to slip a wider boundary through a review.
#[test]
fn nothing_that_widens_hides_behind_what_does_not() {
    for (old, new, line) in [
        // A read grant that became a write grant, with another one narrowed beside it.
        (
            "[fs]\nread = [\"/a\", \"/b\"]\n",
            "[fs]\nread = [\"/b/c\"]\nwrite = [\"/a\"]\n",
            "fs.write /a",
        ),
        ("[fs]\noptional = [\"/a\"]\n", "[fs]\nread = [\"/a\", \"/b\"]\n", "fs.read /b"),
        ("[fs]\nread = [\"./src\"]\n", "[fs]\nread = [\"./src/../\"]\n", "fs.read src/.."),
        (
            "[net]\nconnect = [\"a.test:1\"]\nhosts = { \"a.test\" = \"10.0.0.1\" }\n",
            "[net]\nconnect = [\"a.test:1\"]\nhosts = { \"a.test\" = \"10.0.0.2\" }\n",
            "net.hosts a.test",
        ),
        (
            "[net]\nconnect = [\"a.test:1\"]\n",
            "[net]\nconnect = [\"a.test:1\"]\nprivate = [\"a.test\"]\n",
            "net.private a.test",
        ),
        ("[limits]\nmemory = \"1GiB\"\npids = 4\n", "[limits]\nmemory = \"1MiB\"\n", "limits.pids"),
        ("", "[require]\nlayers = [\"landlock\"]\n", "require.layers namespaces"),
        ("", "[process]\nnode-flags = false\n", "process.node-flags"),
        (
            "[identity]\nuser = \"1000\"\n",
            "[identity]\nuser = \"1000\"\ngroups = [\"disk\"]\n",
            "identity.groups disk",
        ),
    ] {
        let told = changes(old, new);
        assert!(told.contains(&format!("widened: {line}:")), "{line}: {told}");
    }
    let secret = |from: &str| format!("[secrets.k]\nfrom = \"{from}\"\nto = \"/run/secrets/k\"\n");
    let told = changes(&secret("file:./k"), &secret("env:K"));
    assert!(told.contains("secrets.k from"), "{told}");
}

#[test]
fn a_read_grant_inside_a_write_grant_keeps_that_part_from_being_written() {
    let open = "[fs]\nwrite = [\"./data\"]\n";
    for (key, path) in
        [("read", "./data/cfg"), ("optional", "data//cfg/"), ("droppable", "./data/cfg")]
    {
        let kept = format!("{open}{key} = [\"{path}\"]\n");
        let (dropped, added) = (changes(&kept, open), changes(open, &kept));
        let widened = format!("widened: fs.{key} data/cfg: data/cfg becomes writable\n");
        assert!(dropped.starts_with(&widened), "{dropped}");
        assert!(
            added.contains(&format!("narrowed: fs.{key} data/cfg: data/cfg becomes read-only")),
            "{added}"
        );
        assert!(!added.contains("widened: fs.read"), "{added}");
    }
    let kept = "[fs]\nread = [\"./data/cfg\"]\nwrite = [\"./data\"]\n";
    let below = "[fs]\nread = [\"./data/cfg\"]\nwrite = [\"./data\", \"./data/cfg/x\"]\n";
    insta::assert_snapshot!(changes(kept, below) + &changes(below, kept), @"
    widened: fs.write data/cfg/x: can write data/cfg/x
    narrowed: fs.write data/cfg/x: can no longer write data/cfg/x, but still read it
    ");
    let smaller = "[fs]\nread = [\"./data/cfg/a\"]\nwrite = [\"./data\"]\n";
    insta::assert_snapshot!(changes(kept, smaller), @"widened: fs.read data/cfg: data/cfg becomes writable");
    assert_eq!(changes(kept, kept), "");
}

#[test]
fn the_source_of_a_secret_that_is_none_any_more_is_shown_by_a_broader_grant() {
    let folder = "[fs]\nread = [\"./\"]\n";
    let secret =
        |from: &str| format!("{folder}[secrets.k]\nfrom = \"{from}\"\nto = \"/run/secrets/k\"\n");
    let file = secret("file:./keys//k");
    insta::assert_snapshot!(changes(&file, folder), @"
    widened: fs.read keys/k: can read keys/k, the source of a secret
    narrowed: secrets.k: no longer receives the secret k
    ");
    insta::assert_snapshot!(changes(&file, &secret("file:./other")), @"
    widened: fs.read keys/k: can read keys/k, the source of a secret
    narrowed: fs.read other: can no longer read other, the source of a secret
    moved: secrets.k from: receives the secret k from another source (file)
    ");
    insta::assert_snapshot!(changes(&file, &secret("env:K")), @"
    widened: fs.read keys/k: can read keys/k, the source of a secret
    moved: secrets.k from: receives the secret k from another source (env)
    ");
    insta::assert_snapshot!(changes(folder, &file), @"
    widened: secrets.k: receives the secret k as the file /run/secrets/k
    narrowed: fs.read keys/k: can no longer read keys/k, the source of a secret
    ");
    assert!(!changes(&file, &secret("file:keys/k")).contains("fs.read"));
    let itself = changes(&file, "[fs]\nread = [\"./keys/k\"]\n");
    assert!(itself.contains("widened: fs.read keys/k: can read keys/k, the source"), "{itself}");
    let outside = changes(&secret("file:/etc/k"), folder);
    assert!(!outside.contains("widened"), "{outside}");
}

#[test]
fn a_required_layer_that_is_left_out_is_a_mistake_of_the_file() {
    let text = format!(
        "{HEAD}[process]\nnode-flags = false\n[require]\nlayers = [\"landlock\", \"node-flags\"]\n"
    );
    let mistakes = crate::parse("t.toml", &text).unwrap_err();
    assert_eq!((mistakes.len(), mistakes[0].line), (1, 8), "{mistakes:?}");
    assert!(mistakes[0].hint.as_ref().is_some_and(|hint| hint.contains("process.node-flags")));
    assert!(crate::parse("t.toml", &text.replace(", \"node-flags\"", "")).is_ok());
}
