//! A Dockerfile, compared with the boundary.
