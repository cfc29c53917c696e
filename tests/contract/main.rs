//! What each verb promises on the command line: exit code, standard output, standard error.
//!
//! One file per verb. A snapshot changes only when the interface is meant to change.
