//! Limits that were reached: those of the boundary, of the host, or of Node itself.

use super::super::code::Code;
use super::super::context::Context;
use super::super::paths;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Limits;

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let limits = context.setting.map(|setting| &setting.boundary.limits);
    let lower = symptom.message.to_ascii_lowercase();
    let says = |text: &str| lower.contains(text);
    if says("heap out of memory")
        || says("heap limit")
        || symptom.code == "ERR_WORKER_OUT_OF_MEMORY"
    {
        return Some(heap());
    }
    let memory = ["137", "oomkilled", "out of memory", "out-of-memory", "sigkill"];
    let ended = symptom.bare
        && (lower.trim() == "killed" || says(" killed ") || memory.iter().any(|word| says(word)));
    if ended || symptom.code == "ENOMEM" {
        return Some(memory_limit(limits, &lower));
    }
    match symptom.code.as_str() {
        "EMFILE" | "ENFILE" => return Some(open_files(limits, symptom)),
        "EFBIG" => return Some(file_size(limits)),
        "ENOSPC" | "EDQUOT" => return Some(full(symptom, limits)),
        "EAGAIN" if symptom.call().starts_with("spawn") || says("thread") || says("fork") => {
            return Some(pids(limits));
        }
        "ERR_WORKER_INIT_FAILED" => return Some(pids(limits)),
        _ => {}
    }
    if says("file size limit exceeded") || says("sigxfsz") {
        return Some(file_size(limits));
    }
    if says("too many open files") {
        return Some(open_files(limits, symptom));
    }
    if says("no space left on device") {
        return Some(full(symptom, limits));
    }
    let threads = says("pthread_create") || says("fork: ") || says("uv_thread_create");
    (threads && (says("resource temporarily unavailable") || says("eagain") || says("assertion")))
        .then(|| pids(limits))
}

/// The sentence about what the boundary sets.
fn set(limits: Option<&Limits>, key: &str, value: impl Fn(&Limits) -> Option<String>) -> String {
    match limits.map(value) {
        Some(Some(value)) => format!("; limits.{key} is {value}"),
        Some(None) => format!("; limits.{key} is not set, so the host's own limit holds"),
        None => String::new(),
    }
}

fn bytes(value: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if value >= MIB && value.is_multiple_of(MIB) {
        format!("{} MiB", value / MIB)
    } else {
        format!("{value} bytes")
    }
}

fn memory_limit(limits: Option<&Limits>, lower: &str) -> Explanation {
    let value = set(limits, "memory", |limits| limits.memory.as_ref().map(|m| bytes(m.value)));
    let explanation = Explanation::new(
        Code::MemoryLimit,
        Some(Layer::Cgroup),
        format!("the kernel ended it with SIGKILL (code 137), most often because its memory was full{value}"),
    )
    .instead(
        "raise limits.memory, or lower Node's heap (--max-old-space-size in service.start); no \
         grant helps",
    );
    if lower.contains("memory") || lower.contains("oom") {
        return explanation;
    }
    explanation.or(Explanation::new(
        Code::ApplicationError,
        None,
        "somebody killed it: an operator, a failed health check, or a stop that took longer than \
         service.stop-timeout",
    )
    .instead("look who sent the signal"))
}

fn heap() -> Explanation {
    Explanation::new(
        Code::HeapLimit,
        None,
        "the heap of JavaScript is full: Node's own bound, which it takes from the memory it sees",
    )
    .instead(
        "look for what grows, or raise --max-old-space-size in service.start, below limits.memory; \
         no grant helps",
    )
}

fn open_files(limits: Option<&Limits>, symptom: &Symptom) -> Explanation {
    if symptom.says("watch") || symptom.says("inotify") {
        return Explanation::new(
            Code::OpenFilesLimit,
            None,
            "the host's bound on watched files or watchers is reached (fs.inotify in sysctl)",
        )
        .instead("watch fewer files, or raise fs.inotify.max_user_instances on the host")
        .likely();
    }
    let value =
        set(limits, "open-files", |limits| limits.open_files.as_ref().map(|m| m.value.to_string()));
    Explanation::new(
        Code::OpenFilesLimit,
        Some(Layer::Rlimits),
        format!("the process has as many open files and sockets as it may{value}"),
    )
    .instead("look for what is not closed, or raise limits.open-files; no grant helps")
}

fn file_size(limits: Option<&Limits>) -> Explanation {
    let value =
        set(limits, "file-size", |limits| limits.file_size.as_ref().map(|m| bytes(m.value)));
    Explanation::new(
        Code::FileSizeLimit,
        Some(Layer::Rlimits),
        format!("a file would become larger than any file of this service may{value}"),
    )
    .instead("write smaller files, or raise limits.file-size; no grant helps")
}

fn full(symptom: &Symptom, limits: Option<&Limits>) -> Explanation {
    if symptom.says("watch") || symptom.call() == "watch" {
        return Explanation::new(
            Code::OpenFilesLimit,
            None,
            "the host's bound on watched files is reached, which the kernel calls a full disk",
        )
        .instead("watch fewer files, or raise fs.inotify.max_user_watches on the host");
    }
    let private = symptom.path.is_empty() || paths::is_private(&symptom.path);
    let value = if private {
        set(limits, "tmp", |limits| limits.tmp.as_ref().map(|m| bytes(m.value)))
    } else {
        String::new()
    };
    let place =
        if symptom.path.is_empty() { "/tmp or a disk".to_owned() } else { shown(&symptom.path) };
    let explanation = Explanation::new(
        Code::TmpFull,
        private.then_some(Layer::Namespaces),
        format!("there is no space left at {place}{value}"),
    );
    if private {
        explanation.instead(
            "delete what is no longer needed, or raise limits.tmp: the private /tmp is memory; no \
             grant helps",
        )
    } else {
        explanation.instead("free space on the host's disk; no grant helps")
    }
}

fn pids(limits: Option<&Limits>) -> Explanation {
    let value = set(limits, "pids", |limits| limits.pids.as_ref().map(|m| m.value.to_string()));
    Explanation::new(
        Code::ProcessLimit,
        Some(Layer::Cgroup),
        format!("no further process or thread may be started{value}"),
    )
    .instead(
        "raise limits.pids: threads count, and Node itself takes about a dozen in each process; \
         no grant helps",
    )
}
