//! Answers every call of the run with `Continue` and notes what it was about.
//!
//! One thread does all of it: the arguments are read while the caller waits, a thing that was seen
//! before is only counted, and what can wait is done after the answer. Nothing is allocated for what
//! is known.

use super::caller::{self, Processes, Room, Start, as_path};
use super::calls::{Act, Numbers};
use super::files::{Files, News};
use super::lines::Lines;
use super::look::{Found, Root};
use super::place;
use super::programs::Programs;
use super::rules::Rules;
use super::sockets::Sockets;
use super::uses::Uses;
use crate::record::line::{Blind, Count, FileSeen, Line};
use ringfence_sys::Errno;
use ringfence_sys::notify::{Answer, Listener, Notification};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two repetitions of the counts.
const PAUSE: Duration = Duration::from_secs(20);
/// Calls between two looks at the clock.
const CALLS: u64 = 1024;

/// What came of it.
pub(super) struct Seen {
    pub(super) lines: Lines,
    pub(super) calls: u64,
    pub(super) left_out: u64,
    pub(super) untold: u64,
    pub(super) missing: Vec<String>,
    /// The kernel let us read nothing of the program.
    pub(super) shut_out: bool,
}

/// The thread's state.
pub(super) struct Reader {
    listener: Listener,
    numbers: Numbers,
    root: Root,
    told: PathBuf,
    lines: Lines,
    room: Room,
    /// The path that is looked at, absolute.
    path: Vec<u8>,
    files: Files,
    sockets: Sockets,
    programs: Programs,
    processes: Processes,
    /// Sentences that were told already.
    blind: BTreeSet<&'static str>,
    calls: u64,
    /// Calls whose arguments could not be read, and whose folder is not known.
    unread: u64,
    read: u64,
    refused: u64,
    next_counts: Instant,
}

impl Reader {
    pub(super) fn new(
        listener: Listener,
        numbers: Numbers,
        root: Root,
        (own, told): (&Path, &Path),
        lines: Lines,
    ) -> Self {
        Self {
            listener,
            numbers,
            root,
            told: told.to_owned(),
            lines,
            room: Room::new(),
            path: Vec::with_capacity(caller::LONGEST),
            files: Files::new(own),
            sockets: Sockets::default(),
            programs: Programs::default(),
            processes: Processes::default(),
            blind: BTreeSet::new(),
            calls: 0,
            unread: 0,
            read: 0,
            refused: 0,
            next_counts: Instant::now() + PAUSE,
        }
    }

    /// Serves until no process is left under the filter.
    pub(super) fn run(mut self) -> Seen {
        let mut missing = Vec::new();
        loop {
            match self.listener.receive() {
                Ok(Some(call)) => self.serve(&call),
                Ok(None) => {}
                Err(Errno(libc::ENOTCONN)) => break,
                Err(errno) => {
                    missing.push(format!("the kernel stopped telling of calls: {errno}"));
                    break;
                }
            }
        }
        self.sockets.settle(&mut self.lines);
        self.tell_counts();
        if self.unread > 0 {
            missing.push(format!(
                "the arguments of {} calls could not be read: their process ended meanwhile or may \
                 not be looked into",
                self.unread
            ));
        }
        Seen {
            calls: self.calls,
            left_out: self.files.left_out + self.sockets.left_out + self.unread,
            untold: self.programs.untold(),
            shut_out: self.read == 0 && self.refused > 0,
            missing,
            lines: self.lines,
        }
    }

    fn serve(&mut self, call: &Notification) {
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS) && self.next_counts <= Instant::now() {
            self.tell_counts();
            self.next_counts = Instant::now() + PAUSE;
        }
        match self.numbers.act(call.number) {
            Some(Act::Path { path, folder, uses }) => {
                self.use_path(call, argument(call, path), folder, uses);
                return;
            }
            Some(Act::Open { path, folder, flags }) => {
                let rules = Rules::of_open(argument(call, flags));
                self.open(call, argument(call, path), folder, rules);
                return;
            }
            Some(Act::OpenHow) => {
                let rules = Rules::of_open_how(call.tid, call.args[2]);
                self.open(call, call.args[1], Some(0), rules);
                return;
            }
            Some(Act::Rename { old, new }) => {
                self.note_path(call, argument(call, old.1), old.0, Uses::RENAME_FROM, false);
                self.use_path(call, argument(call, new.1), new.0, Uses::RENAME_TO);
                return;
            }
            Some(Act::Ring) => {
                self.tell_blind("the program asked for io_uring and was told that there is none");
                self.answer(call, Answer::Fail(Errno(libc::ENOSYS)));
                return;
            }
            Some(act) => self.note(call, act),
            None => {}
        }
        self.answer(call, Answer::Continue);
    }

    fn answer(&self, call: &Notification, answer: Answer) {
        // Whoever called may be gone.
        let _ = self.listener.answer(call.id, answer);
    }

    /// What is noted while the caller waits.
    fn note(&mut self, call: &Notification, act: Act) {
        match act {
            Act::Exec { path, folder, argv } => self.start(call, path, folder, argv),
            Act::Map => self.load(call),
            Act::Fork => self.processes.multiply(),
            Act::SocketName => self.sockets.own_name(call),
            Act::Root => self.tell_blind(
                "a process changed its root or its mounts: paths that it used after that are told \
                 as it named them",
            ),
            Act::Connect | Act::Bind | Act::Listen => {
                let pid = self.processes.of(call.tid);
                let (sockets, lines) = (&mut self.sockets, &mut self.lines);
                match act {
                    Act::Connect => sockets.connect(call, pid, lines),
                    Act::Bind => sockets.bind(call, pid, lines),
                    _ => sockets.listen(call, pid, lines),
                }
            }
            Act::SendTo | Act::SendMessage | Act::SendMessages => {
                let pid = self.processes.of(call.tid);
                let (sockets, lines) = (&mut self.sockets, &mut self.lines);
                match act {
                    Act::SendTo => sockets.send_to(call, pid, lines),
                    Act::SendMessage => sockets.send_messages(call, (1, 0), pid, lines),
                    _ => {
                        let size = size_of::<libc::mmsghdr>() as u64;
                        let count = call.args[2] & 0xffff_ffff;
                        sockets.send_messages(call, (count, size), pid, lines);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes the use of a path and answers the call: first, unless the call may change what is
    /// there.
    /// A file that is opened, unless a link is in the way that the caller does not follow: the kernel
    /// refuses that, and a grant would give away what the link leads to.
    fn open(&mut self, call: &Notification, at: u64, folder: Option<u8>, rules: Rules) {
        if rules.mind_links() && matches!(self.read_path(call, at, folder), Ok(true)) {
            let start = Start::of(folder.map(|index| argument(call, index)));
            if rules.refuse(&self.root, &self.path, call.tid, start) {
                self.answer(call, Answer::Continue);
                return;
            }
        }
        self.use_path(call, at, folder, rules.uses());
    }

    fn use_path(&mut self, call: &Notification, at: u64, folder: Option<u8>, uses: Uses) {
        self.note_path(call, at, folder, uses, true);
    }

    fn note_path(
        &mut self,
        call: &Notification,
        at: u64,
        folder: Option<u8>,
        uses: Uses,
        answers: bool,
    ) {
        let news = match self.read_path(call, at, folder) {
            Ok(true) => self.files.note(&self.path, uses),
            // An empty path means what is open already.
            Ok(false) => News::Old,
            Err(errno) => {
                self.count_unread(errno);
                News::Old
            }
        };
        let first = match news {
            News::First(first) => first,
            News::Own if as_path(&self.path) == self.told => {
                let process = self.processes.of(call.tid);
                self.programs.told(process);
                Uses::NONE
            }
            News::Own | News::Old => Uses::NONE,
        };
        let before = (first != Uses::NONE && uses.changes()).then(|| self.root.look(&self.path));
        // Whoever is gone once it is answered would have no program any more.
        let who = (first != Uses::NONE).then(|| self.who(call.tid));
        if answers {
            self.answer(call, Answer::Continue);
        }
        if let Some(who) = who {
            let found = before.unwrap_or_else(|| self.root.look(&self.path));
            self.tell_file(first, &found, who);
        }
    }

    /// The process of a thread and its program.
    fn who(&mut self, tid: i32) -> (i32, PathBuf) {
        (self.processes.of(tid), self.processes.program(tid))
    }

    /// Whether there is a path.
    fn read_path(
        &mut self,
        call: &Notification,
        at: u64,
        folder: Option<u8>,
    ) -> Result<bool, Errno> {
        if at == 0 {
            return Ok(false);
        }
        let named = self.room.path(call.tid, at)?;
        self.read += 1;
        if named.is_empty() {
            return Ok(false);
        }
        let start = Start::of(folder.map(|index| argument(call, index)));
        if place::absolute(call.tid, named, start, &mut self.path) {
            Ok(true)
        } else {
            Err(Errno(libc::ENOENT))
        }
    }

    fn count_unread(&mut self, errno: Errno) {
        match errno.0 {
            // The kernel refuses these as well: nothing is used.
            libc::EFAULT | libc::ENAMETOOLONG => {}
            libc::EPERM | libc::EACCES => {
                self.refused += 1;
                self.unread += 1;
            }
            _ => self.unread += 1,
        }
    }

    fn tell_file(&mut self, uses: Uses, found: &Found, (pid, program): (i32, PathBuf)) {
        let told = self.files.found(&self.path, uses, found);
        if !told {
            return;
        }
        let real = found.real.as_deref().map(clean);
        for used in uses.each() {
            let line = FileSeen {
                path: clean(&self.path),
                real: real.clone(),
                used,
                found: found.kind,
                at: self.lines.now(),
                pid,
                program: program.clone(),
            };
            self.lines.put(&Line::File(line));
        }
    }

    fn start(&mut self, call: &Notification, path: u8, folder: Option<u8>, argv: u8) {
        match self.read_path(call, argument(call, path), folder) {
            Ok(true) => {}
            Ok(false) => return,
            Err(errno) => return self.count_unread(errno),
        }
        let found = self.root.look(&self.path);
        if found.kind == crate::record::FileKind::Missing {
            if let News::First(first) = self.files.note(&self.path, Uses::LOOK) {
                let who = self.who(call.tid);
                self.tell_file(first, &found, who);
            }
            return;
        }
        let process = self.processes.of(call.tid);
        self.processes.starts(call.tid);
        let argv = caller::read_strings(call.tid, argument(call, argv), 1024);
        self.programs.start(&self.path, &found, &argv, process, &mut self.lines);
    }

    fn load(&mut self, call: &Notification) {
        let start = Start::of(Some(call.args[4]));
        let Some(real) = caller::folder(call.tid, start) else { return };
        if real.ends_with(caller::DELETED) || matches!(start, Start::Folder) {
            return;
        }
        self.path.clear();
        self.path.extend_from_slice(self.files.named(&real).unwrap_or(&real));
        if let News::First(first) = self.files.note(&self.path, Uses::LOAD) {
            let who = self.who(call.tid);
            let found = self.root.look(&self.path);
            self.tell_file(first, &found, who);
        }
    }

    fn tell_blind(&mut self, what: &'static str) {
        if self.blind.insert(what) {
            self.lines.put(&Line::Blind(Blind { what: what.to_owned() }));
        }
    }

    fn tell_counts(&mut self) {
        let counts = self.files.counts().into_iter().chain(self.sockets.counts());
        let counts = counts.map(|(of, times)| Line::Count(Count { of, times }));
        self.lines.put_all(counts);
    }
}

fn argument(call: &Notification, index: u8) -> u64 {
    call.args.get(usize::from(index)).copied().unwrap_or_default()
}

/// JSON holds text only: bytes that are none are replaced.
pub(super) fn clean(path: &[u8]) -> PathBuf {
    match std::str::from_utf8(path) {
        Ok(text) => PathBuf::from(text),
        Err(_) => PathBuf::from(as_path(path).as_os_str().to_string_lossy().into_owned()),
    }
}
