//! Which of the three standard descriptors were open when the process began.
//!
//! The runtime of Rust opens `/dev/null` in the place of those that were closed, before `main`: what
//! is written there is lost without an error, and nothing tells it from a `/dev/null` that somebody
//! meant (Python and libuv open theirs in the same mode). So it is asked before the runtime begins,
//! by a function that the C library calls first of all.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether standard output was closed.
static OUTPUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether the process began with a closed standard output.
#[must_use]
pub fn output_was_closed() -> bool {
    OUTPUT_CLOSED.load(Ordering::Relaxed)
}

/// Looks, and changes nothing.
extern "C" fn look() {
    // SAFETY: F_GETFD takes no argument and touches no memory; any number may be asked for.
    let answer = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    OUTPUT_CLOSED.store(answer == -1, Ordering::Relaxed);
}

/// The C library calls what is named here before `main`, with arguments that a C function may ignore.
// SAFETY: the section holds pointers to functions of the C ABI, and this is one. It allocates nothing
// and needs nothing of the runtime, which has not begun.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = look;
