//! How an image says it is started.

use super::Judge;
use crate::drift::{start, started};
use ringfence_policy::environment;
use ringfence_project::variables::suspicion;

impl Judge<'_> {
    pub(super) fn config(&mut self) {
        let Some(config) = &self.image.config else {
            self.comparison
                .undecided
                .push("a plain root file system: how it is started is not in it".to_owned());
            return;
        };
        self.user(&config.user);
        self.comparison.compared += 2;
        let words: Vec<String> = config.entrypoint.iter().chain(&config.command).cloned().collect();
        for found in started::judge(self.order, &words).weaker {
            let place =
                if config.entrypoint.is_empty() { "config: Cmd" } else { "config: Entrypoint" };
            self.weaker(found.code, place.to_owned(), &found.wanted, found.there, found.why);
        }
        self.words(config, &words);
        for (name, value) in &config.environment {
            self.variable(name, value);
        }
        for line in &config.history {
            self.history(line);
        }
        let net = &self.order.boundary.net;
        for port in &config.ports {
            self.comparison.compared += 1;
            let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            let grants = if protocol == "udp" { &net.udp_listen } else { &net.listen };
            if !grants.iter().any(|grant| grant.value.port.to_string() == number) {
                self.weaker(
                    "exposed-port",
                    "config: ExposedPorts".to_owned(),
                    "a port of net.listen",
                    port.clone(),
                    "publishing all ports opens it",
                );
            }
        }
        self.label(config);
    }

    /// What the engine runs and where, beyond what is judged above: the very command, its folder, and
    /// what is run beside it.
    fn words(&mut self, config: &ringfence_project::image::Config, words: &[String]) {
        const WHY: &str = "this is not known to be harmless";
        let judged = started::judge(self.order, words);
        if judged.entry.is_some() && judged.weaker.is_empty() {
            let inner = start::compare(self.order, words, "config: Entrypoint", None);
            self.comparison.compared += inner.compared;
            self.comparison.drifts.extend(inner.drifts);
        }
        let order = self.order;
        let mut unknown = |key: &str, wanted: &str, found: String| {
            self.weaker("unknown-setting", format!("config: {key}"), wanted, found, WHY);
        };
        let folder = config.folder.trim_end_matches('/');
        let wanted = order.path(&order.boundary.service.cwd.value);
        if !folder.is_empty() && folder != wanted {
            unknown("WorkingDir", &wanted, folder.to_owned());
        }
        let health = config.health.iter().map(String::as_str).collect::<Vec<_>>();
        let program = health.get(1).and_then(|word| word.rsplit('/').next());
        let fine = matches!(health.first(), None | Some(&"NONE"))
            || (health.first() == Some(&"CMD") && matches!(program, Some("node" | "ringfence")));
        if !fine {
            unknown("Healthcheck", "nothing, or a command of node or ringfence", health.join(" "));
        }
        if !config.on_build.is_empty() {
            unknown("OnBuild", "nothing", config.on_build.join("; "));
        }
        let write = &order.boundary.fs.write;
        let granted = |volume: &str| {
            volume == "/tmp" || write.iter().any(|path| order.path(&path.value) == volume)
        };
        let volumes = config.volumes.iter().filter(|volume| !granted(volume.as_str()));
        for volume in volumes.cloned().collect::<Vec<_>>() {
            unknown("Volumes", "paths of fs.write", volume);
        }
    }

    fn user(&mut self, user: &str) {
        self.comparison.compared += 1;
        let (uid, gid) = self.order.user();
        let wanted = format!("{uid}:{gid}");
        let (name, group) = user.split_once(':').unwrap_or((user, ""));
        let named = self.order.boundary.identity.user.as_ref();
        let named = named.and_then(|user| user.value.parse::<u32>().ok());
        let place = "config: User".to_owned();
        if matches!(name, "" | "0" | "root") {
            let found = if user.is_empty() { "nothing" } else { user };
            let why = "the service is root in its container";
            self.weaker("root-user", place, &wanted, found.to_owned(), why);
        } else if matches!(group, "0" | "root") {
            let why = "files that root's group may write are open to the service";
            self.weaker("root-group", place, &wanted, user.to_owned(), why);
        } else if let (Some(named), Ok(number)) = (named, name.parse::<u32>())
            && named != number
        {
            let why = "another user's files are open to the service";
            self.weaker("other-user", place, &wanted, user.to_owned(), why);
        }
    }

    fn variable(&mut self, name: &str, value: &str) {
        self.comparison.compared += 1;
        let place = format!("config: Env {name}");
        let set = self.order.boundary.env.set.get(name);
        let granted = set.is_some_and(|set| set.value == value);
        if let Some(why) = environment::refused(name) {
            self.weaker("refused-variable", place, "not set", name.to_owned(), why.words());
        } else if !value.is_empty()
            && !granted
            && let Some(why) = suspicion(name, value)
        {
            let reason = "everybody who gets the image can read it";
            self.weaker("secret-in-image", place, "no secret", why.words().to_owned(), reason);
        }
    }

    /// Arguments of the build stand in the history: `|1 NPM_TOKEN=... /bin/sh -c npm ci`.
    fn history(&mut self, line: &str) {
        self.comparison.compared += 1;
        let authority = |word: &str| {
            let (_, rest) = word.split_once("://")?;
            let (user, _) = rest.split('/').next()?.split_once('@')?;
            let (_, password) = user.split_once(':')?;
            (!password.is_empty() && !password.starts_with('$')).then_some(())
        };
        if line.split_whitespace().any(|word| authority(word).is_some()) {
            self.weaker(
                "secret-in-image",
                "history: an address".to_owned(),
                "--mount=type=secret",
                "it holds a password".to_owned(),
                "the history of an image shows what its build was given",
            );
        }
        let words = line.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let shown = words.filter_map(|word| word.split_once('=')).find_map(|(name, value)| {
            let name = name.trim_start_matches("--");
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:/-".contains(c));
            let why = suspicion(name.rsplit([':', '/']).next().unwrap_or(name), value)?;
            (plain && value.len() > 3 && !value.starts_with('$')).then_some((name, why))
        });
        // `id=npmrc` of a secret mount is a name.
        if let Some((name, why)) = shown.filter(|_| !line.contains("--mount=type=secret")) {
            let name = name.chars().take(40).collect::<String>();
            self.weaker(
                "secret-in-image",
                format!("history: {name}"),
                "--mount=type=secret",
                why.words().to_owned(),
                "the history of an image shows what its build was given",
            );
        }
    }

    /// The boundary that the image was built for, where it says one.
    fn label(&mut self, config: &ringfence_project::image::Config) {
        let key = "org.ringfence.boundary";
        let Some((_, value)) = config.labels.iter().find(|(name, _)| name == key) else { return };
        self.comparison.compared += 1;
        let wanted = format!("sha256:{}", self.order.boundary_hash);
        if *value != wanted {
            let why = "the image was built for another version of the boundary file";
            self.weaker("another-boundary", format!("config: {key}"), &wanted, value.clone(), why);
        }
    }
}
