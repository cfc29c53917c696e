//! The reader of requests, the answers and the decisions about them, behind a door for fuzzing.

use super::facts::{Facts, Taken};
use super::message::{self, Failure, LONGEST, Op, Request};
use super::truth::{Led, Truth};
use ringfence_policy::model::Network;
use ringfence_policy::net::{Refusal, Transport};
use std::net::SocketAddr;
use std::path::Path;

/// Reads `bytes` as a request and answers it under a boundary that grants nothing. Answers whether
/// the answer fits into a packet, is JSON, and grants nothing; never panics.
#[must_use]
pub fn fuzz_request(bytes: &[u8]) -> bool {
    let (facts, taken, network) = (Facts::default(), Taken::default(), Network::default());
    let reaches = |transport: Transport, to: SocketAddr| -> Result<(), Refusal> {
        network.connect_address(transport, to).map(drop)
    };
    let leads = |path: &Path| Led::To(crate::resolve::tidy(path));
    let (reaches, leads) = (&reaches, &leads);
    let truth = Truth { facts: &facts, taken: &taken, network: &network, reaches, leads };
    let (id, result) = match Request::parse(bytes, false) {
        Err((id, failure)) => (id, Err(failure)),
        Ok(Request { id, op: Op::Has(question) | Op::Drop(question) }) => {
            (Some(id), truth.has(&question).map(message::value))
        }
        Ok(Request { id, op: Op::Assert(question) }) => {
            (Some(id), truth.assert(&question).map(|()| serde_json::Map::new()))
        }
        Ok(Request { id, .. }) => (Some(id), Err(Failure::new("unsupported", "not asked here"))),
    };
    // A variable's scope as a whole is granted whatever there is in it.
    let granted = matches!(&result, Ok(fields) if fields.get("value") != Some(&false.into()));
    let scope = String::from_utf8_lossy(bytes).contains("env");
    let answer = message::answer(id, result);
    answer.len() <= LONGEST
        && serde_json::from_str::<serde_json::Value>(&answer).is_ok()
        && (!granted || scope)
}
