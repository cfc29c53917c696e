//! YAML with the line of each key and value; all documents of a file.
