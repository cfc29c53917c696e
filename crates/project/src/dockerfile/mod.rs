//! Dockerfiles, each instruction with its line.
