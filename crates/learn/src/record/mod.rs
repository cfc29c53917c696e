//! What a run used: the lines on disk, and the same read back and put together.

pub mod line;
