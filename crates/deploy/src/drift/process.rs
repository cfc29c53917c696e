//! A running process, by what `/proc` tells of it, compared with the boundary.
