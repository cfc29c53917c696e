//! A Compose file, compared with the boundary.
