//! The reviewed data of `profiles/`, as far as a runtime's filter can say it.

use crate::render::RenderError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Deserialize)]
pub(super) struct Numbers {
    pub(super) calls: BTreeMap<String, Number>,
}

/// Its numbers, which the library of the runtime knows itself.
#[derive(Deserialize)]
pub(super) struct Number {
    #[serde(rename = "x86_64")]
    _x86_64: Option<u16>,
}

#[derive(Deserialize)]
pub(super) struct Calls {
    pub(super) group: Vec<Group>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) errno: String,
    pub(super) when: Option<String>,
    pub(super) calls: Vec<Call>,
}

#[derive(Deserialize)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) errno: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Arguments {
    pub(super) rule: Vec<Rule>,
}

#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) call: String,
    pub(super) argument: u32,
    pub(super) bits: Option<Named>,
    pub(super) equals: Option<Named>,
    pub(super) only: Option<Vec<Named>>,
    pub(super) requires: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) value: u64,
}

#[derive(Deserialize)]
pub(super) struct Sockets {
    pub(super) allow: Vec<Socket>,
}

#[derive(Deserialize)]
pub(super) struct Socket {
    pub(super) family: Named,
    pub(super) r#type: Named,
    pub(super) protocols: Vec<Named>,
}

#[derive(Deserialize)]
pub(super) struct Options {
    pub(super) level: Vec<Level>,
}

#[derive(Deserialize)]
pub(super) struct Level {
    pub(super) value: u64,
    pub(super) options: Vec<Named>,
}

#[derive(Deserialize)]
pub(super) struct Containers {
    pub(super) lifted: Vec<Lifted>,
    pub(super) netlink: Vec<Netlink>,
    pub(super) values: Vec<Values>,
}

#[derive(Deserialize)]
pub(super) struct Lifted {
    pub(super) call: String,
}

#[derive(Deserialize)]
pub(super) struct Netlink {
    pub(super) protocol: Named,
}

#[derive(Deserialize)]
pub(super) struct Values {
    pub(super) call: String,
    pub(super) argument: u32,
    pub(super) only: Vec<Named>,
}

/// All of it.
pub(super) struct Profiles {
    pub(super) numbers: Numbers,
    pub(super) calls: Calls,
    pub(super) arguments: Arguments,
    pub(super) sockets: Sockets,
    pub(super) options: Options,
    pub(super) containers: Containers,
}

impl Profiles {
    /// Reads what was built in.
    pub(super) fn built_in() -> Result<&'static Self, RenderError> {
        // A comparison may ask for it many times.
        static DATA: LazyLock<Result<Profiles, String>> = LazyLock::new(Profiles::read);
        DATA.as_ref().map_err(|error| RenderError::Impossible {
            what: format!("a profile that is built in cannot be read: {error}"),
            hint: "build ringfence again from its sources".to_owned(),
        })
    }

    fn read() -> Result<Self, String> {
        Ok(Self {
            numbers: read(include_str!("../../../../../profiles/numbers.toml"))?,
            calls: read(include_str!("../../../../../profiles/calls.toml"))?,
            arguments: read(include_str!("../../../../../profiles/arguments.toml"))?,
            sockets: read(include_str!("../../../../../profiles/sockets.toml"))?,
            options: read(include_str!("../../../../../profiles/setsockopt.toml"))?,
            containers: read(include_str!("../../../../../profiles/containers.toml"))?,
        })
    }
}

/// A test reads them all, so that this can only fail where the build was tampered with.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}
