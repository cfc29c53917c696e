//! A project's files as data: what `package.json`, lockfiles, Dockerfiles, YAML, units and images
//! say, each value with the place it was read from. Nothing here decides what is right.

pub mod command;
pub mod dockerfile;
pub mod graph;
pub mod image;
pub mod json;
pub mod lockfile;
pub mod package;
pub mod variables;
pub mod walk;
pub mod whole;
pub mod yaml;
