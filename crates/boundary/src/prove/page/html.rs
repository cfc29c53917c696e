//! The only way words get onto the page.
//!
//! Markup can only be a literal of this program, and whatever is computed is escaped twice: first
//! by `display::untrusted`, so that no control, direction or look-alike character survives, then
//! for HTML. Forgetting to escape does not compile. Values are only ever placed in element content
//! and in double-quoted attributes, for which this escaping is sufficient.

use ringfence_policy::display::untrusted;
use std::fmt::{Display, Write};

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this program itself.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Any text, escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut escaping = Escaping(&mut self.0);
        // Writing into a string cannot fail.
        let _ = write!(escaping, "{}", untrusted(text));
        self
    }

    /// Anything that can be shown, escaped.
    pub(super) fn show(&mut self, value: impl Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// A number of drawing units, to a tenth of one.
    pub(super) fn at(&mut self, units: f64) -> &mut Self {
        let text = format!("{units:.1}");
        let text = text.strip_suffix(".0").unwrap_or(&text);
        self.0.push_str(if text == "-0" { "0" } else { text });
        self
    }

    /// A number of drawing units, to a hundredth of one.
    pub(super) fn fine(&mut self, units: f64) -> &mut Self {
        let text = format!("{units:.2}");
        self.0.push_str(&text);
        self
    }

    /// The finished page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_neither_open_a_tag_nor_end_an_attribute_nor_turn_the_line() {
        let mut html = Html::default();
        html.text("<script>&'\"\u{202e}\0\u{e9}\n");
        assert_eq!(html.finish(), r"&lt;script&gt;&amp;'&quot;\u{202e}\u{0}\u{e9}\u{a}");
    }

    #[test]
    fn coordinates_are_short_and_never_negative_zero() {
        let mut html = Html::default();
        html.at(1.0).raw(" ").at(2.25).raw(" ").at(-0.01).raw(" ").at(-3.5);
        assert_eq!(html.finish(), "1 2.2 0 -3.5");
    }
}
