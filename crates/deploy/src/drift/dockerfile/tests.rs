//! Dockerfiles of ours without a line, and those that people write.

use super::*;
use crate::render::{self, Entry};
use ringfence_policy::model::Boundary;
use std::fmt::Write as _;
use std::path::Path;

fn example() -> (Boundary, std::path::PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/orders");
    let text = std::fs::read_to_string(folder.join("ringfence.toml")).unwrap();
    (ringfence_policy::parse("ringfence.toml", &text).unwrap(), folder)
}

fn full() -> (Boundary, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let package = r#"{"scripts": {"build": "tsc"}}"#;
    std::fs::write(folder.path().join("package.json"), package).unwrap();
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/full.toml");
    let text = std::fs::read_to_string(text).unwrap();
    (ringfence_policy::parse("ringfence.toml", &text).unwrap(), folder)
}

fn of(order: &Order<'_>, text: &str) -> Comparison {
    compare(order, Deployed { path: Path::new("Dockerfile"), text }).unwrap()
}

/// Codes and places of what is weaker in a file for the example.
fn weaker(text: &str) -> Vec<String> {
    let (boundary, folder) = example();
    let order = Order::new(&boundary, "0", "ringfence.toml", &folder);
    of(&order, text)
        .drifts
        .iter()
        .map(|drift| format!("{} at {}", drift.code, drift.place))
        .collect()
}

fn rendered(order: &Order<'_>) -> String {
    render::dockerfile::render(order).unwrap().files.remove(0).1
}

/// Instructions as they stand, continuation lines with their first.
fn instructions(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut continued = false;
    for line in text.lines() {
        match all.last_mut().filter(|_| continued) {
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => all.push(line.to_owned()),
        }
        continued = line.ends_with('\\');
    }
    all
}

#[test]
fn what_render_writes_is_not_weaker() {
    let (boundary, folder) = example();
    let (large, other) = full();
    for (boundary, folder) in [(&boundary, folder.as_path()), (&large, other.path())] {
        for entry in [None, Some(Entry::Ringfence), Some(Entry::Node)] {
            let mut order = Order::new(boundary, "0", "ringfence.toml", folder);
            order.entry = entry;
            let text = rendered(&order);
            let comparison = of(&order, &text);
            assert_eq!(comparison.drifts, [], "{text}");
            assert_eq!(comparison.undecided, Vec::<String>::new());
            assert!(comparison.compared > 15);
        }
    }
}

#[test]
fn each_line_that_matters_is_missed_and_no_other() {
    let (boundary, folder) = full();
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    let lines = instructions(&text);
    let mut said = String::new();
    for (at, removed) in lines.iter().enumerate() {
        let mut rest = lines.clone();
        rest.remove(at);
        let rest = rest.join("\n");
        let path = Path::new("Dockerfile");
        let Ok(comparison) = compare(&order, Deployed { path, text: &rest }) else {
            assert!(removed.starts_with("FROM"), "{removed}");
            continue;
        };
        if removed.is_empty() || removed.starts_with('#') {
            assert_eq!(comparison.drifts, [], "{removed}");
            continue;
        }
        let found =
            comparison.drifts.iter().map(|drift| format!("{} at {}", drift.code, drift.place));
        let found: Vec<String> = found.collect();
        let line: String = removed.lines().next().unwrap().chars().take(44).collect();
        writeln!(said, "{line}: {}", found.join(", ")).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    WORKDIR /app: 
    COPY package.json package-lock.json ./: 
    RUN --mount=type=secret,id=npmrc,target=/roo: 
    FROM fetch AS scripts: unpinned-base at stage build: FROM
    RUN --network=none npm_config_nodedir=/usr/l: 
    FROM scripts AS build: unpinned-base at stage prune: FROM
    COPY . .: 
    RUN --network=none npm run build: 
    FROM build AS prune: unpinned-base at stage runtime: FROM, unpinned-base at last stage: COPY --from, unknown-setting at last stage: COPY
    RUN --network=none npm prune --omit=dev --ig: dev-dependencies at stage fetch: RUN
    FROM prune AS runtime: unpinned-base at last stage: COPY --from, unknown-setting at last stage: COPY, unpinned-base at last stage: COPY --from, unknown-setting at last stage: COPY
    RUN --network=none set -eu; \: 
    FROM scratch: package-manager-in-image at stage fetch: FROM, everything-copied at stage build: COPY, unknown-setting at stage runtime: COPY, unknown-setting at stage runtime: COPY
    COPY --from=runtime /runtime/ /: 
    COPY --from=runtime /usr/local/bin/node /usr: 
    COPY --from=prune /app/ /app/: 
    ENV PATH=/usr/local/bin: 
    ENV GREETING="it's \"\$HOME\" & 100%": 
    ENV NODE_ENV="production": 
    ENV PORT="8080": 
    LABEL org.ringfence.boundary="sha256:0": 
    WORKDIR /app: 
    USER 10010:10020: root-user at last stage: USER
    STOPSIGNAL SIGINT: stop-signal at last stage: STOPSIGNAL
    EXPOSE 8080/tcp: 
    EXPOSE 9090/tcp: 
    EXPOSE 8443/udp: 
    ENTRYPOINT ["/usr/local/bin/node", "--permis: missing-command at last stage: ENTRYPOINT
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of changes")]
fn each_weakened_word_is_named() {
    let (boundary, folder) = full();
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    let mut said = String::new();
    for (from, to) in [
        ("npm ci --ignore-scripts", "npm ci"),
        ("npm ci --ignore-scripts", "npm install --ignore-scripts"),
        ("--network=none npm run build", "npm run build"),
        ("--network=none npm_config", "npm_config"),
        ("--network=none npm prune", "npm prune"),
        ("npm prune --omit=dev", "npm prune"),
        ("--network=none set", "set"),
        ("node:24.21.0-bookworm", "node:24"),
        ("node:24.21.0-bookworm", "node"),
        ("FROM scratch", "FROM node:24.21.0-bookworm-slim"),
        ("USER 10010:10020", "USER root"),
        ("USER 10010:10020", "USER 10010:0"),
        ("USER 10010:10020", "USER 1000"),
        ("USER 10010:10020", "ARG U\nUSER $U"),
        ("STOPSIGNAL SIGINT", "STOPSIGNAL SIGTERM"),
        ("EXPOSE 8080/tcp", "EXPOSE 8080 9229"),
        ("\"--permission\", ", ""),
        ("\"--permission\", ", "\"--no-permission\", "),
        ("--allow-fs-read=/app\"", "--allow-fs-read=/\""),
        ("ENTRYPOINT [\"/usr/local/bin/node\"", "ENTRYPOINT [\"npm\", \"start\"]\nCMD [\"x\""),
        ("ENV NODE_ENV=\"production\"", "ENV NODE_TLS_REJECT_UNAUTHORIZED=0"),
        ("ENV NODE_ENV=\"production\"", "ENV DATABASE_PASSWORD=hunter2"),
    ] {
        assert!(text.contains(from), "{from}");
        let comparison = of(&order, &text.replacen(from, to, 1));
        let found =
            comparison.drifts.iter().map(|drift| format!("{} at {}", drift.code, drift.place));
        let mut found: Vec<String> = found.collect();
        found.extend(comparison.undecided.iter().map(|why| format!("undecided {why}")));
        writeln!(said, "{to}: {}", found.join(", ")).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    npm ci: scripts-at-install at stage fetch: RUN
    npm install --ignore-scripts: unfrozen-install at stage fetch: RUN
    npm run build: network-at-build at stage build: RUN
    npm_config: network-at-build at stage scripts: RUN
    npm prune: network-at-build at stage prune: RUN
    npm prune: dev-dependencies at stage fetch: RUN
    set: network-at-build at stage runtime: RUN
    node:24: unpinned-base at stage fetch: FROM
    node: unpinned-base at stage fetch: FROM
    FROM node:24.21.0-bookworm-slim: package-manager-in-image at last stage: FROM
    USER root: root-user at last stage: USER
    USER 10010:0: root-group at last stage: USER
    USER 1000: other-user at last stage: USER
    ARG U
    USER $U: undecided line 73: last stage: USER: $U is known only to the build
    STOPSIGNAL SIGTERM: stop-signal at last stage: STOPSIGNAL
    EXPOSE 8080 9229: exposed-port at last stage: EXPOSE
    : missing-permission at last stage: ENTRYPOINT
    "--no-permission", : missing-permission at last stage: ENTRYPOINT
    --allow-fs-read=/": wider-flag at last stage: ENTRYPOINT
    ENTRYPOINT ["npm", "start"]
    CMD ["x": package-manager-start at last stage: ENTRYPOINT
    ENV NODE_TLS_REJECT_UNAUTHORIZED=0: refused-variable at last stage: ENV
    ENV DATABASE_PASSWORD=hunter2: secret-in-image at last stage: ENV
    "#);
}

#[test]
fn what_is_stricter_or_of_no_meaning_is_no_drift() {
    let (boundary, folder) = example();
    let order = Order::new(&boundary, "0", "ringfence.toml", &folder);
    let text = rendered(&order);
    for (from, to) in [
        ("USER 10001:10001", "USER orders"),
        ("USER 10001:10001", "LABEL a=b\nHEALTHCHECK NONE\nUSER 20000:20000"),
        ("npm ci --ignore", "npm ci --omit=optional --ignore"),
        ("node:26.10.0-bookworm", "node@sha256:0123456789012345678901234567890123456789"),
        ("ENTRYPOINT [", "ENTRYPOINT [\"/sbin/tini\", \"--\", "),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(of(&order, &text.replacen(from, to, 1)).drifts, [], "{to}");
    }
}

#[test]
fn what_people_write_is_told_line_by_line() {
    insta::assert_snapshot!(weaker(
        "FROM node:latest\nWORKDIR /app\nARG NPM_TOKEN\nCOPY .npmrc .env ./\nCOPY . .\n\
         RUN curl -fsSL https://example.com/x.sh | bash && npm install\n\
         RUN bash -c \"$(wget -qO- https://example.com/y)\"\nADD https://example.com/a.tgz /a\n\
         RUN echo //r.example/:_authToken=abc > .npmrc && chmod -R 777 /app\nRUN apt-get install -y vim\n\
         RUN npm run build\nCMD npm start\n").join("\n"), @r#"
    unpinned-base at last stage: FROM
    package-manager-in-image at last stage: FROM
    secret-in-image at last stage: ARG
    secret-in-image at last stage: COPY
    secret-in-image at last stage: COPY
    everything-copied at last stage: COPY
    unfrozen-install at last stage: RUN
    scripts-at-install at last stage: RUN
    fetched-script at last stage: RUN
    dev-dependencies at last stage: RUN
    fetched-script at last stage: RUN
    unverified-download at last stage: ADD
    unknown-setting at last stage: ADD
    secret-in-image at last stage: RUN
    loose-mode at last stage: mode
    package-manager-in-image at last stage: RUN
    network-at-build at last stage: RUN
    shell-command at last stage: CMD
    root-user at last stage: USER
    "#);
}

#[test]
fn a_file_with_one_stage_for_everything_is_judged_by_what_it_inherits() {
    insta::assert_snapshot!(weaker(
        "FROM node:22.23.3-slim AS base\nUSER node\nENV NODE_ENV=production\nFROM base AS deps\nCOPY package*.json ./\n\
         RUN npm ci --ignore-scripts\nFROM base\nCOPY --from=deps /app/node_modules ./node_modules\n\
         COPY src ./src\nCMD [\"node\", \"src/server.mjs\"]\n").join("\n"), @r#"
    package-manager-in-image at stage base: FROM
    missing-permission at last stage: CMD
    "#);
}

#[test]
fn what_is_no_dockerfile_is_an_error_with_its_line() {
    let (boundary, folder) = example();
    let order = Order::new(&boundary, "0", "ringfence.toml", &folder);
    let failed = |text: &str| {
        compare(&order, Deployed { path: Path::new("Dockerfile"), text }).unwrap_err().to_string()
    };
    assert!(failed("FROM a\n{{ if x }}\n").contains("Dockerfile:2"));
    assert!(failed("FROM a\n{{ if x }}\n").contains("template"));
    assert!(failed("").contains("FROM"));
}

/// An instruction behind a rendered file and the code it is told by.
const ADDED: &[(&str, &str)] = &[
    ("CMD [\"--no-permission\"]", "unknown-setting"),
    ("ONBUILD RUN id", "unknown-setting"),
    ("HEALTHCHECK CMD curl localhost", "unknown-setting"),
    ("COPY --from=other/image:1.2.3 /x /app/x", "unknown-setting"),
    ("COPY <<EOF /app/server.js\nevil\nEOF", "unknown-setting"),
    ("COPY x /usr/local/bin/node", "unknown-setting"),
    ("ADD x.tar /app/x", "unknown-setting"),
    ("VOLUME /usr/local/bin", "unknown-setting"),
    ("ENV FOO=bar", "unlisted-variable"),
    ("ENV PATH=/tmp:/usr/local/bin", "unlisted-variable"),
    ("WORKDIR /tmp", "working-dir"),
    ("RUN echo 'other:x:0:0::/:/'", "unknown-setting"),
];

#[test]
fn what_is_not_known_to_be_harmless_is_told_once_by_its_code() {
    let (boundary, folder) = full();
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    for (line, code) in ADDED {
        let drifts = of(&order, &format!("{text}\n{line}\n")).drifts;
        let codes: Vec<&str> = drifts.iter().map(|drift| drift.code).collect();
        assert_eq!(codes, [*code], "{line}: {drifts:?}");
    }
    let frontend = format!("# syntax=other/frontend\n{text}");
    assert_eq!(of(&order, &frontend).drifts.len(), 1);
    for line in ["LABEL a=b", "HEALTHCHECK NONE", "ENV NODE_ENV=production", "ENV NO_COLOR=1"] {
        assert_eq!(of(&order, &format!("{text}\n{line}\n")).drifts, [], "{line}");
    }
}
