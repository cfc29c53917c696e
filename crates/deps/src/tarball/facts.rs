//! What a review asks of a tarball.

use super::Tarball;
use crate::evidence::TarballFacts;

/// What npm runs when it installs a package from a registry.
pub(crate) const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// Beginnings of the names of licence files, in lower case.
const LICENCES: [&str; 5] = ["license", "licence", "copying", "notice", "unlicense"];

pub(super) fn facts(tarball: &Tarball, from_git: bool) -> TarballFacts {
    let Tarball { files, manifest, .. } = tarball;
    let run = INSTALL_SCRIPTS.into_iter().chain(from_git.then_some("prepare"));
    let scripts = run.filter_map(|name| {
        let text = manifest.script(name)?;
        (!text.is_empty()).then(|| (name.to_owned(), text.to_owned()))
    });
    let mut facts = TarballFacts {
        scripts: scripts.collect(),
        licence: manifest.licence.clone(),
        repository: manifest.repository.clone(),
        files: files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
        ..TarballFacts::default()
    };
    for file in files {
        let path = &file.path;
        let is_node = path.rsplit_once('.').is_some_and(|(_, end)| end == "node");
        if is_node || path.split('/').any(|part| part == "prebuilds") {
            facts.native.push(path.clone());
        } else if file.program.is_some() {
            facts.executables.push(path.clone());
        }
        // npm looks for this one name, and `gypfile` can only switch it off.
        facts.gyp |= path == "binding.gyp" && manifest.gypfile != Some(false);
        let lower = path.to_ascii_lowercase();
        if !path.contains('/') && LICENCES.iter().any(|start| lower.starts_with(start)) {
            facts.licence_files.push(path.clone());
        }
    }
    facts
}

/// What the first bytes of a program say.
pub(crate) fn program(bytes: &[u8]) -> Option<&'static str> {
    match bytes.get(..4)? {
        [0x7f, b'E', b'L', b'F'] => Some("elf"),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => Some("mach-o"),
        // A Java class begins the same way, with its version where the number of programs stands.
        [0xca, 0xfe, 0xba, 0xbe] => {
            let count = bytes.get(4..8)?;
            (count[..3] == [0, 0, 0] && count[3] < 20).then_some("mach-o")
        }
        [b'M', b'Z', ..] => Some("pe"),
        _ => None,
    }
}
