//! What is mounted: scratch space, places to write, secrets and private certificate authorities.
//!
//! The root is read-only, so every place to write is a volume with a size. Secrets are referred to by
//! name, never written.

use super::bytes;
use crate::render::dockerfile::looks_secret;
use crate::render::{Entry, Note, Order};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, ProjectedVolumeSource,
    SecretProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use ringfence_policy::model::{Delivery, Secret, SecretSource};
use std::path::Path;

/// Size of `/tmp` where the boundary gives none, in bytes.
pub(crate) const TMP: u64 = 64 << 20;
/// Size of a place to write, in bytes: the boundary knows no size for it.
pub(crate) const WRITE: u64 = 1 << 30;
/// Room for what the container logs, in bytes, within its limit of ephemeral storage.
pub(crate) const LOGS: u64 = 64 << 20;

/// Volumes, where they are mounted, and how much of the node's disk they may take.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    pub(crate) kept: Vec<Volume>,
    pub(crate) mounts: Vec<VolumeMount>,
    /// In bytes.
    pub(crate) storage: u64,
}

impl Volumes {
    fn scratch(&mut self, name: String, path: &str, size: u64) {
        let empty_dir =
            Some(EmptyDirVolumeSource { size_limit: Some(Quantity(bytes(size))), medium: None });
        self.mounts.push(VolumeMount {
            mount_path: path.to_owned(),
            name: name.clone(),
            ..VolumeMount::default()
        });
        self.kept.push(Volume { name, empty_dir, ..Volume::default() });
        self.storage += size;
    }

    fn read_only(&mut self, volume: Volume, path: &str, sub_path: Option<&str>) {
        self.mounts.push(VolumeMount {
            mount_path: path.to_owned(),
            name: volume.name.clone(),
            read_only: Some(true),
            sub_path: sub_path.map(str::to_owned),
            ..VolumeMount::default()
        });
        if self.kept.iter().all(|known| known.name != volume.name) {
            self.kept.push(volume);
        }
    }
}

pub(crate) fn of(order: &Order<'_>, entry: Entry, notes: &mut Vec<Note>) -> Volumes {
    let mut volumes = Volumes::default();
    let boundary = order.boundary;
    let tmp = boundary.limits.tmp.as_ref().map_or(TMP, |tmp| tmp.value);
    volumes.scratch("tmp".to_owned(), "/tmp", tmp);
    for (index, path) in boundary.fs.write.iter().enumerate() {
        let name = format!("write-{index}");
        notes.push(Note {
            grant: format!("fs.write \"{}\"", path.value),
            carried: format!(
                "an emptyDir of {} that ends with the pod; for what must stay put a persistentVolumeClaim in place of \
                 the emptyDir of the volume {name}",
                bytes(WRITE)
            ),
        });
        volumes.scratch(name, &order.path(&path.value), WRITE);
    }
    let fs = &boundary.fs;
    let granted = fs.read.iter().map(|path| ("read", path));
    for (key, path) in granted.chain(fs.optional.iter().map(|path| ("optional", path))) {
        if looks_secret(order, &path.value) {
            let carried = "looks like a secret: never in the image and not mounted: make it a [secrets] entry or mount \
                           it where it runs";
            let grant = format!("fs.{key} \"{}\"", path.value);
            notes.push(Note { grant, carried: carried.to_owned() });
        }
    }
    secrets(order, entry, &mut volumes, notes);
    for (index, path) in authorities(order).into_iter().enumerate() {
        let (folder, file) = split(&path);
        let name = format!("ca-{index}");
        let map = authority_name(order, index);
        notes.push(Note {
            grant: format!("fs.read \"{folder}/{file}\""),
            carried: format!(
                "mounted from the ConfigMap {map}: `kubectl create configmap {map} --from-file={file}`; a new one is \
                 read at the next start"
            ),
        });
        let config_map =
            Some(ConfigMapVolumeSource { name: map, ..ConfigMapVolumeSource::default() });
        volumes.read_only(Volume { name, config_map, ..Volume::default() }, &path, Some(file));
    }
    volumes
}

/// Name of the ConfigMap of a private certificate authority.
pub(crate) fn authority_name(order: &Order<'_>, index: usize) -> String {
    if index == 0 { format!("{}-ca", order.name()) } else { format!("{}-ca-{index}", order.name()) }
}

/// Certificate files of private authorities: what `NODE_EXTRA_CA_CERTS` names, and granted files whose
/// name says so. They are the cluster's, not the image's.
pub(crate) fn authorities(order: &Order<'_>) -> Vec<String> {
    let boundary = order.boundary;
    let named = boundary.env.set.get("NODE_EXTRA_CA_CERTS").map(|path| path.value.as_str());
    let granted =
        boundary.fs.read.iter().chain(&boundary.fs.optional).map(|path| path.value.as_str());
    let mut found: Vec<String> = Vec::new();
    for path in named
        .into_iter()
        .chain(granted.filter(|path| is_authority(path) && !looks_secret(order, path)))
    {
        let path = order.path(path);
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

fn is_authority(path: &str) -> bool {
    let name = split(path).1.to_ascii_lowercase();
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    matches!(extension, "pem" | "crt" | "cer")
        && stem.split(['-', '_', '.']).any(|word| word == "ca")
}

/// Folder and name of a path.
pub(crate) fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", path),
    }
}

/// Name of the Secret that holds a secret, and the key in it.
pub(crate) fn secret_name(order: &Order<'_>, secret: &Secret) -> (String, String) {
    let key = secret.name.value.to_lowercase().replace(['_', '.'], "-");
    (format!("{}-{key}", order.name()), key)
}

/// Mode of the file of a secret: the kubelet owns it by root and gives it to the group of the pod.
pub(crate) fn secret_mode(secret: &Secret) -> u32 {
    secret.mode & 0o444 | 0o440
}

/// Where the file of a secret is needed: at the place of the grant, or for `ringfence run` where it
/// takes the secret from.
pub(crate) fn secret_path(order: &Order<'_>, entry: Entry, secret: &Secret) -> Option<String> {
    match entry {
        Entry::Node => match &secret.delivery {
            Delivery::File(to) => Some(to.value.clone()),
            Delivery::Environment(_) | Delivery::Descriptor | Delivery::Socket => None,
        },
        Entry::Ringfence => match &secret.from.value {
            SecretSource::File(path) => Some(order.path(path)),
            _ => None,
        },
    }
}

fn secrets(order: &Order<'_>, entry: Entry, volumes: &mut Volumes, notes: &mut Vec<Note>) {
    let mut folders: Vec<(String, Vec<VolumeProjection>)> = Vec::new();
    for secret in &order.boundary.secrets {
        let (name, key) = secret_name(order, secret);
        notes.push(Note {
            grant: format!("secrets.{}", secret.name.value),
            carried: secret_note(order, entry, secret, &name, &key),
        });
        let Some(path) = secret_path(order, entry, secret) else { continue };
        let (folder, file) = split(&path);
        let projection = VolumeProjection {
            secret: Some(SecretProjection {
                name,
                items: Some(vec![KeyToPath {
                    key,
                    mode: i32::try_from(secret_mode(secret)).ok(),
                    path: file.to_owned(),
                }]),
                optional: None,
            }),
            ..VolumeProjection::default()
        };
        match folders.iter_mut().find(|(known, _)| known == folder) {
            Some((_, sources)) => sources.push(projection),
            None => folders.push((folder.to_owned(), vec![projection])),
        }
    }
    for (index, (folder, sources)) in folders.into_iter().enumerate() {
        let name = if index == 0 { "secrets".to_owned() } else { format!("secrets-{index}") };
        let files: Vec<String> = sources.iter().filter_map(file_of).collect();
        let projected = Some(ProjectedVolumeSource { sources: Some(sources), default_mode: None });
        let volume = Volume { name, projected, ..Volume::default() };
        if is_own(order, &folder) {
            volumes.read_only(volume, &folder, None);
            continue;
        }
        for file in files {
            volumes.read_only(volume.clone(), &format!("{folder}/{file}"), Some(&file));
        }
    }
}

fn file_of(source: &VolumeProjection) -> Option<String> {
    source.secret.as_ref()?.items.as_ref()?.first().map(|item| item.path.clone())
}

/// Whether a folder can be a mount of its own: nothing of the image is in it. Only then does the
/// kubelet renew the files.
pub(crate) fn is_own(order: &Order<'_>, folder: &str) -> bool {
    let below = ["/run/", "/var/run/", "/secrets", "/mnt/", "/etc/secrets"]
        .iter()
        .any(|root| folder.starts_with(root));
    below
        && !Path::new(order.place).starts_with(folder)
        && !Path::new(folder).starts_with(order.place)
}

fn secret_note(order: &Order<'_>, entry: Entry, secret: &Secret, name: &str, key: &str) -> String {
    let from = source(&secret.from.value);
    let filled = format!("the Secret {name}, key {key}, to be filled from {from}");
    let path = secret_path(order, entry, secret);
    match (entry, &secret.delivery, path) {
        (Entry::Ringfence, _, Some(path)) => {
            format!("{filled}; mounted at {path}, from where `ringfence run` takes it")
        }
        (Entry::Ringfence, _, None)
            if matches!(secret.from.value, SecretSource::Environment(_)) =>
        {
            format!("{filled}; a variable of the container, from where `ringfence run` takes it")
        }
        (Entry::Ringfence, ..) => format!("`ringfence run` takes it from {from}"),
        (Entry::Node, Delivery::Environment(variable), _) => {
            format!(
                "{filled}; the variable {variable}, which every process of the container can read"
            )
        }
        (Entry::Node, _, Some(path)) => {
            let renewed = if is_own(order, split(&path).0) {
                "renewed in place"
            } else {
                "renewed at the next start"
            };
            format!(
                "{filled}; {renewed}, owned by root and readable by the group of the pod (0{:03o} for 0{:03o})",
                secret_mode(secret),
                secret.mode
            )
        }
        (Entry::Node, ..) => {
            "not delivered: only `ringfence run` gives descriptors and sockets".to_owned()
        }
    }
}

/// A source as the boundary writes it. It names a place, never a value.
pub(crate) fn source(source: &SecretSource) -> String {
    match source {
        SecretSource::AwsKms(id) => format!("aws-kms:{id}"),
        SecretSource::AwsSecretsManager(id) => format!("aws-sm:{id}"),
        SecretSource::Environment(name) => format!("env:{name}"),
        SecretSource::File(path) => format!("file:{path}"),
        SecretSource::Sealed(path) => format!("sealed:{path}"),
        SecretSource::Vault(path) => format!("vault:{path}"),
    }
}
