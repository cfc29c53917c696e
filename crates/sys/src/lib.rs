//! The only door to the kernel, and the only hand-written `unsafe` of the engine.
//!
//! Each module is one concept of the kernel: descriptors, namespaces, mounts, Landlock, seccomp,
//! processes, sockets, netlink, control groups. They make single calls and report the error number
//! that came back; what to do in which order, and what to do when a call is missing, is decided
//! above, in `boundary`. Code marked as free of allocation may run between clone and exec.
//! This crate decides nothing about who may do what.

pub mod attack;
pub mod audit;
pub mod bpf;
mod call;
pub mod cgroup;
pub mod datagram;
pub mod epoll;
pub mod errno;
pub mod fd;
pub mod inside;
pub mod interfaces;
pub mod keeper;
pub mod landlock;
pub mod launch;
pub mod linux;
pub mod mount;
pub mod namespace;
pub mod netlink;
pub mod notify;
pub mod packet;
pub mod peer;
pub mod privilege;
pub mod probe;
pub mod process;
pub mod pty;
pub mod seccomp;
pub mod socket;
pub mod spawn;
pub mod standard;
#[cfg(test)]
mod testing;
pub mod wait;
pub mod walk;

pub use errno::Errno;
