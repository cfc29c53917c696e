//! What a service is made of beside its own code: the packages of its lockfile, what changed among
//! them, and what is known of each.
//!
//! A lockfile says what was meant to be installed; tarballs and the registry say more, where somebody
//! may ask them. What nobody said is `unknown` here and never "fine".

pub mod advisories;
pub mod audit;
pub mod cache;
pub mod change;
pub mod evidence;
mod finding;
pub mod http;
#[cfg(target_os = "linux")]
pub mod install;
pub mod installed;
pub mod npmrc;
pub mod provenance;
pub mod publish;
pub mod ranges;
pub mod review;
pub mod sbom;
pub mod scripts;
pub mod similar;
pub mod tarball;

pub use finding::{Finding, Severity};
