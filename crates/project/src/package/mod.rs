//! `package.json`.
