//! The root file system and the mounts of a bundle.

use super::super::Drift;
use super::{Check, at, values};
use crate::render::Order;
use ringfence_project::json::{Json, Placed};
use values::strings;

/// Sockets of engines.
const ENGINES: [&str; 5] =
    ["/containerd.sock", "/crio.sock", "/docker.sock", "/podman.sock", "/buildkitd.sock"];
/// Options that give nothing.
const FREE: [&str; 17] = [
    "bind",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nosuid",
    "nosymfollow",
    "private",
    "rbind",
    "relatime",
    "ro",
    "rprivate",
    "rro",
    "rslave",
    "slave",
    "strictatime",
    "sync",
];
/// What an image may take from the host instead of having it itself, each from the same path.
const SYSTEM: [&str; 16] = [
    "/bin",
    "/etc/ca-certificates",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/sbin",
    "/usr/share/zoneinfo",
];

/// Whether a mount that binds read-only shows nothing but programs and libraries of the host.
fn is_of_the_system(mount: &Placed<Json>) -> bool {
    let target = values::text(mount, "destination");
    let kind = values::text(mount, "type");
    if target == "/dev/mqueue" {
        return kind == "mqueue";
    }
    let options = strings(at(mount, &["options"]));
    let reads_only = options.iter().any(|(word, _)| matches!(*word, "ro" | "rro"));
    reads_only
        && SYSTEM.contains(&target)
        && values::text(mount, "source") == target
        && matches!(kind, "" | "bind" | "none")
}

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
        } else if ENGINES.iter().any(|socket| {
            target.ends_with(socket) || values::text(mount, "source").ends_with(socket)
        }) {
            self.push(Drift::new(
                "engine-socket",
                &place,
                Some(mount.line),
                "nothing",
                &target,
                "who speaks with the engine is root on the host",
            ));
        } else if !(is_of_the_system(mount) && options.iter().all(|word| FREE.contains(word))) {
            self.unknown_mount(mount, values::text(mount, "source"));
        }
    }

    fn unknown_mount(&mut self, mount: &Placed<Json>, found: &str) {
        let place = format!("mounts: {}", values::text(mount, "destination"));
        let (line, wanted) = (Some(mount.line), "what `ringfence render oci` writes");
        let why = "this is not known to be harmless";
        self.push(Drift::new("unknown-setting", &place, line, wanted, found, why));
    }

    /// What is mounted, and with which options, where the place is one of ours.
    fn same_mount(&mut self, mount: &Placed<Json>, ours: &Placed<Json>, options: &[&str]) {
        for key in ["source", "type"] {
            let is = values::text(mount, key);
            let by_option = key == "type" && is.is_empty();
            if is != values::text(ours, key) && at(mount, &[key]).is_some() && !by_option {
                self.unknown_mount(mount, is);
            }
        }
        let asked = strings(at(ours, &["options"]));
        let is_asked = |word: &str| asked.iter().any(|(asked, _)| *asked == word);
        let sizes = options.iter().filter(|word| word.starts_with("size=")).count();
        let free = |word: &str| {
            is_asked(word) || FREE.contains(&word) || (word.starts_with("size=") && sizes == 1)
        };
        if let Some(word) = options.iter().find(|word| !free(word)) {
            self.unknown_mount(mount, word);
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
        self.same_mount(mount, ours, &options);
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
