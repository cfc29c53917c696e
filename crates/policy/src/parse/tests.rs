//! The file as a whole: what is complete, what each mistake looks like, and that nothing panics.
use super::*;
use crate::model::Network;

/// A complete file with these lines after `[service]`.
pub(crate) fn boundary(rest: &str) -> Boundary {
    let text = format!("[service]\nname = \"orders\"\nstart = [\"node\", \"server.mjs\"]\n{rest}");
    parse("ringfence.toml", &text).unwrap_or_else(|errors| panic!("{}", joined(&errors)))
}

/// The network of these lines of `[net]`.
pub(crate) fn network(lines: &str) -> Network {
    boundary(&format!("[net]\n{lines}")).net
}

fn joined(errors: &[Diagnostic]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
