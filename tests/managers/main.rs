//! What package managers themselves make of a project, held against what ringfence reads.
//!
//! The managers are npm packages, of one exact version for each major one, and are installed below the
//! target folder. Every test here starts some of them, so this is a suite of its own:
//! `cargo xtask test --suite managers`. A manager that cannot be had is named and counts as not run.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod install;
mod listing;
mod manager;
mod project;
#[allow(dead_code, reason = "npm and pnpm are started otherwise here")]
#[path = "../contract/registry.rs"]
mod registry;
mod scripts;
mod sets;
mod trees;
