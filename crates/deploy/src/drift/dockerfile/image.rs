//! The image as a whole: its user, its command, its stop signal, its ports.

use super::{Judge, Weaker, place};
use crate::drift::started::{self, Started};
use crate::render::Entry;
use crate::render::dockerfile::signal;
use ringfence_project::dockerfile::{Command, Kind};

impl Judge<'_> {
    pub(super) fn image(&mut self) {
        self.outer_base();
        self.development();
        self.user();
        let entry = self.command();
        self.stop_signal(entry);
        self.ports();
    }

    fn user(&mut self) {
        self.compared();
        let found = self.effective(|one| match &one.kind {
            Kind::User(user) => Some(user),
            _ => None,
        });
        let unprivileged = self.outermost().is_some_and(|stage| {
            stage.base.value.as_deref().is_some_and(|base| base.contains("nonroot"))
        });
        let Some((stage, line, user)) = found else {
            if unprivileged {
                return;
            }
            let last = self.chain().first().map(|stage| place(self.file, stage, "USER"));
            self.root(last.unwrap_or_default(), None, "nothing".to_owned());
            return;
        };
        let at = place(self.file, stage, "USER");
        let Some(value) = user.value.as_deref() else {
            self.undecided(line, &format!("{at}: {} is known only to the build", user.written));
            return;
        };
        let (name, group) = value.trim().split_once(':').unwrap_or((value.trim(), ""));
        let wanted = self.order.boundary.identity.user.as_ref();
        let wanted = wanted.and_then(|user| user.value.parse::<u32>().ok());
        if matches!(name, "root" | "0" | "") {
            self.root(at, Some(line), value.to_owned());
        } else if matches!(group, "root" | "0") {
            self.weaker(Weaker {
                code: "root-group",
                place: at,
                line: Some(line),
                wanted: "a group of its own",
                found: value.to_owned(),
                why: "files of the image that root's group may write are open to the service",
            });
        } else if let (Some(wanted), Ok(number)) = (wanted, name.parse::<u32>())
            && wanted != number
        {
            self.weaker(Weaker {
                code: "other-user",
                place: at,
                line: Some(line),
                wanted: &wanted.to_string(),
                found: value.to_owned(),
                why: "another user's files are open to the service",
            });
        }
    }

    fn root(&mut self, place: String, line: Option<usize>, found: String) {
        let (user, group) = self.order.user();
        self.weaker(Weaker {
            code: "root-user",
            place,
            line,
            wanted: &format!("USER {user}:{group}"),
            found,
            why: "the service is root in its container, one fault of the kernel away from the host",
        });
    }

    /// What is started; answers how.
    fn command(&mut self) -> Option<Entry> {
        self.compared();
        let entrypoint = self.effective(|one| match &one.kind {
            Kind::Entrypoint(command) => Some((command, "ENTRYPOINT")),
            _ => None,
        });
        let cmd = self.effective(|one| match &one.kind {
            Kind::Cmd(command) => Some((command, "CMD")),
            _ => None,
        });
        let Some((stage, line, (command, word))) = entrypoint.or(cmd) else {
            let wanted = self.order.ringfence_command().join(" ");
            let last = self.chain().first().map(|stage| place(self.file, stage, "ENTRYPOINT"));
            self.weaker(Weaker {
                code: "missing-command",
                place: last.unwrap_or_default(),
                line: None,
                wanted: &wanted,
                found: "nothing".to_owned(),
                why: "something else than the boundary decides what runs",
            });
            return None;
        };
        let at = place(self.file, stage, word);
        let mut words = match command {
            Command::Exec(words) => words.clone(),
            Command::Shell(text) => {
                self.weaker(Weaker {
                    code: "shell-command",
                    place: at,
                    line: Some(line),
                    wanted: "the JSON form, which starts no shell",
                    found: text.clone(),
                    why: "a shell is started first: signals stop there, and it must be in the image",
                });
                return None;
            }
        };
        if let (Some(_), Some((_, _, (Command::Exec(rest), _)))) = (entrypoint, cmd) {
            words.extend(rest.iter().cloned());
        }
        let Started { entry, weaker } = started::judge(self.order, &words);
        for found in weaker {
            self.weaker(Weaker {
                code: found.code,
                place: at.clone(),
                line: Some(line),
                wanted: &found.wanted,
                found: found.there,
                why: found.why,
            });
        }
        entry
    }

    fn stop_signal(&mut self, entry: Option<Entry>) {
        let number = self.order.boundary.service.stop_signal;
        if entry != Some(Entry::Node) {
            return;
        }
        self.compared();
        let found = self.effective(|one| match &one.kind {
            Kind::Stopsignal(signal) => Some(signal),
            _ => None,
        });
        let name = found.as_ref().map_or(Some("SIGTERM"), |(_, _, text)| text.value.as_deref());
        let wanted = signal(number);
        let (Some(name), last) = (name, self.chain().first().copied()) else { return };
        let same = [wanted.as_str(), wanted.trim_start_matches("SIG"), &number.to_string()]
            .contains(&name);
        if same {
            return;
        }
        let stage = found.as_ref().map(|(stage, ..)| *stage).or(last);
        self.weaker(Weaker {
            code: "stop-signal",
            place: stage.map(|stage| place(self.file, stage, "STOPSIGNAL")).unwrap_or_default(),
            line: found.as_ref().map(|(_, line, _)| *line),
            wanted: &wanted,
            found: if found.is_some() { name.to_owned() } else { "nothing".to_owned() },
            why: "the service does not stop by the signal that it handles, and is killed",
        });
    }

    fn ports(&mut self) {
        for stage in self.chain() {
            for one in &stage.instructions {
                let Kind::Expose(ports) = &one.kind else { continue };
                for port in ports {
                    let Some(value) = port.value.as_deref() else { continue };
                    self.compared();
                    let (number, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
                    let net = &self.order.boundary.net;
                    let grants = if protocol == "udp" { &net.udp_listen } else { &net.listen };
                    let granted = grants.iter().any(|grant| grant.value.port.to_string() == number);
                    if !granted {
                        self.weaker(Weaker {
                            code: "exposed-port",
                            place: place(self.file, stage, "EXPOSE"),
                            line: Some(one.line),
                            wanted: "a port of net.listen",
                            found: value.to_owned(),
                            why: "publishing all ports opens it",
                        });
                    }
                }
            }
        }
    }
}
