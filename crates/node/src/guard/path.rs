//! Folders that paths of users are opened below.

use super::refused;
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use ringfence_guard::path::{Entry, Links, PathError, RelativePath, Root};
#[cfg(target_os = "linux")]
use ringfence_guard::temp::Draft;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, IntoRawFd as _};
use std::sync::Arc;

/// What becomes of a path.
#[derive(Debug, Clone, Copy)]
enum Act {
    Open,
    Create,
    CreateDir,
    Remove,
}

/// An open folder.
#[napi]
pub struct GuardRoot {
    root: Arc<Root>,
}

#[napi]
impl GuardRoot {
    /// Opens it; links below it are followed while they stay below it where `beneath` is set.
    #[napi(constructor)]
    pub fn new(folder: String, beneath: bool) -> Result<Self> {
        let links = if beneath { Links::Beneath } else { Links::Refuse };
        let root = Root::new(folder).map_err(told)?.with_links(links);
        Ok(Self { root: Arc::new(root) })
    }

    /// Does `open`, `create`, `mkdir` or `remove`; a descriptor, or -1 where there is none.
    #[napi]
    pub fn act(&self, act: String, path: String) -> Result<i32> {
        read_act(&act)?.on(&self.root, &path)
    }

    /// The same on the thread pool.
    #[napi]
    pub fn act_later(&self, act: String, path: String) -> Result<AsyncTask<ActTask>> {
        Ok(AsyncTask::new(ActTask { root: Arc::clone(&self.root), act: read_act(&act)?, path }))
    }

    /// A whole file of at most `most` bytes.
    #[napi]
    pub fn read_file(&self, path: String, most: u32) -> Result<Buffer> {
        read(&self.root, &path, most).map(Buffer::from)
    }

    /// The same on the thread pool.
    #[napi]
    pub fn read_file_later(&self, path: String, most: u32) -> AsyncTask<ReadTask> {
        AsyncTask::new(ReadTask { root: Arc::clone(&self.root), path, most })
    }

    /// A whole new file; nothing of it stays when writing fails.
    #[napi]
    pub fn write_file(&self, path: String, data: &[u8]) -> Result<()> {
        write(&self.root, &path, data)
    }

    /// The same on the thread pool, or a whole file in the place of what is there. The data is copied:
    /// JavaScript may give its memory away while a thread reads it.
    #[napi]
    pub fn write_file_later(
        &self,
        path: String,
        data: &[u8],
        replace: bool,
    ) -> AsyncTask<WriteTask> {
        let data = data.to_vec();
        AsyncTask::new(WriteTask { root: Arc::clone(&self.root), path, data, replace })
    }

    /// A whole file in the place of what is there: a reader finds the old one or the new one.
    #[napi]
    pub fn replace_file(&self, path: String, data: &[u8]) -> Result<()> {
        replace(&self.root, &path, data)
    }

    /// At most `most` names in a folder; an empty path is the root itself.
    #[napi]
    pub fn list(&self, path: String, most: u32) -> Result<Vec<NativeEntry>> {
        list(&self.root, &path, most).map(entries)
    }

    /// The same on the thread pool.
    #[napi]
    pub fn list_later(&self, path: String, most: u32) -> AsyncTask<ListTask> {
        AsyncTask::new(ListTask { root: Arc::clone(&self.root), path, most })
    }
}

impl GuardRoot {
    /// The folder itself.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }
}

/// A name in a folder.
#[napi(object, object_from_js = false)]
pub struct NativeEntry {
    /// Its name.
    pub name: String,
    /// `file`, `folder`, `link` or `other`.
    pub kind: String,
}

/// What a path may look like at all: nothing on disk is asked.
#[napi]
pub fn guard_relative_path(path: String) -> Result<()> {
    RelativePath::parse(&path).map(drop).map_err(told)
}

/// An act on the thread pool.
pub struct ActTask {
    root: Arc<Root>,
    act: Act,
    path: String,
}

impl Task for ActTask {
    type Output = i32;
    type JsValue = i32;

    fn compute(&mut self) -> Result<i32> {
        self.act.on(&self.root, &self.path)
    }

    fn resolve(&mut self, _env: Env, output: i32) -> Result<i32> {
        Ok(output)
    }
}

/// A read on the thread pool.
pub struct ReadTask {
    root: Arc<Root>,
    path: String,
    most: u32,
}

impl Task for ReadTask {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> Result<Vec<u8>> {
        read(&self.root, &self.path, self.most)
    }

    fn resolve(&mut self, _env: Env, output: Vec<u8>) -> Result<Buffer> {
        Ok(output.into())
    }
}

/// A write on the thread pool.
pub struct WriteTask {
    root: Arc<Root>,
    path: String,
    data: Vec<u8>,
    replace: bool,
}

impl Task for WriteTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        let put = if self.replace { replace } else { write };
        put(&self.root, &self.path, &self.data)
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// A listing on the thread pool.
pub struct ListTask {
    root: Arc<Root>,
    path: String,
    most: u32,
}

impl Task for ListTask {
    type Output = Vec<Entry>;
    type JsValue = Vec<NativeEntry>;

    fn compute(&mut self) -> Result<Vec<Entry>> {
        list(&self.root, &self.path, self.most)
    }

    fn resolve(&mut self, _env: Env, output: Vec<Entry>) -> Result<Vec<NativeEntry>> {
        Ok(entries(output))
    }
}

fn list(root: &Root, path: &str, most: u32) -> Result<Vec<Entry>> {
    // One more tells that there are more.
    let listed = root.list(path, (most as usize).saturating_add(1)).map_err(told)?;
    if listed.len() > most as usize {
        return Err(refused("ERR_RINGFENCE_GUARD_TOO_LARGE", "the folder holds more than agreed"));
    }
    Ok(listed)
}

fn entries(listed: Vec<Entry>) -> Vec<NativeEntry> {
    let native =
        |entry: Entry| NativeEntry { name: entry.name, kind: entry.kind.name().to_owned() };
    listed.into_iter().map(native).collect()
}

fn read_act(act: &str) -> Result<Act> {
    match act {
        "open" => Ok(Act::Open),
        "create" => Ok(Act::Create),
        "mkdir" => Ok(Act::CreateDir),
        "remove" => Ok(Act::Remove),
        _ => Err(refused("ERR_INVALID_ARG_VALUE", "there is no such act")),
    }
}

impl Act {
    fn on(self, root: &Root, path: &str) -> Result<i32> {
        let file = |opened: File| opened.into_raw_fd();
        match self {
            Self::Open => root.open(path).map(file),
            Self::Create => root.create(path).map(file),
            Self::CreateDir => root.create_dir(path).map(|()| -1),
            Self::Remove => root.remove(path).map(|()| -1),
        }
        .map_err(told)
    }
}

fn read(root: &Root, path: &str, most: u32) -> Result<Vec<u8>> {
    let file = root.open(path).map_err(told)?;
    let size = file.metadata().map_err(|error| told(PathError::Io(error)))?.len();
    let too_large = || refused("ERR_RINGFENCE_GUARD_TOO_LARGE", "the file is larger than agreed");
    if size > u64::from(most) {
        return Err(too_large());
    }
    let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may have grown since, or be one whose size says nothing.
    let mut bounded = file.take(u64::from(most) + 1);
    bounded.read_to_end(&mut data).map_err(|error| told(PathError::Io(error)))?;
    if data.len() > most as usize { Err(too_large()) } else { Ok(data) }
}

fn write(root: &Root, path: &str, data: &[u8]) -> Result<()> {
    let mut file = root.create(path).map_err(told)?;
    file.write_all(data).map_err(|error| {
        // The write's own failure is what is told.
        let _ = root.remove(path);
        told(PathError::Io(error))
    })
}

/// The file has no name until it is whole, and takes the place in one step.
#[cfg(target_os = "linux")]
fn replace(root: &Root, path: &str, data: &[u8]) -> Result<()> {
    let put = || -> std::result::Result<(), PathError> {
        let path = RelativePath::parse(path)?;
        let below = match path.as_str().rsplit_once('/') {
            Some((folder, _)) => Some(root.folder(&RelativePath::parse(folder)?)?),
            None => None,
        };
        let folder = below.as_ref().unwrap_or(root).as_fd();
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        let mut draft = Draft::new_at(folder)?;
        draft.write_all(data).map_err(PathError::Io)?;
        draft.replace(name)
    };
    put().map_err(told)
}

#[cfg(not(target_os = "linux"))]
fn replace(_root: &Root, _path: &str, _data: &[u8]) -> Result<()> {
    Err(refused("ENOSYS", "only Linux is supported"))
}

/// The code that Node gives such an error, where there is one.
pub(super) fn told(error: PathError) -> Error {
    told_of(&error, "")
}

/// The same with something before the message.
pub(super) fn told_of(error: &PathError, before: &str) -> Error {
    let code = match error {
        PathError::Refused(_) | PathError::Escapes => "ERR_RINGFENCE_GUARD_PATH",
        PathError::NotFound => "ENOENT",
        PathError::PermissionDenied => "EACCES",
        PathError::NotPermitted => "EPERM",
        PathError::Exists => "EEXIST",
        PathError::Kind => "ERR_RINGFENCE_GUARD_KIND",
        PathError::Io(_) => "EIO",
    };
    match error {
        // The text of an error of the system holds no path.
        PathError::Io(cause) => refused(code, format_args!("{before}{error}: {cause}")),
        _ => refused(code, format_args!("{before}{error}")),
    }
}
