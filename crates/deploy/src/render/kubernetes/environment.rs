//! The environment of the container: what the boundary sets, what it passes, and nothing of other
//! services.

use super::command::escaped;
use super::entry::only_loopback;
use super::volumes::{authorities, secret_name};
use crate::render::{Entry, Note, Order};
use k8s_openapi::api::core::v1::{ConfigMapKeySelector, EnvVar, EnvVarSource, SecretKeySelector};
use ringfence_policy::model::{Delivery, SecretSource};
use std::net::IpAddr;

/// Set unless the boundary says otherwise, as `ringfence run` does; the search path is the image's.
const DEFAULTS: [(&str, &str); 3] = [("HOME", "/tmp"), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp")];

/// Name of the ConfigMap that holds what is passed.
fn passed_name(order: &Order<'_>) -> String {
    format!("{}-env", order.name())
}

pub(super) fn of(order: &Order<'_>, entry: Entry, notes: &mut Vec<Note>) -> Vec<EnvVar> {
    let mut variables = Vec::new();
    if entry == Entry::Node {
        fixed(order, &mut variables, notes);
    }
    for name in &order.boundary.env.pass {
        let map = passed_name(order);
        notes.push(Note {
            grant: format!("env.pass \"{}\"", name.value),
            carried: format!("the key {} of the ConfigMap {map}, where there is one", name.value),
        });
        let selector =
            ConfigMapKeySelector { name: map, key: name.value.clone(), optional: Some(true) };
        let value_from =
            EnvVarSource { config_map_key_ref: Some(selector), ..EnvVarSource::default() };
        variables.push(EnvVar {
            name: name.value.clone(),
            value: None,
            value_from: Some(value_from),
        });
    }
    for secret in &order.boundary.secrets {
        let ((Entry::Node, Delivery::Environment(variable), _)
        | (Entry::Ringfence, _, SecretSource::Environment(variable))) =
            (entry, &secret.delivery, &secret.from.value)
        else {
            continue;
        };
        let (name, key) = secret_name(order, secret);
        let selector = SecretKeySelector { name, key, optional: None };
        let value_from = EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() };
        variables.push(EnvVar {
            name: variable.clone(),
            value: None,
            value_from: Some(value_from),
        });
    }
    variables
}

/// Variables with a value of their own.
fn fixed(order: &Order<'_>, variables: &mut Vec<EnvVar>, notes: &mut Vec<Note>) {
    let env = &order.boundary.env;
    let granted = |name: &str| {
        env.set.contains_key(name) || env.pass.iter().any(|passed| passed.value == name)
    };
    let mut push = |name: &str, value: &str| {
        let value = Some(escaped(value));
        variables.push(EnvVar { name: name.to_owned(), value, value_from: None });
    };
    for (name, value) in DEFAULTS {
        if !granted(name) {
            push(name, value);
        }
    }
    let outward = only_loopback(order);
    for (name, value) in &env.set {
        let address =
            value.value.parse::<IpAddr>().ok().filter(|address| outward && address.is_loopback());
        match address {
            Some(address) => {
                let any = if address.is_ipv4() { "0.0.0.0" } else { "::" };
                notes.push(Note {
                    grant: format!("env.set {name}"),
                    carried: format!("{any} in place of {address}: nothing outside of a pod reaches its loopback address"),
                });
                push(name, any);
            }
            None => push(name, &value.value),
        }
    }
    if !granted("NODE_EXTRA_CA_CERTS")
        && let Some(path) = authorities(order).first()
    {
        push("NODE_EXTRA_CA_CERTS", path);
    }
}
