//! What a review reads, and that claims stay what they are called.
use super::*;
use crate::parse::tests::boundary;
use std::fmt::Write as _;

fn shown(rest: &str) -> String {
    statement(&boundary(rest)).into_iter().fold(String::new(), |mut page, sentence| {
        let mark = match sentence.weight {
            Weight::Claim => ' ',
            Weight::Note => '.',
            Weight::WayOut => '!',
        };
        writeln!(page, "{mark} {}: {}", sentence.claim, sentence.text).unwrap();
        page
    })
}

#[test]
fn a_boundary_without_grants_is_stated_as_denials() {
    insta::assert_snapshot!(shown(""), @"
      identity-non-root: runs as a non-root user: its caller, or the owner of this file's folder where root starts it
      identity-no-privileges: has no capabilities and cannot gain privileges
      files-read: reads only what its runtime needs
      files-write: writes nothing on the host: everything is read-only; /tmp and /dev/shm are private and vanish with it
      files-execute: cannot execute a file that it can write
      net-connect: cannot open outbound sockets
      net-names: cannot look up names
      net-private-ranges: cannot reach private, loopback or link-local addresses by name
      net-metadata: cannot reach a cloud metadata service by name or address
      net-udp: cannot send datagrams to another host
      net-listen: is not reachable over TCP from outside
      net-listen: is not reachable over UDP from outside
      net-unix: cannot connect to unix sockets of the host
      process-children: cannot start any program
      process-package-manager: has no package manager it can execute
      process-isolation: cannot see, signal or trace processes other than its own
      process-kernel: cannot mount, load kernel code, create namespaces, open raw sockets or use io_uring
      process-addons: cannot load native addons
      process-workers: starts no worker threads: held by Node's own flag; without it the layers of the kernel still hold
      process-wasi: runs no WASI programs: held by Node's own flag; without it the layers of the kernel still hold
      process-ffi: calls no foreign functions: held by Node's own flag; without it the layers of the kernel still hold
      process-inspector: opens no inspector: held by Node's own flag; without it the layers of the kernel still hold
      environment-listed: receives only the environment variables PATH (fixed), HOME (fixed), TMPDIR (fixed) and LANG (fixed), and a Node program RINGFENCE_CONTROL, by which it asks about its boundary
      environment-loaders: receives no environment variable that loads code or switches verification off
      secrets-delivered: receives no secrets
    . limits-memory: may use all memory
    . limits-pids: may have any number of processes and threads
    . limits-cpu: may use all processor cores
    . limits-open-files: may have as many open descriptors as its host gives a process
    . limits-file-size: may write files of any size
    . limits-tmp: may keep any amount in its private /tmp
      require-layers: does not start when a layer it needs is absent
    ");
}

#[test]
fn without_node_s_own_flags_nothing_inside_node_is_claimed() {
    let page = shown("[process]\nnode-flags = false\nwasi = true\n");
    let inside = ["workers", "wasi", "ffi", "inspector"].map(|power| format!("process-{power}:"));
    let told = page.lines().filter(|line| inside.iter().any(|id| line.contains(id.as_str())));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    . process-workers: may start worker threads: runs without Node's own permission flags, the layers of the kernel hold everything
    . process-wasi: may run WASI programs: runs without Node's own permission flags, the layers of the kernel hold everything
    . process-ffi: may call foreign functions: runs without Node's own permission flags, the layers of the kernel hold everything
    . process-inspector: may open the inspector: runs without Node's own permission flags, the layers of the kernel hold everything
    ");
}

#[test]
fn every_grant_is_stated() {
    insta::assert_snapshot!(shown(crate::parse::tests::EVERY_KEY), @"
      identity-non-root: runs as non-root user orders, group 1000, with the supplementary groups ssl-cert
      identity-no-privileges: has no capabilities and cannot gain privileges
      files-read: reads only ./, /etc/ssl/certs, /var/lib/orders, ./certs/tls.key, /etc/orders.d (if it exists) and what its runtime needs
      files-write: writes only /var/lib/orders: everything else is read-only; /tmp and /dev/shm are private and vanish with it
      files-execute: cannot execute a file that it can write
    . files-droppable: ./certs/tls.key is mounted by itself; nothing in this version takes it away again
      net-connect: cannot open outbound sockets except to api.internal:443, redis.internal:6379 and 10.1.0.0/16:5432
      net-names: cannot look up names except api.internal, redis.internal and statsd.internal
      net-private-ranges: cannot reach private, loopback or link-local addresses by name, except api.internal (at 127.0.0.1) and redis.internal
      net-metadata: cannot reach a cloud metadata service by name or address
      net-udp: cannot send datagrams except to statsd.internal:8125
      net-listen: is not reachable over TCP from outside except at 127.0.0.1:8080 and 0.0.0.0:9090 (every address)
      net-listen: is not reachable over UDP from outside except at [::1]:8443
      net-unix: cannot connect to unix sockets of the host except /run/postgresql/.s.PGSQL.5432
    . net-inside-connections: what goes through a granted connection is not seen: another name behind the same address can be asked for
      process-children: cannot start any program except /usr/bin/git, inside the same boundary
      process-package-manager: has no package manager it can execute
      process-isolation: cannot see, signal or trace processes other than its own
      process-kernel: cannot mount, load kernel code, create namespaces, open raw sockets or use io_uring
      process-addons: cannot load native addons except of sharp, held to their listed hashes
    . process-workers: may start worker threads: Node's own flags do not hold there, the layers of the kernel do
    . process-wasi: may run WASI programs: Node's own flags do not hold there, the layers of the kernel do
      process-ffi: calls no foreign functions: held by Node's own flag; without it the layers of the kernel still hold
      process-inspector: opens no inspector: held by Node's own flag; without it the layers of the kernel still hold
      environment-listed: receives only the environment variables PORT, LOG_LEVEL, NODE_ENV (fixed), PATH (fixed), HOME (fixed), TMPDIR (fixed) and LANG (fixed), and a Node program RINGFENCE_CONTROL, by which it asks about its boundary
      environment-loaders: receives no environment variable that loads code or switches verification off
      secrets-delivered: receives the secret jwt-key as /run/secrets/jwt-key.pem, in memory only, mode 0440
    . secrets-delivered: receives the secret db-password in the environment variable PGPASSWORD: the weakest form, all its code and its diagnostic reports have it
      limits-memory: uses at most 512 MiB of memory
      limits-pids: has at most 64 processes and threads
      limits-cpu: uses at most 1.5 processor cores
      limits-open-files: has at most 4096 open descriptors per process
      limits-file-size: writes at most 1 GiB into one file
      limits-tmp: keeps at most 64 MB in its private /tmp
    . require-layers: starts even where these layers are absent: environment, identity, namespaces, cgroup, rlimits, broker and node-flags
    ");
}

#[test]
fn ways_out_are_called_ways_out() {
    let file = r#"
[fs]
read = ["/"]
[net]
connect = ["*.example.com:443", "0.0.0.0/0:443", "egress-proxy.internal:8080", "gw.internal:3128",
           "cache.internal:8888", "1.1.1.1:853"]
udp = ["1.1.1.1:53"]
unix = ["/run/docker.sock"]
[env]
set = { HTTPS_PROXY = "http://cache.internal:8888" }
[process]
children = ["/usr/bin/npm"]
[secrets.api-token]
from = "env:TOKEN"
as = "env"
[require]
layers = ["seccomp"]
"#;
    let ways: String = shown(file)
        .lines()
        .filter(|line| !line.starts_with(' '))
        .fold(String::new(), |page, line| page + line + "\n");
    insta::assert_snapshot!(ways, @"
    ! files-read: reads every file its user can read: fs.read grants /
    ! net-connect: *.example.com:443: a wildcard is a way out, each name looked up below example.com can carry data to its name server
    ! net-connect: 0.0.0.0/0:443: a way out, it covers a large part of the internet
    ! net-connect: egress-proxy.internal:8080: a proxy is a way out, the service reaches what it reaches
    ! net-connect: gw.internal:3128: a proxy is a way out, the service reaches what it reaches
    ! net-connect: cache.internal:8888: a proxy is a way out, the service reaches what it reaches
    ! net-connect: 1.1.1.1:853: a name server is a way out, queries carry data anywhere
    ! net-udp: 1.1.1.1:53 (UDP): a name server is a way out, queries carry data anywhere
    ! net-unix: /run/docker.sock: a way out, it controls the host
    . net-inside-connections: what goes through a granted connection is not seen: another name behind the same address can be asked for
    . process-package-manager: can execute the package manager /usr/bin/npm
    . secrets-delivered: receives the secret api-token in the environment variable API_TOKEN: the weakest form, all its code and its diagnostic reports have it
    . limits-memory: may use all memory
    . limits-pids: may have any number of processes and threads
    . limits-cpu: may use all processor cores
    . limits-open-files: may have as many open descriptors as its host gives a process
    . limits-file-size: may write files of any size
    . limits-tmp: may keep any amount in its private /tmp
    . require-layers: starts even where these layers are absent: environment, identity, namespaces, cgroup, rlimits, landlock, broker and node-flags
    ");
}

#[test]
fn hostile_text_in_a_file_is_escaped_in_its_statement() {
    let page = shown("[fs]\nread = [\"/srv/\u{200b}gpj\"]\n");
    assert!(page.contains("/srv/\\u{200b}gpj"), "{page}");
    assert!(page.is_ascii());
}

#[test]
fn claims_keep_their_ids_and_order() {
    assert!(Claim::ALL.is_sorted());
    for claim in Claim::ALL {
        assert_eq!(serde_json::to_string(&claim).unwrap(), format!("\"{}\"", claim.id()));
        assert_eq!(Claim::from_id(claim.id()), Some(claim));
    }
}

#[test]
fn every_statement_speaks_of_every_claim_that_always_holds() {
    let sentences = statement(&boundary(""));
    for claim in Claim::ALL {
        let optional = matches!(claim, Claim::FilesDroppable | Claim::NetInsideConnections);
        let stated = sentences.iter().any(|sentence| sentence.claim == claim);
        assert_ne!(stated, optional, "{claim}");
    }
}
