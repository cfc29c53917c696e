//! Integration tests: one binary per folder.
