//! Promises of the battery as a whole, without a boundary.
use super::*;
