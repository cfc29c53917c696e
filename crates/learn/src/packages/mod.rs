//! Which npm package used which capability.
