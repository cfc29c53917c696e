//! What is fuzzed of this room: every reader at once, and the verdict.

use super::judge::{Part, judge};
use super::{Source, Told, Trust, attestations, keys};
use ringfence_project::graph::Graph;
use serde::Deserialize;
use serde_json::Value;

/// Whom to believe and what was said, in one document.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    root: Value,
    #[serde(default)]
    keys: Value,
    #[serde(default)]
    told: Told,
}

struct Said(Told);

impl Source for Said {
    fn told(&self, _: &str, _: &str) -> Result<Told, String> {
        Ok(self.0.clone())
    }
}

/// A lockfile with the package that the seeds are about: its tarball is the letter x.
const LOCKFILE: &str = r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"built":"1.0.0"}},
    "node_modules/built":{"version":"1.0.0","integrity":"sha512-pKvURIxJVi2CgRXROh/M6pJ/UrTVRZKX+LQ+QtqJI4vBNibkPcs43bCCSIkn7JBPtCBXRDmD6IWFF51QVRr+Yg=="}}}"#;

/// Reads bytes as everything that is read here, and judges what they say. Whether the promises hold:
/// what is verified says where it was built, and what cannot be read is no empty error.
#[doc(hidden)]
#[must_use]
pub fn fuzz_bundle(bytes: &[u8]) -> bool {
    let readable = attestations(bytes).map_or_else(|why| !why.is_empty(), |_| true)
        && keys::read(bytes).map_or_else(|why| !why.is_empty(), |_| true);
    let Ok(document) = serde_json::from_slice::<Document>(bytes) else { return readable };
    let Ok(graph) = Graph::read("package-lock.json", LOCKFILE, &[]) else { return false };
    let trust = Trust::of(&document.root.to_string(), &document.keys.to_string());
    let Some(verdict) = judge(graph.packages.iter(), &Said(document.told), &trust) else {
        return false;
    };
    let is_told = verdict.parts().all(|(_, part)| match part {
        Part::Wrong(why) | Part::Unknown(why) => !why.is_empty(),
        Part::None | Part::Verified => true,
    });
    let has_origin = verdict.origin.as_ref().is_some_and(|origin| !origin.repository.is_empty());
    readable && is_told && (verdict.provenance == Part::Verified) == has_origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seed: &[u8], change: impl FnOnce(&mut Value)) -> Part {
        let mut document: Value = serde_json::from_slice(seed).unwrap();
        change(&mut document);
        let document: Document = serde_json::from_value(document).unwrap();
        let graph = Graph::read("package-lock.json", LOCKFILE, &[]).unwrap();
        let trust = Trust::of(&document.root.to_string(), &document.keys.to_string());
        judge(graph.packages.iter(), &Said(document.told), &trust).unwrap().provenance
    }

    const GOOD: &[u8] = include_bytes!("../../../../fuzz/corpus/bundle/good");
    const CLAIMS: &[u8] = include_bytes!("../../../../fuzz/corpus/bundle/claims-another-commit");
    const OTHER: &[u8] = include_bytes!("../../../../fuzz/corpus/bundle/entry-of-another-bundle");

    #[test]
    fn the_seeds_reach_what_they_are_for() {
        assert_eq!(judged(GOOD, |_| {}), Part::Verified);
        for seed in [CLAIMS, OTHER] {
            assert!(matches!(judged(seed, |_| {}), Part::Wrong(_)));
        }
        let unbelieved = judged(GOOD, |document| document["root"] = Value::Null);
        assert!(matches!(unbelieved, Part::Unknown(_)));
    }

    #[test]
    fn a_root_counts_from_the_day_it_holds() {
        for part in ["tlogs", "certificateAuthorities", "ctlogs"] {
            let later = judged(GOOD, |document| {
                let one = &mut document["root"][part][0];
                let window = serde_json::json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
                if one.get("publicKey").is_some() {
                    one["publicKey"]["validFor"] = window;
                } else {
                    one["validFor"] = window;
                }
            });
            assert!(matches!(later, Part::Wrong(_)), "{part}: {later:?}");
        }
    }
}
