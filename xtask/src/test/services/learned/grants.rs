//! Boundary files that are cut down: all grants taken out, then each in turn.
//!
//! What is a grant is not listed here: it is whatever a learned file holds that the file it was
//! learned into did not, entry by entry, so that a new kind of grant is tried without being named.

use toml_edit::{DocumentMut, Item, TableLike};

/// Sections that say what a service may do.
const GRANTS: [&str; 2] = ["fs", "process"];
/// What stays of `[net]`: where names lead is a fact of the host, not a grant.
const FACTS: [&str; 2] = ["dns", "hosts"];

/// A boundary file without grants: who the service is, its environment, its limits.
pub(super) fn without_any(text: &str) -> Result<String, String> {
    let mut file = parse(text)?;
    for section in GRANTS {
        file.remove(section);
    }
    if let Some(net) = file.get_mut("net").and_then(Item::as_table_like_mut) {
        let granted: Vec<String> = net
            .iter()
            .map(|(key, _)| key.to_owned())
            .filter(|key| !FACTS.contains(&&**key))
            .collect();
        for key in granted {
            net.remove(&key);
        }
    }
    Ok(file.to_string())
}

/// One grant: its keys from the outside in, and its place in the list that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    keys: Vec<String>,
    index: Option<usize>,
    value: String,
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.keys.join("."), self.value)
    }
}

/// Everything that `learned` holds and `base` does not.
pub(super) fn added(base: &str, learned: &str) -> Result<Vec<Grant>, String> {
    let (base, learned) = (parse(base)?, parse(learned)?);
    let mut grants = Vec::new();
    compare(Some(base.as_table()), learned.as_table(), &[], &mut grants);
    Ok(grants)
}

/// The file without this grant.
pub(super) fn without(text: &str, grant: &Grant) -> Result<String, String> {
    let gone = || format!("{grant} is not in the file");
    let mut file = parse(text)?;
    let (last, outer) = grant.keys.split_last().ok_or_else(gone)?;
    let mut table: &mut dyn TableLike = file.as_table_mut();
    for key in outer {
        table = table.get_mut(key).and_then(Item::as_table_like_mut).ok_or_else(gone)?;
    }
    let Some(index) = grant.index else {
        table.remove(last).ok_or_else(gone)?;
        return Ok(file.to_string());
    };
    match table.get_mut(last).ok_or_else(gone)? {
        Item::ArrayOfTables(tables) => drop(tables.remove(index)),
        item => {
            item.as_array_mut().ok_or_else(gone)?.remove(index);
        }
    }
    Ok(file.to_string())
}

fn compare(
    base: Option<&dyn TableLike>,
    learned: &dyn TableLike,
    outer: &[String],
    grants: &mut Vec<Grant>,
) {
    for (key, item) in learned.iter() {
        let before = base.and_then(|base| base.get(key));
        let keys: Vec<String> = outer.iter().cloned().chain([key.to_owned()]).collect();
        if let Some(table) = item.as_table_like() {
            compare(before.and_then(Item::as_table_like), table, &keys, grants);
            continue;
        }
        let Some(entries) = entries(item) else {
            if before.is_none_or(|before| plain(before) != plain(item)) {
                grants.push(Grant { keys, index: None, value: plain(item) });
            }
            continue;
        };
        let known = before.and_then(self::entries).unwrap_or_default();
        for (index, value) in entries.into_iter().enumerate() {
            if !known.contains(&value) {
                grants.push(Grant { keys: keys.clone(), index: Some(index), value });
            }
        }
    }
}

/// The entries of a list, in whichever way it is written; `None` for anything else.
fn entries(item: &Item) -> Option<Vec<String>> {
    match item {
        Item::ArrayOfTables(tables) => {
            Some(tables.iter().map(|table| table.to_string().trim().replace('\n', ", ")).collect())
        }
        item => {
            let bare = |value: &toml_edit::Value| {
                let mut value = value.clone();
                value.decor_mut().clear();
                value.to_string().trim().to_owned()
            };
            item.as_array().map(|array| array.iter().map(bare).collect())
        }
    }
}

/// A value without its comments.
fn plain(item: &Item) -> String {
    let mut item = item.clone();
    if let Some(value) = item.as_value_mut() {
        value.decor_mut().clear();
    }
    item.to_string().trim().to_owned()
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|error| format!("a boundary file that is no TOML: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"schema = 1
[service]
name = "a"
[fs]
read = ["./a", # why
  "./b"]
[net]
listen = ["127.0.0.1:1"]
hosts = { "a.b" = "127.0.0.1" }
[process]
workers = true
[[process.addons]]
package = "x"
[env.set]
A = "b"
"#;

    #[test]
    fn a_file_without_grants_keeps_who_the_service_is() {
        let base = without_any(FILE).unwrap();
        for gone in ["fs", "process", "listen"] {
            assert!(!base.contains(gone), "{base}");
        }
        for kept in ["name = \"a\"", "hosts", "A = \"b\""] {
            assert!(base.contains(kept), "{base}");
        }
    }

    #[test]
    fn each_grant_that_was_added_is_found_and_can_be_taken_out_alone() {
        let base = without_any(FILE).unwrap();
        let grants = added(&base, FILE).unwrap();
        let shown: Vec<String> = grants.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "fs.read \"./a\"",
                "fs.read \"./b\"",
                "net.listen \"127.0.0.1:1\"",
                "process.workers true",
                "process.addons package = \"x\"",
            ]
        );
        for grant in &grants {
            let left = added(&base, &without(FILE, grant).unwrap()).unwrap();
            assert_eq!(left.len(), grants.len() - 1, "{grant}");
            assert!(!left.iter().any(|other| other.to_string() == grant.to_string()), "{grant}");
        }
        assert!(added(FILE, FILE).unwrap().is_empty());
    }
}
