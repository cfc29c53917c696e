//! The kinds of explanations. Their ids are part of the interface and never change.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// What an error turned out to be.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every kind, in the order of the ids.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The id used in output.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }
        }
    };
}

codes! {
    /// An abstract unix socket, which stays inside.
    AbstractSocket = "abstract-socket",
    /// Built for another Node.
    AddonAbi = "addon-abi",
    /// A library the addon needs is not there.
    AddonLibrary = "addon-library",
    /// Native code on a mount where nothing may be executed.
    AddonNotExecutable = "addon-not-executable",
    /// Another process has the port.
    AddressInUse = "address-in-use",
    /// Not an address of this machine.
    AddressNotAvailable = "address-not-available",
    /// A name that leads to a private address without leave.
    AddressPrivate = "address-private",
    /// A mistake in the program.
    ApplicationError = "application-error",
    /// Nobody listens at a granted address.
    ConnectionRefused = "connection-refused",
    /// The peer ended a connection.
    ConnectionReset = "connection-reset",
    /// A granted peer does not answer.
    ConnectionTimeout = "connection-timeout",
    /// An outbound connection without a grant.
    ConnectNotGranted = "connect-not-granted",
    /// The socket of a container runtime.
    ContainerSocket = "container-socket",
    /// Keys, tokens or passwords that no service needs.
    Credentials = "credentials",
    /// dotenv could not read its file and said nothing.
    DotenvSilent = "dotenv-silent",
    /// The grant was taken back while the service ran.
    DroppedAtRuntime = "dropped-at-runtime",
    /// A file that no grant shows.
    FileHidden = "file-hidden",
    /// The file is not there, boundary or not.
    FileMissing = "file-missing",
    /// Mode and owner of the file do not let the user in.
    FilePermission = "file-permission",
    /// A file that is granted for reading only.
    FileReadOnly = "file-read-only",
    /// `limits.file-size`
    FileSizeLimit = "file-size-limit",
    /// The boundary grants it: another reason, or a service that was started before.
    GrantedAlready = "granted-already",
    /// The heap of JavaScript is full.
    HeapLimit = "heap-limit",
    /// A whole home directory, or the credentials in one.
    HomeFolder = "home-folder",
    /// A layer that the boundary requires and this host cannot give.
    LayerAbsent = "layer-absent",
    /// A listener without a grant.
    ListenNotGranted = "listen-not-granted",
    /// `limits.memory`
    MemoryLimit = "memory-limit",
    /// A cloud metadata service.
    MetadataAddress = "metadata-address",
    /// A module that no grant shows.
    ModuleHidden = "module-hidden",
    /// A module that is not installed.
    ModuleMissing = "module-missing",
    /// The name does not exist, or its server does not answer.
    NameNotFound = "name-not-found",
    /// A name without a grant.
    NameNotGranted = "name-not-granted",
    /// A call that Node switches off under its permission model.
    NodeApiDisabled = "node-api-disabled",
    /// Node refuses native addons.
    NodeAddonDisabled = "node-addon-disabled",
    /// A flag this Node does not know.
    NodeBadOption = "node-bad-option",
    /// Node refuses child processes.
    NodeChildProcess = "node-child-process",
    /// A comma list in one of Node's path flags.
    NodeCommaList = "node-comma-list",
    /// Node refuses FFI.
    NodeFfi = "node-ffi",
    /// Node refuses to read.
    NodeFileRead = "node-file-read",
    /// Node refuses to write.
    NodeFileWrite = "node-file-write",
    /// Node refuses the inspector.
    NodeInspector = "node-inspector",
    /// A permission flag without `--permission`.
    NodeMissingOption = "node-missing-option",
    /// Node refuses the network.
    NodeNet = "node-net",
    /// Node refuses the system's certificate store of OpenSSL.
    NodeOpensslStore = "node-openssl-store",
    /// `node:sqlite` refuses extensions.
    NodeSqliteExtension = "node-sqlite-extension",
    /// Node refuses its virtual file system.
    NodeVfs = "node-vfs",
    /// Node refuses WASI.
    NodeWasi = "node-wasi",
    /// Node refuses worker threads.
    NodeWorker = "node-worker",
    /// `limits.open-files`
    OpenFilesLimit = "open-files-limit",
    /// A package manager.
    PackageManager = "package-manager",
    /// A name or address that is granted at other ports.
    PortNotGranted = "port-not-granted",
    /// A port below 1024.
    PrivilegedPort = "privileged-port",
    /// `limits.pids`
    ProcessLimit = "process-limit",
    /// A program that is not there.
    ProgramMissing = "program-missing",
    /// A program without a grant.
    ProgramNotGranted = "program-not-granted",
    /// ringfence itself could not do something, and says what.
    RingfenceError = "ringfence-error",
    /// The file that a secret of the boundary comes from.
    SecretSource = "secret-source",
    /// A shell.
    Shell = "shell",
    /// Ended by the filter of system calls.
    SystemCallKilled = "system-call-killed",
    /// A system call that the filter refuses.
    SystemCallRefused = "system-call-refused",
    /// A folder of the system, or all of it.
    SystemFolder = "system-folder",
    /// A certificate that was not accepted.
    TlsCertificate = "tls-certificate",
    /// `limits.tmp`, or a full disk.
    TmpFull = "tmp-full",
    /// A unix socket without a grant.
    UnixNotGranted = "unix-not-granted",
    /// A datagram without a grant.
    UdpNotGranted = "udp-not-granted",
    /// An environment variable that does not get in.
    VariableNotPassed = "variable-not-passed",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_kebab_case_and_each_is_there_once() {
        let ids: BTreeSet<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        assert_eq!(ids.len(), Code::ALL.len());
        for id in ids {
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
        }
    }
}
