//! What others see of a package beside its code, and what runs before and after it is packed.

use super::super::contents::Contents;
use super::super::finding::Found;
use super::Package;
use crate::tarball::INSTALL_SCRIPTS;
use ringfence_policy::display::quoted;

/// Scripts that npm runs before it packs, and so can change what is shipped.
const BEFORE: [&str; 4] = ["prepublishOnly", "prepack", "prepare", "prepublish"];

impl Package<'_> {
    /// The script that makes files before packing, if there is one.
    pub(super) fn builds(&self) -> Option<&'static str> {
        BEFORE.into_iter().find(|name| self.manifest.script(name).is_some())
    }
}

pub(super) fn look(package: &Package<'_>, all: &Contents, found: &mut Found<'_>) {
    let manifest = package.manifest;
    let has = |start: &str| {
        all.files
            .keys()
            .any(|path| !path.contains('/') && path.to_ascii_lowercase().starts_with(start))
    };
    let mut lacks = Vec::new();
    if !manifest.has("license") && !manifest.has("licenses") && !has("licen") && !has("copying") {
        lacks.push("a licence");
    }
    if !has("readme") {
        lacks.push("a README");
    }
    if !manifest.has("repository") {
        lacks.push("a repository, which provenance is compared with");
    }
    if !lacks.is_empty() {
        let message = format!("lacks {}", lacks.join(", "));
        found.in_package("incomplete-manifest", "package.json", 1, message);
    }
    for name in INSTALL_SCRIPTS {
        if let Some(script) = manifest.script(name) {
            let line = package.line(&["scripts", name]);
            let message = format!("{name} runs where it is installed: {}", quoted(script));
            found.in_package("own-install-script", "package.json", line, message);
        }
    }
    let is_built = all.files.contains_key("binding.gyp")
        && manifest.script("install").is_none()
        && manifest.script("preinstall").is_none();
    if is_built {
        let message =
            "npm runs a compiler where it is installed: there is no script for it".to_owned();
        found.in_package("own-install-script", "binding.gyp", 1, message);
    }
    for name in BEFORE {
        if let Some(script) = manifest.script(name) {
            let line = package.line(&["scripts", name]);
            let message =
                format!("{name} runs first and can change what is shipped: {}", quoted(script));
            found.in_package("built-on-publish", "package.json", line, message);
        }
    }
    if ["npm-extension.cjs", "npm-extension.mjs"]
        .iter()
        .any(|name| package.folder.join(format!(".{name}")).exists())
    {
        found.not_judged(
            "bundled packages",
            "an extension of npm 12 can change what they depend on",
        );
    }
}
