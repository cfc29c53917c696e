//! Which packages are there for whom: found from the importers along the edges.

use super::{EdgeKind, Graph, Need, PackageId, Target};

/// Ways to a package, the strictest first.
const PRODUCTION: u8 = 0b001;
const OPTIONAL: u8 = 0b010;
const DEV: u8 = 0b100;

/// Sets `need` of every package. What a form says of itself is not taken: a lockfile that was edited
/// could call anything a development dependency.
pub(super) fn mark(graph: &mut Graph) {
    if graph.importers.iter().all(|importer| importer.edges.is_empty()) {
        return;
    }
    let found = ways(graph);
    for (package, ways) in graph.packages.iter_mut().zip(found) {
        package.need = match ways {
            0 => Need::Nobody,
            DEV => Need::Dev,
            OPTIONAL => Need::Optional,
            way if way & PRODUCTION == 0 => Need::DevOptional,
            _ => Need::Production,
        };
    }
}

/// The ways to each package.
fn ways(graph: &Graph) -> Vec<u8> {
    let mut packages = vec![0_u8; graph.packages.len()];
    let mut importers = vec![0_u8; graph.importers.len()];
    let mut open: Vec<(Target, u8)> = Vec::new();
    for importer in &graph.importers {
        for edge in &importer.edges {
            if let Some(to) = edge.to {
                open.push((to, along(PRODUCTION, edge.kind)));
            }
        }
    }
    while let Some((target, way)) = open.pop() {
        let (seen, edges) = match target {
            Target::Package(PackageId(index)) => {
                (&mut packages[index as usize], &graph.packages[index as usize].edges)
            }
            Target::Importer(id) => (&mut importers[id.0 as usize], &graph.importer(id).edges),
        };
        if *seen | way == *seen {
            continue;
        }
        *seen |= way;
        let own = matches!(target, Target::Importer(_));
        for edge in edges {
            let Some(to) = edge.to else { continue };
            let way = along(way, edge.kind);
            // What a workspace needs to develop is counted from that workspace itself.
            let counted = own && edge.kind == EdgeKind::Dev;
            let known = matches!(to, Target::Package(PackageId(index)) if packages[index as usize] & way != 0);
            if !counted && !known {
                open.push((to, way));
            }
        }
    }
    packages
}

/// The way on: development stays development, and optional stays optional.
const fn along(way: u8, kind: EdgeKind) -> u8 {
    match (way, kind) {
        (DEV, _) | (_, EdgeKind::Dev) => DEV,
        (OPTIONAL, _) | (_, EdgeKind::Optional) => OPTIONAL,
        _ => PRODUCTION,
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Need};

    #[test]
    fn what_only_development_or_an_option_asks_for_is_told_apart() {
        let graph = Graph::read(
            "package-lock.json",
            r#"{"lockfileVersion": 3, "packages": {
              "": {"dependencies": {"a": "^1"}, "devDependencies": {"d": "1"}, "optionalDependencies": {"o": "1"}},
              "node_modules/a": {"version": "1.0.0", "dependencies": {"shared": "1"}},
              "node_modules/d": {"version": "1.0.0", "dependencies": {"shared": "1", "tool": "1"}},
              "node_modules/o": {"version": "1.0.0", "dependencies": {"native": "1"}},
              "node_modules/shared": {"version": "1.0.0"},
              "node_modules/tool": {"version": "1.0.0", "dev": false},
              "node_modules/native": {"version": "1.0.0"},
              "node_modules/nobody": {"version": "1.0.0"}}}"#,
            &[],
        )
        .unwrap();
        let told: Vec<_> = graph.packages.iter().map(|one| (one.name.as_str(), one.need)).collect();
        assert_eq!(
            told,
            [
                ("a", Need::Production),
                ("d", Need::Dev),
                ("o", Need::Optional),
                ("shared", Need::Production),
                ("tool", Need::Dev),
                ("native", Need::Optional),
                ("nobody", Need::Nobody),
            ]
        );
    }
}
