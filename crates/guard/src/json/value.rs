//! A value that is checked while it is read.

use super::Limits;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// Names that reach the prototype of an object in JavaScript.
const PROTOTYPES: [&str; 3] = ["__proto__", "constructor", "prototype"];
/// Marks reasons of ours among those of the parser, whose texts may hold what was read.
const OURS: &str = "\u{1}";

/// What is left of the limits.
pub(super) struct Budget {
    depth: usize,
    most: usize,
    left: Cell<usize>,
}

impl Budget {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { depth: limits.depth, most: limits.values, left: Cell::new(limits.values) }
    }

    fn take<E: Error>(&self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(refuse(&format!("it has more than {} values", self.most))),
        }
    }
}

fn refuse<E: Error>(why: &str) -> E {
    E::custom(format!("{OURS}{why}"))
}

/// The reason of an error, without what was read.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let ours = text
        .strip_prefix(OURS)
        .map(|rest| rest.rsplit_once(" at line ").map_or(rest, |(why, _)| why));
    match ours {
        Some(why) => why.to_owned(),
        None if error.is_eof() => "it ends too early".to_owned(),
        None => "it is no JSON".to_owned(),
    }
}

/// Reads one value, `used` levels deep.
#[derive(Clone, Copy)]
pub(super) struct Guarded<'a> {
    budget: &'a Budget,
    used: usize,
}

impl<'a> Guarded<'a> {
    pub(super) const fn new(budget: &'a Budget) -> Self {
        Self { budget, used: 0 }
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.used >= self.budget.depth {
            return Err(refuse(&format!("it is deeper than {}", self.budget.depth)));
        }
        Ok(Self { used: self.used + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Guarded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Guarded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| refuse("a number is out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if PROTOTYPES.contains(&name.as_str()) {
                return Err(refuse("a name reaches the prototype"));
            }
            if read.contains_key(&name) {
                return Err(refuse("a name is there twice"));
            }
            let value = members.next_value_seed(inner)?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}
