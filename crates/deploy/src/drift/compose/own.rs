//! Which service of a file is the boundary's.

use crate::render::Order;
use ringfence_project::yaml::{Entry, Node};
use std::path::Path;

/// The one of the name, else the only one that is built in the boundary's folder, else the only one
/// that is built at all, or the only one. A name that was given decides alone.
pub(super) fn service<'a>(
    order: &Order<'_>,
    file: &Path,
    services: &'a [Entry],
) -> Option<&'a Entry> {
    let name = order.name();
    let named = services.iter().find(|one| one.key == name);
    let named = named.or_else(|| services.iter().find(|one| is_named(&one.value, name)));
    if named.is_some() || order.called.is_some() {
        return named;
    }
    let built = |one: &&'a Entry| one.value.get("build").is_some();
    only(services.iter().filter(|one| is_built_in(&one.value, file, order.folder)))
        .or_else(|| only(services.iter().filter(built)))
        .or_else(|| only(services.iter()))
}

fn only<'a>(mut services: impl Iterator<Item = &'a Entry>) -> Option<&'a Entry> {
    services.next().filter(|_| services.next().is_none())
}

fn is_named(service: &Node, name: &str) -> bool {
    service.get("container_name").and_then(Node::as_str) == Some(name)
}

/// Whether the context or the folder of the Dockerfile is the folder; both count from the file.
fn is_built_in(service: &Node, file: &Path, folder: &Path) -> bool {
    let Some(build) = service.get("build") else { return false };
    let text = |key: &str| build.get(key).and_then(Node::as_str);
    let context = build.as_str().or_else(|| text("context")).unwrap_or(".");
    let context = file.parent().unwrap_or(Path::new("")).join(context);
    let dockerfile = text("dockerfile").map(|path| context.join(path));
    let of_file = dockerfile.as_deref().and_then(Path::parent);
    let Ok(folder) = folder.canonicalize() else { return false };
    let is = |path: &Path| {
        // `compose.yaml` has an empty parent, which is the working folder.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().is_ok_and(|path| path == folder)
    };
    is(&context) || of_file.is_some_and(is)
}
