//! Promises of the battery as a whole: without a boundary nothing looks blocked, inside a real one
//! nothing is open, and a boundary with one thing missing is noticed.
//!
//! The program of the native battery is this test binary: it finds its arguments in its standard
//! input, because its command line belongs to the test harness.

use super::arena::{Arena, Errand, LayerAnswer, Output, Program};
use super::battery::Side;
use super::*;
use crate::enforce::lock::Lock;
use crate::plan::NodeRuntime;
use ringfence_policy::model::{Limits, Network};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

/// An argument the harness takes and that means nothing to it.
const MARK: &str = "--skip=the-battery-reads-its-arguments-from-its-input";

/// Not a test of its own: what the battery's errands start.
#[test]
fn battery_entry() {
    if !std::env::args().any(|argument| argument == MARK) {
        return;
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let arguments: Vec<OsString> =
        bytes.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec())).collect();
    // The harness has begun a line.
    std::io::Write::write_all(&mut std::io::stdout(), b"\n").unwrap();
    assert_eq!(attack_main(&arguments[1..]), 0);
}

/// Hands the battery's arguments over as [`battery_entry`] reads them.
struct ByInput<A>(A);

impl<A> ByInput<A> {
    fn errand(errand: &Errand) -> Errand {
        let mut errand = errand.clone();
        if errand.program == Program::Battery {
            let arguments: Vec<&[u8]> = errand.arguments.iter().map(|a| a.as_bytes()).collect();
            errand.input = arguments.join(&0);
            let own = ["--exact", "prove::tests::battery_entry", "--nocapture", "--test-threads=1"];
            errand.arguments = own.into_iter().chain([MARK]).map(OsString::from).collect();
        }
        errand
    }
}

impl<A: Arena> Arena for ByInput<A> {
    fn inside(&self, errand: &Errand, setting: Setting) -> Result<Output, ArenaError> {
        self.0.inside(&Self::errand(errand), setting)
    }

    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError> {
        self.0.outside(&Self::errand(errand))
    }
}

/// Both sides are outside.
struct NoBoundary {
    environment: Vec<(OsString, OsString)>,
}

impl Arena for NoBoundary {
    fn inside(&self, errand: &Errand, _: Setting) -> Result<Output, ArenaError> {
        self.outside(errand)
    }

    fn outside(&self, errand: &Errand) -> Result<Output, ArenaError> {
        let program = match errand.program {
            Program::Battery => std::env::current_exe().unwrap().into_os_string(),
            Program::Node | Program::NodeWithoutFlags => node().unwrap().into_os_string(),
        };
        outside::run(&program, errand, &self.environment)
    }
}

fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("node")).find(|path| path.is_file())
}

fn environment(stage: &Stage) -> Vec<(OsString, OsString)> {
    let canaries = stage.environment().into_iter().map(|(name, value)| (name.into(), value.into()));
    std::env::vars_os().chain(canaries).collect()
}

fn facts() -> Facts {
    Facts {
        boundary_file: std::env::current_exe().unwrap(),
        entrypoint: None,
        granted: Vec::new(),
        children: Vec::new(),
        network: Arc::new(Network::default()),
        limits: Limits::default(),
        identity: (1000, 1000, Vec::new()),
        switches_user: false,
        node: node().map(|_| NodeRuntime { version: [20, 0, 0], flags: Vec::new() }),
        node_answer: ringfence_policy::layer::Answer::NotNeeded,
        secret_sources: Vec::new(),
    }
}

#[test]
fn where_there_is_no_boundary_every_attack_that_works_is_open_and_none_is_blocked() {
    let facts = facts();
    let stage = Stage::set(&facts).unwrap();
    let arena = ByInput(NoBoundary { environment: environment(&stage) });
    let battery = Battery { arena: &arena, stage: &stage, node: facts.node.is_some() };
    let inside = battery.inside(PROBES).unwrap();
    let outside = battery.outside(PROBES).unwrap();
    let report = report(&inside, &outside);
    let of = |verdict| {
        let found = report.probes.iter().filter(move |probe| probe.verdict == verdict);
        found.map(|probe| probe.probe).collect::<Vec<_>>()
    };
    assert_eq!(of(Verdict::Blocked), Vec::<&str>::new());
    for sure in [
        "read-outside",
        "write-outside",
        "inherited-file",
        "signal-host-process",
        "tcp-undeclared",
        "udp-undeclared",
        "listen-undeclared",
        "exfiltrate",
        "path-socket",
        "abstract-socket",
        "run-itself",
        "foreign-variable",
    ] {
        assert!(of(Verdict::Open).contains(&sure), "{sure} is not open");
    }
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn what_the_stage_makes_is_gone_with_it() {
    let stage = Stage::set(&facts()).unwrap();
    let left = |stage: &Stage| {
        ["outside_dir", "shm_file", "unix_path", "read_dir"]
            .map(|name| stage.params().path(name).unwrap().to_owned())
    };
    let paths = left(&stage);
    let pid: u32 = stage.params().number("canary_pid").unwrap();
    assert!(paths.iter().all(|path| path.exists()));
    drop(stage);
    assert!(!paths.iter().any(|path| path.exists()));
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

/// A folder with a boundary and what a request for it needs.
struct Fixture {
    folder: tempfile::TempDir,
    text: String,
    boundary: Boundary,
    environment: Vec<(OsString, OsString)>,
    executable: PathBuf,
}

impl Fixture {
    /// With a script for Node, or the test binary as program where there is no Node.
    fn new(rest: &str) -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        open_to_all(folder.path());
        let executable = std::env::current_exe().unwrap();
        let program = node().unwrap_or_else(|| executable.clone());
        let text = format!(
            "schema = 1\n[service]\nname = \"proof\"\nstart = [{program:?}, \"main.js\"]\n{rest}\n"
        );
        std::fs::write(folder.path().join("ringfence.toml"), &text).unwrap();
        std::fs::write(folder.path().join("main.js"), "").unwrap();
        let boundary = ringfence_policy::parse("ringfence.toml", &text).unwrap();
        Self { folder, text, boundary, environment: std::env::vars_os().collect(), executable }
    }

    fn side(
        &self,
        without: Option<&'static str>,
        probes: &[Probe],
    ) -> Result<(Side, Side), ProveError> {
        let file = self.folder.path().join("ringfence.toml");
        assert!(self.text.contains("schema"));
        let request = ProveRequest {
            boundary: &self.boundary,
            file: &file,
            folder: self.folder.path(),
            hash: "0",
            environment: &self.environment,
            caller: Caller {
                uid: ringfence_sys::attack::identity::user(),
                gid: 0,
                groups: Vec::new(),
            },
            only: &[],
            executable: &self.executable,
        };
        let plan = live::resolve(&request, None, &self.environment)?;
        let facts = Facts::of(&plan, file.clone(), Vec::new());
        let stage = Stage::set(&facts)?;
        let live = Live {
            request: &request,
            environment: environment(&stage),
            grants: stage.grants().clone(),
            node: facts.node.is_some().then(|| plan.program.path.clone().into_os_string()),
            left_out: LeftOut {
                locks: without.map(Lock::Filter).into_iter().collect(),
                ..LeftOut::default()
            },
        };
        let arena = ByInput(live);
        let battery = Battery { arena: &arena, stage: &stage, node: facts.node.is_some() };
        Ok((battery.inside(probes)?, battery.outside(probes)?))
    }
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn report(inside: &Side, outside: &Side) -> Report {
    let boundary = ringfence_policy::parse(
        "ringfence.toml",
        "schema = 1\n[service]\nname = \"proof\"\nstart = [\"node\", \"main.js\"]\n",
    );
    let evidence = Evidence {
        service: "proof".into(),
        boundary: "0".repeat(64),
        ringfence: "0.0.0",
        time: "2026-11-22T19:00:00.000Z".into(),
        host: "host".into(),
        kernel: "Linux".into(),
        node: None,
        users: [0, 1, 1],
        layers: inside.layers.clone(),
    };
    Report::judge(&boundary.unwrap(), evidence, &[], inside, outside)
}

/// A report of a host that answered so for each layer; no attack says anything.
fn answered(state: &str) -> Report {
    let layers = ["seccomp", "landlock"].map(|layer| LayerAnswer {
        layer: layer.to_owned(),
        state: state.to_owned(),
        why: None,
    });
    let inside = Side { layers: layers.to_vec(), ..Side::default() };
    report(&inside, &Side::default())
}

#[test]
fn that_required_layers_are_there_is_proven_by_what_the_starts_had_and_nothing_else() {
    use ringfence_policy::statement::Claim;
    assert!(PROBES.iter().all(|probe| probe.claim != Claim::RequireLayers));
    let of = |state| {
        let report = answered(state);
        let claim = report.claims.into_iter().find(|c| c.claim == Claim::RequireLayers).unwrap();
        (claim.state, claim.seen.unwrap())
    };
    let seen = "layers when the attacks were started: enforced seccomp, landlock";
    assert_eq!(of("enforced"), (ClaimState::Proven, seen.to_owned()));
    assert_eq!(of("absent").0, ClaimState::Broken);
}

#[test]
fn a_proof_names_its_time_and_the_ids_of_the_service() {
    let report = answered("enforced");
    let forms = [report.render_human(), report.render_markdown(), report.to_json().unwrap()];
    for form in forms {
        assert!(form.contains("2026-11-22T19:00:00.000Z"), "{form}");
        assert!(form.contains("inside: user 1, group 1"), "{form}");
    }
}

#[test]
fn claims_that_were_not_asked_for_are_one_line() {
    let mut report = answered("enforced");
    for claim in &mut report.claims {
        claim.state = ClaimState::NotAttacked;
    }
    let (human, markdown) = (report.render_human(), report.render_markdown());
    assert_eq!(human.matches("net-connect").count(), 1, "{human}");
    assert!(!human.contains("cannot open outbound sockets"), "{human}");
    assert!(markdown.contains("Not attacked: `identity-non-root`, "), "{markdown}");
    assert!(!markdown.contains("cannot open outbound sockets"), "{markdown}");
}

#[test]
fn node_flags_answer_for_the_program_of_the_boundary_whatever_was_run_instead() {
    use ringfence_policy::layer::{Answer, Layer};
    let mut facts = facts();
    facts.node_answer = Answer::Partial("old".to_owned());
    let seen = |layer| facts.of_own_program(&LayerAnswer::of(layer, &Answer::NotNeeded)).state;
    assert_eq!(seen(Layer::NodeFlags), "partial");
    assert_eq!(seen(Layer::Cgroup), "not-needed");
}

#[test]
fn inside_a_real_boundary_no_attack_goes_through() {
    let fixture = Fixture::new("[fs]\nread = [\"./\"]\n[net]\nconnect = [\"127.0.0.1:5999\"]");
    let (inside, outside) = fixture.side(None, PROBES).unwrap();
    let report = report(&inside, &outside);
    let open: Vec<_> = report
        .probes
        .iter()
        .filter(|probe| probe.verdict == Verdict::Open)
        .map(|probe| (probe.probe, &probe.inside.detail))
        .collect();
    assert!(open.is_empty(), "{open:?}\n{}", report.render_human());
    let blocked = report.probes.iter().filter(|probe| probe.verdict == Verdict::Blocked).count();
    assert!(blocked > 60, "only {blocked} were conclusive\n{}", report.render_human());
    assert!(report.render_human().lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_filter_with_a_group_left_out_is_noticed() {
    let fixture = Fixture::new("[fs]\nread = [\"./\"]");
    for (group, probe) in [("io_uring", "io-uring"), ("keyring", "add-key")] {
        let probes: Vec<Probe> = PROBES.iter().filter(|p| p.id == probe).copied().collect();
        let (whole, control) = fixture.side(None, &probes).unwrap();
        if control.attempts[probe].outcome != Outcome::Succeeded {
            eprintln!("not run: {probe}: {}", control.attempts[probe].detail);
            continue;
        }
        assert_eq!(whole.attempts[probe].outcome, Outcome::Failed, "{probe}");
        let (holed, _) = fixture.side(Some(group), &probes).unwrap();
        assert_eq!(holed.attempts[probe].outcome, Outcome::Succeeded, "{probe} without {group}");
    }
}

/// Answers runs from a list and counts them.
struct Scripted {
    runs: std::cell::RefCell<Vec<Output>>,
}

impl Arena for Scripted {
    fn inside(&self, errand: &Errand, _: Setting) -> Result<Output, ArenaError> {
        self.outside(errand)
    }

    fn outside(&self, _: &Errand) -> Result<Output, ArenaError> {
        Ok(self.runs.borrow_mut().pop().unwrap_or_default())
    }
}

#[test]
fn a_run_that_ends_early_loses_one_probe_and_the_rest_is_run_again() {
    let ids = ["read-outside", "list-outside", "write-outside"];
    let probes: Vec<Probe> =
        ids.iter().map(|id| *PROBES.iter().find(|p| p.id == *id).unwrap()).collect();
    let line =
        |id: &str| format!("{{\"probe\":\"{id}\",\"outcome\":\"succeeded\"}}\n").into_bytes();
    let first = Output { stdout: line(ids[0]), exit: Some(139), ..Output::default() };
    let second = Output { stdout: line(ids[2]), exit: Some(0), ..Output::default() };
    let arena = Scripted { runs: vec![second, first].into() };
    let stage = Stage::set(&facts()).unwrap();
    let battery = Battery { arena: &arena, stage: &stage, node: false };
    let side = battery.outside(&probes).unwrap();
    let outcomes: BTreeMap<_, _> =
        side.attempts.iter().map(|(id, attempt)| (*id, attempt.outcome)).collect();
    assert_eq!(outcomes["read-outside"], Outcome::Succeeded);
    assert_eq!(outcomes["list-outside"], Outcome::Nothing);
    assert_eq!(outcomes["write-outside"], Outcome::Succeeded);
}

fn uniform(inside: Outcome, outside: Outcome) -> Report {
    let side = |outcome: Outcome, code: &dyn Fn(&Probe) -> String| Side {
        attempts: PROBES
            .iter()
            .map(|probe| {
                let detail = String::new();
                (probe.id, Attempt { outcome, code: code(probe), errno: None, detail })
            })
            .collect(),
        layers: vec![LayerAnswer { layer: "seccomp".into(), state: "enforced".into(), why: None }],
        ..Side::default()
    };
    let refused = |probe: &Probe| probe.refusals[0].to_owned();
    report(&side(inside, &refused), &side(outside, &|_| String::new()))
}

#[test]
fn the_exit_code_tells_proven_broken_and_unproven_apart() {
    use Outcome::{Failed, Succeeded};
    assert_eq!(uniform(Failed, Succeeded).exit_code(), 0);
    assert_eq!(uniform(Succeeded, Succeeded).exit_code(), 1);
    assert_eq!(uniform(Failed, Failed).exit_code(), 3);
}

#[test]
fn every_claim_of_a_plain_boundary_is_attacked() {
    let report = uniform(Outcome::Failed, Outcome::Succeeded);
    for claim in &report.claims {
        let unclaimed = claim.state == ClaimState::NotClaimed;
        assert!(unclaimed || claim.state == ClaimState::Proven, "{}", claim.claim);
    }
}

/// Inside, every run ends like this; outside, every attack works.
struct Unruly {
    inside: Output,
}

impl Arena for Unruly {
    fn inside(&self, _: &Errand, _: Setting) -> Result<Output, ArenaError> {
        Ok(self.inside.clone())
    }

    fn outside(&self, _: &Errand) -> Result<Output, ArenaError> {
        let line =
            |probe: &Probe| format!("{{\"probe\":\"{}\",\"outcome\":\"succeeded\"}}\n", probe.id);
        let stdout = PROBES.iter().map(line).collect::<String>().into_bytes();
        Ok(Output { stdout, exit: Some(0), ..Output::default() })
    }
}

#[test]
fn a_run_that_crashes_hangs_or_floods_never_looks_like_a_refusal() {
    let stage = Stage::set(&facts()).unwrap();
    let torn = b"{\"probe\":\"read-outside\",\"outcome\":\"fai".to_vec();
    let noise = vec![b'x'; 5 << 20];
    let unknown =
        b"{\"probe\":\"no-such-probe\",\"outcome\":\"failed\",\"code\":\"EPERM\"}\n".to_vec();
    let says = |stdout: Vec<u8>, exit| Output { stdout, exit, ..Output::default() };
    for (what, output) in [
        ("crashes", says(Vec::new(), Some(139))),
        ("is ended by a filter", says(Vec::new(), Some(159))),
        ("hangs", says(Vec::new(), None)),
        ("floods", says(noise, Some(0))),
        ("tears its words", says(torn, Some(134))),
        ("says what nobody asked", says(unknown, Some(0))),
        ("says nothing", says(Vec::new(), Some(0))),
        ("is not there", says(Vec::new(), Some(127))),
    ] {
        let arena = Unruly { inside: output };
        let battery = Battery { arena: &arena, stage: &stage, node: true };
        let inside = battery.inside(PROBES).unwrap();
        let outside = battery.outside(PROBES).unwrap();
        let report = report(&inside, &outside);
        for probe in &report.probes {
            assert_eq!(probe.verdict, Verdict::Inconclusive, "{what}: {}", probe.probe);
        }
        let proven = |claim: &&ClaimReport| {
            claim.state == ClaimState::Proven || claim.state == ClaimState::PartlyAttacked
        };
        let proven: Vec<_> = report.claims.iter().filter(proven).map(|claim| claim.claim).collect();
        assert!(proven.is_empty(), "{what}: {proven:?}");
        assert_ne!(report.exit_code(), 0, "{what}");
    }
}

#[test]
fn a_run_that_was_killed_is_conclusive_for_a_limit_of_memory_alone() {
    let stage = Stage::set(&facts()).unwrap();
    let arena = Unruly { inside: Output { exit: Some(137), ..Output::default() } };
    let battery = Battery { arena: &arena, stage: &stage, node: true };
    let report = report(&battery.inside(PROBES).unwrap(), &battery.outside(PROBES).unwrap());
    for probe in report.probes.iter().filter(|probe| probe.verdict == Verdict::Blocked) {
        assert_eq!(probe.class, "limits", "{}", probe.probe);
    }
}

#[test]
fn each_clause_of_the_model_sentence_is_a_claim_that_is_attacked() {
    use ringfence_policy::statement::Claim;
    for (clause, claim, least) in [
        ("runs as non-root", Claim::IdentityNonRoot, 3),
        ("cannot write outside /tmp", Claim::FilesWrite, 10),
        ("cannot open arbitrary outbound sockets", Claim::NetConnect, 20),
        ("uses read-only root filesystem", Claim::FilesWrite, 10),
        ("has no package manager in the runtime layer", Claim::ProcessPackageManager, 2),
    ] {
        let probes = PROBES.iter().filter(|probe| probe.claim == claim).count();
        assert!(probes >= least, "{clause}: {probes}");
    }
    let named = |id: &str| PROBES.iter().any(|probe| probe.id == id);
    for id in
        ["write-root", "write-outside", "become-root", "run-package-manager", "js-package-manager"]
    {
        assert!(named(id), "{id}");
    }
}
