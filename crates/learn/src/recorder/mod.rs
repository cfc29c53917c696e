//! A run that is watched: a listener that answers every call with `Continue`.
