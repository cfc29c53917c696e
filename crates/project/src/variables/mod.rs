//! Environment files (`.env` and its like).
