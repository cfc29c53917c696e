//! Archives of container images, layer by layer.
