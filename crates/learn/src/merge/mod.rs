//! Grants written into a boundary file whose comments and order stay.
