//! The JSON Schema of `ringfence.toml`, for editors.
//!
//! The types here have the shape of the file and exist for their schema only; the parser decodes by
//! hand to give better errors than any schema can. A test holds both to the same keys.
#![expect(dead_code, reason = "these types are never built: their schema is what is used")]

use crate::layer::Layer;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use std::collections::BTreeMap;

/// JSON Schema (draft 7, which TOML editors understand) of the boundary file.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = generator.into_root_schema_for::<File>();
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// What one service may do: everything that is not granted is denied.
#[derive(JsonSchema)]
#[schemars(title = "ringfence.toml", rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    /// Version of this file: 1.
    #[schemars(range(min = 1, max = 1))]
    schema: Option<u32>,
    service: Service,
    fs: Option<Filesystem>,
    net: Option<Network>,
    process: Option<Process>,
    env: Option<Environment>,
    /// Secrets, by name.
    secrets: Option<BTreeMap<String, Secret>>,
    limits: Option<Limits>,
    identity: Option<Identity>,
    require: Option<Require>,
    dependencies: Option<Dependencies>,
}

/// Who the service is and how it starts.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Service {
    /// 1 to 63 lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,62}$"))]
    name: String,
    /// Program and arguments; never a shell string.
    #[schemars(length(min = 1))]
    start: Vec<String>,
    /// Working directory, against the folder of this file; `./` by default.
    cwd: Option<String>,
    /// Accepted Node versions, such as `>=20`.
    node: Option<String>,
    /// Signal that stops the service; SIGTERM by default.
    stop_signal: Option<String>,
    /// Time between that signal and the kill; `10s` by default.
    stop_timeout: Option<String>,
}

/// Files. A directory grants everything below it; relative paths are against the folder of this file.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Filesystem {
    /// Readable.
    read: Option<Vec<String>>,
    /// Readable and writable, on the host.
    write: Option<Vec<String>>,
    /// Readable, and may be missing.
    optional: Option<Vec<String>>,
    /// Readable until the service drops it.
    droppable: Option<Vec<String>>,
}

/// The network. Cloud metadata addresses are never granted.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Network {
    /// Outbound TCP: `host:port`, `*.suffix:port`, `10.1.0.0/16:5432`, `[::1]:80`, `host:8000-8010`.
    connect: Option<Vec<String>>,
    /// TCP listeners: literal address and port of the host.
    listen: Option<Vec<String>>,
    /// Outbound UDP, relayed.
    udp: Option<Vec<String>>,
    /// UDP listeners, relayed.
    udp_listen: Option<Vec<String>>,
    /// Unix socket paths the service may connect to.
    unix: Option<Vec<String>>,
    /// Names that may resolve to private addresses.
    private: Option<Vec<String>>,
    /// Fixed addresses for names.
    hosts: Option<BTreeMap<String, String>>,
    /// What the resolver inside answers.
    dns: Option<Dns>,
}

/// `synthetic`: one address per name and real address. `real`: the real addresses.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Dns {
    Real,
    Synthetic,
}

/// Programs, and powers inside Node.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
struct Process {
    /// Programs the service may start: absolute paths, or `./` and a path below this file's folder.
    children: Option<Vec<String>>,
    /// Worker threads.
    #[schemars(default)]
    workers: bool,
    /// Native addons, each with the hash of its `.node` file.
    addons: Option<Vec<Addon>>,
    /// WASI.
    #[schemars(default)]
    wasi: bool,
    /// Foreign functions.
    #[schemars(default)]
    ffi: bool,
    /// The inspector.
    #[schemars(default)]
    inspector: bool,
    /// Node's own permission flags; `false` leaves them out, for programs that need `fsync`.
    #[schemars(default = "yes")]
    node_flags: bool,
}

/// A key that is on when it is absent.
const fn yes() -> bool {
    true
}

/// A native addon.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Addon {
    /// npm package.
    package: String,
    /// SHA-256 of the `.node` file, in hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    sha256: String,
}

/// Environment variables; everything else is removed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Environment {
    /// Passed through.
    pass: Option<Vec<String>>,
    /// Fixed values.
    set: Option<BTreeMap<String, String>>,
}

/// A secret.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Secret {
    /// Where it comes from; never the secret itself.
    #[schemars(regex(pattern = r"^(aws-kms|aws-sm|env|file|sealed|vault):."))]
    from: String,
    /// How the service receives it; `file` by default.
    r#as: Option<Delivery>,
    /// Path inside, for `file`.
    #[schemars(regex(pattern = r"^/."))]
    to: Option<String>,
    /// Name of the variable, for `env`; the upper-case name of the secret by default.
    variable: Option<String>,
    /// Permission bits, for `file`; `0400` by default.
    #[schemars(regex(pattern = r"^0?[0-7]{3}$"))]
    mode: Option<String>,
    /// How often the source is read again, such as `5m`.
    refresh: Option<String>,
    /// How long an old value stays valid beside a new one, such as `24h`.
    overlap: Option<String>,
}

/// How a secret is delivered; `env` is the weakest form.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Delivery {
    File,
    Fd,
    Socket,
    Env,
}

/// Limits; an absent one is no limit.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Limits {
    /// Memory, such as `512MiB`.
    memory: Option<String>,
    /// Processes and threads.
    #[schemars(range(min = 1))]
    pids: Option<u64>,
    /// Cores, such as 1.5.
    #[schemars(range(min = 0.01, max = 10_000))]
    cpu: Option<f64>,
    /// Open descriptors per process.
    #[schemars(range(min = 1))]
    open_files: Option<u64>,
    /// Size of one file.
    file_size: Option<String>,
    /// Size of the private `/tmp`.
    tmp: Option<String>,
}

/// The user the service runs as; never root.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Identity {
    user: Option<Id>,
    group: Option<Id>,
    /// Supplementary groups.
    groups: Option<Vec<Id>>,
}

/// A name or a number.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Id {
    Name(String),
    Number(u32),
}

/// Which layers must be in force.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Require {
    /// `all` by default.
    layers: Option<Layers>,
}

/// `all`, or a list of layers.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Layers {
    All(All),
    Listed(Vec<Layer>),
}

/// Every layer the boundary needs.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum All {
    All,
}

/// How a change of the packages is judged; nothing that the service may do.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
struct Dependencies {
    /// The least severity that fails a review; `high` by default.
    fail_on: Option<Severity>,
    /// Severities by the code of the finding.
    severity: Option<BTreeMap<String, Severity>>,
    /// How old a version has to be, such as `7d`; `3d` by default.
    minimum_age: Option<String>,
    /// Names that come from a registry of one's own and from nowhere else.
    internal: Option<Vec<Internal>>,
    /// Lists of versions that must not be installed: files or folders.
    known_bad: Option<Vec<String>>,
    /// Findings that somebody agreed to.
    accept: Option<Vec<Accept>>,
    /// Versions that may run something when they are installed.
    scripts: Option<Vec<Script>>,
    /// Versions that shall not run anything when they are installed, on purpose.
    denied_scripts: Option<Vec<DeniedScript>>,
}

/// How much a finding matters.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Severity {
    Info,
    Low,
    Moderate,
    High,
    Critical,
}

/// Packages that come from one registry.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Internal {
    /// `@scope`, a name, or the beginning of names and `*`.
    name: String,
    /// Address of the registry.
    #[schemars(regex(pattern = r"^https?://."))]
    registry: String,
}

/// A finding that somebody agreed to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Accept {
    /// Code of the finding, or the name of an advisory.
    code: String,
    /// `name`, `name@version`, `@scope` or `@scope/*`.
    package: String,
    /// Why it is in order.
    #[schemars(length(min = 1))]
    reason: String,
    /// The last day on which this holds, such as `2027-06-30`.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    until: Option<String>,
}

/// A version that may run something when it is installed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Script {
    /// npm package.
    package: String,
    /// Its version.
    version: Option<String>,
    /// SHA-512 of its tarball, in base64.
    sha512: Option<String>,
}

/// A version that shall not run anything when it is installed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct DeniedScript {
    /// npm package.
    package: String,
    /// Its version.
    version: Option<String>,
    /// SHA-512 of its tarball, in base64.
    sha512: Option<String>,
    /// Why it does without.
    #[schemars(length(min = 1))]
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::keys;
    use serde_json::Value;

    /// The keys of a schema's object, `*` for names that the file chooses.
    fn keys_of(root: &Value, schema: &Value) -> Vec<String> {
        let schema = resolved(root, schema);
        match schema["properties"].as_object() {
            Some(properties) => properties.keys().cloned().collect(),
            None => vec!["*".to_owned()],
        }
    }

    fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        let any = schema["anyOf"].as_array().map_or(schema, |any| &any[0]);
        match any["$ref"].as_str() {
            Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
            None => any,
        }
    }

    #[test]
    fn the_parser_and_the_schema_know_the_same_keys() {
        let root: Value = serde_json::from_str(&json_schema()).unwrap();
        let sorted = |keys: &[&str]| {
            let mut keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            keys.sort();
            keys
        };
        let top: Vec<&str> =
            keys::SECTIONS.iter().map(|keys| keys.section).chain(["schema"]).collect();
        assert_eq!(keys_of(&root, &root), sorted(&top));
        for section in &keys::SECTIONS {
            let schema = &root["properties"][section.section];
            assert_eq!(keys_of(&root, schema), sorted(section.keys), "[{}]", section.section);
        }
        let secrets = resolved(&root, &root["properties"]["secrets"]);
        let secret = &secrets["additionalProperties"];
        assert_eq!(keys_of(&root, secret), sorted(keys::SECRET.keys));
        let process = resolved(&root, &root["properties"]["process"]);
        let addon = &process["properties"]["addons"]["items"];
        assert_eq!(keys_of(&root, addon), sorted(keys::ADDON.keys));
        let dependencies = resolved(&root, &root["properties"]["dependencies"]);
        for (list, keys) in [
            ("internal", keys::INTERNAL),
            ("accept", keys::ACCEPT),
            ("scripts", keys::SCRIPT),
            ("denied-scripts", keys::DENIED_SCRIPT),
        ] {
            let item = &dependencies["properties"][list]["items"];
            assert_eq!(keys_of(&root, item), sorted(keys.keys), "dependencies.{list}");
        }
    }

    #[test]
    fn unknown_keys_are_errors_in_an_editor_too() {
        let root: Value = serde_json::from_str(&json_schema()).unwrap();
        assert_eq!(root["additionalProperties"], false);
        for section in keys::SECTIONS.iter().filter(|keys| keys.section != "secrets") {
            let schema = resolved(&root, &root["properties"][section.section]);
            assert_eq!(schema["additionalProperties"], false, "[{}]", section.section);
        }
    }
}
