//! The `linux` part of a bundle: limits, devices, namespaces, masked paths; and hooks.

use super::super::Drift;
use super::{Check, at, values};
use ringfence_project::json::{Json, Placed};
use values::number;

impl Check<'_> {
    pub(super) fn linux(&mut self) {
        let held = "the limit of the boundary is not held from outside";
        for (keys, code) in [
            (["linux", "resources", "memory", "limit"], "more-memory"),
            (["linux", "resources", "memory", "swap"], "more-memory"),
            (["linux", "resources", "pids", "limit"], "more-processes"),
            (["linux", "resources", "cpu", "quota"], "more-cpu"),
        ] {
            self.at_most(&keys, code, held);
        }
        self.period();
        self.devices();
        self.namespaces();
        let why = "it tells of the kernel and of the host";
        self.no_less(&["linux", "maskedPaths"], "visible-kernel", why);
        self.no_less(
            &["linux", "readonlyPaths"],
            "writable-tunables",
            "settings of the kernel can be changed",
        );
        if let Some(hooks) = at(self.found, &["hooks"]) {
            self.push(Drift::new(
                "hooks",
                "hooks",
                Some(hooks.line),
                "nothing",
                "hooks",
                "hooks run outside the container, as root",
            ));
        }
    }

    /// The same time in a shorter period is more of it.
    fn period(&mut self) {
        let keys = ["linux", "resources", "cpu", "period"];
        let Some(wanted) = at(self.wanted, &keys).and_then(number) else { return };
        let Some(found) = at(self.found, &keys) else { return };
        if number(found).is_none_or(|is| is < wanted) {
            let is = number(found).unwrap_or(0).to_string();
            let why = "the limit of the boundary is not held from outside";
            let drift = Drift::new(
                "more-cpu",
                &keys.join("."),
                Some(found.line),
                &wanted.to_string(),
                &is,
                why,
            );
            self.push(drift);
        }
    }

    fn devices(&mut self) {
        self.comparison.compared += 1;
        let list = at(self.found, &["linux", "resources", "devices"]);
        let rules = list.map(|list| list.value.items()).unwrap_or_default();
        let allows = |rule: &Placed<Json>| {
            matches!(at(rule, &["allow"]).map(|allow| &allow.value), Some(Json::Boolean(true)))
        };
        let all = |rule: &&Placed<Json>| {
            let limited = ["type", "major", "minor"].iter().any(|key| at(rule, &[key]).is_some());
            let every =
                ["r", "w", "m"].iter().all(|right| values::text(rule, "access").contains(right));
            !allows(rule) && !limited && every
        };
        let why = "devices of the host can be made and opened";
        let place = "linux.resources.devices";
        let denied = rules.iter().find(all).map(|rule| rule.line);
        let allowed: Vec<usize> =
            rules.iter().filter(|rule| allows(rule)).map(|rule| rule.line).collect();
        if denied.is_none() {
            let line = list.map(|list| list.line);
            self.push(Drift::new(
                "visible-devices",
                place,
                line,
                "all refused",
                "not all refused",
                why,
            ));
        }
        for line in allowed {
            self.push(Drift::new(
                "visible-devices",
                place,
                Some(line),
                "all refused",
                "one allowed",
                why,
            ));
        }
    }

    fn namespaces(&mut self) {
        let list = |value| {
            at(value, &["linux", "namespaces"])
                .map(|list| list.value.items().to_vec())
                .unwrap_or_default()
        };
        let found: Vec<Placed<Json>> = list(self.found);
        let line = at(self.found, &["linux", "namespaces"]).map(|list| list.line);
        for wanted in list(self.wanted) {
            self.comparison.compared += 1;
            let kind = values::text(&wanted, "type").to_owned();
            let one = found.iter().find(|one| values::text(one, "type") == kind);
            // The namespace that a path names may be the host's; that of a network is how it is given one.
            let joined = one.filter(|one| at(one, &["path"]).is_some() && kind != "network");
            if one.is_none() || joined.is_some() {
                let is = if joined.is_some() { "that of a path" } else { "nothing" };
                let line = joined.map(|one| one.line).or(line);
                self.push(Drift::new(
                    "shared-namespace",
                    &format!("linux.namespaces: {kind}"),
                    line,
                    "its own",
                    is,
                    "what the namespace hides is the host's",
                ));
            }
        }
    }
}
