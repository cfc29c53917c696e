//! What the broker writes and asks for without ever waiting on the service.

use super::init::tag;
use crate::egress::netloop::InsideSockets;
use crate::egress::shared::EventSink;
use ringfence_policy::event::Event;
use ringfence_policy::time;
use ringfence_sys::{Errno, fd, socket, wait};
use std::fmt::Write as _;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// Most events in one second; the rest are counted and said in the next.
const PER_SECOND: u64 = 200;
/// How long the last event waits for room: nobody is served any more.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest line, so that one write to a pipe is never torn (`PIPE_BUF`, pipe(7)).
pub(super) const LONGEST: usize = 4096;

/// Events go to the supervisor through a pipe that is never waited for.
pub(super) struct PipeSink {
    pipe: RawFd,
    service: String,
    window: Mutex<(Instant, u64)>,
    lost: Mutex<Lost>,
}

/// Events that were not written since the last one that was.
#[derive(Default)]
struct Lost {
    count: u64,
    /// The latest, which is written when nothing follows that could tell the count.
    last: Option<Event>,
}

impl PipeSink {
    /// A sink that writes to this pipe, which stays open as long as the process lives.
    pub(super) fn new(pipe: RawFd, service: &str) -> Self {
        Self {
            pipe,
            service: service.to_owned(),
            window: Mutex::new((Instant::now(), 0)),
            lost: Mutex::default(),
        }
    }

    fn admit(&self) -> bool {
        let Ok(mut window) = self.window.lock() else { return false };
        if window.0.elapsed() >= Duration::from_secs(1) {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        window.1 <= PER_SECOND
    }

    /// Writes an event and how many were lost before it; `counted` of these are the event itself.
    fn write(&self, mut event: Event, counted: u64) {
        let lost = self.lost.lock().map_or(0, |mut lost| std::mem::take(&mut *lost).count);
        let before = lost.saturating_sub(counted);
        event.service.clone_from(&self.service);
        event.time = now();
        if fd::write(fd::borrow(self.pipe), &line(&mut event, before)).is_err() {
            self.lose(event, before + 1);
        }
    }

    fn lose(&self, event: Event, count: u64) {
        if let Ok(mut lost) = self.lost.lock() {
            lost.count += count;
            lost.last = Some(event);
        }
    }
}

impl EventSink for PipeSink {
    fn emit(&self, event: Event) {
        if self.admit() {
            self.write(event, 0);
        } else {
            self.lose(event, 1);
        }
    }

    fn close(&self) {
        let last = self.lost.lock().ok().and_then(|mut lost| lost.last.take());
        if let Some(last) = last {
            // The supervisor reads until this process has ended.
            let _ = wait::writable_within(fd::borrow(self.pipe), LAST_WORDS);
            self.write(last, 1);
        }
    }
}

/// One line that a pipe takes in one piece: what makes it too long is cut, never the event.
pub(super) fn line(event: &mut Event, before: u64) -> Vec<u8> {
    let reason = event.reason.clone();
    let told = |event: &mut Event, reason: &str| {
        reason.clone_into(&mut event.reason);
        if before > 0 {
            let _ = write!(event.reason, " ({before} events before this one were dropped)");
        }
        event.to_json_line()
    };
    let mut line = told(event, &reason);
    for longest in [256, 64, 16] {
        if line.len() < LONGEST {
            break;
        }
        event.arguments.clear();
        event.environment.clear();
        event.addresses.clear();
        event.missing_grant = None;
        let texts = [&mut event.program, &mut event.grant].into_iter().flatten();
        for text in texts.chain([&mut event.resource]) {
            cut(text, longest);
        }
        let mut reason = reason.clone();
        cut(&mut reason, longest);
        line = told(event, &reason);
    }
    event.reason = reason;
    line.push('\n');
    line.into_bytes()
}

fn cut(text: &mut String, longest: usize) {
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push_str(" (cut)");
    }
}

/// UTC time of day as RFC 3339 with milliseconds.
pub(crate) fn now() -> String {
    time::written_to_the_millisecond(SystemTime::now())
}

/// Asks init for sockets of the private network.
pub(super) struct InsideDoor {
    channel: Mutex<OwnedFd>,
}

impl InsideDoor {
    /// Over this channel.
    pub(super) fn new(channel: BorrowedFd<'_>) -> Result<Self, Errno> {
        let channel = channel.try_clone_to_owned().map_err(Errno::from)?;
        Ok(Self { channel: Mutex::new(channel) })
    }
}

impl InsideSockets for InsideDoor {
    fn udp(&self, ipv6: bool) -> std::io::Result<OwnedFd> {
        use std::os::fd::AsFd;
        let channel = self.channel.lock().map_err(|_| Errno(libc::EIO))?;
        let request = if ipv6 { tag::WANT_IPV6 } else { tag::WANT_IPV4 };
        fd::write_all(channel.as_fd(), &[request])?;
        let mut answer = [0];
        let (_, mut fds) = socket::recv_fds(channel.as_fd(), &mut answer)?;
        fds.pop().ok_or_else(|| Errno(libc::EMFILE).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, AsRawFd};

    /// An event that is as long as it can be in every place.
    fn long() -> Event {
        use ringfence_policy::event::{Action, Kind};
        use ringfence_policy::layer::Layer;
        let long = "\u{1f512}".repeat(4096);
        let mut event = Event::new(Kind::Denial, "", "", Layer::Broker, Action::Exec, long.clone());
        event.reason.clone_from(&long);
        event.program = Some(long.clone());
        event.grant = Some(long.clone());
        event.arguments = vec![long];
        event
    }

    #[test]
    fn an_event_that_is_too_long_is_cut_and_not_lost() {
        let line = line(&mut long(), u64::MAX);
        assert!(line.len() <= LONGEST, "{}", line.len());
        let text = String::from_utf8(line).unwrap();
        assert!(text.contains("(cut)") && text.contains("(18446744073709551615 events before"));
    }

    #[test]
    fn what_is_dropped_is_counted_to_the_end() {
        let (reading, writing) = fd::pipe(libc::O_NONBLOCK).unwrap();
        let sink = PipeSink::new(writing.as_raw_fd(), "orders");
        for _ in 0..=PER_SECOND {
            sink.emit(long());
        }
        sink.emit(long());
        // Most of these did not fit into the pipe, and nobody has read it.
        let mut told = String::new();
        let mut room = [0; LONGEST];
        while let Ok(length @ 1..) = fd::read(reading.as_fd(), &mut room) {
            told.push_str(std::str::from_utf8(&room[..length]).unwrap());
        }
        let written = u64::try_from(told.lines().count()).unwrap();
        sink.close();
        let length = fd::read(reading.as_fd(), &mut room).unwrap();
        let last = std::str::from_utf8(&room[..length]).unwrap();
        let before = PER_SECOND + 2 - written - 1;
        assert!(last.contains(&format!("({before} events before this one")), "{last}");
    }
}
