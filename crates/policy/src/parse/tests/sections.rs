//! What each section refuses, with the place and the way to write it.

use super::*;

#[test]
fn paths_grant_subtrees_and_nothing_in_patterns() {
    insta::assert_snapshot!(brief(r#"
[fs]
read = ["/app,/etc/ssl/certs", "./dist/*", "/srv/**/x.js", "*", "a?.txt", "/x/{a,b}", "", "~/x", "$HOME/x", "file:///x", "a\u0007b"]
write = ["/", "/data", "/data/"]
optional = ["./"]
droppable = ["./a", "a"]
"#), @r#"
    6:9 comma-list: several paths in one string: /app,/etc/ssl/certs
         write one string for each: "/app", "/etc/ssl/certs"
    6:32 wildcard: paths have no wildcards: ./dist/*
         a directory grants everything below it: write "./dist/"
    6:44 wildcard: paths have no wildcards: /srv/**/x.js
         a directory grants everything below it: write the directory, or each path
    6:60 wildcard: paths have no wildcards: *
         a grant of everything is no boundary: write the paths
    6:65 wildcard: paths have no wildcards: a?.txt
         a directory grants everything below it: write the directory, or each path
    6:75 wildcard: paths have no wildcards: /x/{a,b}
         a directory grants everything below it: write the directory, or each path
    6:87 bad-path: path is empty
         write "./" for the folder of this file
    6:91 bad-path: `~` is not expanded: ~/x
         write the whole path
    6:98 bad-path: variables are not expanded: $HOME/x
         write the whole path
    6:109 bad-path: a URL where a path belongs: file:///x
         write the path alone
    6:122 control-character: `fs.read[10]` has a control character in it: a\u{7}b
         no such character can be granted or named: take it out, or rename what it names
    7:10 bad-path: a grant to write everything is no boundary
         write the directories the service fills
    7:24 duplicate: the same entry twice in `fs.write`: /data/
         remove one of them
    9:21 duplicate: the same entry twice in `fs.droppable`: a
         remove one of them
    "#);
}

/// A line of a manifest's comment ends at any of these, or reads as another one.
#[test]
fn no_path_and_no_name_ends_a_line_or_turns_the_reading_direction() {
    const SERVICE: &str = "[service]\nname = \"a\"\nstart = [\"node\"]\n";
    let codes =
        (1..=0x1f_u32).chain(0x7f..=0x9f).chain([0x2028, 0x2029, 0x61c, 0x200e, 0x202e, 0x2066]);
    for code in codes {
        let bad = format!("x\\U{code:08X}y");
        for text in [
            format!("{SERVICE}cwd = \"./{bad}\"\n"),
            format!("{SERVICE}[fs]\nread = [\"./{bad}\"]\n"),
            format!("{SERVICE}[fs]\nwrite = [\"./{bad}\"]\n"),
            format!("{SERVICE}[fs]\noptional = [\"./{bad}\"]\n"),
            format!("{SERVICE}[fs]\ndroppable = [\"./{bad}\"]\n"),
            format!("{SERVICE}[net]\nunix = [\"/run/{bad}\"]\n"),
            format!("{SERVICE}[process]\nchildren = [\"/opt/{bad}\"]\n"),
            format!("{SERVICE}[secrets.k]\nfrom = \"env:K\"\nto = \"/run/{bad}\"\n"),
            format!("{SERVICE}[secrets.k]\nfrom = \"file:./{bad}\"\nas = \"env\"\n"),
            format!("[service]\nname = \"a\"\nstart = [\"/opt/{bad}\"]\n"),
        ] {
            let mistakes = crate::parse("t.toml", &text).unwrap_err();
            let [mistake] = mistakes.as_slice() else { panic!("{text}: {mistakes:?}") };
            assert_eq!(mistake.code, Code::ControlCharacter, "{text}");
            assert!(mistake.hint.is_some() && mistake.message.is_ascii(), "{mistake:?}");
        }
        // What is handed on as it is, to the program alone.
        let handed = format!(
            "[service]\nname = \"a\"\nstart = [\"node\", \"{bad}\"]\n[env]\nset = {{ A = \"{bad}\" }}\n"
        );
        assert!(crate::parse("t.toml", &handed).is_ok(), "{handed}");
    }
    for nul in [
        "start = [\"node\", \"a\\u0000\"]\n",
        "start = [\"node\"]\n[env]\nset = { A = \"\\u0000\" }\n",
    ] {
        assert!(crate::parse("t.toml", &format!("[service]\nname = \"a\"\n{nul}")).is_err());
    }
    assert!(crate::parse("t.toml", &format!("{SERVICE}[fs]\nread = [\"./caf\u{e9}\"]\n")).is_ok());
}

#[test]
fn network_mistakes_have_their_place() {
    insta::assert_snapshot!(brief(r#"
[net]
connect = ["api.internal:443", "API.internal.:443", "https://api.internal"]
listen = ["8080"]
unix = ["@bus", "unix:///run/x.sock", "/run/*.sock"]
private = ["*.internal", "api.internal:443", "10.0.0.1", "10.0.0.0/8", "metadata.google.internal", "127.1"]
hosts = { "a.internal" = "169.254.169.254", "B.internal" = "10.0.0.1", "b.internal" = "10.0.0.2", "c d" = "10.0.0.3", "e" = "x:1", "f" = "::ffff:1.2.3.4", "g" = "0.0.0.0" }
"#), @r#"
    6:32 duplicate: the same entry twice in `net.connect`: API.internal.:443
         remove one of them
    6:53 url: a URL where host and port belong: https://api.internal
         write "api.internal:443"
    7:11 missing-port: port is missing: 8080
         write "127.0.0.1:8080"
    8:9 bad-path: abstract sockets cannot be granted: @bus
         they stay inside the boundary: write the path of a socket
    8:17 url: a URL where a path belongs: unix:///run/x.sock
         write "/run/x.sock"
    8:39 wildcard: paths have no wildcards: /run/*.sock
         a directory grants everything below it: write the directory, or each path
    9:12 wildcard: a name is listed as it is: *.internal
         write each name that may resolve to a private address
    9:26 bad-host: a port where only a name belongs: api.internal:443
         leave the port out
    9:46 bad-host: an address where a name belongs: 10.0.0.1
         addresses are granted in net.connect, private ones too
    9:58 url: a URL or range where a name belongs: 10.0.0.0/8
         write the name alone, such as "api.internal"
    9:72 metadata-address: cloud metadata is never granted: metadata.google.internal
         give the service what it needs as a secret: [secrets.NAME]
    9:100 bad-host: host name ends in a number, which resolvers read as an address: 127.1
         write the address as four decimal numbers, as in 127.0.0.1
    10:26 metadata-address: cloud metadata is never granted: 169.254.169.254
         give the service what it needs as a secret: [secrets.NAME]
    10:72 duplicate: the same entry twice in `net.hosts`: b.internal
         remove one of them
    10:99 bad-host: host name has a character that host names cannot have: c d
         names have letters, digits, hyphens, underscores and dots
    10:125 bad-address: not a literal address: x:1
         write an address without a port, such as "127.0.0.1"
    10:138 bad-address: an IPv4 address in IPv6 form: ::ffff:1.2.3.4
         write 1.2.3.4
    10:162 bad-address: not the address of one host: 0.0.0.0
         write "127.0.0.1" for this host
    "#);
}

#[test]
fn a_connection_string_with_a_password_is_not_repeated() {
    let shown = report(
        "[service]\nname = \"a\"\nstart = [\"a\"]\n[net]\nconnect = [\"redis://u:hunter2@r/0\"]\n",
    );
    insta::assert_snapshot!(shown, @r#"
    ringfence.toml:5:12: a URL where host and port belong
    hint: write "r:6379"
    "#);
}

#[test]
fn process_mistakes_have_their_place() {
    insta::assert_snapshot!(brief(r#"
[process]
children = ["git", "git status", "bin/tool", "./../tool", "./", "./bin/tool", "/usr/bin/*", "/bin/../bin/sh", "/bin/sh", "/bin//sh"]
addons = [
  { package = "sharp@0.33", sha256 = "12" },
  { package = "@img/x" },
  { package = "b", sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
  { package = "b", sha256 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", path = "x" },
]
"#), @r#"
    6:13 bad-executable: program without its path: git
         write the absolute path: `command -v git` prints it
    6:20 bad-executable: a command line, not a program: git status
         write the absolute path of the program alone
    6:34 bad-executable: path is not absolute: bin/tool
         write the whole path, or "./" and a path below this file's folder
    6:46 bad-executable: path has `..` in it: ./../tool
         write where it leads
    6:59 bad-executable: a folder, not a program: ./
         write the path of the program alone
    6:79 wildcard: paths have no wildcards: /usr/bin/*
         a directory grants everything below it: write "/usr/bin/"
    6:93 bad-executable: path has `..` in it: /bin/../bin/sh
         write where it leads
    6:122 duplicate: the same entry twice in `process.children`: /bin//sh
         remove one of them
    8:15 bad-addon: not the name of a package: sharp@0.33
         write the name without a version, such as "sharp" or "@img/sharp-linux-x64"
    8:38 bad-addon: not a SHA-256 in hexadecimal: 12
         `sha256sum FILE.node` prints it: 64 hexadecimal digits
    9:3 missing-key: [process.addons] has no `sha256`
         write { package = "sharp", sha256 = "..." }
    11:3 duplicate: the same entry twice in `process.addons`: b
         remove one of them
    11:97 unknown-key: unknown key in [process.addons]: path
         known keys: package, sha256
    "#);
}

#[test]
fn refused_environment_names_say_why() {
    insta::assert_snapshot!(brief(r#"
[env]
pass = ["NODE_OPTIONS", "NODE_TLS_REJECT_UNAUTHORIZED", "LD_PRELOAD", "NOTIFY_SOCKET", "RES_OPTIONS", "SSLKEYLOGFILE", "OTEL_*", "A,B", "1X", "PORT", "PORT", "TOKEN=abc"]
set = { PORT = "1", ENV = "x", N = 1, Z = "a\u0000" }
"#), @r#"
    6:9 refused-variable: NODE_OPTIONS is refused: it makes programs load code or change their checks
         write Node's own flags into service.start
    6:25 refused-variable: NODE_TLS_REJECT_UNAUTHORIZED is refused: it switches the verification of certificates off
         name the private CA in NODE_EXTRA_CA_CERTS instead
    6:57 refused-variable: LD_PRELOAD is refused: it makes programs load code or change their checks
         leave it out
    6:71 refused-variable: NOTIFY_SOCKET is refused: it is made by the supervisor
         leave it out: it is forwarded by itself
    6:88 refused-variable: RES_OPTIONS is refused: it changes how names are resolved
         fixed addresses are written in net.hosts
    6:103 refused-variable: SSLKEYLOGFILE is refused: it writes the keys of TLS connections to a file
         leave it out
    6:120 wildcard: names have no wildcards: OTEL_*
         write each name
    6:130 comma-list: several names in one string: A,B
         write one string for each
    6:137 bad-variable: not a variable name: 1X
         names have letters, digits and underscores and start with no digit
    6:151 duplicate: the same entry twice in `env.pass`: PORT
         remove one of them
    6:159 bad-variable: a value where a name belongs: TOKEN
         fixed values are written in env.set
    7:9 duplicate: the same variable in env.pass and env.set: PORT
         keep the one that is meant
    7:21 refused-variable: ENV is refused: it makes programs load code or change their checks
         leave it out
    7:36 wrong-type: `env.set.N` must be a string, not an integer
         write it as "1"
    7:43 control-character: `env.set.Z` has a NUL character in it
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
fn secrets_are_delivered_in_one_way_to_one_place() {
    insta::assert_snapshot!(brief(r#"
[env]
pass = ["PGPASSWORD"]
[secrets.a]
[secrets.b]
from = "hunter2"
to = "/run/b"
[secrets.c]
from = "s3:bucket"
as = "pipe"
[secrets.d]
from = "env:D"
as = "socket"
to = "/run/d"
mode = "0400"
[secrets.e]
from = "file:/x"
to = "run/e"
mode = "0777"
refresh = "0s"
[secrets.f]
from = "file:/x"
to = "/run/f"
[secrets.g]
from = "vault:"
to = "/run//f"
[secrets.h]
from = "file:/x"
to = "/run/f/h"
[secrets.i]
from = "env:I"
as = "env"
variable = "PGPASSWORD"
refresh = "1m"
[secrets.node-options]
from = "env:N"
as = "env"
[secrets.J]
from = "env:J"
as = "fd"
[secrets.k]
from = "file:/x"
to = "/run/f/"
[secrets.l]
from = "file:/x"
to = "/run//f"
"#), @r#"
    7:1 missing-key: [secrets.a] has no `from`
         write from = "file:./dev-secrets/jwt-key.pem"
    7:1 missing-key: [secrets.a] has no `to`
         write to = "/run/secrets/jwt-key.pem"
    9:8 bad-secret-source: the source has no scheme; a secret itself never stands here
         write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later
    12:8 bad-secret-source: the scheme of the source is not known
         write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later
    13:6 bad-delivery: unknown delivery: pipe
         write as = "file", "fd" or "socket"; "env" exists and is weaker
    17:1 bad-delivery: `to` has no meaning with as = "socket"
         leave it out, or write as = "file"
    18:1 bad-delivery: `mode` has no meaning with as = "socket"
         leave it out, or write as = "file"
    21:6 bad-path: path is not absolute: run/e
         write the whole path, from `/`
    22:8 bad-mode: mode makes a secret executable: 0777
         write "0400", or "0440" where the group reads it too
    23:11 bad-duration: a duration of zero: 0s
         write a whole number and ms, s, m, h or d, such as "10s"
    28:8 bad-secret-source: the source names nothing after its scheme
         write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later
    32:6 duplicate: a secret below another one, which is a file: /run/f/h
         write another `to`
    33:10 duplicate: the variable of this secret is given twice: PGPASSWORD
         write another `variable`, or remove it from [env]
    37:1 bad-delivery: an environment variable cannot change after the start
         leave `refresh` out, or deliver the secret as a file
    40:1 refused-variable: NODE_OPTIONS is refused: it makes programs load code or change their checks
         write Node's own flags into service.start
    41:10 bad-name: not a name: J
         names have 1 to 63 lower-case letters, digits and hyphens, and start with no hyphen
    46:6 bad-path: a directory where a file belongs: /run/f/
         write the path of the file, such as to = "/run/secrets/jwt-key.pem"
    49:6 duplicate: two secrets at the same path: /run/f
         write another `to`
    "#);
}

#[test]
fn what_is_no_source_may_be_the_secret_and_is_not_shown() {
    let shown = report(
        "[service]\nname = \"a\"\nstart = [\"a\"]\n[secrets]\nb = \"hunter2\"\n[secrets.a]\nfrom = \"hunter2\"\nto = \"/run/a\"\n",
    );
    insta::assert_snapshot!(shown, @r#"
    ringfence.toml:5:5: `secrets.b` must be a table, not a string
    hint: write [secrets.b] and, below it, where the secret comes from: from = "file:./dev-secrets/jwt-key.pem"
    ringfence.toml:7:8: the source has no scheme; a secret itself never stands here
    hint: write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later
    "#);
}

#[test]
fn limits_identity_and_layers_are_checked() {
    insta::assert_snapshot!(brief(r#"
stop-timeout = "10"
stop-signal = "SIGKILL"
cwd = "*"
[limits]
memory = "512M"
pids = 99999999999999999999
cpu = 0
file-size = "0B"
[identity]
user = "root"
group = 4294967295
groups = ["a b", 7, "7"]
[require]
layers = ["seccmp", "broker", "broker", "magic"]
"#), @r#"
    5:16 bad-duration: not a duration: 10
         write a whole number and ms, s, m, h or d, such as "10s"
    6:15 bad-signal: a service cannot handle this signal: SIGKILL
         SIGKILL follows by itself after stop-timeout
    7:7 wildcard: paths have no wildcards: *
         a grant of everything is no boundary: write the paths
    9:10 bad-size: not a size: 512M
         write "512MiB" (1024) or "512MB" (1000)
    10:8 bad-number: limit is out of range: 99999999999999999999
         write a number from 1, or leave the key out for no limit
    11:7 bad-number: number of cores is out of range: 0
         write a number from 0.01 to 10000, or leave the key out for no limit
    12:13 bad-size: a limit of zero: 0B
         leave the key out for no limit
    14:8 bad-identity: a service does not run as root
         write another user; without one, the owner of this folder is taken
    15:9 bad-identity: not a user or group number: 4294967295
         write 0 to 4294967294
    16:11 bad-identity: not a user or group name: a b
         write it as "orders" or as 1000
    16:21 duplicate: the same entry twice in `identity.groups`: 7
         remove one of them
    18:11 bad-layer: unknown layer: seccmp
         did you mean seccomp?
    18:31 duplicate: the same entry twice in `require.layers`: broker
         remove one of them
    18:41 bad-layer: unknown layer: magic
         layers: environment, identity, namespaces, cgroup, rlimits, landlock, seccomp, broker, node-flags
    "#);
}

#[test]
fn how_packages_are_judged_is_read_with_its_places() {
    insta::assert_snapshot!(brief(r#"
[dependencies]
fail-on = "hihg"
severity = { similar-nam = "low", exotic-source = "bad", GHSA-1 = "low" }
minimum-age = "7"
known-bad = ["~/list"]
internal = [{ name = "@acme" }, { name = "@ac me", registry = "npm.acme.example" }]
accept = [
  { code = "new-install-scripts", package = "a", reason = "read" },
  { code = "similar-name", package = "a", reason = " " },
  { code = "similar-name", package = "a", reason = "x", until = "2026-02-30" },
  { code = "similar-name", package = "b", reason = "x", until = 2026-12-31T00:00:00Z },
  { code = "similar-name", package = "c", reason = "x", until = 2026-12-31, who = "me" },
  "all",
]
scripts = [{ package = "a", version = "^1", sha512 = "x" }, { version = "1.0.0" }]
"#), @r#"
    6:11 bad-severity: not a severity: hihg
         severities: info, low, moderate, high, critical
    7:14 unknown-code: not the code of a finding: similar-nam
         did you mean similar-name?
    7:51 bad-severity: not a severity: bad
         severities: info, low, moderate, high, critical
    7:58 unknown-code: an advisory: GHSA-1
         an advisory says its own severity
    8:15 bad-duration: not a duration: 7
         write a whole number and ms, s, m, h or d, such as "10s"
    9:14 bad-path: `~` is not expanded: ~/list
         write the whole path
    10:13 missing-key: [dependencies.internal[0]] has no `registry`
         write registry = "https://npm.acme.example/"
    10:42 bad-package: not a package: @ac me
         write a name, name@version, @scope or @scope/*
    10:63 url: not the address of a registry: npm.acme.example
         write it as npm's configuration does: registry = "https://npm.acme.example/"
    12:12 unknown-code: not the code of a finding: new-install-scripts
         did you mean new-install-script?
    13:52 missing-key: the reason is empty
         say why it is in order: whoever reads this later has only that
    14:65 bad-date: not a day: 2026-02-30
         write year, month and day: until = "2027-06-30"
    15:65 bad-date: not a day: 2026-12-31T00:00:00Z
         write year, month and day: until = "2027-06-30"
    16:77 unknown-key: unknown key in [dependencies.accept[4]]: who
         known keys: code, package, reason, until
    17:3 wrong-type: `dependencies.accept[5]` must be a table, not a string
         write accept = [{ code = "new-install-script", package = "esbuild", reason = "builds nothing: read on 2026-11-20", until = "2027-06-30" }]
    19:39 bad-version-range: not one version: ^1
         write a whole version such as "0.25.0"
    19:54 bad-package: not a SHA-512 in base64: x
         copy it from the lockfile: integrity, without sha512- in front
    19:61 missing-key: [dependencies.scripts[1]] has no `package`
         write package = "esbuild"
    "#);
}

#[test]
fn what_was_agreed_holds_to_the_end_of_its_day() {
    let text = r#"
[service]
name = "orders"
start = ["node", "a.js"]
[dependencies]
minimum-age = "7d"
severity = { licence-changed = "critical" }
internal = [{ name = "@acme", registry = "https://npm.acme.example/" }]
[[dependencies.accept]]
code = "similar-name"
package = "@acme/*"
reason = "ours"
until = 1970-01-02
[[dependencies.accept]]
code = "GHSA-aaaa-bbbb-cccc"
package = "b@1.0.0"
reason = "not reached"
[[dependencies.scripts]]
package = "esbuild"
version = "0.25.0"
[[dependencies.denied-scripts]]
package = "esbuild"
version = "0.24.0"
reason = "it fetches a program, and the one of its package for this system is enough"
[[dependencies.accept]]
code = "transitive-bumps"
package = "*"
reason = "the yearly update"
"#;
    let read = parse("r.toml", text).unwrap().dependencies;
    assert_eq!(read.accept[0].until.as_ref().unwrap().value, 2 * 86_400);
    assert!(read.accept[0].is_about("@acme/a@1.0.0") && read.accept[1].is_about("b@1.0.0"));
    assert_eq!(read.internal[0].registry.value, "https://npm.acme.example");
    assert_eq!(read.age().as_secs(), 7 * 86_400);
    assert_eq!(read.severity["licence-changed"].value.id(), "critical");
    assert_eq!((read.fails_on().id(), read.scripts.len()), ("high", 1));
    assert_eq!(read.denied_scripts[0].script.version.as_ref().unwrap().value, "0.24.0");
}

#[test]
fn a_denial_has_a_reason_and_contradicts_no_allowance() {
    let hash = |letter: &str| format!("{}==", letter.repeat(86));
    let text = format!(
        r#"
[dependencies]
scripts = [
  {{ package = "a", version = "1.0.0" }}, {{ package = "b" }},
  {{ package = "c", version = "1.0.0", sha512 = "{}" }},
]
denied-scripts = [
  {{ package = "a", version = "1.0.0", reason = "x" }},
  {{ package = "a", reason = "x" }},
  {{ package = "a", version = "2.0.0", reason = "x" }},
  {{ package = "b", version = "2.0.0", reason = "x" }},
  {{ package = "c", version = "1.0.0", sha512 = "{}", reason = "x" }},
  {{ package = "d", version = "1.0.0" }},
  {{ package = "d", reason = "", until = "2027-01-01" }},
]
"#,
        hash("A"),
        hash("B")
    );
    insta::assert_snapshot!(brief(&text), @r#"
    11:3 duplicate: allowed in scripts, and denied here: a
         keep one of the two, or say of which version each is
    12:3 duplicate: allowed in scripts, and denied here: a
         keep one of the two, or say of which version each is
    14:3 duplicate: allowed in scripts, and denied here: b
         keep one of the two, or say of which version each is
    16:3 missing-key: [dependencies.denied-scripts[5]] has no `reason`
         write reason = "why it does without"
    17:29 missing-key: the reason is empty
         say why it is in order: whoever reads this later has only that
    17:33 unknown-key: unknown key in [dependencies.denied-scripts[6]]: until
         known keys: package, version, sha512, reason
    "#);
}

#[test]
fn dependencies_stand_alone_where_no_service_is_meant() {
    let text = "schema = 1\n[dependencies]\nfail-on = \"low\"\n";
    let read = crate::parse_dependencies("ringfence.toml", text).unwrap();
    assert_eq!(read.fails_on(), crate::dependencies::Severity::Low);
    assert!(parse("ringfence.toml", text).is_err(), "a boundary has a service");
    for wrong in [
        "schema = 1\n",
        "[dependencies]\nfail-on = \"never\"\n",
        "[dependencies]\n[net]\n",
        "schema = 2\n[dependencies]\n",
    ] {
        assert!(crate::parse_dependencies("ringfence.toml", wrong).is_err(), "{wrong}");
    }
}
