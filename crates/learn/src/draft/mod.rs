//! The smallest grants that cover what a run used.
