//! An image as a tar archive: files beyond what a runtime image should hold, compared with the boundary.
