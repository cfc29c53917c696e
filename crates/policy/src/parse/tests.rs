//! The file as a whole: what is complete, what each mistake looks like, and that nothing panics.
use super::*;
use crate::model::{Delivery, DnsMode, Network, RequiredLayers, SecretSource};
use std::time::Duration;

/// A complete file with these lines after `[service]`.
pub(crate) fn boundary(rest: &str) -> Boundary {
    let text = format!("[service]\nname = \"orders\"\nstart = [\"node\", \"server.mjs\"]\n{rest}");
    parse("ringfence.toml", &text).unwrap_or_else(|errors| panic!("{}", joined(&errors)))
}

/// The network of these lines of `[net]`.
pub(crate) fn network(lines: &str) -> Network {
    boundary(&format!("[net]\n{lines}")).net
}

fn joined(errors: &[Diagnostic]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The report about a whole file.
fn report(text: &str) -> String {
    joined(&parse("ringfence.toml", text).expect_err(text))
}

/// The codes and messages about these lines after `[service]`, hints included, without excerpts.
fn brief(rest: &str) -> String {
    let text = format!("[service]\nname = \"orders\"\nstart = [\"node\", \"server.mjs\"]\n{rest}");
    let errors = parse("ringfence.toml", &text).expect_err(rest);
    let line = |error: Diagnostic| {
        let (line, column, code) = (error.line, error.column, error.code.id());
        let hint = error.hint.map(|hint| format!("\n     {hint}")).unwrap_or_default();
        format!("{line}:{column} {code}: {}{hint}\n", error.message)
    };
    errors.into_iter().map(line).collect()
}

/// Every section and key, after `[service]`.
pub(crate) const EVERY_KEY: &str = r#"
cwd = "./"
node = ">=20"
stop-signal = "SIGINT"
stop-timeout = "30s"

[fs]
read = ["./", "/etc/ssl/certs"]
write = ["/var/lib/orders"]
optional = ["/etc/orders.d"]
droppable = ["./certs/tls.key"]

[net]
connect = ["api.internal:443", "redis.internal:6379", "10.1.0.0/16:5432"]
listen = ["127.0.0.1:8080", "0.0.0.0:9090"]
udp = ["statsd.internal:8125"]
udp-listen = ["[::1]:8443"]
unix = ["/run/postgresql/.s.PGSQL.5432"]
private = ["api.internal", "redis.internal"]
hosts = { "api.internal" = "127.0.0.1" }
dns = "real"

[process]
children = ["/usr/bin/git"]
workers = true
addons = [{ package = "sharp", sha256 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff" }]
wasi = true
ffi = false
inspector = false
node-flags = true

[env]
pass = ["PORT", "LOG_LEVEL"]
set = { NODE_ENV = "production" }

[secrets.jwt-key]
from = "file:./dev-secrets/jwt-key.pem"
as = "file"
to = "/run/secrets/jwt-key.pem"
mode = "0440"
refresh = "5m"
overlap = "24h"

[secrets.db-password]
from = "vault:secret/data/orders#password"
as = "env"
variable = "PGPASSWORD"

[limits]
memory = "512MiB"
pids = 64
cpu = 1.5
open-files = 4096
file-size = "1GiB"
tmp = "64MB"

[identity]
user = "orders"
group = 1000
groups = ["ssl-cert"]

[require]
layers = ["landlock", "seccomp"]
"#;

#[test]
fn a_file_with_only_name_start_and_read_is_complete() {
    let text = "[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[fs]\nread = [\"./\"]\n";
    let boundary = parse("ringfence.toml", text).unwrap();
    assert_eq!(boundary.service.cwd.value, "./");
    assert_eq!(boundary.service.stop_signal, 15);
    assert_eq!(boundary.service.stop_timeout, Duration::from_secs(10));
    assert_eq!(boundary.net.dns, DnsMode::Synthetic);
    assert_eq!(boundary.require.layers, RequiredLayers::All);
    assert!(boundary.process.children.is_empty() && !boundary.process.workers);
    assert!(boundary.process.node_flags);
    assert_eq!(&text[boundary.fs.read[0].span.clone()], "\"./\"");
}

#[test]
fn node_s_own_flags_are_left_out_only_where_the_file_says_so() {
    for (section, passed) in [
        ("", true),
        ("[process]\n", true),
        ("[process]\nnode-flags = true\n", true),
        ("[process]\nnode-flags = false\n", false),
    ] {
        assert_eq!(boundary(section).process.node_flags, passed, "{section}");
    }
}

#[test]
fn every_key_is_read() {
    let boundary = boundary(EVERY_KEY);
    assert_eq!(boundary.service.stop_signal, 2);
    assert_eq!(boundary.service.node.unwrap().value.comparators.len(), 1);
    assert_eq!(boundary.fs.droppable[0].value, "./certs/tls.key");
    assert_eq!(boundary.net.udp_listen[0].value.to_string(), "[::1]:8443");
    assert_eq!(boundary.net.hosts.len(), 1);
    assert_eq!(boundary.process.addons[0].sha256.value[16..32], *"8899aabbccddeeff");
    assert_eq!(boundary.env.set["NODE_ENV"].value, "production");
    let [jwt, db] = boundary.secrets.as_slice() else { panic!("secrets in file order") };
    assert_eq!(jwt.from.value, SecretSource::File("./dev-secrets/jwt-key.pem".to_owned()));
    assert_eq!((jwt.mode, jwt.refresh), (0o440, Some(Duration::from_mins(5))));
    assert_eq!(db.delivery, Delivery::Environment("PGPASSWORD".to_owned()));
    assert_eq!(boundary.limits.memory.unwrap().value, 512 << 20);
    assert_eq!(boundary.limits.tmp.unwrap().value, 64_000_000);
    assert!((boundary.limits.cpu.unwrap().value - 1.5).abs() < f64::EPSILON);
    assert_eq!(boundary.identity.group.unwrap().value, "1000");
    assert!(matches!(boundary.require.layers, RequiredLayers::Listed(layers) if layers.len() == 2));
}

/// A date is no value of any key, so each key in the table must complain about one at its place.
#[test]
fn the_decoder_reads_every_key_of_the_table() {
    let tables = [
        keys::FS,
        keys::NET,
        keys::PROCESS,
        keys::ENV,
        keys::LIMITS,
        keys::IDENTITY,
        keys::REQUIRE,
    ];
    let secret = keys::Keys { section: "secrets.x", keys: keys::SECRET.keys };
    for table in tables.iter().chain([&secret]) {
        for key in table.keys {
            let errors = brief(&format!("[{}]\n{key} = 2001-01-01\n", table.section));
            assert!(errors.contains("wrong-type"), "{}.{key}: {errors}", table.section);
        }
    }
    for key in keys::SERVICE.keys {
        let errors = report(&format!("[service]\n{key} = 2001-01-01\n"));
        assert!(errors.contains("not a datetime"), "service.{key}: {errors}");
    }
    for key in keys::ADDON.keys {
        let errors = brief(&format!("[[process.addons]]\n{key} = 2001-01-01\n"));
        assert!(errors.contains("wrong-type"), "process.addons.{key}: {errors}");
    }
    assert!(report("schema = 2001-01-01\n").contains("not a datetime"));
}

#[test]
fn an_empty_file_is_told_what_to_write() {
    insta::assert_snapshot!(report(""), @r#"
    ringfence.toml:1:1: the section [service] is missing
    hint: write [service], then name = "orders" and start = ["node", "server.mjs"]
    "#);
}

#[test]
fn a_service_needs_name_and_start() {
    insta::assert_snapshot!(report("schema = 2\n\n[service]\ncwd = \"/app\"\n"), @r#"
    ringfence.toml:1:10: unknown version of the boundary file: 2
      |
    1 | schema = 2
      |          ^
    hint: this ringfence reads schema = 1
    ringfence.toml:3:1: [service] has no `name`
      |
    3 | [service]
      | ^^^^^^^^^
    hint: write name = "orders"
    ringfence.toml:3:1: [service] has no `start`
      |
    3 | [service]
      | ^^^^^^^^^
    hint: write start = ["node", "dist/server.mjs"]
    "#);
}

#[test]
fn a_start_is_an_argument_vector() {
    let start = |start: &str| report(&format!("[service]\nname = \"a\"\nstart = {start}\n"));
    insta::assert_snapshot!(start(r#""node dist/server.mjs --port 80""#), @r#"
    ringfence.toml:3:9: `service.start` is a shell string
      |
    3 | start = "node dist/server.mjs --port 80"
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: no shell runs it: write start = ["node", "dist/server.mjs", "--port", "80"]
    "#);
    insta::assert_snapshot!(start(r#"["node dist/server.mjs"]"#), @r#"
    ringfence.toml:3:10: the program and its arguments are one string: node dist/server.mjs
      |
    3 | start = ["node dist/server.mjs"]
      |          ^^^^^^^^^^^^^^^^^^^^^^
    hint: no shell runs it: write start = ["node", "dist/server.mjs"]
    "#);
    insta::assert_snapshot!(start("[]"), @r#"
    ringfence.toml:3:9: `service.start` is empty
      |
    3 | start = []
      |         ^^
    hint: write start = ["node", "dist/server.mjs"]
    "#);
    insta::assert_snapshot!(start(r#"["", "x"]"#), @r#"
    ringfence.toml:3:9: the program of `service.start` is empty
      |
    3 | start = ["", "x"]
      |         ^^^^^^^^^
    hint: write start = ["node", "dist/server.mjs"]
    "#);
    insta::assert_snapshot!(start(r#"["node", 1]"#), @r#"
    ringfence.toml:3:18: `service.start[1]` must be a string, not an integer
      |
    3 | start = ["node", 1]
      |                  ^
    hint: write it as "1"
    "#);
    insta::assert_snapshot!(start(r#"["node", "a\u0000b"]"#), @r#"
    ringfence.toml:3:18: `service.start[1]` has a NUL character in it
      |
    3 | start = ["node", "a\u0000b"]
      |                  ^^^^^^^^^^
    "#);
    assert!(parse("f", "[service]\nname = \"a\"\nstart = [\"node\", \"-e\", \"a\\nb\"]\n").is_ok());
    assert!(parse("f", "[service]\nname = \"a\"\nstart = [\"/opt/my app/run\"]\n").is_ok());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
fn unknown_and_reserved_names_are_told_apart() {
    insta::assert_snapshot!(report(r#"
connect = ["a:1"]
colour = "red"
[service]
name = "a"
start = ["node"]
stop_signal = "SIGTERM"
[network]
connect = []
[fs]
listen = []
reed = []
[sandbox]
tier = "kata"
[sources.corp]
url = "x"
[dependencies]
[wombat]
"#), @r#"
    ringfence.toml:2:1: unknown key outside every section: connect
      |
    2 | connect = ["a:1"]
      | ^^^^^^^
    hint: connect belongs to [net]
    ringfence.toml:3:1: unknown key outside every section: colour
      |
    3 | colour = "red"
      | ^^^^^^
    hint: keys stand below a section such as [service]
    ringfence.toml:7:1: unknown key in [service]: stop_signal
      |
    7 | stop_signal = "SIGTERM"
      | ^^^^^^^^^^^
    hint: did you mean stop-signal?
    ringfence.toml:8:2: unknown section: network
      |
    8 | [network]
      |  ^^^^^^^
    hint: did you mean [net]?
    ringfence.toml:11:1: unknown key in [fs]: listen
       |
    11 | listen = []
       | ^^^^^^
    hint: listen belongs to [net]
    ringfence.toml:12:1: unknown key in [fs]: reed
       |
    12 | reed = []
       | ^^^^
    hint: did you mean read?
    ringfence.toml:13:2: [sandbox] is reserved and has no meaning yet
       |
    13 | [sandbox]
       |  ^^^^^^^
    hint: remove it
    ringfence.toml:15:2: [sources] is reserved and has no meaning yet
       |
    15 | [sources.corp]
       |  ^^^^^^^
    hint: remove it
    ringfence.toml:17:2: [dependencies] is reserved and has no meaning yet
       |
    17 | [dependencies]
       |  ^^^^^^^^^^^^
    hint: remove it
    ringfence.toml:18:2: unknown section: wombat
       |
    18 | [wombat]
       |  ^^^^^^
    hint: known sections: service, fs, net, process, env, secrets, limits, identity, require
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
fn wrong_types_say_what_belongs_there() {
    insta::assert_snapshot!(brief(r#"
fs = "x"
[[net]]
"#), @"
    5:1 unknown-key: unknown key in [service]: fs
         known keys: name, start, cwd, node, stop-signal, stop-timeout
    6:1 wrong-type: `net` must be a table, not an array
         write it as a section: [net]
    ");
    insta::assert_snapshot!(brief(r#"
node = 20
[fs]
read = "./"
write = [1, "/ok"]
[net]
hosts = ["a"]
dns = "fake"
[process]
workers = "yes"
addons = ["sharp"]
[limits]
memory = 512
pids = "64"
open-files = 0
cpu = nan
[identity]
user = true
[require]
layers = "some"
[secrets]
token = "x"
"#), @r#"
    5:8 wrong-type: `service.node` must be a string, not an integer
         write it as node = ">=20"
    7:8 wrong-type: `fs.read` must be an array, not a string
         write read = ["./"]
    8:10 wrong-type: `fs.write[0]` must be a string, not an integer
         write it as "1"
    10:9 wrong-type: `net.hosts` must be a table, not an array
         write it as a section: [net.hosts]
    11:7 bad-name: `net.dns` is "synthetic" or "real", not: fake
         write dns = "synthetic" or dns = "real"
    13:11 wrong-type: `process.workers` must be true or false, not a string
         write workers = true or workers = false
    14:11 wrong-type: `process.addons[0]` must be a table, not a string
         write { package = "sharp", sha256 = "..." }
    16:10 wrong-type: `limits.memory` must be a string, not an integer
         write it as memory = "512MiB"
    17:8 wrong-type: `limits.pids` must be a whole number, not a string
         write pids = 64
    18:14 bad-number: limit is out of range: 0
         write a number from 1, or leave the key out for no limit
    19:7 bad-number: number of cores is out of range: nan
         write a number from 0.01 to 10000, or leave the key out for no limit
    21:8 wrong-type: `identity.user` must be a name or a number, not a boolean
         write it as "orders" or as 1000
    23:10 bad-layer: `require.layers` is "all" or a list, not: some
         write layers = "all", or a list such as ["landlock", "seccomp"]
    25:9 wrong-type: `secrets.token` must be a table, not a string
         write [secrets.token] and, below it, where the secret comes from: from = "file:./dev-secrets/jwt-key.pem"
    "#);
}

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
    7:10 bad-path: a grant to write everything is no boundary
         write the directories the service fills
    7:24 duplicate: the same entry twice in `fs.write`: /data/
         remove one of them
    9:21 duplicate: the same entry twice in `fs.droppable`: a
         remove one of them
    "#);
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
fn text_that_is_not_toml_stops_at_its_place() {
    insta::assert_snapshot!(report("[service]\nname = orders\n"), @r#"
    ringfence.toml:2:8: string values must be quoted, expected literal string
      |
    2 | name = orders
      |        ^^^^^^
    hint: text is written in quotes, as in name = "orders"
    "#);
    insta::assert_snapshot!(report("[service]\nname = \"a\"\nname = \"b\"\n"), @r#"
    ringfence.toml:3:1: the same name twice: name
      |
    3 | name = "b"
      | ^^^^
    hint: a key and a section stand in the file once
    "#);
    insta::assert_snapshot!(report("[service\n"), @"
    ringfence.toml:1:9: unclosed table, expected `]`
      |
    1 | [service
      |         ^
    hint: the file is TOML 1.1, see https://toml.io
    ");
    insta::assert_snapshot!(report("[service]\nname = \"a\n"), @r#"
    ringfence.toml:2:10: invalid basic string, expected `"`
      |
    2 | name = "a
      |          ^
    hint: text is written in quotes, as in name = "orders"
    "#);
    insta::assert_snapshot!(report("x = \u{0}\n"), @r#"
    ringfence.toml:1:5: string values must be quoted, expected literal string
      |
    1 | x = \u{0}
      |     ^^^^^
    hint: text is written in quotes, as in name = "orders"
    "#);
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let text = "#".repeat(MAX_BYTES + 1);
    let errors = parse("ringfence.toml", &text).unwrap_err();
    assert_eq!((errors.len(), errors[0].code), (1, Code::TooLarge));
    assert!(
        parse(
            "f",
            &format!("[service]\nname=\"a\"\nstart=[\"a\"]\n#{}", "x".repeat(MAX_BYTES - 40))
        )
        .is_ok()
    );
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("a = {}{}", open.repeat(50_000), close.repeat(50_000));
        insta::allow_duplicates! {
            let errors = parse("r", &text).unwrap_err();
            insta::assert_snapshot!(errors[0].message, @"values are nested too deeply");
        }
    }
    let path = "a.".repeat(100_000);
    for text in [format!("{path}x = 1"), format!("[{path}x]"), format!("[[{path}x]]")] {
        assert_eq!(parse("r", &text).unwrap_err()[0].message, "values are nested too deeply");
    }
}

#[test]
fn mistakes_come_in_file_order_and_are_counted_when_there_are_many() {
    let text = format!("[fs]\nread = [{}]\n", "\"*\", ".repeat(1000));
    let errors = parse("r", &text).unwrap_err();
    assert_eq!(errors.len(), 65);
    assert!(errors.is_sorted_by_key(|error| error.span.start));
    assert_eq!(errors[64].message, "more mistakes follow and are not shown");
}

#[test]
fn comments_windows_line_ends_and_a_byte_order_mark_are_fine() {
    let text = "\u{feff}# f\r\n[service]\r\nname = \"a\" # n\r\nstart = [\r\n 'node', # x\r\n]\r\n";
    assert!(parse("r", text).is_ok());
}

/// No text makes the parser panic: each run of this changes a good file in many places.
#[test]
fn no_text_makes_the_parser_panic() {
    let good = format!("[service]\nname = \"a\"\nstart = [\"node\"]\n{EVERY_KEY}");
    let good: Vec<char> = good.chars().collect();
    let odd: Vec<char> =
        "\"'[]{}=.,#\\\n\r\t\0\u{1b}\u{feff}\u{202e}\u{1f600}*:/-_0a9".chars().collect();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for _ in 0..2_000 {
        let mut text = good.clone();
        for _ in 0..=next(4) {
            let at = next(text.len());
            match next(4) {
                0 => text[at] = odd[next(odd.len())],
                1 => text.insert(at, odd[next(odd.len())]),
                2 => drop(text.drain(at..(at + next(40)).min(text.len()))),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(errors) = parse("r", &text) {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error.to_string().lines().all(str::is_ascii));
            }
        }
    }
}
