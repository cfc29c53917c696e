//! A process made of files, this process, and children of it.

use super::facts::Tables;
use super::*;
use ringfence_policy::model::Boundary;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;

fn boundary() -> Boundary {
    let text = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"node\", \"src/server.mjs\"]\n[fs]\n\
                read = [\"./src\"]\nwrite = [\"/var/lib/orders\"]\n[net]\nlisten = [\"127.0.0.1:8080\"]\n\
                connect = [\"10.0.0.0/8:5432\", \"api.internal:443\"]\n[env]\npass = [\"LOG_LEVEL\"]\n\
                [env.set]\nNODE_ENV = \"production\"\n[limits]\nmemory = \"512MiB\"\npids = 64\ncpu = 1.5\n\
                open-files = 1024\n[identity]\nuser = \"1000\"\ngroup = \"1000\"\n";
    ringfence_policy::parse("r.toml", text).unwrap()
}

/// A folder like `/proc` with one process in it that is as the boundary asks.
struct Proc(tempfile::TempDir);

impl Proc {
    fn new() -> Self {
        let proc = Self(tempfile::tempdir().unwrap());
        proc.write("7/status", STATUS);
        proc.write("7/task/7/status", STATUS);
        proc.write("7/task/7/children", "");
        proc.write(
            "7/limits",
            "Limit  Soft Limit  Hard Limit  Units\nMax file size  unlimited unlimited bytes\n\
             Max core file size   0    0  bytes\nMax open files   1024   1024  files\n",
        );
        let groups = proc.0.path().join("groups");
        let group = groups.join("service");
        fs::create_dir_all(&group).unwrap();
        for (file, value) in
            [("memory.max", "536870912\n"), ("pids.max", "64\n"), ("cpu.max", "150000 100000\n")]
        {
            fs::write(groups.join(file), "max\n").unwrap();
            fs::write(group.join(file), value).unwrap();
        }
        proc.write("7/cgroup", "0::/service\n");
        let mount = format!("30 20 0:1 / {} rw - cgroup2 none rw\n", groups.display());
        proc.write("self/mountinfo", &mount);
        proc.write(
            "7/mountinfo",
            "1 0 0:1 / / ro,nosuid - tmpfs none rw\n2 1 0:2 / /tmp rw - tmpfs none rw\n\
                                   3 1 0:3 / /var/lib/orders rw - ext4 none rw\n",
        );
        proc.write("7/cmdline", "node\0--permission\0--allow-fs-read=/app/src\0src/server.mjs\0");
        proc.write("7/environ", "NODE_ENV=production\0LOG_LEVEL=info\0PATH=/bin\0HOME=/\0");
        proc.link("7/exe", "/usr/local/bin/node");
        proc.descriptor(0, "/dev/null", "0100000");
        for name in facts::NAMESPACES {
            proc.link(&format!("7/ns/{name}"), &format!("{name}:[2]"));
            proc.link(&format!("self/ns/{name}"), &format!("{name}:[1]"));
        }
        proc
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, name: &str, to: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(to, path).unwrap();
    }

    fn descriptor(&self, number: u32, to: &str, flags: &str) {
        self.link(&format!("7/fd/{number}"), to);
        self.write(&format!("7/fdinfo/{number}"), &format!("pos:\t0\nflags:\t{flags}\n"));
    }

    fn judged(&self) -> Comparison {
        let boundary = boundary();
        let order = Order::new(&boundary, "0", "r.toml", Path::new("/srv/orders"));
        let facts = Facts::read(self.0.path(), 7).unwrap();
        let comparison = Comparison::default();
        let mut judge = Judge { order: &order, facts: &facts, enforced: false, comparison };
        judge.all();
        judge.comparison
    }
}

const STATUS: &str = "Name:\tnode\nUid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t\n\
                      CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                      CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";

fn shown(comparison: &Comparison) -> Vec<String> {
    let drifts = comparison.drifts.iter();
    drifts
        .map(|drift| format!("{} {}", drift.code, drift.place.replace("/proc/7/", "")))
        .chain(comparison.undecided.iter().map(|why| format!("undecided {why}")))
        .collect()
}

#[test]
fn a_process_that_is_as_the_boundary_asks_is_not_weaker() {
    let comparison = Proc::new().judged();
    assert_eq!(shown(&comparison), Vec::<String>::new());
    assert!(comparison.compared > 20);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of changes")]
fn each_thing_that_is_weaker_is_told_and_no_other() {
    let mut said = String::new();
    let mut tell = |what: &str, change: &dyn Fn(&Proc)| {
        let proc = Proc::new();
        change(&proc);
        let told = shown(&proc.judged()).join(", ");
        let told = told.replace(&*proc.0.path().to_string_lossy(), "");
        writeln!(said, "{what}: {told}").unwrap();
    };
    let status = |from: &'static str, to: &'static str| {
        move |proc: &Proc| proc.write("7/status", &STATUS.replacen(from, to, 1))
    };
    tell("root", &status("Uid:\t1000\t1000", "Uid:\t0\t1000"));
    tell("another user", &status("Uid:\t1000\t1000\t1000\t1000", "Uid:\t1\t1\t1\t1"));
    tell("group of root", &status("Gid:\t1000", "Gid:\t0"));
    tell("more groups", &status("Groups:\t", "Groups:\t4 27"));
    tell("capability", &status("CapEff:\t0000000000000000", "CapEff:\t0000000000000400"));
    tell("kept capability", &status("CapAmb:\t0000000000000000", "CapAmb:\t0000000000000001"));
    tell("new privileges", &status("NoNewPrivs:\t1", "NoNewPrivs:\t0"));
    tell("no filter", &status("Seccomp:\t2", "Seccomp:\t0"));
    tell("a thread without", &|proc| {
        proc.write("7/task/9/status", &STATUS.replacen("Seccomp:\t2", "Seccomp:\t0", 1));
    });
    for name in facts::NAMESPACES {
        tell(name, &move |proc| proc.link(&format!("7/ns/{name}"), &format!("{name}:[1]")));
    }
    tell("files", &|proc| proc.write("7/limits", "Max open files   1024   1048576  files\n"));
    tell("core", &|proc| proc.write("7/limits", "Max core file size  unlimited unlimited bytes\n"));
    tell("memory", &|proc| proc.write("groups/service/memory.max", "max\n"));
    tell("pids", &|proc| proc.write("groups/service/pids.max", "4096\n"));
    tell("cpu", &|proc| proc.write("groups/service/cpu.max", "max 100000\n"));
    tell("no group", &|proc| proc.write("7/cgroup", "5:memory:/x\n"));
    tell("writable root", &|proc| proc.write("7/mountinfo", "1 0 0:1 / / rw - ext4 none rw\n"));
    tell("writable mount", &|proc| {
        proc.write(
            "7/mountinfo",
            "1 0 0:1 / / ro - ext4 none rw\n2 1 0:1 / /srv rw - ext4 none rw\n",
        );
    });
    tell("inspector", &|proc| {
        proc.write("7/cmdline", "node\0--permission\0--inspect=0.0.0.0\0a.mjs\0");
    });
    tell("no permission", &|proc| proc.write("7/cmdline", "node\0src/server.mjs\0"));
    tell("npm", &|proc| proc.write("7/cmdline", "npm start\0"));
    tell("variable", &|proc| proc.write("7/environ", "NODE_ENV=production\0SECRET_X=hunter2\0"));
    tell("value", &|proc| proc.write("7/environ", "NODE_ENV=development\0"));
    tell("refused", &|proc| proc.write("7/environ", "NODE_OPTIONS=--inspect\0"));
    tell("refused of another runtime", &|proc| proc.write("7/environ", "PYTHONPATH=/x\0"));
    tell("harmless", &|proc| proc.write("7/environ", "PYTHONUNBUFFERED=1\0"));
    tell("deleted", &|proc| proc.link("7/exe", "/usr/local/bin/node (deleted)"));
    tell("other program", &|proc| proc.link("7/exe", "/usr/bin/python3"));
    tell("file", &|proc| proc.descriptor(9, "/home/a/secret", "0100000"));
    tell("written", &|proc| proc.descriptor(9, "/app/src/server.mjs", "0100001"));
    tell("child", &|proc| {
        proc.write("7/task/7/children", "8 ");
        proc.link("8/exe", "/bin/sh");
    });
    insta::assert_snapshot!(said, @r#"
    root: root-user status: Uid
    another user: other-user status: Uid
    group of root: root-group status: Gid
    more groups: extra-group status: Groups
    capability: capabilities status: CapEff
    kept capability: capabilities status: CapAmb
    new privileges: new-privileges status: NoNewPrivs
    no filter: seccomp status: Seccomp
    a thread without: seccomp status: Seccomp
    cgroup: host-namespace ns/cgroup
    ipc: host-namespace ns/ipc
    mnt: host-namespace ns/mnt
    net: host-namespace ns/net
    pid: host-namespace ns/pid
    uts: host-namespace ns/uts
    files: unlimited limits: Max open files
    core: unlimited limits: Max core file size
    memory: unlimited /groups/service/memory.max
    pids: unlimited /groups/service/pids.max
    cpu: unlimited cgroup: cpu
    no group: undecided its control group for `memory` cannot be read from here, undecided its control group for `pids` cannot be read from here, undecided its control group for `cpu` cannot be read from here
    writable root: writable-root mountinfo: /
    writable mount: writable-mount mountinfo: /srv
    inspector: inspector cmdline
    no permission: missing-permission cmdline
    npm: package-manager-start cmdline
    variable: unlisted-variable environ
    value: other-value environ
    refused: refused-variable environ
    refused of another runtime: refused-variable environ
    harmless: unlisted-variable environ
    deleted: replaced-executable exe
    other program: other-program exe
    file: ungranted-file fd/9
    written: ungranted-file fd/9
    child: child-process /proc/8/exe
    "#);
}

#[test]
fn what_is_granted_or_of_the_runtime_is_not_told() {
    let proc = Proc::new();
    for (number, path, flags) in [
        (10, "/app/src/server.mjs", "0100000"),
        (11, "/var/lib/orders/db", "0100002"),
        (12, "/tmp/x (deleted)", "0100002"),
        (13, "/etc/ssl/certs/ca.crt", "0100000"),
        (14, "pipe:[3]", "01"),
        (15, "anon_inode:[eventpoll]", "02"),
        (16, "/srv/orders/src/a.mjs", "0100000"),
    ] {
        proc.descriptor(number, path, flags);
    }
    assert_eq!(shown(&proc.judged()), Vec::<String>::new());
}

#[test]
fn sockets_that_are_not_granted_are_told() {
    let head = "sl local remote st tx rx tr tm when uid timeout inode\n";
    let line = |local: &str, remote: &str, state: &str, inode: u32| {
        format!("0: {local} {remote} {state} 0:0 0:0 0 0 0 {inode} 1\n")
    };
    let proc = Proc::new();
    for inode in 1..8 {
        proc.descriptor(20 + inode, &format!("socket:[{inode}]"), "02");
    }
    let table = [
        head.to_owned(),
        line("0100007F:1F90", "00000000:0000", "0A", 1),
        line("00000000:240D", "00000000:0000", "0A", 2),
        line("0100007F:1F90", "0100007F:9999", "01", 3),
        line("0500000A:9999", "0700010A:1538", "01", 4),
        line("0500000A:9998", "08080808:0050", "01", 5),
        line("0500000A:9997", "08080808:01BB", "01", 6),
        line("0500000A:9996", "09090909:0016", "01", 99),
    ];
    proc.write("self/net/tcp", &table.concat());
    let comparison = proc.judged();
    let found: Vec<_> =
        comparison.drifts.iter().map(|one| (one.code, one.found.as_str())).collect();
    let wanted = [("ungranted-listener", "0.0.0.0:9229"), ("ungranted-connection", "8.8.8.8:80")];
    assert_eq!(found, wanted);
    assert_eq!(comparison.undecided.len(), 1, "{:?}", comparison.undecided);
}

#[test]
fn addresses_of_both_families_are_read() {
    let tables = Tables {
        tcp6: "head\n0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A \
               0:0 0:0 0 0 0 5\n1: bad\n"
            .to_owned(),
        ..Tables::default()
    };
    let read = sockets::sockets(&tables);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].local.to_string(), "[::1]:80");
}

#[test]
fn values_of_variables_are_never_told() {
    let proc = Proc::new();
    proc.write("7/environ", "NODE_ENV=hunter1\0SECRET=hunter2\0NODE_OPTIONS=hunter3\0");
    assert!(!format!("{:?}", proc.judged()).contains("hunter"));
}

#[test]
fn what_cannot_be_read_is_undecided_and_not_clean() {
    let proc = Proc::new();
    fs::remove_file(proc.0.path().join("7/environ")).unwrap();
    fs::remove_dir_all(proc.0.path().join("7/fd")).unwrap();
    let comparison = proc.judged();
    assert_eq!(comparison.drifts, []);
    assert_eq!(comparison.undecided.len(), 2, "{:?}", comparison.undecided);
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_is_weaker_than_a_boundary_and_another_is_not_there() {
    let boundary = boundary();
    let order = Order::new(&boundary, "0", "r.toml", Path::new("/srv/orders"));
    let comparison = compare(&order, std::process::id()).unwrap();
    let codes: Vec<_> = comparison.drifts.iter().map(|drift| drift.code).collect();
    for code in ["other-program", "host-namespace"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    assert!(comparison.undecided.iter().any(|why| why.contains("Landlock")));
    assert!(matches!(compare(&order, u32::MAX / 2), Err(DriftError::Unreadable { .. })));
}
