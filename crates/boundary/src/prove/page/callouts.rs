//! The grants beside the ring, each list with its line through a gate of the ring.

use super::dial::Dial;
use super::grants::{Direction, Gate};
use super::html::Html;
use super::words::clip;

/// Entries shown of one kind of grant; the table has them all.
const SHOWN: usize = 5;
/// Letters of an entry.
const LETTERS: usize = 34;
/// From one line of text to the next, and from one list to the next.
const LINE: f64 = 16.0;
const BETWEEN: f64 = 26.0;
/// Degrees between two gates.
const GATES: f64 = 13.0;

/// A column of lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its outer and its inner edge.
    pub(super) edges: (f64, f64),
    /// The angle of the ring it faces.
    pub(super) faces: f64,
}

impl Column {
    /// Draws the lists, from top to bottom.
    pub(super) fn draw(&self, html: &mut Html, dial: &Dial, gates: &[Gate]) {
        let lines: Vec<f64> = gates.iter().map(lines).collect();
        let between = f64::from(u32::try_from(gates.len()).unwrap_or(1)) - 1.0;
        let height = lines.iter().sum::<f64>().mul_add(LINE, between * BETWEEN);
        let mut top = dial.center.1 - height / 2.0 + LINE;
        // On the left, angles grow from bottom to top.
        let turn = if self.faces > 90.0 { -GATES } else { GATES };
        let mut angle = self.faces - turn * between / 2.0;
        for (gate, lines) in gates.iter().zip(lines) {
            self.leader(html, dial, gate, (top + 5.0, angle));
            self.list(html, gate, top);
            top += lines.mul_add(LINE, BETWEEN);
            angle += turn;
        }
    }

    /// The line from a list to the service; it ends at the ring where nothing is granted.
    fn leader(&self, html: &mut Html, dial: &Dial, gate: &Gate, (y, angle): (f64, f64)) {
        let open = !gate.entries.is_empty();
        let edge = dial.outer + 14.0;
        let (outside, core) = (dial.point(edge, angle), dial.point(dial.core + 3.0, angle));
        if open {
            html.raw("<path class=\"gap\" d=\"");
            let (from, to) = (dial.point(dial.outer + 5.0, angle), dial.point(dial.core, angle));
            line(html, &[from, to]);
            html.raw("\"/>");
        }
        html.raw("<path class=\"").raw(if open { "leader" } else { "leader shut" }).raw("\" d=\"");
        let mut points = vec![(self.edges.0, y), (self.edges.1, y), outside];
        points.extend(open.then_some(core));
        line(html, &points);
        if open {
            html.raw("\"/><path class=\"tip\" d=\"");
            let (at, away) = match gate.direction {
                Direction::In => (dial.core + 2.0, 8.0),
                Direction::Out => (edge, -8.0),
            };
            let spread = (3.6 / (at + away)).to_degrees();
            let sides = [-spread, spread].map(|by| dial.point(at + away, angle + by));
            line(html, &[sides[0], dial.point(at, angle), sides[1]]);
            html.raw("Z");
        } else {
            let spread = (7.0 / edge).to_degrees();
            line(html, &[dial.point(edge, angle - spread), dial.point(edge, angle + spread)]);
        }
        html.raw("\"/>");
    }

    fn list(&self, html: &mut Html, gate: &Gate, top: f64) {
        let x = self.edges.0.min(self.edges.1);
        let text = |html: &mut Html, kind: &'static str, y: f64, text: &str| {
            html.raw("<text class=\"").raw(kind).raw("\" x=\"").at(x).raw("\" y=\"").at(y);
            html.raw("\">").text(text).raw("</text>");
        };
        if gate.entries.is_empty() {
            text(html, "verb none", top, gate.none);
            return;
        }
        text(html, "verb", top, gate.verb);
        let mut y = top + 5.0;
        for entry in shown(gate) {
            y += LINE;
            text(html, "grant", y, &clip(entry, LETTERS));
        }
        let more = gate.entries.len() - shown(gate).len();
        if more > 0 {
            text(html, "grant more", y + LINE, &format!("+{more} more"));
        }
        html.raw("\n");
    }
}

/// The entries that are drawn; one more is drawn rather than told.
fn shown(gate: &Gate) -> &[String] {
    if gate.entries.len() <= SHOWN + 1 { &gate.entries } else { &gate.entries[..SHOWN] }
}

/// Lines that a list takes.
fn lines(gate: &Gate) -> f64 {
    let entries = gate.entries.len().min(SHOWN + 1);
    f64::from(u32::try_from(entries).unwrap_or_default()) + 1.0
}

fn line(html: &mut Html, points: &[(f64, f64)]) {
    for (index, (x, y)) in points.iter().enumerate() {
        html.raw(if index == 0 { "M" } else { "L" }).at(*x).raw(" ").at(*y);
    }
}
