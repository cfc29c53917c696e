//! A first boundary file from the project alone.
