//! A value that is checked while it is read.

use super::{Facts, Limits, Numbers, Rule};
use crate::merge::is_prototype_name;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

/// The largest whole number that a double holds exactly together with its neighbours: 2^53 - 1.
const MOST_EXACT: u64 = (1 << 53) - 1;
/// Names of one object that are compared one by one; more are hashed.
const FEW: usize = 16;

/// What is left of the limits, what was found, and the rule that was broken.
pub(super) struct Budget<'a> {
    limits: &'a Limits,
    left: Cell<usize>,
    deepest: Cell<usize>,
    inexact: Cell<usize>,
    broken: Cell<Option<Rule>>,
}

impl<'a> Budget<'a> {
    pub(super) const fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            left: Cell::new(limits.values),
            deepest: Cell::new(0),
            inexact: Cell::new(0),
            broken: Cell::new(None),
        }
    }

    /// The rule that an error is about: ours, or what the parser says.
    pub(super) fn rule(&self, error: &serde_json::Error) -> Rule {
        self.broken.take().unwrap_or_else(|| Rule::of(error))
    }

    pub(super) const fn facts(&self) -> Facts {
        Facts {
            values: self.limits.values - self.left.get(),
            depth: self.deepest.get(),
            inexact: self.inexact.get(),
        }
    }

    fn refuse<T, E: Error>(&self, rule: Rule) -> Result<T, E> {
        self.broken.set(Some(rule));
        Err(E::custom(""))
    }

    fn allow<E: Error>(&self, allowed: bool, rule: Rule) -> Result<(), E> {
        if allowed { Ok(()) } else { self.refuse(rule) }
    }

    fn take<E: Error>(&self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1);
        self.allow(left.is_some(), Rule::Values(self.limits.values))?;
        self.left.set(left.unwrap_or_default());
        Ok(())
    }

    fn whole<E: Error>(&self, exact: bool) -> Result<(), E> {
        if exact {
            return Ok(());
        }
        self.inexact.set(self.inexact.get() + 1);
        self.allow(self.limits.numbers == Numbers::Told, Rule::Inexact)
    }

    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        let most = self.limits.string;
        self.allow(text.len() <= most, Rule::StringLength(most))
    }
}

/// What is made of what is read.
pub(super) trait Form: Copy {
    type Made;
    type Items: Default;
    type Members<'de>: Default;
    fn scalar(value: Scalar<'_>) -> Self::Made;
    fn push(items: &mut Self::Items, item: Self::Made);
    fn array(items: Self::Items) -> Self::Made;
    fn has(members: &Self::Members<'_>, name: &str) -> bool;
    fn insert<'de>(members: &mut Self::Members<'de>, name: Cow<'de, str>, value: Self::Made);
    fn object(members: Self::Members<'_>) -> Self::Made;
}

/// A value without parts.
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
}

/// Makes the value.
#[derive(Clone, Copy)]
pub(super) struct Whole;

impl Form for Whole {
    type Made = Value;
    type Items = Vec<Value>;
    type Members<'de> = Map<String, Value>;

    fn scalar(value: Scalar<'_>) -> Value {
        match value {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(value) => Value::Number(value),
            Scalar::Text(text) => Value::String(text.into_owned()),
        }
    }

    fn push(items: &mut Vec<Value>, item: Value) {
        items.push(item);
    }

    fn array(items: Vec<Value>) -> Value {
        Value::Array(items)
    }

    fn has(members: &Map<String, Value>, name: &str) -> bool {
        members.contains_key(name)
    }

    fn insert(members: &mut Map<String, Value>, name: Cow<'_, str>, value: Value) {
        members.insert(name.into_owned(), value);
    }

    fn object(members: Map<String, Value>) -> Value {
        Value::Object(members)
    }
}

/// Makes nothing: names are kept as long as their object is read.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

/// Names of one object: few in a list, many in a set.
#[derive(Default)]
pub(super) struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl Form for Nothing {
    type Made = ();
    type Items = ();
    type Members<'de> = Names<'de>;

    fn scalar(_: Scalar<'_>) {}

    fn push((): &mut (), (): ()) {}

    fn array((): ()) {}

    fn has(names: &Names<'_>, name: &str) -> bool {
        names.few.iter().any(|known| known == name) || names.many.contains(name)
    }

    fn insert<'de>(names: &mut Names<'de>, name: Cow<'de, str>, (): ()) {
        if names.few.len() < FEW {
            names.few.push(name);
        } else {
            names.many.insert(name);
        }
    }

    fn object(_: Names<'_>) {}
}

/// Reads one value, `used` levels deep.
#[derive(Clone, Copy)]
pub(super) struct Guarded<'a, F> {
    budget: &'a Budget<'a>,
    used: usize,
    form: PhantomData<F>,
}

impl<'a, F: Form> Guarded<'a, F> {
    pub(super) const fn new(budget: &'a Budget<'a>) -> Self {
        Self { budget, used: 0, form: PhantomData }
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        let most = self.budget.limits.depth;
        self.budget.allow(self.used < most, Rule::Depth(most))?;
        let used = self.used + 1;
        self.budget.deepest.set(self.budget.deepest.get().max(used));
        Ok(Self { used, ..self })
    }
}

impl<'de, F: Form> DeserializeSeed<'de> for Guarded<'_, F> {
    type Value = F::Made;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<F::Made, D::Error> {
        self.budget.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Form> Visitor<'de> for Guarded<'_, F> {
    type Value = F::Made;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<F::Made, E> {
        Ok(F::scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<F::Made, E> {
        self.budget.whole(value.unsigned_abs() <= MOST_EXACT)?;
        Ok(F::scalar(Scalar::Number(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<F::Made, E> {
        self.budget.whole(value <= MOST_EXACT)?;
        Ok(F::scalar(Scalar::Number(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<F::Made, E> {
        // From 2^53 on every double is a whole number, and stands for its neighbours too.
        const BOUND: f64 = 9_007_199_254_740_992.0;
        self.budget.whole(value.abs() < BOUND)?;
        match Number::from_f64(value) {
            Some(number) => Ok(F::scalar(Scalar::Number(number))),
            None => self.budget.refuse(Rule::NumberRange),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<F::Made, E> {
        self.budget.text(value)?;
        Ok(F::scalar(Scalar::Text(value.into())))
    }

    fn visit_unit<E: Error>(self) -> Result<F::Made, E> {
        Ok(F::scalar(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<F::Made, A::Error> {
        let (inner, most) = (self.deeper()?, self.budget.limits.items);
        let (mut read, mut count) = (F::Items::default(), 0);
        while let Some(item) = items.next_element_seed(inner)? {
            count += 1;
            self.budget.allow(count <= most, Rule::Items(most))?;
            F::push(&mut read, item);
        }
        Ok(F::array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<F::Made, A::Error> {
        let (inner, limits) = (self.deeper()?, self.budget.limits);
        let (mut read, mut count) = (F::Members::default(), 0);
        while let Some(name) = members.next_key_seed(Name)? {
            count += 1;
            self.budget.allow(count <= limits.members, Rule::Members(limits.members))?;
            self.budget.allow(name.len() <= limits.name, Rule::NameLength(limits.name))?;
            self.budget.allow(!is_prototype_name(&name), Rule::Prototype)?;
            self.budget.allow(!F::has(&read, &name), Rule::DuplicateName)?;
            let value = members.next_value_seed(inner)?;
            F::insert(&mut read, name, value);
        }
        Ok(F::object(read))
    }
}

/// Reads a name, without a copy where nothing in it is escaped.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
