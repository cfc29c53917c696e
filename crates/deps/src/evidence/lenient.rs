//! Parts of a registry's document that may be anything: what is not as expected is absent, and nothing of
//! it is kept.
//!
//! Documents are read as they come. A value of any kind takes many times the room of its text, and a
//! registry may send as much as it likes: here each part becomes what is needed of it, or nothing.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Longest text that is kept, in bytes: addresses, hashes and licences are far shorter.
const LONGEST: usize = 64 << 10;

/// Most entries of a list or a map that are kept.
const MOST: usize = 4096;

/// What becomes of a value of each kind: nothing, unless it is expected.
pub(crate) trait Part: Default {
    /// Of a text.
    fn text(_: &str) -> Self {
        Self::default()
    }

    /// Of `true` or `false`.
    fn flag(_: bool) -> Self {
        Self::default()
    }

    /// Of a number that is whole and not negative.
    fn number(_: u64) -> Self {
        Self::default()
    }

    /// Of a list.
    fn list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Self::default())
    }

    /// Of an object.
    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        IgnoredAny.visit_map(entries).map(|_| Self::default())
    }
}

/// A part, read whatever it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lenient<P>(pub(crate) P);

impl<'de, P: Part> Deserialize<'de> for Lenient<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visit(PhantomData)).map(Self)
    }
}

struct Visit<P>(PhantomData<P>);

impl<'de, P: Part> Visitor<'de> for Visit<P> {
    type Value = P;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<P, E> {
        Ok(P::text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<P, E> {
        Ok(P::flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<P, E> {
        Ok(u64::try_from(number).map_or_else(|_| P::default(), P::number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<P, E> {
        Ok(P::number(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<P, E> {
        Ok(P::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<P, A::Error> {
        P::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<P, A::Error> {
        P::object(entries)
    }
}

/// A text, cut where it is longer than any that people write: that it is there is not lost.
impl Part for Option<String> {
    fn text(text: &str) -> Self {
        Some(text[..text.floor_char_boundary(LONGEST)].to_owned())
    }
}

/// Whether it is a text with anything in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filled(pub(crate) bool);

impl Part for Filled {
    fn text(text: &str) -> Self {
        Self(!text.is_empty())
    }
}

/// `true` or `false`.
impl Part for Option<bool> {
    fn flag(flag: bool) -> Self {
        Some(flag)
    }
}

/// A number that is whole and not negative.
impl Part for Option<u64> {
    fn number(number: u64) -> Self {
        Some(number)
    }
}

/// An object with parts of its own.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: for<'de> Deserialize<'de>> Part for Object<T> {
    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(|read| Self(Some(read)))
    }
}

/// Whether it is an object.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IsObject(pub(crate) bool);

impl Part for IsObject {
    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        IgnoredAny.visit_map(entries).map(|_| Self(true))
    }
}

/// The texts of an object, by key.
#[derive(Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<(String, String)>);

impl Part for Texts {
    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Lenient<Option<String>>>()? {
            if let Some(value) = value.0.filter(|_| all.len() < MOST && key.len() <= LONGEST) {
                all.push((key, value));
            }
        }
        Ok(Self(all))
    }
}

/// A list of people: names, or objects that have one.
#[derive(Debug, Default)]
pub(crate) struct People(pub(crate) Option<Vec<String>>);

impl Part for People {
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element::<Lenient<Person>>()? {
            all.extend(one.0.0.filter(|_| all.len() < MOST));
        }
        Ok(Self(Some(all)))
    }
}

/// A name, or an object that has one.
#[derive(Debug, Default)]
struct Person(Option<String>);

impl Part for Person {
    fn text(text: &str) -> Self {
        let name = text.split('<').next().unwrap_or(text).trim();
        Self(Option::<String>::text(name))
    }

    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            name: Lenient<Option<String>>,
        }
        let read = Named::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(read.name.0.as_deref().map_or_else(Self::default, Self::text))
    }
}

/// An address, or an object that has one.
#[derive(Debug, Default)]
pub(crate) struct Address(pub(crate) Option<String>);

impl Part for Address {
    fn text(text: &str) -> Self {
        Self(Option::<String>::text(text))
    }

    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        struct Located {
            #[serde(default)]
            url: Lenient<Option<String>>,
        }
        let read = Located::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Self(read.url.0))
    }
}

/// A licence: an expression, `{"type": ...}`, or a list of these.
#[derive(Debug, Default)]
pub(crate) struct Licence(pub(crate) Option<String>);

impl Part for Licence {
    fn text(text: &str) -> Self {
        Self(Option::<String>::text(text))
    }

    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element::<Lenient<Named>>()? {
            all.extend(one.0.0.filter(|_| all.len() < MOST));
        }
        Ok(Self((!all.is_empty()).then(|| all.join(" OR "))))
    }

    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        Named::object(entries).map(|named| Self(named.0))
    }
}

/// A licence that is no list.
#[derive(Debug, Default)]
struct Named(Option<String>);

impl Part for Named {
    fn text(text: &str) -> Self {
        Self(Option::<String>::text(text))
    }

    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        struct Typed {
            #[serde(rename = "type", default)]
            kind: Lenient<Option<String>>,
        }
        let read = Typed::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Self(read.kind.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of every kind.
    const ANYTHING: [&str; 11] =
        ["null", "true", "1", "-1", "1.5", "\"x\"", "[]", "[[{}]]", "{}", "{\"a\":[1]}", "\"\""];

    fn read<P: Part>(text: &str) -> P {
        serde_json::from_str::<Lenient<P>>(text).unwrap().0
    }

    #[test]
    fn what_is_not_as_expected_is_absent_and_no_error() {
        let texts: Vec<Option<String>> = ANYTHING.iter().map(|text| read(text)).collect();
        assert_eq!(texts.iter().flatten().count(), 2);
        let flags: Vec<Option<bool>> = ANYTHING.iter().map(|text| read(text)).collect();
        assert_eq!(flags.into_iter().flatten().collect::<Vec<_>>(), [true]);
        let numbers: Vec<Option<u64>> = ANYTHING.iter().map(|text| read(text)).collect();
        assert_eq!(numbers.into_iter().flatten().collect::<Vec<_>>(), [1]);
        let objects = ANYTHING.iter().filter(|text| read::<IsObject>(text).0);
        assert_eq!(objects.count(), 2);
        for text in ANYTHING {
            read::<People>(text);
            read::<Texts>(text);
            read::<Licence>(text);
            read::<Address>(text);
        }
    }

    #[test]
    fn the_forms_in_which_people_licences_and_addresses_are_written_are_read() {
        let people = read::<People>(r#"[{"name": "ann", "email": "x"}, "bob <b@c>", 1, {"a": 1}]"#);
        assert_eq!(people.0, Some(vec!["ann".to_owned(), "bob".to_owned()]));
        assert_eq!(read::<People>("{}").0, None);
        let licence = |text: &str| read::<Licence>(text).0;
        assert_eq!(licence("\"MIT\"").as_deref(), Some("MIT"));
        assert_eq!(licence(r#"{"type": "ISC", "url": 1}"#).as_deref(), Some("ISC"));
        let both = r#"[{"type": "MIT"}, "ISC", 1]"#;
        assert_eq!(licence(both).as_deref(), Some("MIT OR ISC"));
        assert_eq!(licence("[]"), None);
        let url = read::<Address>(r#"{"type": "git", "url": "git+https://code.example/a"}"#);
        assert_eq!(url.0.as_deref(), Some("git+https://code.example/a"));
    }

    #[test]
    fn no_more_is_kept_than_anybody_writes() {
        let long = format!("\"{}\"", "x".repeat(LONGEST + 1));
        assert_eq!(read::<Option<String>>(&long).map(|text| text.len()), Some(LONGEST));
        let wide = format!("\"{}\"", "\u{e4}".repeat(LONGEST));
        assert_eq!(read::<Option<String>>(&wide).map(|text| text.len()), Some(LONGEST));
        assert!(read::<Filled>(&long).0, "however long it is, it is there");
        let many = format!("[{}\"x\"]", "\"x\",".repeat(MOST));
        assert_eq!(read::<People>(&many).0.map(|all| all.len()), Some(MOST));
        let entries: Vec<String> = (0..=MOST).map(|at| format!("\"{at}\":\"x\"")).collect();
        assert_eq!(read::<Texts>(&format!("{{{}}}", entries.join(","))).0.len(), MOST);
    }
}
