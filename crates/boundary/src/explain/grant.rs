//! A grant to add: its line, merged into what the file says already, and its effect.
//!
//! The effect is tried and not guessed: the grant is parsed by the parser of boundary files, put
//! into a copy of the boundary, and the decision is asked for again.

use super::context::Setting;
use ringfence_policy::model::Boundary;
use ringfence_policy::source::Located;
use serde::Serialize;
use std::fmt::Write as _;
use std::ops::Range;

/// Longest line of an array before each item gets a line of its own.
const WIDTH: usize = 76;

/// One thing to add to a boundary file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Section, such as `net`.
    pub section: &'static str,
    /// Key in it, such as `connect`.
    pub key: &'static str,
    /// What is added, as it stands in the file: a string with its quotes, `true`, a table.
    pub value: String,
}

impl Grant {
    /// A string in a list. `None` for text that cannot stand in a file as it is, or that hides what
    /// it says.
    pub(crate) fn item(section: &'static str, key: &'static str, text: &str) -> Option<Self> {
        let plain = text
            .chars()
            .all(|character| matches!(character, ' '..='~') && !matches!(character, '"' | '\\'));
        (plain && !text.is_empty() && text.len() < 4096).then(|| Self {
            section,
            key,
            value: format!("\"{text}\""),
        })
    }

    /// A switch.
    pub(crate) fn on(section: &'static str, key: &'static str) -> Self {
        Self { section, key, value: "true".to_owned() }
    }

    /// An addon by its hash.
    pub(crate) fn addon(package: &str, sha256: &str) -> Self {
        let value = format!("{{ package = \"{package}\", sha256 = \"{sha256}\" }}");
        Self { section: "process", key: "addons", value }
    }

    /// The grant of a line such as `net.connect = ["a:1"]`, as refusals and events carry it.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        let (name, value) = line.split_once(" = ")?;
        let (section, key) = name.split_once('.')?;
        let (section, key) = KEYS.iter().find(|(s, k)| *s == section && *k == key)?;
        if value == "true" {
            return Some(Self::on(section, key));
        }
        let text = value.strip_prefix("[\"")?.strip_suffix("\"]")?;
        Self::item(section, key, text)
    }

    /// The line alone, as in `net.connect = ["a:1"]`.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { section, key, value } = self;
        if value == "true" {
            format!("{section}.{key} = true")
        } else {
            format!("{section}.{key} = [{value}]")
        }
    }

    /// A copy of the boundary with this in it.
    ///
    /// # Errors
    /// The parser refuses it; the sentence says why.
    pub fn apply(&self, boundary: &Boundary) -> Result<Boundary, String> {
        let Self { section, key, value } = self;
        let value = if value == "true" { value.clone() } else { format!("[{value}]") };
        let read = if *section == "fs" { "" } else { "[fs]\nread = [\"./\"]\n" };
        let text = format!(
            "schema = 1\n[service]\nname = \"x\"\nstart = [\"/x\"]\n{read}[{section}]\n{key} = {value}\n"
        );
        let parsed = ringfence_policy::parse("grant", &text).map_err(|mistakes| {
            let first = mistakes.into_iter().next();
            first.map(|mistake| mistake.message).unwrap_or_default()
        })?;
        let mut changed = boundary.clone();
        match (*section, *key) {
            ("fs", "optional") => changed.fs.optional.extend(parsed.fs.optional),
            ("fs", "read") => changed.fs.read.extend(parsed.fs.read),
            ("fs", "write") => changed.fs.write.extend(parsed.fs.write),
            ("net", "connect") => changed.net.connect.extend(parsed.net.connect),
            ("net", "udp") => changed.net.udp.extend(parsed.net.udp),
            ("net", "listen") => changed.net.listen.extend(parsed.net.listen),
            ("net", "udp-listen") => changed.net.udp_listen.extend(parsed.net.udp_listen),
            ("net", "unix") => changed.net.unix.extend(parsed.net.unix),
            ("net", "private") => changed.net.private.extend(parsed.net.private),
            ("env", "pass") => changed.env.pass.extend(parsed.env.pass),
            ("process", "children") => changed.process.children.extend(parsed.process.children),
            ("process", "addons") => changed.process.addons.extend(parsed.process.addons),
            ("process", "workers") => changed.process.workers = true,
            ("process", "wasi") => changed.process.wasi = true,
            ("process", "ffi") => changed.process.ffi = true,
            ("process", "inspector") => changed.process.inspector = true,
            _ => return Err(format!("{section}.{key} is not a grant")),
        }
        Ok(changed)
    }
}

/// What can be granted by a line.
const KEYS: [(&str, &str); 16] = [
    ("env", "pass"),
    ("fs", "optional"),
    ("fs", "read"),
    ("fs", "write"),
    ("net", "connect"),
    ("net", "listen"),
    ("net", "private"),
    ("net", "udp"),
    ("net", "udp-listen"),
    ("net", "unix"),
    ("process", "addons"),
    ("process", "children"),
    ("process", "ffi"),
    ("process", "inspector"),
    ("process", "wasi"),
    ("process", "workers"),
];

/// The lines of the file as they would be with these grants, section by section.
pub(crate) fn lines(grants: &[Grant], setting: Option<&Setting<'_>>) -> String {
    let mut out = String::new();
    for (section, key) in KEYS {
        let mut added: Vec<&str> = Vec::new();
        for grant in grants.iter().filter(|grant| grant.section == section && grant.key == key) {
            if !added.contains(&grant.value.as_str()) {
                added.push(&grant.value);
            }
        }
        if added.is_empty() {
            continue;
        }
        let header = format!("[{section}]\n");
        if !out.contains(&header) {
            out.push_str(&header);
        }
        if added.contains(&"true") {
            let _ = writeln!(out, "{key} = true");
            continue;
        }
        let present = setting.map(|setting| present(setting, section, key)).unwrap_or_default();
        let items: Vec<String> =
            present.into_iter().chain(added.into_iter().map(str::to_owned)).collect();
        array(&mut out, key, &items);
    }
    out
}

fn array(out: &mut String, key: &str, items: &[String]) {
    let line = format!("{key} = [{}]", items.join(", "));
    if line.chars().count() <= WIDTH || items.len() == 1 {
        let _ = writeln!(out, "{line}");
        return;
    }
    let _ = writeln!(out, "{key} = [");
    for item in items {
        let _ = writeln!(out, "  {item},");
    }
    out.push_str("]\n");
}

fn spans<T>(list: &[Located<T>]) -> Vec<Range<usize>> {
    list.iter().map(|item| item.span.clone()).collect()
}

/// The items that a list of the file has already, as they are written there.
fn present(setting: &Setting<'_>, section: &str, key: &str) -> Vec<String> {
    let Boundary { fs, net, process, env, .. } = setting.boundary;
    let spans = match (section, key) {
        ("fs", "optional") => spans(&fs.optional),
        ("fs", "read") => spans(&fs.read),
        ("fs", "write") => spans(&fs.write),
        ("net", "connect") => spans(&net.connect),
        ("net", "udp") => spans(&net.udp),
        ("net", "listen") => spans(&net.listen),
        ("net", "udp-listen") => spans(&net.udp_listen),
        ("net", "unix") => spans(&net.unix),
        ("net", "private") => spans(&net.private),
        ("env", "pass") => spans(&env.pass),
        ("process", "children") => spans(&process.children),
        ("process", "addons") => {
            return process
                .addons
                .iter()
                .map(|addon| Grant::addon(&addon.package.value, &addon.sha256.value).value)
                .collect();
        }
        _ => Vec::new(),
    };
    // The file is the reader's own, but somebody else may have written it.
    let item = |span: Range<usize>| {
        setting.text.get(span).map(|item| ringfence_policy::display::untrusted(item).to_string())
    };
    spans.into_iter().filter(|span| !span.is_empty()).filter_map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "schema = 1\n[service]\nname = \"a\"\nstart = [\"/x\"]\n[fs]\nread = [\"./\"]\n[net]\nconnect = [\"api.internal:443\", # prices\n  'redis.internal:6379']\n";

    #[test]
    fn a_line_is_merged_into_what_is_there() {
        let boundary = ringfence_policy::parse("f", FILE).unwrap();
        let setting = Setting { path: "f", text: FILE, boundary: &boundary, folder: "/srv/app" };
        let grants = [
            Grant::of_line("net.connect = [\"db.internal:5432\"]").unwrap(),
            Grant::on("process", "workers"),
            Grant::item("net", "listen", "127.0.0.1:80").unwrap(),
        ];
        insta::assert_snapshot!(lines(&grants, Some(&setting)), @r#"
        [net]
        connect = ["api.internal:443", 'redis.internal:6379', "db.internal:5432"]
        listen = ["127.0.0.1:80"]
        [process]
        workers = true
        "#);
        assert!(grants.iter().all(|grant| grant.apply(&boundary).is_ok()));
    }

    #[test]
    fn what_the_parser_refuses_is_no_grant() {
        let boundary = ringfence_policy::parse("f", FILE).unwrap();
        let refused = |section, key, text: &str| {
            Grant::item(section, key, text).unwrap().apply(&boundary).unwrap_err()
        };
        assert!(refused("net", "connect", "169.254.169.254:80").contains("metadata"));
        assert!(refused("env", "pass", "NODE_OPTIONS").contains("refused"));
        assert!(refused("fs", "read", "/a*").contains("wildcards"));
        assert_eq!(Grant::item("fs", "read", "/a\u{202e}b"), None);
        assert_eq!(Grant::of_line("nothing = [\"x\"]"), None);
    }
}
