//! Which kind of archive it is, and where its layers lie.

use super::layer::{Spent, apply};
use super::tape::{Input, Seekable, Stream, Tape};
use super::{Config, Image, ImageError, Kind, MAX_LAYERS, MAX_TEXT, Visitor};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Names of an archive that are kept; more than this is no archive of layers.
const MAX_NAMES: usize = 65_536;
/// Names that only an archive of layers has at its top.
const MARKS: [&str; 3] = ["manifest.json", "index.json", "oci-layout"];
/// Folders at the top of a root file system.
const ROOT: [&str; 12] =
    ["bin", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "root", "sys", "usr", "var"];
/// Indexes in indexes that are followed.
const DEPTH: usize = 4;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Where files of the archive lie.
struct Archive {
    file: File,
    places: BTreeMap<String, Place>,
    /// Whether its top looks like a root file system.
    root: bool,
}

enum Place {
    At { offset: u64, size: u64 },
    Link(String),
}

/// What leads to the layers.
struct Found {
    config: String,
    layers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// Reads whatever it is.
pub(super) fn read(path: &Path, visitor: &mut dyn Visitor) -> Result<Image, ImageError> {
    let mut file = File::open(path)?;
    let start = magic(&mut file)?;
    if start.starts_with(&GZIP) {
        return compressed_root(file, visitor);
    }
    if start.starts_with(&ZSTD) {
        return Err(ImageError::Compression("the archive".to_owned()));
    }
    let mut archive = Archive::scan(file)?;
    match archive.find()? {
        Some(found) => archive.image(found, visitor),
        None if archive.root => archive.root_file_system(visitor),
        None => Err(ImageError::NotAnImage),
    }
}

/// The first bytes; the file stands at its start again.
fn magic(file: &mut File) -> Result<Vec<u8>, ImageError> {
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(start)
}

/// A root file system, unpacked on the way.
fn compressed_root(file: File, visitor: &mut dyn Visitor) -> Result<Image, ImageError> {
    let name = "the archive";
    let mut image = Image { layers: vec!["root".to_owned()], ..Image::default() };
    let mut tape = Tape::new(Stream(MultiGzDecoder::new(BufReader::new(file))), name);
    apply(&mut image, &mut tape, 0, &mut Spent::default(), visitor)?;
    if MARKS.iter().any(|mark| image.tree.contains_key(*mark)) && !has_root(&image) {
        return Err(ImageError::Compressed);
    }
    if has_root(&image) { Ok(image) } else { Err(ImageError::NotAnImage) }
}

fn has_root(image: &Image) -> bool {
    ROOT.iter().any(|name| image.tree.contains_key(*name) || image.below(name).next().is_some())
}

impl Archive {
    fn scan(file: File) -> Result<Self, ImageError> {
        let length = file.metadata()?.len();
        let mut tape = Tape::new(Seekable(BufReader::new(file.try_clone()?)), "the archive");
        let mut archive = Self { file, places: BTreeMap::new(), root: false };
        while let Some(entry) = tape.next(0)? {
            let top = entry.path.split('/').next().unwrap_or_default();
            archive.root |= ROOT.contains(&top);
            let place = match entry.kind {
                Kind::File => Place::At { offset: tape.offset, size: entry.size },
                Kind::Symlink(to) => Place::Link(beside(&entry.path, &to)),
                Kind::Hardlink(to) => Place::Link(to),
                _ => continue,
            };
            if tape.offset.saturating_add(entry.size) > length {
                return Err(ImageError::Truncated(entry.path));
            }
            if archive.places.len() < MAX_NAMES && entry.path.split('/').count() <= 3 {
                archive.places.insert(entry.path, place);
            }
        }
        Ok(archive)
    }

    fn find(&mut self) -> Result<Option<Found>, ImageError> {
        if self.places.contains_key("oci-layout") && self.places.contains_key("index.json") {
            return self.layout().map(Some);
        }
        if !self.places.contains_key("manifest.json") {
            return Ok(None);
        }
        match self.json::<Vec<Saved>>("manifest.json") {
            Ok(saved) => {
                let several = saved.len();
                let mut saved = saved.into_iter();
                match (saved.next(), saved.next()) {
                    (Some(saved), None) => {
                        Ok(Some(Found { config: saved.config, layers: saved.layers }))
                    }
                    (None, _) => Err(ImageError::NotAnImage),
                    _ => Err(ImageError::Several(several)),
                }
            }
            // A root file system may have a file of that name.
            Err(_) if self.root => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn layout(&mut self) -> Result<Found, ImageError> {
        let mut name = "index.json".to_owned();
        for _ in 0..DEPTH {
            let index: Index = self.json(&name)?;
            if let (Some(config), Some(layers)) = (&index.config, &index.layers) {
                let layers = layers.iter().map(|layer| blob(&layer.digest)).collect();
                return Ok(Found { config: blob(&config.digest), layers });
            }
            let mut digests: Vec<String> = index
                .manifests
                .unwrap_or_default()
                .into_iter()
                .filter(|descriptor| !descriptor.is_attestation())
                .map(|descriptor| descriptor.digest)
                .collect();
            digests.sort();
            digests.dedup();
            // Of an image for several machines only one may have been saved.
            digests.retain(|digest| self.places.contains_key(&blob(digest)));
            match digests.as_slice() {
                [] => return Err(ImageError::NotAnImage),
                [one] => name = blob(one),
                several => return Err(ImageError::Several(several.len())),
            }
        }
        Err(ImageError::NotAnImage)
    }

    fn image(&mut self, found: Found, visitor: &mut dyn Visitor) -> Result<Image, ImageError> {
        if found.layers.len() > MAX_LAYERS {
            return Err(ImageError::TooLarge("1024 layers"));
        }
        let text = self.text(&found.config)?;
        let config = Config::parse(&text).map_err(|error| ImageError::Description {
            what: found.config.clone(),
            why: error.to_string(),
        })?;
        let mut image = Image { config: Some(config), ..Image::default() };
        let mut spent = Spent::default();
        for (number, name) in found.layers.into_iter().enumerate() {
            let (offset, size) = self.place(&name)?;
            self.file.seek(SeekFrom::Start(offset))?;
            let start = magic_at(&mut self.file, offset, size)?;
            let content = BufReader::new((&mut self.file).take(size));
            if start.starts_with(&GZIP) {
                let mut tape = Tape::new(Stream(MultiGzDecoder::new(content)), &name);
                one(&mut image, &mut tape, number, &mut spent, visitor)?;
            } else if start.starts_with(&ZSTD) {
                return Err(ImageError::Compression(name));
            } else {
                let mut tape = Tape::new(Stream(content), &name);
                one(&mut image, &mut tape, number, &mut spent, visitor)?;
            }
            image.layers.push(name);
        }
        Ok(image)
    }

    fn root_file_system(&mut self, visitor: &mut dyn Visitor) -> Result<Image, ImageError> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut image = Image { layers: vec!["root".to_owned()], ..Image::default() };
        let mut tape = Tape::new(Stream(BufReader::new(&mut self.file)), "the archive");
        apply(&mut image, &mut tape, 0, &mut Spent::default(), visitor)?;
        Ok(image)
    }

    /// Where a file lies; links are followed once, as old archives have them for shared layers.
    fn place(&self, name: &str) -> Result<(u64, u64), ImageError> {
        let missing = || ImageError::Missing(name.to_owned());
        match self.places.get(name).ok_or_else(missing)? {
            Place::At { offset, size } => Ok((*offset, *size)),
            Place::Link(to) => match self.places.get(to) {
                Some(Place::At { offset, size }) => Ok((*offset, *size)),
                _ => Err(missing()),
            },
        }
    }

    fn text(&mut self, name: &str) -> Result<Vec<u8>, ImageError> {
        let (offset, size) = self.place(name)?;
        if size > MAX_TEXT {
            return Err(ImageError::TooLarge("32 MiB in one description"));
        }
        self.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&mut self.file).take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<T, ImageError> {
        let bytes = self.text(name)?;
        serde_json::from_slice(&bytes).map_err(|error| ImageError::Description {
            what: name.to_owned(),
            why: error.to_string(),
        })
    }
}

/// A layer without any entry is no tar archive and no mistake.
fn one<R: Input>(
    image: &mut Image,
    tape: &mut Tape<R>,
    number: usize,
    spent: &mut Spent,
    visitor: &mut dyn Visitor,
) -> Result<(), ImageError> {
    match apply(image, tape, number, spent, visitor) {
        Err(ImageError::NotTar) if tape.offset == 0 => Ok(()),
        result => result,
    }
}

fn magic_at(file: &mut File, offset: u64, size: u64) -> Result<Vec<u8>, ImageError> {
    let mut start = Vec::new();
    file.take(size.min(4)).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(start)
}

impl Descriptor {
    /// What a builder adds beside the image about how it was built.
    fn is_attestation(&self) -> bool {
        let kind = self.annotations.as_ref().and_then(|all| all.get("vnd.docker.reference.type"));
        kind.is_some_and(|kind| kind == "attestation-manifest")
    }
}

/// Path of a blob by its digest.
fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// Where a link leads, from the folder that it lies in.
fn beside(path: &str, to: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
