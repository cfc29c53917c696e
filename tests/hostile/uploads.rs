//! Uploads before a real `ClamAV`: a daemon of our own with a database of one signature of our own.

use crate::stage::free_port;
use ringfence_guard::path::Root;
use ringfence_guard::upload::{Accepted, Clamd, Intake, Kind, ScanError, UploadError};
use ringfence_tests::command::other;
use std::fs;
use std::io::{BufRead as _, BufReader, Cursor};
use std::process::{Child, Stdio};
use std::time::Duration;

/// What the one signature finds. No program for it, no test file of anybody: our own words.
const SIGNED: &[u8] = b"RINGFENCE-TEST-SIGNATURE";
/// Largest stream the daemon takes, as it is told.
const LARGEST: usize = 1 << 20;

/// A running daemon with its folder.
struct Daemon {
    child: Child,
    place: tempfile::TempDir,
    port: u16,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts one; `None`, and said by name, where there is no `ClamAV`.
    fn start() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap();
        let free = free_port();
        fs::create_dir(path.join("db")).unwrap();
        let hex = ringfence_policy::display::hex(SIGNED);
        fs::write(path.join("db/own.ndb"), format!("ringfence-test:0:*:{hex}\n")).unwrap();
        let conf = format!(
            "LocalSocket {0}/clamd.sock\nTCPSocket {free}\nTCPAddr 127.0.0.1\n\
             DatabaseDirectory {0}/db\nTemporaryDirectory {0}\nForeground yes\n\
             StreamMaxLength {LARGEST}\n",
            path.display()
        );
        fs::write(path.join("clamd.conf"), conf).unwrap();
        let mut command = other("clamd");
        command.arg("-c").arg(path.join("clamd.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            ringfence_tests::not_run("clamd is missing: no upload is scanned by a real daemon");
            return None;
        };
        let said = BufReader::new(child.stdout.take().unwrap());
        let daemon = Self { child, place, port: free };
        // It says this when it has read its database and listens.
        let ready = said.lines().any(|line| line.unwrap().contains("Self checking"));
        assert!(ready, "clamd ended before it was ready");
        Some(daemon)
    }

    fn unix(&self) -> Clamd {
        let path = self.place.path().canonicalize().unwrap().join("clamd.sock");
        Clamd::unix(path).with_deadline(Duration::from_mins(1))
    }
}

/// A text is taken in behind a scanner; whether it is in the store then.
fn receive(clamd: Clamd, content: &[u8]) -> (Result<Accepted, UploadError>, bool) {
    let store = tempfile::tempdir().unwrap();
    let intake = Intake::new(8 << 20, &[Kind::Text]).with_scanner(clamd);
    let root = Root::new(store.path()).unwrap();
    let received = intake.receive(&mut Cursor::new(content), "text/plain", &root);
    (received, fs::read_dir(store.path()).unwrap().count() == 1)
}

#[test]
fn a_real_scanner_decides_over_both_of_its_sockets() {
    let Some(daemon) = Daemon::start() else { return };
    let tcp = Clamd::tcp(([127, 0, 0, 1], daemon.port).into());
    for clamd in [daemon.unix(), daemon.unix().with_chunk(5), tcp] {
        let (clean, kept) = receive(clamd.clone(), b"nothing of the kind");
        assert!(clean.is_ok() && kept, "{clean:?}");
        let (found, kept) = receive(clamd.clone(), &[b"before ", SIGNED, b" behind"].concat());
        assert!(!kept);
        match found {
            Err(UploadError::Infected(name)) => {
                assert!(name.to_string().starts_with("ringfence-test"), "{name}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Longer than the daemon takes: it hangs up, and nothing is accepted half scanned.
    let (long, kept) = receive(daemon.unix(), &vec![b'a'; 4 * LARGEST]);
    assert!(matches!(long, Err(UploadError::Scanner(ScanError::TooLong))), "{long:?}");
    assert!(!kept);
    let clamd = daemon.unix();
    drop(daemon);
    let (gone, kept) = receive(clamd, b"nothing of the kind");
    assert!(matches!(gone, Err(UploadError::Scanner(ScanError::Unreachable(_)))), "{gone:?}");
    assert!(!kept);
}
