//! A Dockerfile: the image that is built last, and the stages it is made from.

use super::super::facts::{Fact, Facts, Mount, Mounted, Origin, Port, Setting, Start};
use ringfence_policy::display::quoted;
use ringfence_policy::redacted::Redacted;
use ringfence_project::command;
use ringfence_project::dockerfile::{self, Command, Instruction, Kind, Text};
use ringfence_project::variables::suspicion;

/// What the instructions say in the end; later ones replace earlier ones.
#[derive(Default)]
struct Image<'a> {
    cmd: Option<(&'a Command, usize)>,
    entrypoint: Option<(&'a Command, usize)>,
    root: Option<(String, usize)>,
    user: Option<(String, usize)>,
    signal: Option<(String, usize)>,
}

pub(super) fn read(name: &str, text: &str, facts: &mut Facts) {
    let file = match dockerfile::parse(text) {
        Ok(file) => file,
        Err(error) => {
            return facts.note(format!("{}:{}: {}", quoted(name), error.line, quoted(&error.what)));
        }
    };
    let mut image = Image::default();
    // The stage that the others are made from comes first.
    for stage in file.image().into_iter().rev() {
        node_of(name, &stage.base, stage.line, facts);
        for instruction in &stage.instructions {
            instruction_of(name, instruction, &mut image, facts);
        }
    }
    let at = |line: usize| Origin::new(name, line);
    if let Some((root, line)) = &image.root {
        facts.roots.push(Fact::new(root.clone(), at(*line)));
    }
    if let Some((user, line)) = image.user {
        facts.users.push(Fact::new(user, at(line)));
    }
    if let Some((signal, line)) = image.signal {
        facts.signals.push(Fact::new(signal, at(line)));
    }
    let root = image.root.map(|(root, _)| root);
    start(name, image.entrypoint, image.cmd, root.as_deref(), facts);
}

/// `FROM node:22-slim` says which Node the service is made for.
fn node_of(name: &str, base: &Text, line: usize, facts: &mut Facts) {
    let Some(image) = &base.value else { return };
    let image = image.split('@').next().unwrap_or(image);
    let Some((repository, tag)) = image.rsplit_once(':') else { return };
    if repository.rsplit('/').next() != Some("node") {
        return;
    }
    let version: String =
        tag.chars().take_while(|digit| digit.is_ascii_digit() || *digit == '.').collect();
    let major = version.split('.').next().unwrap_or_default();
    if !major.is_empty() {
        facts.node.push(Fact::new(major.to_owned(), Origin::new(name, line)));
    }
}

fn instruction_of<'a>(
    name: &str,
    instruction: &'a Instruction,
    image: &mut Image<'a>,
    facts: &mut Facts,
) {
    let line = instruction.line;
    let origin = || Origin::new(name, line);
    match &instruction.kind {
        // A new entry point forgets the command of an earlier stage.
        Kind::Entrypoint(command) => (image.entrypoint, image.cmd) = (Some((command, line)), None),
        Kind::Cmd(command) => image.cmd = Some((command, line)),
        Kind::Workdir(path) => {
            if let Some(path) = &path.value {
                let before = image.root.as_ref().map_or("/", |(root, _)| root.as_str());
                image.root = Some((join(before, path), line));
            }
        }
        Kind::User(user) => image.user = user.value.clone().map(|user| (user, line)),
        Kind::Stopsignal(signal) => {
            image.signal = signal.value.clone().map(|signal| (signal, line));
        }
        Kind::Expose(ports) => {
            for port in ports.iter().filter_map(|port| port.value.as_deref()).filter_map(port) {
                facts.ports.push(Fact::new(port, origin()));
            }
        }
        Kind::Volume(paths) => {
            for at in paths.iter().filter_map(|path| path.value.clone()) {
                let mount = Mount { at, what: Mounted::Data, read_only: false };
                facts.mounts.push(Fact::new(mount, origin()));
            }
        }
        Kind::Env(settings) => {
            for (name, value) in settings {
                let suspicion = suspicion(name, value.value.as_deref().unwrap_or_default());
                let value = value.value.clone().map(Redacted::new);
                let setting = Setting { name: name.clone(), value, suspicion, fixed: true };
                facts.settings.push(Fact::new(setting, origin()));
            }
        }
        _ => {}
    }
}

/// `8080`, `8080/tcp`; a range says too little.
pub(super) fn port(text: &str) -> Option<Port> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number: u16 = number.parse().ok().filter(|number| *number > 0)?;
    Some(Port { number, udp: protocol.eq_ignore_ascii_case("udp") })
}

/// A folder as `WORKDIR` counts it.
pub(super) fn join(before: &str, path: &str) -> String {
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", before.trim_end_matches('/'))
    };
    ringfence_policy::paths::normal(&path)
}

fn start(
    name: &str,
    entrypoint: Option<(&Command, usize)>,
    cmd: Option<(&Command, usize)>,
    root: Option<&str>,
    facts: &mut Facts,
) {
    let Some((_, line)) = cmd.or(entrypoint) else { return };
    let origin = Origin::new(name, line);
    let mut words = Vec::new();
    let mut variables = Vec::new();
    for (index, command) in [entrypoint, cmd].into_iter().flatten().enumerate() {
        match command.0 {
            Command::Exec(own) => words.extend(own.iter().cloned()),
            Command::Shell(text) => match command::split(text) {
                Ok(plain) if index == 0 => {
                    (words, variables) = (plain.words, plain.variables);
                    // In the shell form an entry point gets no arguments.
                    if entrypoint.is_some() {
                        break;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    return facts.note(format!(
                        "{origin}: its command cannot be started without a shell: {error}"
                    ));
                }
            },
        }
    }
    let said = if cmd.is_some() { "CMD" } else { "ENTRYPOINT" };
    if let Some(start) = tidy(words, variables, root, said) {
        facts.starts.push(Fact::new(start, origin));
    }
}

/// Programs that only start the next one; the entry points of Node's images are among them.
const STARTERS: [&str; 4] = ["dumb-init", "tini", "docker-entrypoint.sh", "su-exec"];

/// A command of a container without what only starts it; `sh -c "..."` is read when it is plain.
pub(super) fn tidy(
    mut words: Vec<String>,
    mut variables: Vec<(String, String)>,
    root: Option<&str>,
    said: &str,
) -> Option<Start> {
    while let Some(first) = words.first() {
        let program = first.rsplit('/').next().unwrap_or(first).to_owned();
        if STARTERS.contains(&program.as_str()) {
            words.remove(0);
            let user = usize::from(program == "su-exec");
            let options = words.iter().take_while(|word| word.starts_with('-')).count();
            words.drain(..(user + options).min(words.len()));
        } else if ["sh", "bash"].contains(&program.as_str())
            && words.get(1).is_some_and(|option| option == "-c")
        {
            let plain = command::split(words.get(2)?).ok()?;
            words = plain.words;
            variables.extend(plain.variables);
        } else {
            break;
        }
    }
    let (root, said) = (root.map(str::to_owned), said.to_owned());
    (!words.is_empty()).then_some(Start { words, variables, root, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_starts_the_program_is_taken_away() {
        let words = |all: &[&str]| {
            let words = all.iter().map(|word| (*word).to_owned()).collect();
            tidy(words, Vec::new(), None, "CMD").map(|start| start.words.join(" "))
        };
        assert_eq!(words(&["/sbin/tini", "--", "node", "a.js"]).as_deref(), Some("node a.js"));
        assert_eq!(words(&["sh", "-c", "exec node a.js"]).as_deref(), Some("node a.js"));
        assert_eq!(words(&["sh", "-c", "a && b"]), None);
        assert_eq!(words(&["su-exec", "node:node", "node", "a"]).as_deref(), Some("node a"));
    }

    #[test]
    fn ports_and_folders_are_read_as_docker_reads_them() {
        assert_eq!(port("53/udp"), Some(Port { number: 53, udp: true }));
        assert_eq!((port("8000-8010"), port("0"), port("x")), (None, None, None));
        assert_eq!(
            (join("/", "app"), join("/app", "x/"), join("/a", "/b")),
            ("/app".to_owned(), "/app/x".to_owned(), "/b".to_owned())
        );
    }
}
