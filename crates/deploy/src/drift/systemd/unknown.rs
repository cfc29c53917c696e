//! Lines that no rendered unit has.
//!
//! A list of what is bad is never complete, so it is the other way round: what is not known to be
//! harmless, or to take something away, is drift. systemd passes over keys that it does not know in a
//! section; those of [`KEYS`] are therefore harmless outside of `[Service]`.

use super::rules::{self, KEYS};
use super::unit::{Assignment, Unit, words};
use super::wanted_of;
use crate::drift::{Comparison, Drift};
use crate::render::Order;
use crate::render::systemd::Setting;

/// Compares every assignment that no key of [`KEYS`] is about.
pub(super) fn compare(
    order: &Order<'_>,
    unit: &Unit<'_>,
    wanted: &[Setting],
    comparison: &mut Comparison,
) {
    for one in &unit.assignments {
        comparison.compared += 1;
        if is_harmless(order, one, wanted) {
            continue;
        }
        comparison.drifts.push(Drift {
            code: "unknown-setting",
            place: one.key.clone(),
            line: Some(one.line),
            wanted: "nothing, or what `ringfence render systemd` writes".to_owned(),
            found: if one.value.is_empty() { "nothing".to_owned() } else { one.value.clone() },
            why: "this line is not known to be harmless".to_owned(),
        });
    }
}

fn is_harmless(order: &Order<'_>, one: &Assignment<'_>, wanted: &[Setting]) -> bool {
    let (key, value) = (one.key.as_str(), one.value.as_str());
    let rendered = wanted.iter().any(|setting| {
        setting.section.name() == one.section && setting.key == key && setting.value == value
    });
    if rendered || value.is_empty() {
        return true;
    }
    let is_compared = KEYS.iter().any(|known| known.name == key);
    match one.section.as_str() {
        "Service" if matches!(key, "Environment" | "LoadCredential") => same_values(one, wanted),
        "Service" => is_compared || of_service(order, key, value, wanted),
        "Unit" => is_compared || of_unit(key, value),
        "Install" => is_compared || INSTALL.contains(&key),
        "Socket" => of_socket(order, key, value),
        other => other.starts_with("X-"),
    }
}

/// Names are compared by [`KEYS`]; where a name is the boundary's, its value must be too.
fn same_values(one: &Assignment<'_>, wanted: &[Setting]) -> bool {
    let values: Vec<String> = wanted_of(&one.key, wanted).into_iter().flat_map(words).collect();
    let end = if one.key == "Environment" { '=' } else { ':' };
    let name = |word: &str| word.split(end).next().unwrap_or_default().to_owned();
    words(&one.value)
        .iter()
        .all(|word| values.contains(word) || !values.iter().any(|known| name(known) == name(word)))
}

/// `[Install]`: when it is started.
const INSTALL: [&str; 6] =
    ["Alias", "Also", "DefaultInstance", "RequiredBy", "UpheldBy", "WantedBy"];

/// `[Unit]`: order, conditions and texts.
const UNIT: [&str; 27] = [
    "After",
    "Before",
    "BindsTo",
    "CollectMode",
    "Conflicts",
    "Description",
    "Documentation",
    "JobRunningTimeoutSec",
    "JobTimeoutSec",
    "OnFailure",
    "OnFailureJobMode",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "RefuseManualStart",
    "RefuseManualStop",
    "ReloadPropagatedFrom",
    "Requires",
    "RequiresMountsFor",
    "Requisite",
    "StartLimitBurst",
    "StartLimitIntervalSec",
    "StopPropagatedFrom",
    "StopWhenUnneeded",
    "Wants",
    "WantsMountsFor",
];

fn of_unit(key: &str, value: &str) -> bool {
    UNIT.contains(&key)
        || key.starts_with("Condition")
        || key.starts_with("Assert")
        || (matches!(key, "FailureAction" | "SuccessAction" | "StartLimitAction")
            && value == "none")
}

/// `[Service]`, with any value: when it is started again, what its log says, and what its share is.
const SERVICE: [&str; 51] = [
    "AllowedCPUs",
    "AllowedMemoryNodes",
    "CPUAccounting",
    "CPUAffinity",
    "CPUQuotaPeriodSec",
    "CPUWeight",
    "GuessMainPID",
    "IOAccounting",
    "IOReadBandwidthMax",
    "IOReadIOPSMax",
    "IOSchedulingPriority",
    "IOWeight",
    "IOWriteBandwidthMax",
    "IOWriteIOPSMax",
    "IPAccounting",
    "IgnoreSIGPIPE",
    "LogExtraFields",
    "LogLevelMax",
    "LogRateLimitBurst",
    "LogRateLimitIntervalSec",
    "ManagedOOMMemoryPressure",
    "ManagedOOMPreference",
    "ManagedOOMSwap",
    "MemoryAccounting",
    "MemoryDenyWriteExecute",
    "MemoryHigh",
    "NUMAMask",
    "NUMAPolicy",
    "PrivateNetwork",
    "PrivatePIDs",
    "ReadOnlyPaths",
    "Restart",
    "RestartForceExitStatus",
    "RestartMaxDelaySec",
    "RestartPreventExitStatus",
    "RestartSec",
    "RestartSteps",
    "RuntimeMaxSec",
    "RuntimeRandomizedExtraSec",
    "SendSIGHUP",
    "StartupCPUWeight",
    "StartupIOWeight",
    "SuccessExitStatus",
    "SyslogFacility",
    "SyslogIdentifier",
    "SyslogLevel",
    "SyslogLevelPrefix",
    "SystemCallLog",
    "TasksAccounting",
    "TimerSlackNSec",
    "WatchdogSec",
];

/// `[Service]`, with these values.
const WITH_VALUES: [(&str, &[&str]); 19] = [
    ("CPUSchedulingPolicy", &["batch", "idle", "other"]),
    ("CacheDirectoryMode", &["0700", "0750", "700", "750"]),
    ("Delegate", &["false", "no"]),
    ("DevicePolicy", &["closed", "strict"]),
    ("FileDescriptorStoreMax", &["0"]),
    ("FinalKillSignal", &["SIGKILL"]),
    ("IOSchedulingClass", &["best-effort", "idle"]),
    ("KillSignal", &["SIGINT", "SIGQUIT", "SIGTERM"]),
    ("LogsDirectoryMode", &["0700", "0750", "700", "750"]),
    ("NotifyAccess", &["main", "none"]),
    ("OOMPolicy", &["kill", "stop"]),
    ("RemainAfterExit", &["false", "no"]),
    ("SendSIGKILL", &["true", "yes"]),
    ("SetLoginEnvironment", &["false", "no"]),
    ("StandardError", &["inherit", "journal", "null"]),
    ("StandardInput", &["null"]),
    ("StandardOutput", &["inherit", "journal", "null"]),
    ("StateDirectoryMode", &["0700", "0750", "700", "750"]),
    ("Type", &["exec", "idle", "simple"]),
];

fn of_service(order: &Order<'_>, key: &str, value: &str, wanted: &[Setting]) -> bool {
    if SERVICE.contains(&key) {
        return true;
    }
    if let Some((_, values)) = WITH_VALUES.iter().find(|(name, _)| *name == key) {
        return values.contains(&value);
    }
    match key {
        // Compared with the command and the user.
        "DynamicUser" | "ExecStart" | "KillMode" | "User" => true,
        "Nice" | "OOMScoreAdjust" => value.parse::<u32>().is_ok(),
        "Slice" => value.strip_suffix(".slice").is_some_and(|name| !name.starts_with('-')),
        "SystemCallErrorNumber" => {
            value == "kill"
                || (value.starts_with('E') && value.bytes().all(|b| b.is_ascii_uppercase()))
        }
        "TimeoutAbortSec" | "TimeoutSec" | "TimeoutStartSec" | "TimeoutStopSec" => {
            value.starts_with(|first: char| first.is_ascii_digit())
        }
        "WorkingDirectory" => {
            let tidy = |path: &str| path.trim_start_matches('-').trim_end_matches('/').to_owned();
            let asked = order.path(&order.boundary.service.cwd.value);
            tidy(value) == tidy(&asked)
        }
        "Group" => {
            wanted_of("Group", wanted).is_empty()
                && wanted_of("User", wanted).last() == Some(&value)
                && !matches!(value, "0" | "root")
        }
        _ => false,
    }
}

/// `[Socket]`, with any value: what is not about who may connect and what is started.
const SOCKET: [&str; 22] = [
    "Backlog",
    "BindIPv6Only",
    "BindToDevice",
    "DeferAcceptSec",
    "FileDescriptorName",
    "IPTOS",
    "IPTTL",
    "KeepAlive",
    "KeepAliveIntervalSec",
    "KeepAliveProbes",
    "KeepAliveTimeSec",
    "ListenDatagram",
    "ListenStream",
    "MaxConnections",
    "MaxConnectionsPerSource",
    "NoDelay",
    "PollLimitBurst",
    "PollLimitIntervalSec",
    "ReceiveBuffer",
    "SendBuffer",
    "TriggerLimitBurst",
    "TriggerLimitIntervalSec",
];

fn of_socket(order: &Order<'_>, key: &str, value: &str) -> bool {
    match key {
        "Accept" | "FreeBind" | "ReusePort" | "Transparent" => rules::is_off(value),
        "Service" => value.strip_suffix(".service") == Some(order.name()),
        _ => SOCKET.contains(&key),
    }
}
