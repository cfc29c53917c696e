//! A case as it is kept: TOML, with the recorded text at its end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Where the recorded part begins.
const RECORDED: &str = "\n[recorded]\n";

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    path: PathBuf,
    text: String,
    values: BTreeMap<String, Value>,
}

/// A value of a case.
enum Value {
    Text(String),
    List(Vec<String>),
    Table(BTreeMap<String, String>),
}

/// Every case, in the order of the names.
pub(crate) fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("explain/cases");
    let mut cases: Vec<Case> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .flatten()
        .map(|entry| Case::read(entry.path()))
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("a case can be read");
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let table = DeTable::parse(&text).expect(&name);
        let values = table
            .get_ref()
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), Value::of(value.get_ref())))
            .collect();
        Self { name, path, values, text: text.clone() }
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(Value::List(list)) => list.clone(),
            Some(Value::Text(text)) => vec![text.clone()],
            _ => Vec::new(),
        }
    }

    pub(crate) fn table(&self, key: &str) -> BTreeMap<String, String> {
        match self.values.get(key) {
            Some(Value::Table(table)) => table.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// The recorded text.
    pub(crate) fn recorded(&self) -> Option<String> {
        self.table("recorded").remove("text")
    }

    /// The boundary file as it is explained with, if the case has one.
    pub(crate) fn boundary_file(&self) -> Option<String> {
        let sections = self.text("boundary")?;
        Some(format!(
            "schema = 1\n\n[service]\nname = \"app\"\nstart = [\"node\", \"main.mjs\"]\n\n{sections}"
        ))
    }

    /// Writes a text into the case's file.
    pub(crate) fn record(&self, text: &str) {
        let head = self.text.split(RECORDED).next().unwrap_or_default().trim_end();
        let mut file = format!("{head}\n{RECORDED}");
        let plain = !text.contains("'''")
            && text.chars().all(|c| c == '\n' || !c.is_control())
            && !text.ends_with('\'');
        if plain {
            let _ = write!(file, "text = '''\n{}\n'''\n", text.trim_end());
        } else {
            let _ = writeln!(file, "text = \"\"\"");
            for character in text.trim_end().chars() {
                match character {
                    '\\' => file.push_str("\\\\"),
                    '"' => file.push_str("\\\""),
                    '\n' => file.push('\n'),
                    character if character.is_control() => {
                        let _ = write!(file, "\\u{:04x}", u32::from(character));
                    }
                    character => file.push(character),
                }
            }
            file.push_str("\n\"\"\"\n");
        }
        let checkout = ringfence_tests::workspace::root();
        let checkout = checkout.to_str().expect("the checkout's path is text");
        assert!(!text.contains(checkout), "{}: a path of this machine in {text}", self.name);
        std::fs::write(&self.path, file).expect("a case can be written");
    }
}

impl Value {
    fn of(value: &DeValue<'_>) -> Self {
        let text = |value: &DeValue<'_>| value.as_str().unwrap_or("true").to_owned();
        match value {
            DeValue::Array(items) => {
                Self::List(items.iter().map(|item| text(item.get_ref())).collect())
            }
            DeValue::Table(table) => Self::Table(
                table
                    .iter()
                    .map(|(key, value)| (key.get_ref().to_string(), text(value.get_ref())))
                    .collect(),
            ),
            other => Self::Text(text(other)),
        }
    }
}
