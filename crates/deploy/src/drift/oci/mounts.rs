//! The root file system and the mounts of a bundle.

use super::super::Drift;
use super::{Check, at, values};
use crate::render::Order;
use ringfence_project::json::{Json, Placed};
use values::strings;

impl Check<'_> {
    pub(super) fn files(&mut self, order: &Order<'_>) {
        self.on(&["root", "readonly"], "writable-root", "the service can change its own program");
        let mounts = |value: &Placed<Json>| {
            at(value, &["mounts"]).map(|list| list.value.items().to_vec()).unwrap_or_default()
        };
        let wanted = mounts(self.wanted);
        for mount in mounts(self.found) {
            self.comparison.compared += 1;
            let target = values::text(&mount, "destination");
            let ours = wanted.iter().find(|ours| values::text(ours, "destination") == target);
            self.mount(order, &mount, ours);
        }
    }

    /// One that is not rendered: a library of the image, or a way out.
    fn further_mount(
        &mut self,
        order: &Order<'_>,
        mount: &Placed<Json>,
        binds: bool,
        options: &[&str],
    ) {
        let target = values::text(mount, "destination").to_owned();
        let place = format!("mounts: {target}");
        let granted = order.boundary.fs.write.iter().any(|path| {
            let path = order.path(&path.value);
            target == path || target.starts_with(&format!("{path}/"))
        });
        let writable = !options.iter().any(|word| matches!(*word, "ro" | "rro"));
        if writable && binds && !granted {
            self.push(Drift::new(
                "more-writable-paths",
                &place,
                Some(mount.line),
                "ro",
                "rw",
                "the service can write where the boundary grants nothing",
            ));
        } else if target.ends_with("docker.sock") {
            self.push(Drift::new(
                "engine-socket",
                &place,
                Some(mount.line),
                "nothing",
                &target,
                "who speaks with the engine is root on the host",
            ));
        }
    }

    fn mount(&mut self, order: &Order<'_>, mount: &Placed<Json>, ours: Option<&Placed<Json>>) {
        let target = values::text(mount, "destination").to_owned();
        let place = format!("mounts: {target}");
        let options: Vec<&str> =
            strings(at(mount, &["options"])).into_iter().map(|(word, _)| word).collect();
        let binds = values::text(mount, "type") == "bind"
            || options.iter().any(|word| matches!(*word, "bind" | "rbind"));
        let Some(ours) = ours else {
            self.further_mount(order, mount, binds, &options);
            return;
        };
        let line = at(mount, &["options"]).map_or(mount.line, |options| options.line);
        let missing: Vec<String> = strings(at(ours, &["options"]))
            .into_iter()
            .map(|(word, _)| word)
            .filter(|word| matches!(*word, "ro" | "nosuid" | "noexec" | "nodev"))
            .filter(|word| !options.contains(word))
            .map(str::to_owned)
            .collect();
        for word in missing {
            self.push(Drift::new(
                "looser-mount",
                &place,
                Some(line),
                &word,
                "nothing",
                "the mount gives more than the boundary grants",
            ));
        }
        let size = |options: &[&str]| {
            options.iter().find_map(|word| word.strip_prefix("size=").and_then(values::size))
        };
        let asked: Vec<&str> =
            strings(at(ours, &["options"])).into_iter().map(|(word, _)| word).collect();
        if let Some(wanted) = size(&asked)
            && size(&options).is_none_or(|is| is > wanted)
        {
            let is = size(&options).map_or_else(|| "nothing".to_owned(), |is| is.to_string());
            self.push(Drift::new(
                "larger-limits",
                &place,
                Some(line),
                &format!("size={wanted}"),
                &is,
                "it fills the memory of the machine",
            ));
        }
    }
}
