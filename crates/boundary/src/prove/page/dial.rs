//! The ring as a drawing: the service in the middle, each layer a circle around it, each attack a
//! mark outside that ends at the outermost circle, or a bar that reaches the service.
//!
//! Everything in it is also in the tables below it: it shows the shape of a proof, it is not the
//! evidence.

use super::html::Html;
use super::tally::Class;
use super::words::clip;
use crate::prove::arena::LayerAnswer;
use crate::prove::report::Evidence;
use ringfence_policy::layer::Layer;

/// Where everything of a dial lies, in drawing units; angles in degrees, clockwise from the right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dial {
    /// The middle.
    pub(super) center: (f64, f64),
    /// Radius of the service.
    pub(super) core: f64,
    /// Radius of the outermost layer.
    pub(super) outer: f64,
    /// From one layer to the next.
    pub(super) step: f64,
    /// Length of a mark.
    pub(super) mark: f64,
    /// Radius of the names of the classes.
    pub(super) label: f64,
    /// Width of a letter of those, and of the layers' names.
    pub(super) letters: (f64, f64),
    /// Letters that fit into a line of the service's name.
    pub(super) name: usize,
    /// The parts of the outside that attacks come from.
    pub(super) arcs: &'static [(f64, f64)],
}

/// Width of a mark.
const DASH: f64 = 1.5;

/// One class and the part of the outside it has.
struct Sector {
    class: Class,
    from: f64,
    to: f64,
}

impl Dial {
    /// A place on the circle with this radius.
    pub(super) fn point(&self, radius: f64, angle: f64) -> (f64, f64) {
        let (sin, cos) = angle.to_radians().sin_cos();
        (radius.mul_add(cos, self.center.0), radius.mul_add(sin, self.center.1))
    }

    /// Draws all of it.
    pub(super) fn draw(&self, html: &mut Html, evidence: &Evidence, classes: &[Class]) {
        self.layers(html, &evidence.layers);
        for sector in self.sectors(classes) {
            self.sector(html, &sector);
        }
        self.service(html, evidence);
    }

    fn layers(&self, html: &mut Html, answers: &[LayerAnswer]) {
        let (x, y) = self.center;
        let mut radius = self.outer;
        for layer in Layer::ALL {
            let answer = answers.iter().find(|answer| answer.layer == layer.id());
            let (kind, state) = state(answer);
            html.raw("<circle class=\"ring ").raw(kind).raw("\" cx=\"").at(x).raw("\" cy=\"").at(y);
            html.raw("\" r=\"").at(radius).raw("\">");
            hint(html, layer.id(), state);
            html.raw("</circle>");
            html.raw("<text class=\"layer ").raw(kind).raw("\" x=\"").at(x).raw("\" y=\"");
            html.at(0.6f64.mul_add(self.letters.1, y - radius)).raw("\">").show(layer);
            html.raw("</text>\n");
            radius -= self.step;
        }
    }

    fn service(&self, html: &mut Html, evidence: &Evidence) {
        let (x, y) = self.center;
        html.raw("<circle class=\"core\" cx=\"").at(x).raw("\" cy=\"").at(y);
        html.raw("\" r=\"").at(self.core).raw("\"/>");
        let mut lines: Vec<(&str, String)> =
            name_lines(&evidence.service, self.name).into_iter().map(|l| ("name", l)).collect();
        let node = evidence.node.as_ref().map(|node| format!("Node {}", clip(node, 12)));
        lines.extend(node.map(|node| ("what", node)));
        lines.push(("what", format!("user {}", evidence.users[1])));
        let pitch = self.core / 3.7;
        let count = u32::try_from(lines.len()).unwrap_or_default();
        let mut at = y - pitch * (f64::from(count) - 1.0) / 2.0 + pitch * 0.3;
        for (kind, line) in lines {
            html.raw("<text class=\"").raw(kind).raw("\" x=\"").at(x).raw("\" y=\"").at(at);
            html.raw("\">").text(&line).raw("</text>");
            at += pitch;
        }
        html.raw("\n");
    }

    /// Deals the outside out: each class gets the room for its name, and what is left is shared by
    /// the number of attacks.
    fn sectors(&self, classes: &[Class]) -> Vec<Sector> {
        let room: f64 = self.arcs.iter().map(|(from, to)| to - from).sum();
        let need: f64 = classes.iter().map(|class| self.need(*class)).sum();
        let attacks: u32 = classes.iter().map(|class| class.all()).sum();
        let spare = (room - need).max(0.0) / f64::from(attacks.max(1));
        let width = |class: &Class| spare.mul_add(f64::from(class.all()), self.need(*class));
        let mut sectors = Vec::new();
        let mut rest = classes;
        for (index, (from, to)) in self.arcs.iter().enumerate() {
            let mut used = 0.0;
            let fits = rest.iter().take_while(|class| {
                used += width(class);
                used - width(class) / 2.0 <= to - from
            });
            let last = index + 1 == self.arcs.len();
            let (here, later) = rest.split_at(if last { rest.len() } else { fits.count() });
            rest = later;
            let scale = (to - from) / here.iter().map(width).sum::<f64>().max(1.0);
            let mut at = *from;
            for class in here {
                let end = width(class).mul_add(scale, at);
                sectors.push(Sector { class: *class, from: at, to: end });
                at = end;
            }
        }
        sectors
    }

    /// Degrees that the name of a class takes.
    fn need(&self, class: Class) -> f64 {
        let letters = u32::try_from(label(class).len()).unwrap_or_default();
        (f64::from(letters).mul_add(self.letters.0, 1.6 * self.letters.0) / self.label).to_degrees()
    }

    /// One dashed arc for each verdict: every dash is an attack.
    fn sector(&self, html: &mut Html, sector: &Sector) {
        let class = sector.class;
        let margin = 2.0 * (self.letters.0 / self.label).to_degrees();
        let near = self.outer + self.step * 0.4;
        let (far, further) = (near + self.mark, near + self.mark * 1.3);
        let pitch = (sector.to - sector.from - margin).max(1.0) / f64::from(class.all().max(1));
        let kinds = [
            ("refused", "refused", class.blocked, near, far),
            ("unsure", "not conclusive", class.inconclusive, far - self.mark / 3.0, far),
            ("through", "WENT THROUGH", class.open, self.core, further),
        ];
        let mut angle = sector.from + margin / 2.0;
        for (kind, words, count, inner, outer) in kinds.into_iter().filter(|kind| kind.2 > 0) {
            let radius = f64::midpoint(inner, outer);
            let until = pitch.mul_add(f64::from(count), angle);
            let step = radius * pitch.to_radians();
            let dash = if kind == "through" { DASH * 1.6 } else { DASH };
            html.raw("<path class=\"").raw(kind).raw("\" stroke-width=\"").at(outer - inner);
            html.raw("\" stroke-dasharray=\"").fine(dash).raw(" ").fine(step - dash);
            html.raw("\" stroke-dashoffset=\"").fine((dash - step) / 2.0).raw("\" d=\"");
            self.arc(html, radius, angle, until, true);
            html.raw("\">");
            hint(html, class.id, &format!("{count} {words}"));
            html.raw("</path>");
            angle = until;
        }
        self.name(html, sector);
    }

    /// The name of a class, along the circle and never upside down.
    fn name(&self, html: &mut Html, sector: &Sector) {
        let middle = f64::midpoint(sector.from, sector.to).rem_euclid(360.0);
        let below = middle > 0.0 && middle < 180.0;
        let kind = if sector.class.open > 0 { "class through" } else { "class" };
        html.raw("<path id=\"class-").text(sector.class.id).raw("\" d=\"");
        // Text on a path is not shown where it is longer: the path is, by one sector on each side.
        let (from, to) = (middle - 40.0, middle + 40.0);
        if below {
            self.arc(html, self.label + 1.2 * self.letters.0, to, from, false);
        } else {
            self.arc(html, self.label, from, to, true);
        }
        html.raw("\"/><text class=\"").raw(kind).raw("\"><textPath href=\"#class-");
        html.text(sector.class.id).raw("\" startOffset=\"50%\">");
        html.text(&label(sector.class)).raw("</textPath></text>\n");
    }

    fn arc(&self, html: &mut Html, radius: f64, from: f64, to: f64, clockwise: bool) {
        let (start, end) = (self.point(radius, from), self.point(radius, to));
        html.raw("M").at(start.0).raw(" ").at(start.1).raw("A").at(radius).raw(" ").at(radius);
        html.raw(if (to - from).abs() > 180.0 { " 0 1 " } else { " 0 0 " });
        html.raw(if clockwise { "1 " } else { "0 " }).at(end.0).raw(" ").at(end.1);
    }
}

/// What is told where somebody points at a stroke.
fn hint(html: &mut Html, what: &str, words: &str) {
    html.raw("<title>").text(what).raw(": ").text(words).raw("</title>");
}

/// The style of a layer's circle, and its answer in words.
pub(super) fn state(answer: Option<&LayerAnswer>) -> (&'static str, &str) {
    let state = answer.map_or("not asked", |answer| answer.state.as_str());
    let kind = match state {
        "enforced" => "enforced",
        "partial" => "partial",
        "absent" => "absent",
        _ => "not-needed",
    };
    (kind, state)
}

fn label(class: Class) -> String {
    format!("{} {}", class.id, class.all())
}

/// A name in at most three lines, broken after hyphens where there are any.
fn name_lines(name: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in name.split_inclusive('-') {
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && line.chars().count() + part.chars().count() > letters
        });
        if full && lines.len() < 3 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(part);
        }
    }
    lines.iter().map(|line| clip(line, letters)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_broken_and_cut_to_fit() {
        assert_eq!(name_lines("orders", 12), ["orders"]);
        assert_eq!(name_lines("order-price-service", 12), ["order-price-", "service"]);
        let lines = name_lines(&"abcdefghij-".repeat(6), 12);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= 12), "{lines:?}");
    }
}
