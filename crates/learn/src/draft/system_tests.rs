//! What belongs to the host is never learnt as a whole.

use super::testing::Seen;
use crate::record::{FileKind, FileUse};

fn made(seen: Seen, path: &str) -> Seen {
    seen.file(path, FileUse::Create, FileKind::Missing).file(path, FileUse::Remove, FileKind::File)
}

#[test]
fn a_file_made_in_a_folder_of_the_host_is_a_finding_and_no_grant() {
    for folder in [
        "/etc/cron.d",
        "/etc/systemd/system",
        "/etc/pam.d",
        "/etc/ssh",
        "/etc/profile.d",
        "/usr/local/share/ca-certificates",
        "/usr",
        "/boot",
        "/lib",
        "/lib/modules",
        "/var/lib/dpkg",
        "/var/lib/systemd/x",
        "/var/spool/cron",
        "/root/x",
        "/home/bob/x",
        "/opt/other",
        "/srv/other",
    ] {
        let path = format!("{folder}/x");
        let seen = made(Seen::new(&[&format!("{folder}/")]), &path);
        assert_eq!(seen.lines(), [""; 0], "{folder}");
        let draft = seen.draft_with(None);
        assert_eq!(seen.codes(), ["writes-system"], "{folder}");
        assert_eq!(draft.notes[0].lines, [format!("fs.write = [\"{folder}/\"]")]);
        let alone = Seen::new(&[&path]).file(&path, FileUse::Write, FileKind::File);
        let singly = ["/root", "/home", "/opt", "/srv"].iter().any(|top| folder.starts_with(top));
        assert_eq!(alone.lines().len(), usize::from(singly), "{path}");
    }
    // The controls: what is the service's own.
    for folder in ["/var/lib/orders", "/var/log/orders", "/var/cache/app", "/run/app", "/opt/app"] {
        let seen = made(Seen::new(&[&format!("{folder}/")]), &format!("{folder}/x"));
        assert_eq!(seen.lines(), [format!("fs.write = [\"{folder}/\"]")]);
    }
    // A link of the project leads nowhere else.
    let seen = Seen::new(&["/etc/cron.d/", "/srv/app/out/"]).link("/srv/app/out", "/etc/cron.d");
    let seen = made(seen, "/srv/app/out/x");
    assert_eq!((seen.lines(), seen.codes()), (Vec::new(), vec!["writes-system"]));
}

#[test]
fn a_listed_folder_of_the_host_is_a_finding_and_its_files_are_granted_one_by_one() {
    for folder in ["/etc/ssh", "/etc/pam.d", "/etc/apt", "/var/lib/dpkg", "/etc", "/usr/lib"] {
        let seen =
            Seen::new(&[&format!("{folder}/")]).file(folder, FileUse::Read, FileKind::Directory);
        assert_eq!((seen.lines(), seen.codes()), (Vec::new(), vec!["lists-system"]), "{folder}");
    }
    let many = (0..9).map(|at| format!("/etc/apt/{at}"));
    let seen = many.fold(Seen::new(&[]), |seen, path| seen.read(&[&path]));
    assert_eq!(seen.lines().len(), 9);
    // Certificates that are exchanged by rename, where the service's own may lie.
    for (folder, whole) in [("/etc/ssl/own", true), ("/etc/app", true), ("/etc/other", false)] {
        let seen = Seen::new(&[]).read(&[&format!("{folder}/ca.crt")]);
        let name = if whole { format!("{folder}/") } else { format!("{folder}/ca.crt") };
        assert_eq!(seen.lines(), [format!("fs.read = [\"{name}\"]")]);
    }
    // A folder that the run made look like a volume is none.
    let seen = made(Seen::new(&["/etc/ssh/x", "/var/x"]), "/etc/ssh/..data")
        .link("/etc/ssh/..data", "/var/x")
        .file("/etc/ssh", FileUse::Read, FileKind::Directory);
    assert_eq!(seen.lines(), [""; 0]);
}

#[test]
fn a_folder_with_a_secret_is_granted_file_by_file() {
    for secret in [
        "ssh_host_rsa_key",
        "secrets.yaml",
        "terraform.tfstate",
        "a.keytab",
        "a.p8",
        "a.p12",
        "a.pfx",
        "a.jks",
        "prod.env",
        "env.production",
        ".env.local",
        ".pypirc",
        ".vault-token",
        "auth.json",
        "htpasswd",
        "wallet.dat",
        ".netrc",
        "kubeconfig",
        "a.kdbx",
        "a.ovpn",
    ] {
        let seen = Seen::new(&[&format!("/srv/app/conf/{secret}"), &format!("/mnt/c/{secret}")])
            .read(&["/srv/app/conf/a", "/srv/app/conf/b"])
            .file("/mnt/c", FileUse::Read, FileKind::Directory);
        let wanted = [r#"fs.read = ["./conf/a"]"#, r#"fs.read = ["./conf/b"]"#];
        assert_eq!(seen.lines(), wanted, "{secret}");
        // One that the run made beside it does not excuse it.
        let written = Seen::new(&[&format!("/srv/app/data/{secret}"), "/srv/app/data/own.key"])
            .file("/srv/app/data/own.key", FileUse::Create, FileKind::Missing);
        assert_eq!(written.lines(), [""; 0], "{secret}");
    }
}

#[test]
fn a_service_is_never_let_write_what_decides_over_its_next_start() {
    for path in ["/srv/app/ringfence.toml", "/srv/app/server.mjs"] {
        let seen = Seen::new(&[path]).file(path, FileUse::Write, FileKind::File);
        assert_eq!((seen.lines(), seen.codes()), (Vec::new(), vec!["writes-itself"]), "{path}");
    }
    let linked = Seen::new(&["/srv/app/server.mjs"])
        .link("/srv/app/l.txt", "/srv/app/server.mjs")
        .file("/srv/app/l.txt", FileUse::Write, FileKind::File);
    assert_eq!((linked.lines(), linked.codes()), (Vec::new(), vec!["writes-itself"]));
    let child = made(Seen::new(&["/srv/app/bin/tool"]).exec("/srv/app/bin/tool"), "/srv/app/bin/x");
    assert!(!child.lines().iter().any(|line| line.contains("fs.write")), "{:?}", child.lines());
    assert!(child.codes().contains(&"writes-itself"));
}
