//! One layer put over those below it: files, whiteouts, opaque folders.

use super::tape::{Input, Tape};
use super::{Entry, Image, ImageError, Kind, MAX_BYTES, MAX_ENTRIES, MAX_NAMES, MAX_TEXT, Visitor};
use std::collections::BTreeSet;

/// Marks a name below as taken away.
const WHITEOUT: &str = ".wh.";
/// Marks everything in the folder below as taken away.
const OPAQUE: &str = ".wh..wh..opq";

/// What all layers together took so far.
#[derive(Debug, Default)]
pub(super) struct Spent {
    entries: u64,
    names: u64,
    bytes: u64,
}

/// Puts a layer over the image.
pub(super) fn apply<R: Input>(
    image: &mut Image,
    tape: &mut Tape<R>,
    layer: usize,
    spent: &mut Spent,
    visitor: &mut dyn Visitor,
) -> Result<(), ImageError> {
    // Each is done once: repeated without end, they would take time without end.
    let mut taken = BTreeSet::new();
    while let Some(entry) = tape.next(layer)? {
        spent.charge(&entry)?;
        if entry.path.is_empty() {
            continue;
        }
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        if name == OPAQUE {
            if taken.insert(folder.to_owned()) {
                remove(image, folder, layer, false);
            }
        } else if let Some(hidden) = name.strip_prefix(WHITEOUT).filter(|name| !name.is_empty()) {
            // Names that file systems keep for themselves.
            if !hidden.starts_with(WHITEOUT) {
                let path = if folder.is_empty() {
                    hidden.to_owned()
                } else {
                    format!("{folder}/{hidden}")
                };
                if taken.insert(path.clone()) {
                    remove(image, &path, layer, true);
                }
            }
        } else {
            let wanted = visitor.wanted(&entry).min(MAX_TEXT);
            let content = tape.content(wanted)?;
            visitor.visit(&entry, &content);
            let again = image.tree.get(&entry.path).is_some_and(|known| known.layer == layer);
            if entry.kind != Kind::Directory && !again {
                remove(image, &entry.path, layer, true);
            }
            image.tree.insert(entry.path.clone(), entry);
        }
    }
    Ok(())
}

/// Takes away what lower layers have at and below a path.
fn remove(image: &mut Image, path: &str, layer: usize, itself: bool) {
    if itself && image.tree.get(path).is_some_and(|entry| entry.layer < layer) {
        image.tree.remove(path);
    }
    let lower = |entry: &&Entry| entry.layer < layer;
    let gone: Vec<String> =
        image.below(path).filter(lower).map(|entry| entry.path.clone()).collect();
    for path in gone {
        image.tree.remove(&path);
    }
}

impl Spent {
    fn charge(&mut self, entry: &Entry) -> Result<(), ImageError> {
        self.entries += 1;
        let link = match &entry.kind {
            Kind::Symlink(to) | Kind::Hardlink(to) => to.len(),
            _ => 0,
        };
        self.names += (2 * entry.path.len() + link) as u64;
        self.bytes = self.bytes.saturating_add(entry.size);
        if self.entries > MAX_ENTRIES {
            return Err(ImageError::TooLarge("4 million files"));
        }
        if self.names > MAX_NAMES {
            return Err(ImageError::TooLarge("512 MiB of names"));
        }
        if self.bytes > MAX_BYTES {
            return Err(ImageError::TooLarge("256 GiB of files"));
        }
        Ok(())
    }
}
