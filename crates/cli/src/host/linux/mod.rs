//! The engine behind the verbs.

mod attach;
mod caller;
mod drop;
mod event_log;
mod evidence;
mod explain;
mod learn;
mod prove;
mod resolve;
mod run;
mod running;
mod status;
mod whole_file;

pub(crate) use drop::drop_grant;
pub(crate) use evidence::attestation_schema;
pub(crate) use explain::here;
pub(crate) use learn::learn;
pub(crate) use prove::{internal, prove};
pub(crate) use resolve::{fits, runtime_grants};
pub(crate) use run::run;
pub(crate) use running::service;
pub(crate) use status::status;
