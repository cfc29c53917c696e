//! Modules that Node does not find: not installed, or not shown.

use super::super::access::{Access, Outcome};
use super::super::code::Code;
use super::super::context::{Context, Look};
use super::super::paths;
use super::super::read::after;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let codes = ["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"];
    let says = symptom.says_any(&["Cannot find module", "Cannot find package"]);
    if !codes.contains(&symptom.code.as_str()) && !says {
        return None;
    }
    let name = after(&symptom.message, "Cannot find module ")
        .or_else(|| after(&symptom.message, "Cannot find package "))
        .unwrap_or_default();
    if let Some(path) = name.strip_prefix("file://").or(name.starts_with('/').then_some(name)) {
        return Some(file(path, context));
    }
    if name.starts_with('.') {
        return Some(match importer(symptom) {
            Some(importer) => file(&paths::join(paths::parent(importer), name), context),
            None => relative(name),
        });
    }
    Some(package(name, symptom, context))
}

/// A file by its absolute path: the program itself, or what it imports.
fn file(path: &str, context: &Context<'_>) -> Explanation {
    let missing =
        Explanation::new(Code::ModuleMissing, None, format!("{} does not exist", shown(path)))
            .instead(
                "build it, or correct the path in service.start or in the import; no grant helps",
            );
    let hidden = Explanation::new(
        Code::ModuleHidden,
        Some(Layer::Namespaces),
        format!("no grant shows {}: inside it does not exist", shown(path)),
    );
    let manual = "The manual says log process.cwd() and use absolute paths; in ringfence.toml \
         paths count from its folder, and the working directory is service.cwd.";
    let outcome = Access::Read(path.to_owned()).outcome(context);
    match (outcome, context.host.look(path)) {
        (_, Look::Missing) | (Outcome::Already, _) => missing.manual(manual),
        (Outcome::Missing(advice), Look::File | Look::Folder) => hidden.advise(advice),
        (Outcome::Missing(advice), Look::Unknown) if context.setting.is_some() => {
            hidden.advise(advice).or(missing)
        }
        (Outcome::Missing(advice), Look::Unknown) => missing.or(hidden.advise(advice)),
        (Outcome::Never(code, advice), _) => Explanation { code, ..hidden.advise(advice) },
        (Outcome::Nothing(_), _) => missing,
    }
}

/// The file that asked for a module, as the first line of the `Require stack` names it.
fn importer(symptom: &Symptom) -> Option<&str> {
    symptom
        .frames
        .iter()
        .find_map(|frame| frame.strip_prefix("- "))
        .filter(|path| path.starts_with('/'))
}

fn relative(name: &str) -> Explanation {
    Explanation::new(
        Code::ModuleMissing,
        None,
        format!("{} is not there, seen from the file that imports it", shown(name)),
    )
    .instead(
        "correct the import or build the file; if it exists on the host, its folder is missing in \
         fs.read (explain the whole error: it names the importing file)",
    )
    .likely()
}

/// A package by its name: somewhere in a `node_modules` above the importing file.
fn package(name: &str, symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let first = name.split('/').take(if name.starts_with('@') { 2 } else { 1 });
    let package = first.collect::<Vec<_>>().join("/");
    let missing = Explanation::new(
        Code::ModuleMissing,
        None,
        format!(
            "the package {} is not installed where the importing file looks for it",
            shown(&package)
        ),
    )
    .instead(
        "`npm ci` in the service's folder, before the start; where it is a link into a store \
         elsewhere (pnpm), grant the store in fs.read too",
    );
    let Some(setting) = context.setting else { return missing };
    let importer = symptom.message.split(" imported from ").nth(1).unwrap_or_default();
    let importer = importer.split_whitespace().next().unwrap_or_default();
    let folder = importer.split_once("/node_modules/").map_or(setting.folder, |(folder, _)| folder);
    let path = paths::join(folder, &format!("node_modules/{package}"));
    let hidden = Explanation::new(
        Code::ModuleHidden,
        Some(Layer::Namespaces),
        format!("no grant shows {}: inside the package does not exist", shown(&path)),
    );
    match (Access::Read(path.clone()).outcome(context), context.host.look(&path)) {
        (_, Look::Missing) | (Outcome::Already | Outcome::Nothing(_), _) => missing,
        (Outcome::Missing(advice), Look::Unknown) => hidden.advise(advice).or(missing),
        (Outcome::Missing(advice), _) => hidden.advise(advice),
        (Outcome::Never(code, advice), _) => Explanation { code, ..hidden.advise(advice) },
    }
}
