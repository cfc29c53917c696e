//! The commands of each package manager: fetch without scripts, build what is granted, take away
//! what is only needed to develop.

use super::project::Project;
use ringfence_project::lockfile::Manager;

/// Lets a build see what it needs of a private registry without leaving it in a layer.
const SECRET: &str = "--mount=type=secret,id=npmrc,target=/root/.npmrc";

impl Project {
    /// Instructions that put the manager there, where Node's image has none.
    pub(super) fn tool(&self) -> Option<String> {
        let version = self.manager_version.as_deref()?;
        let package = match self.manager {
            Manager::Npm => return None,
            Manager::Bun => {
                return Some(format!(
                    "COPY --from=oven/bun:{version} /usr/local/bin/bun /usr/local/bin/bun"
                ));
            }
            Manager::Pnpm => "pnpm",
            Manager::Yarn if self.berry => "@yarnpkg/cli-dist",
            Manager::Yarn => "yarn",
        };
        Some(format!("RUN npm install --global --force --ignore-scripts {package}@{version}"))
    }

    /// Exactly what the lockfile names; nothing of a package runs.
    pub(super) fn fetch(&self) -> String {
        let command = match self.manager {
            Manager::Npm => "npm ci --ignore-scripts --no-audit --no-fund",
            Manager::Pnpm => "pnpm install --frozen-lockfile --ignore-scripts",
            Manager::Yarn if self.berry => "yarn install --immutable --mode=skip-build",
            Manager::Yarn => "yarn install --frozen-lockfile --ignore-scripts --non-interactive",
            Manager::Bun => "bun install --frozen-lockfile --ignore-scripts",
        };
        format!("RUN {SECRET} {command}")
    }

    /// Scripts of these packages alone.
    pub(super) fn rebuild(&self, packages: &[String]) -> String {
        let packages = packages.join(" ");
        let command = match self.manager {
            Manager::Pnpm => format!("pnpm rebuild {packages}"),
            Manager::Yarn if self.berry => format!("yarn rebuild {packages}"),
            _ => format!("npm rebuild --ignore-scripts=false {packages}"),
        };
        // Headers of Node lie in its image: nothing has to be downloaded.
        format!("RUN --network=none npm_config_nodedir=/usr/local {command}")
    }

    /// The project's own build.
    pub(super) fn build(&self) -> String {
        format!("RUN --network=none {} run build", self.manager.id())
    }

    /// Takes away what is only needed to develop.
    pub(super) fn prune(&self) -> String {
        let command = match self.manager {
            Manager::Npm => "npm prune --omit=dev --ignore-scripts --no-audit --no-fund",
            Manager::Pnpm => "pnpm prune --prod --ignore-scripts",
            Manager::Yarn if self.berry => "yarn workspaces focus --production",
            Manager::Yarn => {
                "yarn install --production --frozen-lockfile --ignore-scripts --offline \
                 --non-interactive"
            }
            Manager::Bun => "bun install --production --frozen-lockfile --ignore-scripts",
        };
        format!("RUN --network=none {command}")
    }
}
