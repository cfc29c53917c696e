//! What an installed manifest calls itself: its name and version, and nothing else of it.
//!
//! The tree belongs to whoever could write into it. A manifest may be made to fill the memory of who
//! reads it, so what is not asked for is passed over and never kept.

use ringfence_project::walk;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::path::Path;

/// Largest manifest that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Name and version, each where the manifest of a folder says it.
pub(super) fn manifest(root: &Path, folder: &str) -> Option<(Option<String>, Option<String>)> {
    let file = root.join(folder).join("package.json");
    let kind = std::fs::symlink_metadata(&file).ok()?;
    if !kind.is_file() {
        return None;
    }
    let bytes = walk::bytes(&file, LARGEST).ok()?;
    let Named { name, version } = serde_json::from_slice(&bytes).ok()?;
    Some((name, version))
}

/// A key that is there twice counts by its last place, as in JavaScript.
#[derive(Default)]
struct Named {
    name: Option<String>,
    version: Option<String>,
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Named;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
        let mut named = Named::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => named.name = map.next_value::<Text>()?.0,
                "version" => named.version = map.next_value::<Text>()?.0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(named)
    }
}

/// A string; whatever else stands there is passed over.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Anything).map(Self)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Option<String>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        while all.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_counts_and_everything_else_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(folder.path().join("package.json"), text).unwrap();
            manifest(folder.path(), "")
        };
        let said = |name: Option<&str>, version: Option<&str>| {
            Some((name.map(str::to_owned), version.map(str::to_owned)))
        };
        let twice = r#"{"name": ["x"], "x": [1, {"name": "y"}], "name": "a", "version": "1"}"#;
        assert_eq!(read(twice), said(Some("a"), Some("1")));
        assert_eq!(read(r#"{"name": {"a": 1}, "version": 1.5}"#), said(None, None));
        assert_eq!(read(r#"{"name": null, "version": true}"#), said(None, None));
        assert_eq!(read("[]"), None);
        assert_eq!(read("{"), None);
    }
}
