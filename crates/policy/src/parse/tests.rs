//! The file as a whole: what is complete, what each mistake looks like, and that nothing panics.
use super::*;
use crate::model::{Delivery, DnsMode, Network, RequiredLayers, SecretSource};
use std::time::Duration;

mod sections;

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
    ringfence.toml:18:2: unknown section: wombat
       |
    18 | [wombat]
       |  ^^^^^^
    hint: known sections: service, fs, net, process, env, secrets, limits, identity, require, dependencies
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
