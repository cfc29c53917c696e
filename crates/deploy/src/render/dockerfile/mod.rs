//! A Dockerfile of several stages, and its ignore file.
//!
//! The stages are those of the manual: fetch what the lockfile names without running anything of
//! it, run only the scripts that are granted, build, take away what is only needed to develop. None
//! but the first has a network. The image itself starts from nothing: Node, the shared libraries
//! that it and granted native code ask for, certificates and time zones are put together in a stage
//! and copied, with the files that the boundary grants. So there is no shell and no package manager
//! in it that would have to be taken out.

mod entry;
mod files;
mod install;
mod notes;
mod project;
#[cfg(test)]
mod tests;

pub(crate) use entry::{command, program, signal};
pub(crate) use files::{below, looks_secret, secret_sources};

use super::{Entry, Order, RenderError, Rendered, Target};
use files::Files;
use project::Project;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Where files of the runtime are put together.
const STAGED: &str = "/runtime";
/// Name of the build context that holds ringfence.
pub(crate) const CONTEXT: &str = "ringfence";

/// Writes it.
///
/// # Errors
/// The project's files cannot be read, or a path cannot be written in a Dockerfile.
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let project = Project::read(order)?;
    let entry = order.entry.unwrap_or(Entry::Ringfence);
    let installed = ["package.json", project.lockfile.as_str()];
    let files = Files::of(order, &installed);
    let mut notes = files.notes.clone();
    notes.extend(notes::of(order, entry, &project));
    let writer = Writer { order, project: &project, files: &files, entry };
    refuse_words(order, &files)?;
    let text = format!("{}\n{}", order.head("# ", Target::Dockerfile, &notes), writer.stages());
    Ok(Rendered {
        files: vec![
            ("Dockerfile".into(), text),
            (".dockerignore".into(), files::ignore(order, &writer.context())),
        ],
        notes,
    })
}

/// The version of Node that images of this service have, where that can be told.
pub(crate) fn node_version(order: &Order<'_>) -> Result<[u64; 3], RenderError> {
    Project::read(order).map(|project| project.node)
}

/// Blanks and quotes in a path would have to be written in another form of `COPY`.
fn refuse_words(order: &Order<'_>, files: &Files) -> Result<(), RenderError> {
    let bad = |path: &&String| {
        path.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'\\$*?[]!#".contains(c))
    };
    let joins = |path: &&str| path.chars().any(|c| c.is_control() || "\"'\\$".contains(c));
    if let Some(path) =
        [order.boundary.service.cwd.value.as_str(), order.place].iter().copied().find(joins)
    {
        return Err(RenderError::Impossible {
            what: format!("a folder cannot be written in a Dockerfile: {}", path.escape_debug()),
            hint: "a backslash, a quote or a dollar sign means something else there: rename it"
                .to_owned(),
        });
    }
    match files.copied.iter().find(bad) {
        None => Ok(()),
        Some(path) => Err(RenderError::Impossible {
            what: format!("a path cannot be written in a Dockerfile: {path}"),
            hint: "rename it, or grant the folder above it".to_owned(),
        }),
    }
}

struct Writer<'a> {
    order: &'a Order<'a>,
    project: &'a Project,
    files: &'a Files,
    entry: Entry,
}

impl Writer<'_> {
    /// Whether files of the folder are needed before the last stage.
    fn has_sources(&self) -> bool {
        self.project.builds || self.files.everything
    }

    /// What the builder is given.
    fn context(&self) -> BTreeSet<String> {
        let mut allowed: BTreeSet<String> =
            ["package.json".to_owned(), self.project.lockfile.clone()].into();
        allowed.extend(self.project.settings.iter().cloned());
        let workspaces = self.project.workspaces.iter();
        allowed.extend(workspaces.map(|folder| format!("{folder}/package.json")));
        if self.entry == Entry::Ringfence {
            allowed.insert(self.order.file_name.to_owned());
        }
        if self.has_sources() {
            allowed.extend(self.project.sources.iter().cloned());
        } else {
            allowed.extend(self.files.copied.iter().cloned());
        }
        allowed
    }

    fn stages(&self) -> String {
        let mut text = String::new();
        self.how(&mut text);
        self.fetch(&mut text);
        let last = self.build(&mut text);
        self.prune(&mut text, last);
        self.runtime(&mut text);
        self.image(&mut text);
        text
    }

    fn how(&self, text: &mut String) {
        let context = match self.entry {
            Entry::Ringfence => format!(" --build-context {CONTEXT}=FOLDER"),
            Entry::Node => String::new(),
        };
        let name = self.order.name();
        let _ = writeln!(text, "# Build it with BuildKit (Docker 23 and later):");
        let _ = writeln!(text, "#   docker build{context} --tag {name} .");
        if self.entry == Entry::Ringfence {
            let _ =
                writeln!(text, "# where FOLDER holds the program `ringfence`. A private registry:");
        } else {
            let _ = writeln!(text, "# A private registry:");
        }
        let _ = writeln!(text, "#   --secret id=npmrc,src=FILE");
    }

    fn fetch(&self, text: &mut String) {
        let [major, minor, patch] = self.project.node;
        let place = self.order.place;
        let _ = write!(
            text,
            "\n# Fetch: exactly what the lockfile names; no script of a package runs.\n\
             FROM node:{major}.{minor}.{patch}-bookworm AS fetch\nWORKDIR {place}\n"
        );
        if let Some(tool) = self.project.tool() {
            let _ = writeln!(text, "{tool}");
        }
        let mut files = vec!["package.json", &self.project.lockfile];
        files.extend(self.project.settings.iter().map(String::as_str));
        let _ = writeln!(text, "COPY {} ./", files.join(" "));
        for folder in &self.project.workspaces {
            let _ = writeln!(text, "COPY {folder}/package.json {folder}/");
        }
        let _ = writeln!(text, "{}", self.project.fetch());
    }

    /// Name of the last stage.
    fn build(&self, text: &mut String) -> &'static str {
        let mut last = "fetch";
        let packages: BTreeSet<String> = self
            .order
            .boundary
            .process
            .addons
            .iter()
            .map(|addon| addon.package.value.clone())
            .collect();
        if !packages.is_empty() {
            let packages: Vec<String> = packages.into_iter().collect();
            let _ = write!(
                text,
                "\n# Scripts: only of packages whose native code is granted, without a network.\n\
                 FROM {last} AS scripts\n{}\n",
                self.project.rebuild(&packages)
            );
            last = "scripts";
        }
        if self.has_sources() {
            let _ = write!(
                text,
                "\n# Build: what `.dockerignore` lets in, without a network.\n\
                 FROM {last} AS build\nCOPY . .\n"
            );
            if self.project.builds {
                let _ = writeln!(text, "{}", self.project.build());
            }
            last = "build";
        }
        last
    }

    fn prune(&self, text: &mut String, last: &str) {
        let _ = write!(
            text,
            "\n# Without what is only needed to develop.\nFROM {last} AS prune\n{}\n",
            self.project.prune()
        );
    }

    /// Puts together what Node needs.
    fn runtime(&self, text: &mut String) {
        let (user, group) = self.order.user();
        let (name, place) = (self.order.name(), self.order.place);
        let _ = write!(
            text,
            "\n# What the runtime needs: shared libraries, certificates, time zones, one user.\n\
             FROM prune AS runtime\n"
        );
        if self.entry == Entry::Ringfence {
            let _ = writeln!(text, "COPY --from={CONTEXT} ringfence {}", Order::PROGRAM);
        }
        let mut programs = vec![program(self.order)];
        if self.entry == Entry::Ringfence {
            programs.push(Order::PROGRAM.to_owned());
        }
        let children = self.order.boundary.process.children.iter();
        let children: Vec<String> = children.map(|path| self.order.path(&path.value)).collect();
        programs.extend(children.iter().cloned());
        let mut steps = vec![
            "set -eu".to_owned(),
            format!("mkdir -p {STAGED}/etc/ssl/certs {STAGED}/usr/share"),
            format!("install -d -m 1777 {STAGED}/tmp"),
        ];
        for path in &self.order.boundary.fs.write {
            let path = self.order.path(&path.value);
            steps.push(format!(
                "install -d -o {user} -g {group} -m 0700 {}",
                word(&format!("{STAGED}{path}"))
            ));
        }
        let programs = programs.iter().map(|path| word(path)).collect::<Vec<_>>().join(" ");
        steps.push(format!(
            "for file in {programs}; do if ldd \"$file\" 2>/dev/null | grep 'not found'; then exit 1; fi; \
             done"
        ));
        steps.push(format!(
            "{{ for file in {programs}; do ldd \"$file\" || true; done; find {place}/node_modules -name \
             '*.node' -exec ldd {{}} + || true; }} 2>/dev/null | awk '$2 == \"=>\" && $3 ~ /^\\// \
             {{ print $3 }} $1 ~ /^\\// && $2 ~ /^\\(/ {{ print $1 }}' | sort -u | (grep -v '^{place}/' \
             || true) | xargs -r -I@ cp --parents --dereference @ {STAGED}"
        ));
        for path in children.iter().filter(|path| !path.starts_with(&format!("{place}/"))) {
            steps.push(format!("cp --parents --dereference {} {STAGED}", word(path)));
        }
        steps.push(format!(
            "cp --dereference /etc/ssl/certs/ca-certificates.crt {STAGED}/etc/ssl/certs/"
        ));
        steps.push(format!("cp -a /usr/share/zoneinfo {STAGED}/usr/share/"));
        steps.push(format!(
            "printf '{name}:x:{user}:{group}::/:/\\n' > {STAGED}/etc/passwd; printf \
             '{name}:x:{group}:\\n' > {STAGED}/etc/group; printf 'hosts: files dns\\n' > \
             {STAGED}/etc/nsswitch.conf"
        ));
        let _ = writeln!(text, "RUN --network=none {}", steps.join("; \\\n    "));
    }

    fn image(&self, text: &mut String) {
        let (order, place) = (self.order, self.order.place);
        let (user, group) = order.user();
        let _ = write!(text, "\n# The image.\nFROM scratch\nCOPY --from=runtime {STAGED}/ /\n");
        let program = program(order);
        if !program.starts_with(&format!("{place}/")) {
            let _ = writeln!(text, "COPY --from=runtime {program} {program}");
        }
        if self.entry == Entry::Ringfence {
            let _ = writeln!(text, "COPY --from=runtime {0} {0}", Order::PROGRAM);
        }
        if self.files.everything {
            let _ = writeln!(text, "COPY --from=prune {place}/ {place}/");
        } else {
            let lockfile = &self.project.lockfile;
            let _ = writeln!(
                text,
                "COPY --from=prune {place}/package.json {place}/{lockfile} {place}/\n\
                 COPY --from=prune {place}/node_modules {place}/node_modules"
            );
            for path in &self.files.copied {
                if path.starts_with("node_modules/") {
                    continue;
                }
                let _ = if self.has_sources() {
                    writeln!(text, "COPY --from=prune {place}/{path} {place}/{path}")
                } else {
                    writeln!(text, "COPY {path} {place}/{path}")
                };
            }
        }
        if self.entry == Entry::Ringfence {
            let _ = writeln!(text, "COPY {} {}", order.file_name, order.file());
        }
        self.environment(text);
        let cwd = order.path(&order.boundary.service.cwd.value);
        let _ = write!(
            text,
            "LABEL org.ringfence.boundary=\"sha256:{}\"\nWORKDIR {cwd}\nUSER {user}:{group}\n",
            order.boundary_hash
        );
        let number = order.boundary.service.stop_signal;
        if self.entry == Entry::Node && number != 15 {
            let _ = writeln!(text, "STOPSIGNAL {}", signal(number));
        }
        let net = &order.boundary.net;
        for (listen, protocol) in [(&net.listen, "tcp"), (&net.udp_listen, "udp")] {
            for endpoint in listen.iter().filter(|endpoint| endpoint.value.port != 0) {
                let _ = writeln!(text, "EXPOSE {}/{protocol}", endpoint.value.port);
            }
        }
        let words = command(order, self.entry, self.project.node);
        let words: Vec<String> = words.iter().map(|word| json(word)).collect();
        let _ = writeln!(text, "ENTRYPOINT [{}]", words.join(", "));
    }

    fn environment(&self, text: &mut String) {
        let _ = writeln!(text, "ENV PATH=/usr/local/bin");
        if self.entry == Entry::Ringfence {
            return;
        }
        for (name, value) in &self.order.boundary.env.set {
            let mut quoted = String::new();
            for character in value.value.chars() {
                if matches!(character, '"' | '\\' | '$') {
                    quoted.push('\\');
                }
                quoted.push(character);
            }
            let _ = writeln!(text, "ENV {name}=\"{quoted}\"");
        }
    }
}

/// A word of a JSON array.
fn json(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// A word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
