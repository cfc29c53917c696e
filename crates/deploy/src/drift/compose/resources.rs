//! Limits of memory, processes, processors and files.

use super::{Judge, Said, bytes, items, number};
use crate::render::Entry;
use crate::render::compose::{OWN_MEMORY, OWN_PIDS};
use ringfence_project::yaml::Node;

const UNLIMITED: &str = "one service can take the machine from the others";

impl<'a> Judge<'a> {
    pub(super) fn resources(&mut self) {
        let limits = &self.order.boundary.limits;
        // Whoever starts it is not always told: ringfence's own share is allowed then.
        let (memory, pids) = match self.entry {
            Some(Entry::Node) => (0, 0),
            _ => (OWN_MEMORY, OWN_PIDS),
        };
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
        let float = |number: u64| number as f64;
        if let Some(limit) = &limits.memory {
            let read = |node: &Node| bytes(node).map(float);
            self.limit("mem_limit", "memory", float(limit.value + memory), read);
            self.swap(limit.value + memory);
        }
        if let Some(limit) = &limits.pids {
            self.limit("pids_limit", "pids", float(limit.value + pids), number);
        }
        if let Some(limit) = &limits.cpu {
            self.limit("cpus", "cpus", limit.value, number);
        }
        if self.entry == Some(Entry::Node) {
            if let Some(limit) = &limits.open_files {
                self.ulimit("nofile", limit.value);
            }
            if let Some(limit) = &limits.file_size {
                self.ulimit("fsize", limit.value);
            }
            self.ulimit("core", 0);
        }
        let on = |node: &Node| node.as_bool() == Some(true);
        self.must_not("memory-limit", "oom_kill_disable", "the limit of memory stops the host", on);
        self.tmpfs();
    }

    /// A limit under its own key, or below `deploy`.
    fn limit(&mut self, key: &str, deployed: &str, most: f64, read: impl Fn(&Node) -> Option<f64>) {
        self.compared();
        let below = self.service.path(["deploy", "resources", "limits", deployed]);
        if let Some(node) = below.filter(|_| self.service.get(key).is_none()) {
            if node.is_template() {
                self.undecided(
                    node.line(),
                    &format!("deploy.resources.limits.{deployed} is filled in later"),
                );
            } else {
                let key = format!("deploy.resources.limits.{deployed}");
                self.holds(&key, node, most, read(node));
            }
        } else if self.is_missing(key) {
            let said = Said { wanted: &most.to_string(), found: "nothing", why: UNLIMITED };
            self.weaker("unlimited", key, None, said);
        } else if let Some(node) = self.value(key) {
            self.holds(key, node, most, read(node));
        }
    }

    fn holds(&mut self, key: &str, node: &Node, most: f64, found: Option<f64>) {
        // Zero, and below it, means without any limit.
        if found.is_some_and(|found| found > 0.0 && found <= most) {
            return;
        }
        let said = Said { wanted: &most.to_string(), found: &node.shown(), why: UNLIMITED };
        self.weaker("unlimited", key, Some(node.line()), said);
    }

    /// Without it a container may swap as much again as it may hold in memory.
    fn swap(&mut self, most: u64) {
        self.compared();
        let why = "the service may have as much again in swap";
        let wanted = most.to_string();
        if self.is_missing("memswap_limit") {
            let said = Said { wanted: &wanted, found: "nothing", why };
            self.weaker("swap", "memswap_limit", None, said);
        } else if let Some(node) = self.value("memswap_limit")
            && !bytes(node).is_some_and(|found| found > 0 && found <= most)
        {
            let said = Said { wanted: &wanted, found: &node.shown(), why };
            self.weaker("swap", "memswap_limit", Some(node.line()), said);
        }
    }

    fn ulimit(&mut self, name: &str, most: u64) {
        self.compared();
        let key = format!("ulimits.{name}");
        let node: Option<&'a Node> = self.service.path(["ulimits", name]);
        let Some(node) = node else {
            if !self.inherits {
                let said = Said { wanted: &most.to_string(), found: "nothing", why: UNLIMITED };
                self.weaker("unlimited", &key, None, said);
            }
            return;
        };
        let hard = node.get("hard").unwrap_or(node);
        if hard.is_template() {
            self.undecided(hard.line(), &format!("{key} is filled in later"));
        } else if hard
            .as_int()
            .and_then(|hard| u64::try_from(hard).ok())
            .is_none_or(|hard| hard > most)
        {
            let said = Said { wanted: &most.to_string(), found: &hard.shown(), why: UNLIMITED };
            self.weaker("unlimited", &key, Some(hard.line()), said);
        }
    }

    /// Memory file systems: sized, and nothing in them may be executed.
    fn tmpfs(&mut self) {
        let Some(node) = self.value("tmpfs") else { return };
        for one in items(node) {
            self.compared();
            let shown = one.shown();
            if one.is_template() {
                self.undecided(one.line(), &format!("tmpfs {shown} is filled in later"));
                continue;
            }
            let (path, options) = shown.split_once(':').unwrap_or((&shown, ""));
            let options: Vec<&str> = options.split(',').collect();
            if options.contains(&"exec") {
                let said = Said {
                    wanted: "noexec",
                    found: &shown,
                    why: "a program that the service writes there can be started",
                };
                self.weaker("executable-tmpfs", "tmpfs", Some(one.line()), said);
            }
            let size = options.iter().rev().find_map(|option| option.strip_prefix("size="));
            let size = size.and_then(|size| {
                let node = ringfence_project::yaml::documents(size).ok()?.pop()?.root;
                bytes(&node).filter(|size| *size > 0)
            });
            self.place_of_tmpfs(path, one);
            let most = self.order.boundary.limits.tmp.as_ref().filter(|_| path == "/tmp");
            match (size, most.map(|limit| limit.value)) {
                (Some(size), Some(most)) if size > most => {
                    let wanted = format!("size={most}");
                    let said = Said { wanted: &wanted, found: &shown, why: UNLIMITED };
                    self.weaker("tmpfs-size", "tmpfs", Some(one.line()), said);
                }
                (None, most) => {
                    let wanted =
                        most.map_or_else(|| "size=...".to_owned(), |most| format!("size={most}"));
                    let said = Said {
                        wanted: &wanted,
                        found: &shown,
                        why: "without a size it may take half of the machine's memory",
                    };
                    self.weaker("tmpfs-size", "tmpfs", Some(one.line()), said);
                }
                _ => {}
            }
        }
    }
}
