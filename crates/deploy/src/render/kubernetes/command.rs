//! The command of the container.

use super::volumes;
use crate::render::{Entry, Note, Order, dockerfile, node};
use ringfence_boundary::node::flags::{self, Grants, OWN_READ, OWN_WRITE};
use std::path::PathBuf;

/// Program and arguments.
pub(crate) fn of(order: &Order<'_>, entry: Entry) -> Vec<String> {
    if entry == Entry::Ringfence {
        return order.ringfence_command().iter().map(|word| escaped(word)).collect();
    }
    let program = node::program(order);
    let command = if node::is_node(&program) {
        node::argv(order, version(order), program, &grants(order))
    } else {
        let words = order.boundary.service.start.iter().skip(1).map(|word| word.value.clone());
        std::iter::once(program).chain(words).collect()
    };
    command.iter().map(|word| escaped(word)).collect()
}

/// Words that some version of Node is given for the same boundary, and those of the program itself.
pub(crate) fn allowed(order: &Order<'_>, entry: Entry) -> Vec<String> {
    let mut words = of(order, entry);
    if entry == Entry::Node {
        let grants = grants(order);
        for version in [[20, 20, 0], [22, 22, 0], [24, 0, 0], [25, 0, 0], [26, 0, 0], [26, 10, 0]] {
            let (flags, _) = flags::flags(version, &grants);
            words.extend(flags.iter().map(|flag| flag.to_string_lossy().into_owned()));
        }
    }
    words
}

/// What the choice of a version means.
pub(super) fn notes(order: &Order<'_>) -> Option<Note> {
    let [major, minor, _] = version(order);
    node::is_node(&order.boundary.service.start.first()?.value).then(|| Note {
        grant: "service.node".to_owned(),
        carried: format!(
            "the flags are those of Node {major}.{minor}, as in the image of `ringfence render dockerfile`; other \
             versions have others and may refuse to start"
        ),
    })
}

/// `$(NAME)` would be replaced by the kubelet, and of two dollar signs it keeps one.
pub(super) fn escaped(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let behind = rest[at..].trim_start_matches('$');
        let signs = &rest[at..rest.len() - behind.len()];
        escaped.push_str(&rest[..at]);
        escaped.push_str(signs);
        if signs.len() > 1 || behind.starts_with('(') {
            escaped.push_str(signs);
        }
        rest = behind;
    }
    escaped + rest
}

/// The version of the image that `render dockerfile` describes, else the newest that is accepted.
fn version(order: &Order<'_>) -> [u64; 3] {
    let image = dockerfile::node_version(order);
    image.or_else(|_| node::version(order)).unwrap_or([24, 0, 0])
}

/// The boundary's grants in the terms of Node's flags, as paths of the pod.
fn grants(order: &Order<'_>) -> Grants {
    let mut grants = node::granted(order, |path| order.path(path).into());
    grants.read.extend(OWN_READ.iter().map(PathBuf::from));
    grants.write.extend(OWN_WRITE.iter().map(PathBuf::from));
    grants.read.extend(volumes::authorities(order).into_iter().map(PathBuf::from));
    for secret in &order.boundary.secrets {
        let Some(path) = volumes::secret_path(order, Entry::Node, secret) else { continue };
        // The kubelet's files are links within their folder.
        let (folder, _) = volumes::split(&path);
        let granted = if volumes::is_own(order, folder) { folder } else { &path };
        grants.read.push(granted.into());
    }
    grants.tidy();
    grants
}
