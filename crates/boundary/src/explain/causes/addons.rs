//! Native addons: refused by Node, refused by the mount, or broken in themselves.

use super::super::code::Code;
use super::super::context::Context;
use super::super::grant::{Grant, lines};
use super::super::paths;
use super::super::report::{Advice, Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let message = symptom.message.as_str();
    let loading = symptom.code == "ERR_DLOPEN_FAILED"
        || symptom.says_any(&[
            "cannot open shared object file",
            "failed to map segment from shared object",
            "NODE_MODULE_VERSION",
            "invalid ELF header",
            "wrong ELF class",
            "undefined symbol",
            "Error loading shared library",
            "Error relocating",
        ]);
    if !loading {
        return None;
    }
    if symptom.says_any(&["NODE_MODULE_VERSION", "different Node.js version"]) {
        return Some(abi(message));
    }
    if symptom.says_any(&[
        "invalid ELF header",
        "wrong ELF class",
        "undefined symbol",
        "GLIBC_",
        "GLIBCXX_",
        "Error relocating",
        "not valid Win32",
        "Module did not self-register",
    ]) {
        return Some(build(message));
    }
    if symptom.says_any(&[
        "failed to map segment",
        "Operation not permitted",
        "cannot enable executable stack",
    ]) {
        return Some(not_executable(symptom, context));
    }
    if symptom.says("Permission denied") && message.contains(".node") {
        return Some(not_executable(symptom, context));
    }
    if symptom.says_any(&[
        "cannot open shared object file",
        "Error loading shared library",
        "No such file",
    ]) {
        return Some(library(symptom, context));
    }
    Some(build(message))
}

/// Node's `ERR_DLOPEN_DISABLED`.
pub(super) fn disabled(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let explanation = Explanation::new(
        Code::NodeAddonDisabled,
        Some(Layer::NodeFlags),
        "Node refuses native addons under its permission model; it says ERR_DLOPEN_DISABLED and \
         not ERR_ACCESS_DENIED",
    )
    .flag("--allow-addons")
    .manual(
        "The manual lists --allow-addons as a grant; Node knows only all or none, without files. \
         In a boundary each .node file must have a listed hash.",
    );
    list(explanation, symptom, context)
}

fn not_executable(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let explanation = Explanation::new(
        Code::AddonNotExecutable,
        Some(Layer::Namespaces),
        "the file can be read and not be run as code: inside a boundary only addons with a listed \
         hash are mapped executable",
    );
    list(explanation, symptom, context)
}

/// The line for an addon, where file and hash are known.
fn list(explanation: Explanation, symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let file = file_of(symptom);
    let package = file.as_deref().and_then(package);
    let hash = file.as_deref().and_then(|file| context.host.sha256(file));
    if let (Some(package), Some(hash)) = (package, hash) {
        let grant = Grant::addon(package, &hash);
        let fits = context.setting.is_none_or(|setting| grant.apply(setting.boundary).is_ok());
        let known = context.setting.is_some_and(|setting| {
            setting.boundary.process.addons.iter().any(|addon| addon.sha256.value == hash)
        });
        if known {
            return Explanation { code: Code::GrantedAlready, ..explanation }.instead(
                "the boundary file lists this addon already: start the service anew with \
                 `ringfence run`",
            );
        }
        if fits {
            let grants = vec![grant];
            let lines = lines(&grants, context.setting.as_ref());
            let note = "native code can do whatever the process may: list only what you know";
            return explanation.advise(Advice::Grant { grants, lines, note: note.to_owned() });
        }
    }
    let package = package.map_or("NAME".to_owned(), shown);
    explanation.instead(format!(
        "list the addon in process.addons by its package and hash: {{ package = \"{package}\", \
         sha256 = \"...\" }}; `sha256sum FILE.node` prints it for {}",
        file.map_or("the file".to_owned(), |file| shown(&file))
    ))
}

fn library(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let message = symptom.message.as_str();
    let name = message
        .split([':', ' '])
        .find(|word| word.contains(".so"))
        .or_else(|| message.split([':', ' ']).find(|word| word.contains(".node")))
        .unwrap_or("a library");
    if is_addon(name) {
        return missing_addon(name, context);
    }
    Explanation::new(
        Code::AddonLibrary,
        None,
        format!("a program or an addon needs the library {}, which is not there", shown(name)),
    )
    .instead(
        "install it on the host or in the image: the libraries of listed addons and of programs \
         are granted by themselves, as far as the loader finds them at the start",
    )
    .likely()
}

fn missing_addon(path: &str, context: &Context<'_>) -> Explanation {
    let access = super::super::access::Access::Read(path.to_owned());
    let explanation = Explanation::new(
        Code::FileHidden,
        Some(Layer::Namespaces),
        format!("the addon {} is not there, or no grant shows it", shown(path)),
    )
    .likely();
    super::settled(explanation, &access, context)
}

fn abi(message: &str) -> Explanation {
    let mut numbers = message
        .split("NODE_MODULE_VERSION ")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let cause = match (numbers.next(), numbers.next()) {
        (Some(built), Some(needed)) => format!(
            "the addon was built for another Node: for module version {built}, and this one wants \
             {needed}"
        ),
        _ => "the addon was built for another version of Node".to_owned(),
    };
    Explanation::new(Code::AddonAbi, None, cause).instead(
        "`npm rebuild` with the Node that runs the service; then its hash is another one, so write \
         the new one into process.addons",
    )
}

fn build(message: &str) -> Explanation {
    let cause = if message.contains("GLIBC") {
        "the addon needs a newer C or C++ library than this host has"
    } else if message.contains("invalid ELF header") || message.contains("wrong ELF class") {
        "the addon was built for another system or processor"
    } else {
        "the addon does not fit this Node or this host"
    };
    Explanation::new(Code::AddonAbi, None, cause).instead(
        "install the package on the system it runs on (`npm ci` in the image, or `npm rebuild`): \
         no grant helps",
    )
}

/// The `.node` file of an error: in the message, or in a frame that loads it.
fn file_of(symptom: &Symptom) -> Option<String> {
    let texts = std::iter::once(symptom.message.as_str())
        .chain([symptom.path.as_str(), symptom.resource.as_str()])
        .chain(symptom.frames.iter().map(String::as_str));
    for text in texts {
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '(' | ')'));
        for word in words {
            let word = word.trim_end_matches([':', ',']);
            if word.starts_with('/') && is_addon(word) {
                return Some(paths::join("/", word));
            }
        }
    }
    None
}

/// Files that Node loads as code are named in lower case alone.
fn is_addon(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "node")
}

/// The npm package a file is in.
fn package(path: &str) -> Option<&str> {
    let rest = path.rsplit_once("/node_modules/")?.1;
    let mut parts = rest.splitn(3, '/');
    let first = parts.next()?;
    if !first.starts_with('@') {
        return Some(first);
    }
    let second = parts.next()?;
    rest.get(..first.len() + 1 + second.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_its_innermost_package() {
        assert_eq!(package("/a/node_modules/sharp/build/x.node"), Some("sharp"));
        assert_eq!(
            package("/a/node_modules/x/node_modules/@img/sharp-linux/lib/x.node"),
            Some("@img/sharp-linux")
        );
        assert_eq!(package("/a/x.node"), None);
    }
}
