//! The script in front of each Node process: it tells packages and names.
//!
//! It is one file on disk, so that a process starts with one file more and not with eight; its parts
//! share one scope, in this order. Whatever fails in it, the program starts.

/// What stands on disk during the run.
pub const SCRIPT: &str = concat!(
    "'use strict';\ntry {\n",
    include_str!("../../../node/npm/learn.cjs"),
    include_str!("../../../node/npm/learn-proxies.cjs"),
    include_str!("../../../node/npm/learn-files.cjs"),
    include_str!("../../../node/npm/learn-modules.cjs"),
    include_str!("../../../node/npm/learn-environment.cjs"),
    include_str!("../../../node/npm/learn-children.cjs"),
    include_str!("../../../node/npm/learn-network.cjs"),
    include_str!("../../../node/npm/learn-start.cjs"),
    "} catch {\n} finally {\n  delete require.cache[__filename];\n}\n",
);
/// The variable that tells it where to write, absolute: not the recorder's own file.
pub const VARIABLE: &str = "RINGFENCE_LEARN";
