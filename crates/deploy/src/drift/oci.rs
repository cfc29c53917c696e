//! The `config.json` of a runtime bundle, compared with the boundary.
