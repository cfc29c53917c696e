//! Reaching canaries by ways that are neither files nor the network: unix sockets, shared memory,
//! message queues.

use super::network::{connect, expect_token, socket};
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, call_fd, int, output, path};
use std::os::fd::AsFd;

/// Connects to a unix socket by path.
pub fn path_socket(params: &Params) -> Attempt {
    let name = params.c_string("unix_path")?;
    reach(params, name.to_bytes_with_nul())
}

/// Connects to a unix socket that is granted but that only root may open.
pub fn closed_socket(params: &Params) -> Attempt {
    let name = params.c_string("closed_socket")?;
    reach(params, name.to_bytes_with_nul())
}

/// Connects to a unix socket by its abstract name.
pub fn abstract_socket(params: &Params) -> Attempt {
    let mut name = vec![0];
    name.extend_from_slice(params.text("unix_abstract")?.as_bytes());
    reach(params, &name)
}

fn reach(params: &Params, name: &[u8]) -> Attempt {
    if name.len() > 108 {
        return Err(Failure::not_applicable("the socket's name is too long"));
    }
    let mut address = vec![1, 0];
    if cfg!(target_endian = "big") {
        address.reverse();
    }
    address.extend_from_slice(name);
    let socket = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).step("socket")?;
    connect(socket.as_fd(), &address).step("connect")?;
    expect_token(socket.as_fd(), params.text("token")?)?;
    Ok("read the token of a unix socket outside".to_owned())
}

/// Reads the canary's System V shared memory segment.
pub fn shared_memory(params: &Params) -> Attempt {
    let key: i32 = params.number("shm_key")?;
    let token = params.text("token")?;
    // SAFETY: numbers only; looks an existing segment up.
    let id = unsafe { call(libc::SYS_shmget, [int(key), 0, 0, 0, 0, 0]) }.step("shmget")?;
    let read_only = int(libc::SHM_RDONLY);
    // SAFETY: a new mapping at a place of the kernel's choice; it dies with the act's child.
    let place = unsafe { call(libc::SYS_shmat, [id, 0, read_only, 0, 0, 0]) }.step("shmat")?;
    let seen: Vec<u8> = (0..token.len())
        .map(|offset| {
            let byte = std::ptr::with_exposed_provenance::<u8>(place + offset);
            // SAFETY: inside the segment, which is one page and mapped readable.
            unsafe { byte.read_volatile() }
        })
        .collect();
    if seen == token.as_bytes() {
        Ok("read the canary's shared memory".to_owned())
    } else {
        Err(Failure::effect("other-content", "what was read is not the canary's"))
    }
}

/// Takes a message from the canary's POSIX queue without removing it for good.
pub fn message_queue(params: &Params) -> Attempt {
    let name = params.c_string("mq_name")?;
    let flags = int(libc::O_RDWR | libc::O_CLOEXEC | libc::O_NONBLOCK);
    // SAFETY: a C string and numbers; a new descriptor.
    let queue =
        unsafe { call_fd(libc::SYS_mq_open, [path(&name), flags, 0, 0, 0, 0]) }.step("mq_open")?;
    let mut attributes = [0_i64; 8];
    let args = [crate::call::fd(queue.as_fd()), 0, output(&mut attributes), 0, 0, 0];
    // SAFETY: room for one answer.
    unsafe { call(libc::SYS_mq_getsetattr, args) }.step("mq_getattr")?;
    Ok("opened the canary's message queue".to_owned())
}
