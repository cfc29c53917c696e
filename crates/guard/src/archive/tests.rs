//! What archives must not do.
