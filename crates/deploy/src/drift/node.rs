//! A `node --permission` command, compared with the boundary.
