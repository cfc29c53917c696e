//! What is said about a text: explanations, each with what to do.
//!
//! All texts in here are printable ASCII: what came from the text that was explained is escaped.

use super::code::Code;
use super::grant::Grant;
use ringfence_policy::display;
use ringfence_policy::layer::Layer;
use serde::Serialize;

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// The answer to a text.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// The boundary the answer is for, when there was one.
    pub boundary: Option<String>,
    /// Each kind of error once, in the order of the text.
    pub explanations: Vec<Explanation>,
    /// All lines of the boundary file that would change, merged; empty when none does.
    pub lines: String,
    /// What was left out or could not be asked, one sentence each.
    pub notes: Vec<String>,
}

/// One error explained.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Kind.
    pub code: Code,
    /// How certain that is.
    pub confidence: Confidence,
    /// The layer that refused; `None` when no layer did.
    #[serde(serialize_with = "layer_id")]
    pub layer: Option<Layer>,
    /// One or two sentences.
    pub cause: String,
    /// What to do.
    pub advice: Advice,
    /// Where the field manual and this Node differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// What bare Node would want on its command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_flag: Option<String>,
    /// What else it can be, likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Explanation>,
    /// The line it was read from, escaped.
    pub seen: String,
    /// Line of the text, from 1; 0 when it has none.
    pub line: usize,
    /// How often it stands in the text.
    pub count: usize,
}

/// How certain an explanation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The text allows nothing else.
    Certain,
    /// The likeliest of several.
    Likely,
    /// One of several.
    Possible,
}

impl Confidence {
    /// The word used in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// What to do about an error.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Advice {
    /// A grant is missing.
    Grant {
        /// What is added.
        grants: Vec<Grant>,
        /// The lines of the boundary file as they would be, with their section.
        lines: String,
        /// A sentence about it; may be empty.
        note: String,
    },
    /// A grant would help and should not be given.
    Refuse {
        /// Why not: one sentence.
        why: String,
        /// What to do instead: one sentence.
        instead: String,
    },
    /// No grant helps.
    Other {
        /// What does: one or two sentences.
        what: String,
    },
}

impl Explanation {
    /// An explanation that is certain, with nothing but its cause.
    pub(crate) fn new(code: Code, layer: Option<Layer>, cause: impl Into<String>) -> Self {
        Self {
            code,
            confidence: Confidence::Certain,
            layer,
            cause: cause.into(),
            advice: Advice::Other { what: String::new() },
            manual: None,
            node_flag: None,
            alternatives: Vec::new(),
            seen: String::new(),
            line: 0,
            count: 1,
        }
    }

    pub(crate) fn advise(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// No grant helps; this does.
    pub(crate) fn instead(self, what: impl Into<String>) -> Self {
        self.advise(Advice::Other { what: what.into() })
    }

    pub(crate) fn likely(mut self) -> Self {
        self.confidence = Confidence::Likely;
        self
    }

    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        self.node_flag = Some(flag.into());
        self
    }

    pub(crate) fn manual(mut self, says: impl Into<String>) -> Self {
        self.manual = Some(says.into());
        self
    }

    /// What else it can be; then this one is only likely.
    pub(crate) fn or(mut self, mut other: Self) -> Self {
        other.confidence = Confidence::Possible;
        self.confidence = self.confidence.max(Confidence::Likely);
        self.alternatives.push(other);
        self
    }

    /// The grants that are advised.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        match &self.advice {
            Advice::Grant { grants, .. } => grants,
            _ => &[],
        }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn layer_id<S: serde::Serializer>(layer: &Option<Layer>, serializer: S) -> Result<S::Ok, S::Error> {
    match layer {
        Some(layer) => serializer.serialize_str(layer.id()),
        None => serializer.serialize_str("none"),
    }
}

/// A value out of the text, safe and short.
pub(crate) fn shown(text: &str) -> String {
    display::quoted(text).to_string()
}
