//! A boundary on a real host: resolved, enforced, attacked.
//!
//! `resolve` turns the parsed file into a [`plan::Plan`]; `enforce` carries it out; `egress` is the
//! broker that opens sockets for the service; `prove` attacks every claim; `status` says what this
//! host can give.

pub mod control;
pub mod egress;
pub mod enforce;
pub mod explain;
pub mod node;
pub mod plan;
pub mod prove;
pub mod resolve;
pub mod status;
