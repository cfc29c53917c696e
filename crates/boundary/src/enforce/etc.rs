//! The small files that are generated for every service.
//!
//! They tell the C library who the one user is, where the resolver is, and how much memory and
//! processor time there is. None of them carries anything of the host but the service's own name.

use crate::plan::Plan;
use std::fmt::Write as _;

/// Period of a processor quota in microseconds, the kernel's default.
const PERIOD: u32 = 100_000;

/// Absolute path inside and contents of every generated file: those of
/// [`GENERATED`](crate::generated::GENERATED), and the limits in `/sys`.
pub(super) fn files(plan: &Plan) -> Vec<(&'static str, Vec<u8>)> {
    let id = &plan.identity;
    let passwd = format!(
        "{}:x:{}:{}::/tmp:/sbin/nologin\nnobody:x:65534:65534::/:/sbin/nologin\n",
        id.user_name, id.uid, id.gid
    );
    let group = format!("{}:x:{}:\nnogroup:x:65534:\n", id.group_name, id.gid);
    let mut files = vec![
        ("/etc/passwd", passwd),
        ("/etc/group", group),
        ("/etc/hosts", hosts(plan)),
        ("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n".to_owned()),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        ("/etc/hostname", format!("{}\n", plan.name)),
    ];
    if let Some(memory) = &plan.limits.memory {
        for path in [
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory.high",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
        ] {
            files.push((path, format!("{}\n", memory.value)));
        }
    }
    if let Some(cpu) = &plan.limits.cpu {
        let quota = quota(cpu.value);
        files.push(("/sys/fs/cgroup/cpu.max", format!("{quota} {PERIOD}\n")));
        files.push(("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", format!("{quota}\n")));
        files.push(("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", format!("{PERIOD}\n")));
    }
    files.into_iter().map(|(path, contents)| (path, contents.into_bytes())).collect()
}

/// Only this machine; every other name is asked of the resolver inside.
fn hosts(plan: &Plan) -> String {
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
    let _ = writeln!(hosts, "127.0.0.1 {}", plan.name);
    hosts
}

/// Microseconds of processor time in a period.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the parser bounds the number of cores, and a fraction of a microsecond is nothing"
)]
pub(super) fn quota(cores: f64) -> u64 {
    (cores * f64::from(PERIOD)) as u64
}
