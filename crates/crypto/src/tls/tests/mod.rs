//! Handshakes on loopback with certificates made here; every refusal has its control.

mod authority;
mod chain;
mod client;
mod connection;
mod file;
mod site;
