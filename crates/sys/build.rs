//! Turns the reviewed data in `profiles/` into tables of the program.
//!
//! A name that is unknown, given twice or without a reason stops the build, so a mistake in a
//! profile can never weaken a filter at run time, and starting a service parses nothing. Numbers
//! that the C library knows too are compared with it by a test.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Numbers {
    not_in_libc: Vec<String>,
    calls: BTreeMap<String, Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    x86_64: Option<u16>,
    aarch64: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    errno: String,
    why: String,
    when: Option<String>,
    calls: Vec<DeniedCall>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeniedCall {
    name: String,
    errno: Option<String>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifiedCalls {
    notify: Vec<Notified>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notified {
    set: String,
    call: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    group: String,
    call: String,
    argument: u8,
    bits: Option<Named>,
    equals: Option<Named>,
    only: Option<Vec<Named>>,
    requires: Option<Named>,
    errno: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    value: u32,
    why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sockets {
    refuse: BTreeMap<String, Refusal>,
    allow: Vec<AllowedSocket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    errno: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedSocket {
    family: Named,
    r#type: Named,
    protocols: Vec<Named>,
    when: Option<String>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SocketOptions {
    errno: String,
    level: Vec<Level>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    name: String,
    value: u32,
    options: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ioctls {
    errno: String,
    family: Vec<IoctlFamily>,
    command: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IoctlFamily {
    name: String,
    r#type: u8,
    except: Vec<Named>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowances {
    errno: String,
    allow: Vec<Allowance>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    call: String,
    when: Option<String>,
    r#where: Option<Vec<Condition>>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    argument: u8,
    mask: Option<u32>,
    set: Option<Vec<Named>>,
    clear: Option<Vec<Named>>,
    only: Option<Vec<Named>>,
}

fn main() -> Result<(), Failure> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let profiles = root.join("../../profiles");
    println!("cargo:rerun-if-changed={}", profiles.display());
    let mut tables = Tables { profiles, ..Tables::default() };
    tables.numbers()?;
    tables.calls()?;
    tables.notified()?;
    tables.arguments()?;
    tables.sockets()?;
    tables.socket_options()?;
    tables.ioctls()?;
    tables.allowances("broker")?;
    tables.allowances("init")?;
    tables.checks()?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("profile.rs"), tables.text)?;
    Ok(())
}

#[derive(Default)]
struct Tables {
    profiles: PathBuf,
    text: String,
    known: BTreeSet<String>,
    in_libc: Vec<String>,
    constants: BTreeMap<String, u32>,
}

impl Tables {
    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let path: &Path = &self.profiles.join(name);
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()).into())
    }

    /// A call that profiles name must have a number.
    fn call(&self, name: &str) -> Result<(), Failure> {
        if self.known.contains(name) {
            return Ok(());
        }
        Err(format!("numbers.toml does not know the system call {name}").into())
    }

    /// Remembers a constant of the kernel for the comparison with the C library.
    fn constant(&mut self, named: &Named) -> Result<(), Failure> {
        match self.constants.insert(named.name.clone(), named.value) {
            Some(other) if other != named.value => {
                Err(format!("{} has two values: {other} and {}", named.name, named.value).into())
            }
            _ => Ok(()),
        }
    }

    fn numbers(&mut self) -> Result<(), Failure> {
        let numbers: Numbers = self.read("numbers.toml")?;
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        self.text.push_str("static CALLS: &[Call] = &[\n");
        for (name, number) in &numbers.calls {
            for (arch, value) in seen.iter_mut().zip([number.x86_64, number.aarch64]) {
                if value.is_some_and(|value| !arch.insert(value)) {
                    return Err(format!("the number of {name} is taken").into());
                }
            }
            let Number { x86_64, aarch64 } = number;
            writeln!(
                self.text,
                "Call {{ name: {name:?}, x86_64: {x86_64:?}, aarch64: {aarch64:?} }},"
            )?;
            self.known.insert(name.clone());
            if !numbers.not_in_libc.contains(name) {
                self.in_libc.push(name.clone());
            }
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn calls(&mut self) -> Result<(), Failure> {
        let calls: Calls = self.read("calls.toml")?;
        let mut seen = BTreeSet::new();
        self.text.push_str("static DENIED: &[DeniedCall] = &[\n");
        for group in &calls.group {
            reason(&group.name, &group.why)?;
            let when = condition(group.when.as_deref(), &[("no-namespaces", "NoNamespaces")])?;
            for DeniedCall { name, errno, why } in &group.calls {
                self.call(name)?;
                reason(name, why)?;
                if !seen.insert(name) {
                    return Err(format!("{name} is denied twice").into());
                }
                let (group, errno) = (&group.name, errno.as_ref().unwrap_or(&group.errno));
                writeln!(
                    self.text,
                    "DeniedCall {{ call: {name:?}, group: {group:?}, when: {when}, \
                     errno: Errno(libc::{errno}), why: {why:?} }},"
                )?;
            }
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn notified(&mut self) -> Result<(), Failure> {
        let calls: NotifiedCalls = self.read("notified.toml")?;
        self.text.push_str("static NOTIFIED: &[NotifiedCall] = &[\n");
        for Notified { set, call, why } in &calls.notify {
            self.call(call)?;
            reason(call, why)?;
            let set = match set.as_str() {
                "sockets" => "Sockets",
                "exec" => "Exec",
                other => return Err(format!("unknown set {other}").into()),
            };
            writeln!(
                self.text,
                "NotifiedCall {{ call: {call:?}, set: NotifySet::{set}, why: {why:?} }},"
            )?;
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn arguments(&mut self) -> Result<(), Failure> {
        let arguments: Arguments = self.read("arguments.toml")?;
        self.text.push_str("static RULES: &[ArgumentRule] = &[\n");
        for rule in &arguments.rule {
            let Rule { group, call, argument, errno, why, .. } = rule;
            self.call(call)?;
            reason(call, why)?;
            if *argument > 5 {
                return Err(format!("{call} has no argument {argument}").into());
            }
            let test = match (&rule.bits, &rule.equals, &rule.only, &rule.requires) {
                (Some(named), None, None, None) => {
                    self.constant(named)?;
                    format!("ArgumentTest::AnyBit({})", value(named))
                }
                (None, Some(named), None, None) => {
                    self.constant(named)?;
                    format!("ArgumentTest::Equals({})", value(named))
                }
                (None, None, Some(list), None) if !list.is_empty() => {
                    format!("ArgumentTest::Outside({})", values(list))
                }
                (None, None, None, Some(named)) if named.value.is_power_of_two() => {
                    self.constant(named)?;
                    format!("ArgumentTest::Without({})", value(named))
                }
                _ => {
                    return Err(
                        format!("{call}: one of bits, equals, only, requires (one bit)").into()
                    );
                }
            };
            writeln!(
                self.text,
                "ArgumentRule {{ call: {call:?}, group: {group:?}, argument: {argument}, \
                 test: {test}, errno: Errno(libc::{errno}), why: {why:?} }},"
            )?;
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn sockets(&mut self) -> Result<(), Failure> {
        let sockets: Sockets = self.read("sockets.toml")?;
        for what in ["family", "type", "protocol", "pair"] {
            let refusal =
                sockets.refuse.get(what).ok_or(format!("sockets.toml does not refuse {what}"))?;
            reason(what, &refusal.why)?;
            let (upper, errno) = (what.to_uppercase(), &refusal.errno);
            writeln!(self.text, "const REFUSED_{upper}: Errno = Errno(libc::{errno});")?;
        }
        self.text.push_str("static SOCKETS: &[AllowedSocket] = &[\n");
        for AllowedSocket { family, r#type, protocols, when, why } in &sockets.allow {
            reason(&family.name, why)?;
            let conditions = [("namespaces", "Namespaces"), ("unix-datagrams", "UnixDatagrams")];
            let when = condition(when.as_deref(), &conditions)?;
            self.constant(family)?;
            self.constant(r#type)?;
            for protocol in protocols.iter().filter(|protocol| protocol.name != "default") {
                self.constant(protocol)?;
            }
            let (family, kind, protocols) = (value(family), value(r#type), values(protocols));
            writeln!(
                self.text,
                "AllowedSocket {{ family: {family}, kind: {kind}, protocols: {protocols}, \
                 when: {when}, why: {why:?} }},"
            )?;
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn socket_options(&mut self) -> Result<(), Failure> {
        let all: SocketOptions = self.read("setsockopt.toml")?;
        writeln!(self.text, "const REFUSED_OPTION: Errno = Errno(libc::{});", all.errno)?;
        self.text.push_str("static LEVELS: &[OptionLevel] = &[\n");
        for Level { name, value, options } in &all.level {
            let level = Named { name: name.clone(), value: *value, why: None };
            self.constant(&level)?;
            for option in options {
                self.constant(option)?;
                reason(&option.name, option.why.as_deref().unwrap_or_default())?;
            }
            let options = values(options);
            writeln!(
                self.text,
                "OptionLevel {{ name: {name:?}, value: {value}, options: {options} }},"
            )?;
        }
        self.text.push_str("];\n");
        Ok(())
    }

    fn ioctls(&mut self) -> Result<(), Failure> {
        let all: Ioctls = self.read("ioctl.toml")?;
        writeln!(self.text, "const REFUSED_IOCTL: Errno = Errno(libc::{});", all.errno)?;
        self.text.push_str("static IOCTL_FAMILIES: &[IoctlFamily] = &[\n");
        for IoctlFamily { name, r#type, except, why } in &all.family {
            reason(name, why)?;
            let except = values(except);
            writeln!(
                self.text,
                "IoctlFamily {{ name: {name:?}, kind: {type}, except: {except}, why: {why:?} }},"
            )?;
        }
        for command in &all.command {
            reason(&command.name, command.why.as_deref().unwrap_or_default())?;
        }
        writeln!(self.text, "];\nstatic IOCTLS: &[Named] = {};", values(&all.command))?;
        Ok(())
    }

    /// What one of our own processes may do.
    fn allowances(&mut self, of: &str) -> Result<(), Failure> {
        let list: Allowances = self.read(&format!("{of}.toml"))?;
        let (upper, errno) = (of.to_uppercase(), &list.errno);
        let mut unconditional = BTreeSet::new();
        writeln!(
            self.text,
            "static {upper}: AllowList = AllowList {{ refusal: Errno(libc::{errno}), calls: &["
        )?;
        for Allowance { call, when, r#where, why } in &list.allow {
            self.call(call)?;
            reason(call, why)?;
            let conditions = [("namespaces", "Namespaces"), ("no-namespaces", "NoNamespaces")];
            let when = condition(when.as_deref(), &conditions)?;
            let places = r#where.as_deref().unwrap_or_default();
            if unconditional.contains(call) || (places.is_empty() && !unconditional.insert(call)) {
                return Err(format!("{of}.toml allows {call} already").into());
            }
            let places = places.iter().map(|place| self.place(place));
            let places = places.collect::<Result<Vec<_>, _>>()?.join(", ");
            writeln!(
                self.text,
                "AllowedCall {{ call: {call:?}, when: {when}, conditions: &[{places}], why: {why:?} }},"
            )?;
        }
        self.text.push_str("] };\n");
        Ok(())
    }

    fn place(&mut self, place: &Condition) -> Result<String, Failure> {
        let Condition { argument, mask, set, clear, only } = place;
        let (kind, list) = match (set, clear, only) {
            (Some(list), None, None) => ("Set", list),
            (None, Some(list), None) => ("Clear", list),
            (None, None, Some(list)) => ("OneOf", list),
            _ => return Err("a condition is one of set, clear and only".into()),
        };
        if *argument > 5 || list.is_empty() {
            return Err("a condition names an argument from 0 to 5 and at least one value".into());
        }
        if kind != "OneOf" && list.iter().any(|named| !named.value.is_power_of_two()) {
            return Err("set and clear name single bits".into());
        }
        for named in list.iter().filter(|named| named.name != "default") {
            self.constant(named)?;
        }
        let (mask, list) = (hexadecimal(mask.unwrap_or(u32::MAX)), values(list));
        Ok(format!(
            "Condition {{ argument: {argument}, mask: {mask}, test: ConditionTest::{kind}({list}) }}"
        ))
    }

    /// Tables for the tests that compare our numbers with the C library's.
    fn checks(&mut self) -> Result<(), Failure> {
        self.text.push_str("#[cfg(test)]\nconst LIBC_CALLS: &[(&str, i64)] = &[\n");
        let numbers: Numbers = self.read("numbers.toml")?;
        for name in &self.in_libc {
            let both = numbers.calls.get(name).is_some_and(|number| number.aarch64.is_some());
            let only = if both { "" } else { "#[cfg(target_arch = \"x86_64\")]\n" };
            writeln!(self.text, "{only}({name:?}, libc::SYS_{name}),")?;
        }
        self.text.push_str("];\n#[cfg(test)]\nconst CONSTANTS: &[(&str, u32)] = &[\n");
        for (name, value) in &self.constants {
            writeln!(self.text, "({name:?}, {}),", hexadecimal(*value))?;
        }
        self.text.push_str("];\n");
        Ok(())
    }
}

fn reason(of: &str, why: &str) -> Result<(), Failure> {
    if why.trim().is_empty() { Err(format!("{of} has no reason").into()) } else { Ok(()) }
}

fn condition(given: Option<&str>, known: &[(&str, &str)]) -> Result<String, Failure> {
    let Some(given) = given else { return Ok("When::Always".to_owned()) };
    let found = known.iter().find(|(name, _)| *name == given);
    found.map(|(_, variant)| format!("When::{variant}")).ok_or(format!("when {given}?").into())
}

fn value(Named { name, value, why }: &Named) -> String {
    let why = why.as_deref().unwrap_or_default();
    let value = hexadecimal(*value);
    format!("Named {{ name: {name:?}, value: {value}, why: {why:?} }}")
}

fn hexadecimal(value: u32) -> String {
    format!("0x{:04x}_{:04x}", value >> 16, value & 0xffff)
}

fn values(list: &[Named]) -> String {
    format!("&[{}]", list.iter().map(value).collect::<Vec<_>>().join(", "))
}
