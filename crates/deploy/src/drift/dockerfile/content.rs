//! Bases and what is copied.

use super::{Judge, Weaker, base_name, place};
use crate::render::dockerfile::{CONTEXT, below, looks_secret, secret_sources};
use ringfence_policy::paths::normal;
use ringfence_project::dockerfile::{Kind, Stage, Transfer};
use ringfence_project::variables::{suspicion, suspicion_of_file};

impl<'a> Judge<'a> {
    /// Each image that is fetched, by its name.
    pub(super) fn bases(&mut self) {
        for (number, stage) in self.file.stages.iter().enumerate() {
            let at = place(self.file, stage, "FROM");
            let Some(base) = stage.base.value.as_deref() else {
                self.undecided(
                    stage.line,
                    &format!("{} is known only to the build", stage.base.written),
                );
                continue;
            };
            if self.file.stage_before(Some(base), number).is_none() {
                self.pinned(at, stage.line, base);
            }
            for one in &stage.instructions {
                let (Kind::Copy(copy), line) = (&one.kind, one.line) else { continue };
                let Some(from) = copy.option("from") else { continue };
                // A stage that copies from itself cannot be built.
                let itself = stage.name.as_deref() == Some(from);
                let of_a_stage = itself
                    || self.file.stage_before(Some(from), number).is_some()
                    || from.parse::<usize>().is_ok_and(|other| other < number);
                if !of_a_stage && from != CONTEXT {
                    self.pinned(place(self.file, stage, "COPY --from"), line, from);
                }
            }
        }
    }

    fn pinned(&mut self, place: String, line: usize, image: &str) {
        self.compared();
        if image == "scratch" || is_pinned(image) {
            return;
        }
        self.weaker(Weaker {
            code: "unpinned-base",
            place,
            line: Some(line),
            wanted: "a whole version or a digest",
            found: image.to_owned(),
            why: "the next build may take another image of that name",
        });
    }

    /// A base that brings programs nobody granted.
    pub(super) fn outer_base(&mut self) {
        let Some(stage) = self.outermost() else { return };
        let Some(base) = stage.base.value.as_deref() else { return };
        self.compared();
        if base == "scratch" || is_bare(base) {
            return;
        }
        self.weaker(Weaker {
            code: "package-manager-in-image",
            place: place(self.file, stage, "FROM"),
            line: Some(stage.line),
            wanted: "scratch, or a base without a shell and a package manager",
            found: base.to_owned(),
            why: "programs in the image are there for whoever takes the service over",
        });
    }

    /// What a stage copies; `in_image` when its layers are the image's.
    pub(super) fn transfer(
        &mut self,
        stage: &'a Stage,
        line: usize,
        transfer: &Transfer,
        add: bool,
        in_image: bool,
    ) {
        let word = if add { "ADD" } else { "COPY" };
        let at = || place(self.file, stage, word);
        for source in &transfer.sources {
            let Some(path) = source.value.as_deref() else {
                let at = at();
                self.undecided(
                    line,
                    &format!("{at}: {} is known only to the build", source.written),
                );
                continue;
            };
            self.compared();
            if path.contains("://") {
                if transfer.option("checksum").is_none() && !path.contains("@sha256:") {
                    self.weaker(Weaker {
                        code: "unverified-download",
                        place: place(self.file, stage, word),
                        line: Some(line),
                        wanted: "--checksum, or a file of the project",
                        found: path.to_owned(),
                        why: "whoever answers at that address decides what is in the image",
                    });
                }
                continue;
            }
            if let Some(why) = self.secret_file(path) {
                self.weaker(Weaker {
                    code: "secret-in-image",
                    place: place(self.file, stage, word),
                    line: Some(line),
                    wanted: "no secret in a layer",
                    found: format!("{path}, {why}"),
                    why: "a layer keeps it for everybody who gets the image or the build's cache",
                });
            } else if in_image && transfer.option("from").is_none() && is_everything(path) {
                self.weaker(Weaker {
                    code: "everything-copied",
                    place: place(self.file, stage, word),
                    line: Some(line),
                    wanted: "the granted files by their names",
                    found: path.to_owned(),
                    why: "tests, sources and whatever else lies in the folder get into the image",
                });
            }
        }
        if let Some(mode) = transfer.option("chmod") {
            self.mode(stage, line, mode);
        }
    }

    pub(super) fn mode(&mut self, stage: &Stage, line: usize, mode: &str) {
        self.compared();
        let bits = u32::from_str_radix(mode, 8).unwrap_or_default();
        let words = ["o+w", "a+w", "+s", "a=rw", "o=rw", "ugo+w"];
        if bits & 0o6002 == 0 && !words.iter().any(|word| mode.contains(word)) {
            return;
        }
        self.weaker(Weaker {
            code: "loose-mode",
            place: place(self.file, stage, "mode"),
            line: Some(line),
            wanted: "no set-user-id and nothing that everybody may write",
            found: mode.to_owned(),
            why: "others than its owner may change it, or become its owner by running it",
        });
    }

    /// Why a file of the folder is a secret; a public certificate that the boundary grants is none.
    fn secret_file(&self, path: &str) -> Option<&'static str> {
        let path = normal(path.trim_start_matches('/'));
        let place = self.order.place.trim_start_matches('/');
        let relative =
            path.strip_prefix(place).map_or(path.as_str(), |rest| rest.trim_start_matches('/'));
        let secrets = secret_sources(self.order);
        let within = |source: &String| {
            source == relative
                || source.strip_prefix(relative).is_some_and(|rest| rest.starts_with('/'))
        };
        if relative != "." && !relative.is_empty() && secrets.iter().any(within) {
            return Some("which is the source of a secret, or its folder");
        }
        let granted = self.order.boundary.fs.read.iter().chain(&self.order.boundary.fs.optional);
        let named = granted.filter_map(|grant| below(&grant.value)).any(|grant| grant == relative);
        let certificate = !looks_secret(self.order, relative);
        suspicion_of_file(&path).filter(|_| !(named && certificate))
    }

    /// Variables of `ENV` and arguments of a build.
    pub(super) fn variable(
        &mut self,
        stage: Option<&Stage>,
        line: usize,
        word: &str,
        name: &str,
        value: Option<&str>,
    ) {
        self.compared();
        let at = stage.map_or_else(|| word.to_owned(), |stage| place(self.file, stage, word));
        let granted = |name: &str| {
            let set = self.order.boundary.env.set.get(name);
            set.is_some_and(|set| Some(set.value.as_str()) == value)
        };
        if let Some(why) = suspicion(name, value.unwrap_or_default())
            && !(word == "ENV" && (granted(name) || value == Some("")))
        {
            self.weaker(Weaker {
                code: "secret-in-image",
                place: at,
                line: Some(line),
                wanted: "no secret in a layer or in the history",
                found: format!("{name}: {}", why.words()),
                why: "everybody who gets the image can read it there",
            });
        } else if word == "ENV"
            && let Some(why) = ringfence_policy::environment::refused(name)
        {
            self.weaker(Weaker {
                code: "refused-variable",
                place: at,
                line: Some(line),
                wanted: "not set",
                found: name.to_owned(),
                why: why.words(),
            });
        }
    }
}

/// A digest, or a tag that names a whole version or a day.
fn is_pinned(image: &str) -> bool {
    if let Some((_, digest)) = image.split_once('@') {
        return digest.starts_with("sha256:") && digest.len() > 20;
    }
    let Some((_, tag)) = base_name(image).split_once(':') else { return false };
    let whole = |part: &str| {
        let part = part.trim_start_matches('v');
        let numbers: Vec<&str> = part.split('.').collect();
        let digits =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        numbers.iter().all(digits) && (numbers.len() >= 3 || part.len() >= 8)
    };
    tag.split(['-', '_', '+']).any(whole)
}

/// Bases that are known to have neither a shell nor a package manager.
fn is_bare(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let debug = ["debug", "-dev", "busybox"].iter().any(|word| name.contains(word));
    !debug && ["distroless", "chainguard"].iter().any(|word| name.contains(word))
}

/// The whole of the folder that the builder is given.
fn is_everything(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "" | "." | "*" | "./*" | "./.")
}
