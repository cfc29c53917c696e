//! A browser without a window.

use ringfence_tests::command;
use std::fs;
use std::path::Path;

/// A browser that is installed, and a folder for what it writes.
pub(crate) struct Browser {
    program: &'static str,
    folder: tempfile::TempDir,
}

/// What a browser made of a page.
pub(crate) struct Opened {
    /// The document, written back as HTML.
    pub(crate) document: String,
    /// What it had to say, such as what a content policy refused.
    pub(crate) console: String,
}

impl Browser {
    /// `None` where there is none, which is said.
    pub(crate) fn installed() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there =
            |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let Some(program) = names.iter().find(there) else {
            ringfence_tests::not_run("chromium is not installed");
            return None;
        };
        Some(Self { program, folder: tempfile::tempdir().unwrap() })
    }

    /// Opens a page from the disk.
    pub(crate) fn open(&self, page: &Path) -> Opened {
        let (document, console) = self.run(page, &["--dump-dom"]);
        Opened { document, console }
    }

    /// A picture of the top of a page, as PNG.
    pub(crate) fn screenshot(&self, page: &Path, options: &[&str]) -> Vec<u8> {
        let file = self.folder.path().join("shot.png");
        let _ = fs::remove_file(&file);
        let shot = format!("--screenshot={}", file.display());
        let options: Vec<&str> = options.iter().copied().chain([shot.as_str()]).collect();
        let (_, console) = self.run(page, &options);
        fs::read(&file).unwrap_or_else(|error| panic!("no screenshot, {error}: {console}"))
    }

    /// Visits a site until its page is loaded.
    pub(crate) fn visit(&self, url: &str) {
        self.at(url, &["--dump-dom", "--timeout=600000"]);
    }

    fn run(&self, page: &Path, options: &[&str]) -> (String, String) {
        self.at(&format!("file://{}", page.display()), options)
    }

    fn at(&self, url: &str, options: &[&str]) -> (String, String) {
        let mut command = command::other(self.program);
        command.env("HOME", self.folder.path()).current_dir(self.folder.path());
        // Its own sandbox needs what tests in a container do not have.
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--hide-scrollbars", "--disable-background-networking", "--no-first-run"]);
        command.args(["--enable-logging=stderr", "--log-level=0"]);
        command.arg(format!("--user-data-dir={}", self.folder.path().join("profile").display()));
        command.args(options).arg(url);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }
}
