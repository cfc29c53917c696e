//! Which environment variables a service receives.
//!
//! A variable that loads code, changes where libraries come from or switches verification off
//! would undo the boundary from outside: those are refused by name. The list covers the runtimes,
//! loaders and shells a Node service meets; it does not know every program's own variables, which
//! is one reason why nothing passes unless it is listed.

use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::model::Environment;
use crate::net::Refusal;

/// Why a variable is never given to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It changes how the resolver works, which the boundary decides.
    ChangesResolver,
    /// The supervisor makes it itself where it is needed.
    FromSupervisor,
    /// It makes a runtime, a loader or a shell run code from elsewhere.
    LoadsCode,
    /// It writes the keys of TLS connections to a file.
    RevealsKeys,
    /// It switches the verification of certificates off.
    SkipsVerification,
}

impl Refused {
    /// The reason, as in "NODE_OPTIONS loads code".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ChangesResolver => "changes how names are resolved",
            Self::FromSupervisor => "is made by the supervisor",
            Self::LoadsCode => "makes programs load code or change their checks",
            Self::RevealsKeys => "writes the keys of TLS connections to a file",
            Self::SkipsVerification => "switches the verification of certificates off",
        }
    }

    fn hint(self, name: &str) -> &'static str {
        match self {
            Self::LoadsCode if name == "NODE_OPTIONS" => {
                "write Node's own flags into service.start"
            }
            Self::ChangesResolver => "fixed addresses are written in net.hosts",
            Self::FromSupervisor => "leave it out: it is forwarded by itself",
            Self::LoadsCode | Self::RevealsKeys => "leave it out",
            Self::SkipsVerification => "name the private CA in NODE_EXTRA_CA_CERTS instead",
        }
    }
}

/// Why `name` is never given to a service; `None` when it may be.
#[must_use]
pub fn refused(name: &str) -> Option<Refused> {
    let prefixed = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match name {
        "GIT_SSL_NO_VERIFY" | "NODE_TLS_REJECT_UNAUTHORIZED" | "PYTHONHTTPSVERIFY" => {
            Some(Refused::SkipsVerification)
        }
        "SSLKEYLOGFILE" => Some(Refused::RevealsKeys),
        "HOSTALIASES" | "LOCALDOMAIN" | "RESOLV_HOST_CONF" | "RES_OPTIONS" => {
            Some(Refused::ChangesResolver)
        }
        _ if SUPERVISOR.contains(&name) || prefixed(&["LISTEN_", "RINGFENCE_", "WATCHDOG_"]) => {
            Some(Refused::FromSupervisor)
        }
        _ if LOADS_CODE.contains(&name) || prefixed(&LOADS_CODE_PREFIXES) => {
            Some(Refused::LoadsCode)
        }
        _ => None,
    }
}

impl Environment {
    /// Is this variable of the caller given to the service?
    ///
    /// # Errors
    /// It is refused by name, fixed by `env.set`, or not listed in `env.pass`.
    pub fn passes(&self, name: &str) -> Result<(), Refusal> {
        let shown = quoted(name);
        if let Some(why) = refused(name) {
            return Err(Refusal::never(format!("{shown} {}", why.words())));
        }
        if self.pass.iter().any(|pass| pass.value == name) {
            return Ok(());
        }
        if self.set.contains_key(name) {
            return Err(Refusal::never(format!("{shown} is fixed in env.set")));
        }
        if !is_name(name) {
            return Err(Refusal::never(format!("{shown} is not a variable name")));
        }
        Err(Refusal::missing(format!("{shown} is not listed in env.pass"), "env.pass", name))
    }
}

/// A name that may be given to a service.
pub(crate) fn parse_name(text: &str) -> Result<String, Problem> {
    if text.contains(',') {
        return Err(Problem::with_value(Code::CommaList, "several names in one string", text)
            .hint("write one string for each"));
    }
    if text.contains('*') {
        return Err(Problem::with_value(Code::Wildcard, "names have no wildcards", text)
            .hint("write each name"));
    }
    if let Some((name, _)) = text.split_once('=') {
        return Err(Problem::with_value(Code::BadVariable, "a value where a name belongs", name)
            .hint("fixed values are written in env.set")
            .hidden());
    }
    if !is_name(text) {
        return Err(Problem::with_value(Code::BadVariable, "not a variable name", text)
            .hint("names have letters, digits and underscores and start with no digit"));
    }
    match refused(text) {
        None => Ok(text.to_owned()),
        Some(why) => Err(Problem::new(
            Code::RefusedVariable,
            format!("{} is refused: it {}", quoted(text), why.words()),
        )
        .hint(why.hint(text))),
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Forwarded by the supervisor, which owns the descriptors they speak of.
const SUPERVISOR: [&str; 4] =
    ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID", "NOTIFY_SOCKET"];

const LOADS_CODE_PREFIXES: [&str; 9] = [
    "BASH_FUNC_",
    "CORECLR_PROFILER",
    "COR_PROFILER",
    "DYLD_",
    "GIT_CONFIG",
    "LD_",
    "LUA_",
    "OPENSSL_CONF",
    "PYTHON",
];

const LOADS_CODE: [&str; 43] = [
    "BASHOPTS",
    "BASH_ENV",
    "CDPATH",
    "DOTNET_STARTUP_HOOKS",
    "ELECTRON_RUN_AS_NODE",
    "ENV",
    "GCONV_PATH",
    "GEM_HOME",
    "GEM_PATH",
    "GETCONF_DIR",
    "GIT_ASKPASS",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GLIBC_TUNABLES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LOCPATH",
    "MALLOC_CHECK_",
    "MALLOC_TRACE",
    "NLSPATH",
    "NODE_COMPILE_CACHE",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "RUBYLIB",
    "RUBYOPT",
    "SHELLOPTS",
    "_JAVA_OPTIONS",
    "npm_config_node_options",
    "npm_config_script_shell",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::boundary;

    #[test]
    fn variables_that_load_code_or_skip_verification_are_refused() {
        for name in [
            "NODE_OPTIONS",
            "NODE_TLS_REJECT_UNAUTHORIZED",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "GCONV_PATH",
            "GLIBC_TUNABLES",
            "OPENSSL_CONF",
            "OPENSSL_MODULES",
            "OPENSSL_CONF_INCLUDE",
            "SSLKEYLOGFILE",
            "BASH_ENV",
            "ENV",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "RUBYOPT",
            "NODE_REPL_EXTERNAL_MODULE",
            "NODE_CHANNEL_FD",
            "NOTIFY_SOCKET",
            "LISTEN_FDS",
            "LISTEN_PID",
            "RINGFENCE_CONTROL",
            "RES_OPTIONS",
            "BASH_FUNC_x%%",
            "JAVA_TOOL_OPTIONS",
        ] {
            assert!(refused(name).is_some(), "{name}");
        }
    }

    #[test]
    fn variables_that_services_need_are_not_refused() {
        for name in [
            "PORT",
            "LOG_LEVEL",
            "NODE_ENV",
            "NODE_EXTRA_CA_CERTS",
            "NODE_DEBUG",
            "NODE_USE_ENV_PROXY",
            "HTTPS_PROXY",
            "PATH",
            "HOME",
            "TZ",
            "LANG",
            "UV_THREADPOOL_SIZE",
            "DATABASE_URL",
            "ENVOY_HOST",
            "OTEL_SERVICE_NAME",
            "SSL_CERT_FILE",
        ] {
            assert_eq!(refused(name), None, "{name}");
        }
    }

    #[test]
    fn only_listed_variables_pass() {
        let env = boundary("[env]\npass = [\"PORT\"]\nset = { NODE_ENV = \"production\" }\n").env;
        assert_eq!(env.passes("PORT"), Ok(()));
        let reason = |name| env.passes(name).unwrap_err().reason;
        assert_eq!(reason("HOME_X"), "HOME_X is not listed in env.pass");
        assert_eq!(reason("port"), "port is not listed in env.pass");
        assert_eq!(reason("NODE_ENV"), "NODE_ENV is fixed in env.set");
        assert_eq!(
            reason("NODE_OPTIONS"),
            "NODE_OPTIONS makes programs load code or change their checks"
        );
        assert_eq!(reason("A\u{1b}B"), "A\\u{1b}B is not a variable name");
        assert_eq!(
            env.passes("DEBUG").unwrap_err().missing_grant.as_deref(),
            Some("env.pass = [\"DEBUG\"]")
        );
        assert_eq!(env.passes("LD_PRELOAD").unwrap_err().missing_grant, None);
    }
}
