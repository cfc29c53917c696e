//! Node that does not start, or starts with other permissions than were meant.

use super::super::code::Code;
use super::super::context::Context;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::display;
use ringfence_policy::layer::Layer;

pub(super) fn of(symptom: &Symptom, _: &Context<'_>) -> Option<Explanation> {
    if let Some((layer, _)) = symptom.message.split_once(" is required and this host cannot give") {
        return Some(absent(layer.rsplit(' ').next().unwrap_or_default().trim_matches('`')));
    }
    if symptom.kind == "error" && (!symptom.hint.is_empty() || has_place(&symptom.message)) {
        return Some(own(symptom));
    }
    if let Some((_, flag)) = symptom.message.split_once("bad option: ") {
        return Some(bad_option(flag.split_whitespace().next().unwrap_or_default()));
    }
    if symptom.says("comma-separated list") {
        return Some(comma_list());
    }
    if symptom.code == "ERR_MISSING_OPTION" || symptom.says("--permission is required") {
        return Some(missing_option());
    }
    if symptom.says("is not allowed in NODE_OPTIONS") {
        return Some(node_options(symptom));
    }
    if symptom.says("requires an argument") {
        let flag = symptom.message.split_whitespace().find(|word| word.contains("--allow"))?;
        return Some(
            Explanation::new(
                Code::NodeBadOption,
                None,
                format!("Node ends with code 9: {} has no value", shown(flag)),
            )
            .instead("leave it to `ringfence run`: it writes Node's flags from the boundary file"),
        );
    }
    None
}

/// Whether a message begins as those about a boundary file do: `FILE.toml:3:10: `.
fn has_place(message: &str) -> bool {
    let Some((_, rest)) = message.split_once(".toml:") else { return false };
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok());
    number() && number()
}

/// A message of ringfence itself, with its own hint.
fn own(symptom: &Symptom) -> Explanation {
    let explanation = Explanation::new(Code::RingfenceError, None, stopped(&symptom.message));
    let explanation = match symptom.hint.as_str() {
        "" => explanation.instead("`ringfence check-config` shows the mistake in its place"),
        hint => explanation.instead(display::untrusted(hint).to_string()),
    };
    // Other programs give hints too.
    if has_place(&symptom.message) { explanation } else { explanation.likely() }
}

/// What ringfence says of its own failure.
pub(in super::super) fn stopped(message: &str) -> String {
    format!("ringfence itself stopped: {}", display::untrusted(message))
}

/// ringfence's own refusal to start.
fn absent(layer: &str) -> Explanation {
    Explanation::new(
        Code::LayerAbsent,
        Layer::from_id(layer),
        format!("nothing was started: this host cannot give the layer {}", shown(layer)),
    )
    .instead(
        "`ringfence status` names what to change on the host; or list the layers you accept in \
         [require] layers",
    )
}

fn bad_option(flag: &str) -> Explanation {
    let name = flag.split('=').next().unwrap_or(flag);
    let cause = match name {
        "--allow-net" => {
            "this Node has no network permission: --allow-net exists from Node 25 on; 20, 22 and \
             24 end with code 9"
        }
        "--permission" => {
            "this Node is older than 22.13: it calls the flag \
             --experimental-permission and ends with code 9"
        }
        "--experimental-permission" => {
            "this Node calls the flag --permission: the experimental name ended with Node 24"
        }
        "--allow-ffi" | "--experimental-ffi" => "FFI and its permission exist from Node 26.1 on",
        "--allow-inspector" => "the inspector's permission exists from Node 24.12 on",
        "--allow-fs-vfs" | "--experimental-vfs" | "--allow-openssl-store" => {
            "this Node does not know this permission; only recent lines do"
        }
        "--permission-audit" => "the audit exists from Node 24 on",
        name if name.starts_with("--deny") || name == "--allow-env" || name == "--allow-run" => {
            "no Node has this flag: it is Deno's"
        }
        _ => "this version of Node does not know the flag and ends with code 9",
    };
    let explanation = Explanation::new(
        Code::NodeBadOption,
        None,
        format!("{}: {cause}", shown(name)),
    )
    .instead(
        "take permission flags out of the command: `ringfence run` writes those that this version \
         knows, and the kernel and the broker enforce the rest on every version",
    );
    if name != "--allow-net" {
        return explanation;
    }
    explanation.manual(
        "The manual says --allow-net=HOST:PORT grants one host; Node 20 to 24 do not start with \
         it, and 25 and 26 ignore the value and grant every host.",
    )
}

fn comma_list() -> Explanation {
    Explanation::new(
        Code::NodeCommaList,
        Some(Layer::NodeFlags),
        "a comma list in --allow-fs-read or --allow-fs-write is one path with a comma in it: \
         nothing is granted, and the service fails at its first import",
    )
    .instead(
        "repeat the flag for each path; in ringfence.toml write each path as a string of its own \
         in fs.read and fs.write",
    )
    .manual(
        "The manual says --allow-fs-read=/app,/etc/ssl/certs grants two folders; Node 20 to 26 \
         grant neither; they print a warning at most.",
    )
}

fn missing_option() -> Explanation {
    Explanation::new(
        Code::NodeMissingOption,
        None,
        "a permission flag was given without --permission, so Node refuses to start; Node 25 runs \
         without any limit where that flag is --allow-net",
    )
    .instead(
        "start it with `ringfence run`, which adds --permission and the flags that belong to it",
    )
}

fn node_options(symptom: &Symptom) -> Explanation {
    let flag = symptom.message.split_whitespace().find(|word| word.starts_with("--"));
    Explanation::new(
        Code::NodeBadOption,
        None,
        format!("Node does not take {} from NODE_OPTIONS", shown(flag.unwrap_or("this flag"))),
    )
    .instead("write Node's own flags into service.start; ringfence does not pass NODE_OPTIONS on")
}
