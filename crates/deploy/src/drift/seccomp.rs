//! A seccomp profile, compared with the boundary.
