//! Updates as projects take them every week: none of them may fail a review.

use super::staged::{reviewed, reviewed_offline};
use crate::Severity;

type Update = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const UPDATES: [Update; 26] = [
    ("a patch", &["a@1.0.0"], &["a@1.0.1"]),
    ("a minor version", &["a@1.0.0"], &["a@1.1.0"]),
    ("a major version", &["a@1.0.0"], &["a@2.0.0"]),
    ("a major version that needs something new", &["a@1.0.0"], &["a@2.0.0 needs:brand-helper", "brand-helper@1.0.0"]),
    ("a minor version that needs something new", &["a@1.0.0"], &["a@1.1.0 needs:brand-helper", "brand-helper@1.0.0"]),
    ("a patch that needs something well known", &["a@1.0.5"], &["a@1.0.6 needs:es-errors", "es-errors@1.3.0 hours:20000"]),
    ("a patch that needs something of its own scope", &["@pear/a@1.0.0"], &["@pear/a@1.0.1 needs:@pear/b", "@pear/b@1.0.1"]),
    ("a patch that needs what was there", &["a@1.0.0", "b@1.0.0"], &["a@1.0.1 needs:b", "b@1.0.0"]),
    ("something that is needed no more", &["a@1.0.0 needs:b", "b@1.0.0"], &["a@1.0.1"]),
    ("a well-known package", &["a@1.0.0"], &["a@1.0.0", "express@5.1.0 needs:debug needs:qs", "debug@4.4.1", "qs@6.14.0"]),
    ("a package nobody is near", &["a@1.0.0"], &["a@1.0.0", "pomegranate-orchard@1.0.0"]),
    ("a package with a script that had one", &["esbuild@0.24.0 script"], &["esbuild@0.25.0 script"]),
    ("a script that is there no more", &["a@1.0.0 script"], &["a@1.0.1"]),
    ("an addon that was one", &["a@1.0.0 native"], &["a@1.0.1 native"]),
    ("packages of platforms", &["@pear/linux-x64@1.0.0 cpu:x64 native"], &["@pear/linux-x64@1.0.1 cpu:x64 native"]),
    ("a scope that releases together",
        &["@pear/a@7.0.0", "@pear/b@7.0.0", "@pear/c@7.0.0", "@pear/d@7.0.0", "@pear/e@7.0.0", "@pear/f@7.0.0", "@pear/g@7.0.0", "@pear/h@7.0.0"],
        &["@pear/a@7.1.0", "@pear/b@7.1.0", "@pear/c@7.1.0", "@pear/d@7.1.0", "@pear/e@7.1.0", "@pear/f@7.1.0", "@pear/g@7.1.0", "@pear/h@7.1.0"]),
    ("a version before a release, again", &["a@2.0.0-rc.1"], &["a@2.0.0-rc.2"]),
    ("the release after it", &["a@2.0.0-rc.2"], &["a@2.0.0"]),
    ("versions by the year", &["a@2025.11.0"], &["a@2026.1.0"]),
    ("one version back", &["a@1.2.0"], &["a@1.1.9"]),
    ("another licence", &["a@1.0.0"], &["a@2.0.0 licence:Apache-2.0"]),
    ("provenance that is new", &["a@1.0.0"], &["a@1.0.1 provenance"]),
    ("types", &["@types/node@22.0.0"], &["@types/node@24.0.0", "@types/jws@3.2.0"]),
    ("a second try by the same name", &["xmlbuilder@11.0.0"], &["xmlbuilder2@3.1.1"]),
    ("a name with a number", &["i18n@0.15.0"], &["i18n@0.15.1", "exif@0.6.0"]),
    ("nothing", &["a@1.0.0 needs:b", "b@1.0.0"], &["a@1.0.0 needs:b", "b@1.0.0"]),
];

#[test]
fn no_ordinary_update_fails_a_review() {
    for (what, before, after) in UPDATES {
        for outcome in [reviewed(before, after), reviewed_offline(before, after)] {
            assert!(!outcome.fails(Severity::High), "{what}: {:#?}", outcome.findings);
        }
    }
}
