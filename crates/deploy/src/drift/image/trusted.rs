//! Whether the service can change what it runs: who owns its files, where links lead, and whether the
//! boundary file inside is the one that was read.

use super::Judge;
use super::content::Looked;
use crate::render::dockerfile::program;
use crate::render::{Entry, Order};
use ringfence_policy::paths::normal;
use ringfence_project::image::{Entry as File, Kind};

impl Judge<'_> {
    pub(super) fn trusted(&mut self, looked: &Looked<'_>) {
        let order = self.order;
        let bare = |path: &str| path.trim_start_matches('/').to_owned();
        let write: Vec<String> = order
            .boundary
            .fs
            .write
            .iter()
            .map(|path| bare(&normal(&order.path(&path.value))))
            .chain(["tmp", "var/tmp", "dev/shm"].map(str::to_owned))
            .collect();
        let lies_in = |path: &str, folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let writable = |path: &str| write.iter().any(|folder| lies_in(path, folder));
        let programs = [bare(Order::PROGRAM), bare(&program(order))];
        let place = bare(order.place);
        let (uid, gid) = order.user();
        let (mut owned, mut led, mut devices) = (Vec::new(), Vec::new(), Vec::new());
        for entry in self.image.tree.values() {
            self.comparison.compared += 1;
            if entry.kind == Kind::Special && !entry.path.starts_with("dev/") {
                devices.push(format!("/{}", entry.path));
            }
            if let Kind::Symlink(to) = &entry.kind {
                let to = bare(&led_to(entry, to));
                if writable(&entry.path) != writable(&to) {
                    led.push(format!("/{} -> /{to}", entry.path));
                }
                continue;
            }
            let code = programs.contains(&entry.path) || lies_in(&entry.path, &place);
            let own = entry.uid != 0 && entry.uid == u64::from(uid);
            let group = entry.gid == u64::from(gid) && entry.mode & 0o020 != 0;
            if code && !writable(&entry.path) && (own || group) {
                owned.push(format!("/{}", entry.path));
            }
        }
        let why = "the service can change what it runs";
        self.list("writable-code", "files of another owner", why, &owned);
        let why = "what is written there is another file than it looks like";
        self.list("leading-link", "no link into or out of what is writable", why, &led);
        let why = "devices of the host can be opened";
        self.list("device-node", "no devices", why, &devices);
        self.boundary(looked);
    }

    /// The file that is enforced inside, where `ringfence run` is what is started.
    fn boundary(&mut self, looked: &Looked<'_>) {
        let words = self.image.config.as_ref().map(|config| config.entrypoint.clone());
        let by_ringfence = words.and_then(|words| crate::drift::start::entry(&words));
        let wanted = self.order.boundary_hash;
        let path = self.order.file();
        let seen = self.image.tree.get(path.trim_start_matches('/')).map(|entry| entry.layer);
        let inside = looked.boundary.as_ref().filter(|(layer, _)| Some(*layer) == seen);
        // A shorter one stands for a hash.
        if by_ringfence != Some(Entry::Ringfence) || wanted.len() != 64 {
            return;
        }
        self.comparison.compared += 1;
        if inside.is_none_or(|(_, hash)| hash != wanted) {
            let found = inside.map_or_else(|| "nothing".to_owned(), |(_, hash)| hash.clone());
            let why = "another boundary is enforced inside";
            self.weaker("another-boundary", path, &format!("sha256:{wanted}"), found, why);
        }
    }
}

/// Where a link leads, from the root.
fn led_to(entry: &File, to: &str) -> String {
    if to.starts_with('/') {
        return normal(to);
    }
    let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    normal(&format!("/{folder}/{to}"))
}
