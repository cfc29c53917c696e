//! A package brings native code, and no earlier version of it did: by what it depends on (helpers that
//! find, fetch or build addons, packages for single platforms), or by what its tarball holds.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::change::Release;
use crate::evidence::Known;
use ringfence_project::graph::{Edge, EdgeKind, Graph, Package, Target};

pub(super) const SIGNAL: Signal = Signal {
    code: "native-addon",
    question: "are build tools and ABI stable?",
    severity: Severity::Moderate,
    find,
};

/// Packages that nothing but a native addon depends on.
const HELPERS: [&str; 15] = [
    "@mapbox/node-pre-gyp",
    "bindings",
    "cmake-js",
    "nan",
    "napi-build-utils",
    "napi-macros",
    "napi-postinstall",
    "node-addon-api",
    "node-gyp",
    "node-gyp-build",
    "node-gyp-build-optional-packages",
    "node-pre-gyp",
    "pkg-prebuilds",
    "prebuild-install",
    "prebuildify",
];

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (release, copies) in review.added() {
        let package = copies.first();
        // What asks for it is told instead.
        if !package.cpu.is_empty() {
            continue;
        }
        let why = match native(review, review.change.new, release, package) {
            Known::Said(Some(why)) => why,
            Known::Said(None) => continue,
            Known::Unknown(why) => {
                found.unknown(&why);
                continue;
            }
        };
        let before = review.change.earlier(release.name).any(|(release, copies)| {
            let told = native(review, review.change.old, release, copies.first());
            matches!(told, Known::Said(Some(_)))
        });
        if !before {
            found.add(package, why);
        }
    }
}

/// Why a release is native; nothing where it is not.
fn native(
    review: &Review<'_>,
    graph: &Graph,
    release: &Release<'_>,
    package: &Package,
) -> Known<Option<String>> {
    let needed = |edge: &&Edge| matches!(edge.kind, EdgeKind::Production | EdgeKind::Optional);
    let helper =
        package.edges.iter().filter(needed).find(|edge| HELPERS.contains(&edge.name.as_str()));
    if let Some(helper) = helper {
        return Known::Said(Some(format!("depends on {}, as native addons do", helper.name)));
    }
    let platforms = package.edges.iter().filter(|edge| is_platform(graph, edge)).count();
    if platforms > 0 {
        return Known::Said(Some(format!("asks for packages of {platforms} platforms")));
    }
    match review.tarball(release, package) {
        Known::Said(facts) if facts.gyp => {
            Known::Said(Some("its tarball has a binding.gyp".to_owned()))
        }
        Known::Said(facts) => Known::Said(facts.native.first().map(|path| {
            format!("its tarball has native code: {path} ({} files)", facts.native.len())
        })),
        Known::Unknown(why) => Known::Unknown(why),
    }
}

/// Whether an edge leads to a package for single platforms.
fn is_platform(graph: &Graph, edge: &Edge) -> bool {
    if edge.kind != EdgeKind::Optional {
        return false;
    }
    if let Some(Target::Package(id)) = edge.to {
        let package = graph.package(id);
        if !package.cpu.is_empty() || package.os.len() == 1 && !package.libc.is_empty() {
            return true;
        }
    }
    // Not every form has the platforms.
    let systems = ["linux", "darwin", "win32", "android", "freebsd"];
    let parts = || edge.name.split(['-', '/', '.', '_']);
    let system = parts().any(|part| systems.contains(&part));
    let processor =
        parts().any(|part| matches!(part, "x64" | "arm64" | "arm" | "ia32" | "ppc64" | "s390x"));
    system && processor
}

#[cfg(test)]
mod tests {
    use crate::evidence::TarballFacts;
    use crate::review::testing::{Told, codes, codes_with};

    fn lock(version: &str, rest: &str) -> String {
        format!(r#""node_modules/a": {{"version": "{version}"{rest}}}"#)
    }

    #[test]
    fn helpers_and_packages_of_platforms_are_found() {
        let old = lock("1.0.0", "");
        let helper = r#", "dependencies": {"node-gyp-build": "^4.0.0"}"#;
        let platforms =
            r#", "optionalDependencies": {"@a/linux-x64": "1.0.1", "@a/darwin-arm64": "1.0.1"}"#;
        for rest in [helper, platforms] {
            assert!(codes(&old, &lock("2.0.0", rest)).contains(&"native-addon"), "{rest}");
            let before = codes(&lock("1.0.0", rest), &lock("2.0.0", rest));
            assert!(!before.contains(&"native-addon"), "it did before: {rest}");
        }
        let pure = r#", "dependencies": {"lodash": "^4.0.0"}"#;
        assert!(!codes(&old, &lock("2.0.0", pure)).contains(&"native-addon"));
    }

    #[test]
    fn a_tarball_with_native_code_is_found() {
        let facts = |native: &[&str]| TarballFacts {
            native: native.iter().map(ToString::to_string).collect(),
            ..TarballFacts::default()
        };
        let (old, new) = (lock("1.0.0", ""), lock("2.0.0", ""));
        let told =
            Told::default().tarball("a@1.0.0", facts(&[])).tarball("a@2.0.0", facts(&["a.node"]));
        assert!(codes_with(&old, &new, &told).contains(&"native-addon"));
        let told = Told::default()
            .tarball("a@1.0.0", facts(&["a.node"]))
            .tarball("a@2.0.0", facts(&["a.node"]));
        assert!(!codes_with(&old, &new, &told).contains(&"native-addon"));
    }
}
