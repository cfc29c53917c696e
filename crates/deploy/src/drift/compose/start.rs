//! What is started, and with which variables.

use super::{Judge, Said, items};
use crate::drift::started;
use ringfence_policy::environment;
use ringfence_project::variables::suspicion;
use ringfence_project::yaml::Node;

/// Variables that every image has.
const USUAL: [&str; 6] = ["HOME", "HOSTNAME", "LANG", "NODE_VERSION", "TERM", "TMPDIR"];

impl Judge<'_> {
    pub(super) fn start(&mut self) {
        let Some(key) = ["entrypoint", "command"]
            .into_iter()
            .find(|key| self.service.get(key).is_some_and(|node| !node.is_null()))
        else {
            return;
        };
        self.compared();
        let mut words: Vec<String> = Vec::new();
        let mut line = 0;
        for key in ["entrypoint", "command"] {
            let Some(node) = self.value(key).filter(|node| !node.is_null()) else { continue };
            if line == 0 {
                line = node.line();
            }
            match node.as_str() {
                // Compose splits a text into words and starts no shell.
                Some(text) => words.extend(split(text)),
                None => words
                    .extend(items(node).into_iter().map(|word| word.shown().replace("$$", "$"))),
            }
        }
        if words.is_empty() {
            return;
        }
        if key == "command" && words.first().is_some_and(|word| word.starts_with('-')) {
            self.undecided(line, "the image's own entry decides what `command` is given to");
            return;
        }
        let started = started::judge(self.order, &words);
        self.entry = started.entry;
        for found in started.weaker {
            let said = Said { wanted: &found.wanted, found: &found.there, why: found.why };
            self.weaker(found.code, key, Some(line), said);
        }
    }

    pub(super) fn environment(&mut self) {
        if let Some(entry) = self.service.entry("env_file") {
            let line = entry.line;
            self.undecided(line, "`env_file` sets variables that are in another file");
        }
        let Some(node) = self.value("environment") else { return };
        let pairs: Vec<(String, Option<Node>, usize)> = match node.as_map() {
            Some(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), Some(entry.value.clone()), entry.line))
                .collect(),
            None => items(node)
                .into_iter()
                .filter_map(|item| Some((item.as_str()?, item.line())))
                .map(|(text, line)| (text.split('=').next().unwrap_or(text).to_owned(), None, line))
                .collect(),
        };
        let values: Vec<Option<String>> = match node.as_map() {
            Some(entries) => entries
                .iter()
                .map(|entry| (!entry.value.is_null()).then(|| entry.value.shown()))
                .collect(),
            None => items(node)
                .into_iter()
                .map(|item| item.as_str()?.split_once('=').map(|(_, value)| value.to_owned()))
                .collect(),
        };
        for ((name, node, line), value) in pairs.into_iter().zip(values) {
            let later = node.is_some_and(|node| node.is_template())
                || value.as_deref().is_some_and(|value| value.contains("${"));
            if later && self.order.boundary.env.set.contains_key(&name) {
                self.undecided(line, &format!("environment.{name} is filled in later"));
            }
            self.variable(&name, value.filter(|_| !later).as_deref(), line);
        }
    }

    /// One variable; `value` is `None` when it comes from outside.
    fn variable(&mut self, name: &str, value: Option<&str>, line: usize) {
        self.compared();
        let key = format!("environment.{name}");
        let env = &self.order.boundary.env;
        if let Some(why) = environment::refused(name) {
            let said = Said { wanted: "not set", found: name, why: why.words() };
            self.weaker("refused-variable", &key, Some(line), said);
            return;
        }
        let set = env.set.get(name).map(|set| set.value.as_str());
        let as_set = value.is_some_and(|value| set == Some(value.replace("$$", "$").as_str()));
        if !as_set
            && let Some(value) = value.filter(|value| !value.is_empty())
            && let Some(why) = suspicion(name, value)
        {
            let said = Said {
                wanted: "a file of `secrets`",
                found: why.words(),
                why: "the file, `docker inspect` and every child of the service show it",
            };
            self.weaker("secret-in-environment", &key, Some(line), said);
            return;
        }
        let secret = self.order.boundary.secrets.iter().any(|secret| {
            use ringfence_policy::model::{Delivery, SecretSource};
            matches!(&secret.from.value, SecretSource::Environment(from) if from == name)
                || matches!(&secret.delivery, Delivery::Environment(to) if to == name)
        });
        let known = set.is_some() || secret || env.pass.iter().any(|pass| pass.value == name);
        if !known && !USUAL.contains(&name) {
            let said = Said {
                wanted: "a name of env.pass or env.set",
                found: name,
                why: "the service gets a variable that the boundary does not give it",
            };
            self.weaker("unlisted-variable", &key, Some(line), said);
        } else if let (Some(set), Some(value)) = (set, value)
            && !as_set
        {
            let said = Said { wanted: set, found: value, why: "the boundary fixes this value" };
            self.weaker("other-value", &key, Some(line), said);
        }
    }
}

/// Words of a text, quotes taken off.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (character, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
