//! A private folder that does not stay behind.

use super::path::told;
use napi::Result;
use napi_derive::napi;
use ringfence_guard::temp::Folder;

/// A folder that is removed when this is closed, or with its environment.
#[napi]
pub struct GuardTemp {
    folder: Option<Folder>,
    name: String,
}

#[napi]
impl GuardTemp {
    /// One in `parent`, after removing what dead owners have left there.
    #[napi(constructor)]
    pub fn new(parent: String) -> Result<Self> {
        let folder = Folder::new_in(parent).map_err(told)?;
        Ok(Self { name: folder.name().to_owned(), folder: Some(folder) })
    }

    /// Its name in the parent.
    #[napi(getter)]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Removes it with all that is in it; the second time there is nothing to do.
    #[napi]
    pub fn close(&mut self) -> Result<()> {
        self.folder.take().map_or(Ok(()), Folder::close).map_err(told)
    }
}
