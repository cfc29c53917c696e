//! Units, compared with the boundary.
