//! Manifests of a cluster, compared with the boundary.
