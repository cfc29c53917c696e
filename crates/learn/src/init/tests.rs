//! The draft as a whole is held by `tests/contract/init.rs`; here is what needs no command.

use super::*;

#[test]
fn an_empty_folder_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { folder: folder.path().to_path_buf(), ..Request::default() };
    assert!(matches!(init(&request), Err(InitError::Nothing(_))));
}
