//! Commands in scripts: what publishes, what installs, and how.

/// The commands of a script, each as its words.
pub(super) fn commands(script: &str) -> Vec<Vec<String>> {
    let joined = script.replace("\\\n", " ");
    let parts = joined.split(['\n', ';', '|', '&', '(', ')', '`']);
    let word = |word: &str| word.trim_matches(['"', '\'']).to_owned();
    let words = parts.map(|part| part.split_whitespace().map(word).collect::<Vec<_>>());
    let commands = words.filter_map(|words| {
        let begin = words.iter().position(|word| {
            !word.contains('=') && !matches!(word.as_str(), "sudo" | "env" | "time" | "then" | "do")
        })?;
        let words: Vec<String> = words[begin..].to_vec();
        (!words[0].starts_with('#')).then_some(words)
    });
    commands.collect()
}

/// The words of a command that are no options.
fn plain(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect()
}

/// Whether a script publishes to a registry, as far as its words say.
pub(super) fn publishes(script: &str) -> bool {
    commands(script).iter().any(|words| is_publish(words))
}

fn is_publish(words: &[String]) -> bool {
    let dry = words.iter().any(|word| word == "--dry-run");
    let plain = plain(words);
    let plain = match plain.as_slice() {
        ["npx" | "bunx", rest @ ..]
        | ["pnpm" | "yarn" | "bun", "exec" | "dlx" | "x", rest @ ..]
        | ["npm", "exec", rest @ ..]
        | rest => rest,
    };
    let found = match plain {
        ["npm" | "pnpm" | "bun", rest @ ..] => {
            rest.first() == Some(&"publish")
                || rest.contains(&"publish")
                    && !matches!(rest.first(), Some(&"run" | &"run-script"))
                || rest.first() == Some(&"stage") && rest.get(1) == Some(&"publish")
        }
        ["yarn", rest @ ..] => {
            rest.first() == Some(&"publish")
                || rest.windows(2).any(|pair| pair == ["npm", "publish"])
        }
        ["changeset" | "lerna", "publish", ..]
        | ["semantic-release" | "release-it" | "np", ..]
        | ["nx", "release", ..] => true,
        _ => false,
    };
    found && !dry
}

/// The script of `package.json` that a command runs, if that is what it does.
pub(super) fn runs(words: &[String]) -> Option<&str> {
    let plain = plain(words);
    match plain.as_slice() {
        ["npm" | "pnpm" | "yarn" | "bun", "run" | "run-script", name, ..]
        | ["pnpm" | "yarn", name, ..] => Some(name),
        _ => None,
    }
}

/// An install of a project's dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Install {
    /// Whether it takes the lockfile as it is.
    pub(super) frozen: bool,
    /// Whether packages may run scripts.
    pub(super) scripts: bool,
    /// Which manager.
    pub(super) manager: &'static str,
}

/// What a command installs, if it does. On a build machine pnpm and Yarn take the lockfile as it is unless
/// they are told otherwise.
pub(super) fn install(words: &[String]) -> Option<Install> {
    let has = |option: &str| words.iter().any(|word| word == option);
    if has("-g") || has("--global") || has("--location=global") {
        return None;
    }
    let scripts = !has("--ignore-scripts") && !has("--ignore-scripts=true");
    let plain = plain(words);
    match plain.as_slice() {
        ["npm", "ci" | "clean-install" | "install-clean" | "cit", ..] => {
            Some(Install { frozen: true, scripts, manager: "npm" })
        }
        ["npm", "install" | "i" | "add" | "update" | "up" | "install-test" | "it", ..] => {
            Some(Install { frozen: false, scripts, manager: "npm" })
        }
        ["pnpm", "install" | "i"] => Some(Install {
            frozen: !has("--no-frozen-lockfile") && !has("--frozen-lockfile=false"),
            // pnpm asks for each package since version 10.
            scripts: false,
            manager: "pnpm",
        }),
        ["pnpm", "add" | "update" | "up", ..] => {
            Some(Install { frozen: false, scripts: false, manager: "pnpm" })
        }
        ["yarn"] | ["yarn", "install"] => Some(Install {
            frozen: has("--immutable") || has("--frozen-lockfile"),
            scripts,
            manager: "yarn",
        }),
        ["yarn", "add" | "upgrade" | "up", ..] => {
            Some(Install { frozen: false, scripts, manager: "yarn" })
        }
        ["bun", "install" | "i"] => {
            let frozen = has("--frozen-lockfile");
            Some(Install { frozen, scripts: false, manager: "bun" })
        }
        ["bun", "ci"] => Some(Install { frozen: true, scripts: false, manager: "bun" }),
        _ => None,
    }
}

/// The npm that a command puts in place: what stands behind `npm@`.
pub(super) fn npm_put_in_place(words: &[String]) -> Option<&str> {
    let global = words.iter().any(|word| word == "-g" || word == "--global");
    let first = words.first().map(String::as_str);
    let asked = words.iter().find_map(|word| word.strip_prefix("npm@"));
    let is_npm = global && first == Some("npm") || matches!(first, Some("corepack" | "npx"));
    asked.filter(|_| is_npm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_publishes_is_told_from_what_only_speaks_of_it() {
        for script in [
            "npm publish",
            "npm ci && npm publish --provenance --access public",
            "NODE_AUTH_TOKEN=x npm --workspaces publish",
            "pnpm -r publish --no-git-checks",
            "yarn npm publish",
            "npx semantic-release",
            "pnpm changeset publish",
            "npm run build\nnpm \\\n publish",
            "bun publish",
            "npx -y lerna publish from-git",
        ] {
            assert!(publishes(script), "{script}");
        }
        for script in [
            "npm publish --dry-run",
            "# npm publish",
            "echo npm publish",
            "npm run publish-docs",
            "npm ci",
            "cargo publish",
        ] {
            assert!(!publishes(script), "{script}");
        }
    }

    #[test]
    fn installs_are_told_apart() {
        let of = |script: &str| install(&commands(script)[0]).map(|one| (one.frozen, one.scripts));
        assert_eq!(of("npm ci --ignore-scripts"), Some((true, false)));
        assert_eq!(of("npm install"), Some((false, true)));
        assert_eq!(of("npm install -g npm@latest"), None);
        assert_eq!(of("pnpm install"), Some((true, false)));
        assert_eq!(of("yarn --immutable"), Some((true, true)));
        assert_eq!(of("npm test"), None);
        assert_eq!(npm_put_in_place(&commands("npm i -g npm@11.5.1")[0]), Some("11.5.1"));
    }
}
