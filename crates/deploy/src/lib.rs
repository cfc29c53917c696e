//! One boundary in every place it deploys: written out for a target, and compared with what is there.

pub mod drift;
pub mod render;
