//! What an application calls at its own edges, before what came from outside is used: paths, archives,
//! temporary files, uploads, URLs, JSON, webhooks.
//!
//! Each guard gives a value that only it can make ([`path::RelativePath`], [`url::Outbound`]), so that
//! a check cannot be forgotten between reading and using. They decide from values; where the world
//! decides (a path that is a symlink by now, a name that resolves elsewhere by now), the guard acts
//! itself, at the moment of use. They do not replace a boundary: a guard protects the code that
//! calls it.

#[cfg(all(feature = "archive", target_os = "linux"))]
pub mod archive;
pub mod event;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod header;
pub mod identifier;
pub mod json;
#[cfg(feature = "layer")]
pub mod layer;
pub mod merge;
pub mod path;
pub mod query;
#[cfg(all(feature = "spawn", target_os = "linux"))]
pub mod spawn;
#[cfg(target_os = "linux")]
pub mod temp;
#[cfg(target_os = "linux")]
pub mod upload;
pub mod url;
pub mod webhook;

/// The page of the crate: its examples are run with the others.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guard.md")]
struct Page;
