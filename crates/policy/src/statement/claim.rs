//! The claims a boundary makes, and the layers that carry each.

use crate::layer::Layer;
use serde::Serialize;
use std::fmt;

/// What a sentence is about; ids are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// Which user it runs as.
    IdentityNonRoot,
    /// It has and gains no privileges.
    IdentityNoPrivileges,
    /// What it reads.
    FilesRead,
    /// What it writes.
    FilesWrite,
    /// Nothing it writes is executed.
    FilesExecute,
    /// What it can give up reading.
    FilesDroppable,
    /// Where it connects.
    NetConnect,
    /// Which names it looks up.
    NetNames,
    /// Which names lead to private addresses.
    NetPrivateRanges,
    /// Cloud metadata.
    NetMetadata,
    /// Where it sends datagrams.
    NetUdp,
    /// Where it is reached.
    NetListen,
    /// Which unix sockets it connects to.
    NetUnix,
    /// What a granted connection can be used for.
    NetInsideConnections,
    /// Which programs it starts.
    ProcessChildren,
    /// Package managers among them.
    ProcessPackageManager,
    /// Other processes.
    ProcessIsolation,
    /// The kernel's own interfaces.
    ProcessKernel,
    /// Native addons.
    ProcessAddons,
    /// Worker threads.
    ProcessWorkers,
    /// WASI.
    ProcessWasi,
    /// Foreign functions.
    ProcessFfi,
    /// The inspector.
    ProcessInspector,
    /// Which variables it receives.
    EnvironmentListed,
    /// Variables that load code or skip verification.
    EnvironmentLoaders,
    /// Which secrets it receives.
    SecretsDelivered,
    /// Memory.
    LimitsMemory,
    /// Processes and threads.
    LimitsPids,
    /// Processor time.
    LimitsCpu,
    /// Open descriptors.
    LimitsOpenFiles,
    /// Size of a file.
    LimitsFileSize,
    /// Size of the private `/tmp`.
    LimitsTmp,
    /// What happens when a layer is absent.
    RequireLayers,
}

impl Claim {
    /// Every claim, in the order of a statement.
    pub const ALL: [Self; 33] = [
        Self::IdentityNonRoot,
        Self::IdentityNoPrivileges,
        Self::FilesRead,
        Self::FilesWrite,
        Self::FilesExecute,
        Self::FilesDroppable,
        Self::NetConnect,
        Self::NetNames,
        Self::NetPrivateRanges,
        Self::NetMetadata,
        Self::NetUdp,
        Self::NetListen,
        Self::NetUnix,
        Self::NetInsideConnections,
        Self::ProcessChildren,
        Self::ProcessPackageManager,
        Self::ProcessIsolation,
        Self::ProcessKernel,
        Self::ProcessAddons,
        Self::ProcessWorkers,
        Self::ProcessWasi,
        Self::ProcessFfi,
        Self::ProcessInspector,
        Self::EnvironmentListed,
        Self::EnvironmentLoaders,
        Self::SecretsDelivered,
        Self::LimitsMemory,
        Self::LimitsPids,
        Self::LimitsCpu,
        Self::LimitsOpenFiles,
        Self::LimitsFileSize,
        Self::LimitsTmp,
        Self::RequireLayers,
    ];

    /// The id used in output.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::IdentityNonRoot => "identity-non-root",
            Self::IdentityNoPrivileges => "identity-no-privileges",
            Self::FilesRead => "files-read",
            Self::FilesWrite => "files-write",
            Self::FilesExecute => "files-execute",
            Self::FilesDroppable => "files-droppable",
            Self::NetConnect => "net-connect",
            Self::NetNames => "net-names",
            Self::NetPrivateRanges => "net-private-ranges",
            Self::NetMetadata => "net-metadata",
            Self::NetUdp => "net-udp",
            Self::NetListen => "net-listen",
            Self::NetUnix => "net-unix",
            Self::NetInsideConnections => "net-inside-connections",
            Self::ProcessChildren => "process-children",
            Self::ProcessPackageManager => "process-package-manager",
            Self::ProcessIsolation => "process-isolation",
            Self::ProcessKernel => "process-kernel",
            Self::ProcessAddons => "process-addons",
            Self::ProcessWorkers => "process-workers",
            Self::ProcessWasi => "process-wasi",
            Self::ProcessFfi => "process-ffi",
            Self::ProcessInspector => "process-inspector",
            Self::EnvironmentListed => "environment-listed",
            Self::EnvironmentLoaders => "environment-loaders",
            Self::SecretsDelivered => "secrets-delivered",
            Self::LimitsMemory => "limits-memory",
            Self::LimitsPids => "limits-pids",
            Self::LimitsCpu => "limits-cpu",
            Self::LimitsOpenFiles => "limits-open-files",
            Self::LimitsFileSize => "limits-file-size",
            Self::LimitsTmp => "limits-tmp",
            Self::RequireLayers => "require-layers",
        }
    }

    /// The claim with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.id() == id)
    }

    /// The layers that carry the claim together, outside in. Node's own flags carry none: they are hardening
    /// that code inside Node can get around. No layer stands behind what the kernel cannot see or
    /// what is only said about the file.
    #[must_use]
    pub const fn carried_by(self) -> &'static [Layer] {
        use Layer::{
            Broker, Cgroup, Environment, Identity, Landlock, Namespaces, Rlimits, Seccomp,
        };
        match self {
            Self::EnvironmentListed | Self::EnvironmentLoaders => &[Environment],
            Self::FilesDroppable
            | Self::LimitsTmp
            | Self::ProcessAddons
            | Self::SecretsDelivered => &[Namespaces],
            Self::FilesExecute | Self::ProcessChildren | Self::ProcessPackageManager => {
                &[Namespaces, Landlock, Seccomp]
            }
            Self::FilesRead | Self::FilesWrite | Self::ProcessIsolation => &[Namespaces, Landlock],
            Self::IdentityNonRoot | Self::IdentityNoPrivileges => &[Identity],
            Self::LimitsCpu | Self::LimitsMemory | Self::LimitsPids => &[Cgroup],
            Self::LimitsFileSize | Self::LimitsOpenFiles => &[Rlimits],
            Self::NetInsideConnections | Self::RequireLayers => &[],
            Self::NetNames | Self::NetUdp => &[Namespaces, Broker],
            Self::NetUnix => &[Namespaces, Seccomp, Broker],
            Self::NetConnect
            | Self::NetListen
            | Self::NetMetadata
            | Self::NetPrivateRanges
            | Self::ProcessFfi
            | Self::ProcessInspector
            | Self::ProcessWasi
            | Self::ProcessWorkers => &[Namespaces, Landlock, Seccomp, Broker],
            Self::ProcessKernel => &[Seccomp],
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
