//! What a package is before it is published: what it would ship, and how it is published.

pub mod contents;
mod pattern;
