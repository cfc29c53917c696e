//! A small npm registry on loopback, with tarballs that are made here: what `npm` and `pnpm` install in
//! these tests comes from nowhere else.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use flate2::{Compression, write::GzEncoder};
use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::{packages, workspace};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// The pnpm of these tests; `None`, and said by name, where it cannot be had.
pub(crate) fn pnpm_program() -> Option<PathBuf> {
    packages::installed("pnpm", "10.34.9").map(|folder| folder.join("bin/pnpm.cjs"))
}

/// A registry that serves until the test ends.
pub(crate) struct Registry {
    port: u16,
}

/// A package of a registry.
pub(crate) struct Published {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What `package.json` says besides name and version.
    pub(crate) manifest: Value,
    /// Files besides `package.json`, by name.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// What the registry says besides: of the version, and of the name where it is `maintainers`; `dist`
    /// is added to its own, `published` and `created` are moments, and `gone` takes the version away.
    pub(crate) told: Value,
}

impl Published {
    pub(crate) fn new(name: &'static str, version: &'static str, manifest: Value) -> Self {
        let (files, told) = (Vec::new(), json!({}));
        Self { name, version, manifest, files, told }
    }

    pub(crate) fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        self.files.push((name.to_owned(), bytes.to_vec()));
        self
    }

    pub(crate) fn told(mut self, told: Value) -> Self {
        self.told = told;
        self
    }

    fn manifest(&self) -> Value {
        let mut manifest = self.manifest.clone();
        manifest["name"] = self.name.into();
        manifest["version"] = self.version.into();
        manifest
    }

    pub(crate) fn tarball(&self) -> Vec<u8> {
        let gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let manifest = self.manifest().to_string().into_bytes();
        let own = [("package.json".to_owned(), manifest)];
        for (name, bytes) in own.iter().chain(&self.files) {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, format!("package/{name}"), bytes.as_slice()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    /// Where its tarball lies below a registry.
    pub(crate) fn file(&self) -> String {
        let plain = self.name.rsplit('/').next().unwrap();
        format!("{}/-/{plain}-{}.tgz", self.name, self.version)
    }
}

impl Registry {
    pub(crate) fn of(packages: &[Published]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut answers: HashMap<String, Vec<u8>> = HashMap::new();
        let mut documents: HashMap<&str, Value> = HashMap::new();
        for package in packages {
            let tarball = package.tarball();
            let document = documents.entry(package.name).or_insert_with(|| {
                json!({"name": package.name, "versions": {}, "dist-tags": {}, "time": {"created": "2020-01-01T00:00:00.000Z"}})
            });
            let mut version = package.manifest();
            let hash = BASE64.encode(sha2::Sha512::digest(&tarball));
            version["dist"] = json!({
                "tarball": format!("http://127.0.0.1:{port}/{}", package.file()),
                "integrity": format!("sha512-{hash}"),
            });
            let mut time: Value = "2020-02-01T00:00:00.000Z".into();
            for (key, value) in package.told.as_object().unwrap() {
                match key.as_str() {
                    "dist" => version[key]
                        .as_object_mut()
                        .unwrap()
                        .extend(value.as_object().unwrap().clone()),
                    "published" => time = value.clone(),
                    "created" => document["time"][key] = value.clone(),
                    "gone" => {}
                    _ => version[key] = value.clone(),
                }
                if key == "maintainers" {
                    document[key] = value.clone();
                }
            }
            document["time"][package.version] = time;
            if package.told["gone"] == true {
                continue;
            }
            document["versions"][package.version] = version;
            document["dist-tags"]["latest"] = package.version.into();
            answers.insert(format!("/{}", package.file()), tarball);
        }
        for (name, document) in documents {
            let bytes = document.to_string().into_bytes();
            answers.insert(format!("/{}", name.replace('/', "%2f")), bytes.clone());
            answers.insert(format!("/{name}"), bytes);
        }
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || answer(stream, &answers));
            }
        });
        Self { port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// A cache of npm's, of one registry alone, below the target folder.
    fn cache(&self) -> PathBuf {
        workspace::root().join(format!("target/tmp/npm-cache-{}-{}", std::process::id(), self.port))
    }

    /// `npm` in a playground, with this registry and a cache of its own; `None`, and said by name, where
    /// there is none.
    pub(crate) fn npm(&self, playground: &Playground, arguments: &[&str]) -> Option<Run> {
        let mut command = other("npm");
        command.args(arguments).args(["--no-audit", "--no-fund", "--loglevel=error"]);
        self.run(playground, command, "npm")
    }

    /// `pnpm`, as npm installs it; `None`, and said by name, where it cannot be had.
    pub(crate) fn pnpm(&self, playground: &Playground, arguments: &[&str]) -> Option<Run> {
        let mut command = other("node");
        command.arg(pnpm_program()?).args(arguments);
        command.arg(format!("--store-dir={}", self.cache().join("pnpm").display()));
        self.run(playground, command, "node")
    }

    fn run(&self, playground: &Playground, mut command: Command, what: &str) -> Option<Run> {
        command.current_dir(playground.path()).env("HOME", playground.path());
        command.env("npm_config_registry", self.url()).env("npm_config_cache", self.cache());
        command.env("npm_config_update_notifier", "false");
        if let Ok(output) = command.output() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let code = output.status.code().unwrap_or(-1);
            Some(Run { code, stdout: text(&output.stdout), stderr: text(&output.stderr) })
        } else {
            ringfence_tests::not_run(&format!("{what} is missing: its trees are not verified"));
            None
        }
    }

    /// `ringfence` in a playground, with this registry configured and its cache.
    pub(crate) fn ringfence(&self, playground: &Playground, arguments: &[&str]) -> Run {
        let mut command = playground.command();
        command.env("npm_config_registry", self.url()).env("npm_config_cache", self.cache());
        playground.finish(command.args(arguments))
    }

    /// Takes npm's cache away.
    pub(crate) fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.cache());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.forget();
    }
}

fn answer(mut stream: TcpStream, answers: &HashMap<String, Vec<u8>>) {
    let (mut head, mut byte) = (Vec::new(), [0_u8; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().replace("%2F", "%2f");
    let (status, body) = match answers.get(&path) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", b"{}".as_slice()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
