//! Quantities of Kubernetes as numbers.

use ringfence_project::yaml::{Kind, Node};

/// A quantity in its base unit; `None` when it is none.
pub(super) fn of(node: &Node) -> Option<f64> {
    match node.kind() {
        #[expect(clippy::cast_precision_loss, reason = "limits are compared, not counted")]
        Kind::Int(value) => Some(*value as f64),
        Kind::Float(value) => Some(*value),
        Kind::Str(text) => parse(text),
        _ => None,
    }
}

pub(super) fn parse(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 15] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    let value: f64 = number.parse().ok()?;
    value.is_finite().then_some(value * factor)
}
