//! What the broker writes and asks for without ever waiting on the service.

use super::init::tag;
use crate::egress::netloop::InsideSockets;
use crate::egress::shared::EventSink;
use ringfence_policy::event::Event;
use ringfence_sys::{Errno, fd, socket};
use std::fmt::Write as _;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most events in one second; the rest are counted and said in the next.
const PER_SECOND: u64 = 200;
/// Longest line, so that one write to a pipe is never torn (`PIPE_BUF`, pipe(7)).
const LONGEST: usize = 4096;

/// Events go to the supervisor through a pipe that is never waited for.
pub(super) struct PipeSink {
    pipe: RawFd,
    service: String,
    window: Mutex<(Instant, u64)>,
    lost: AtomicU64,
}

impl PipeSink {
    /// A sink that writes to this pipe, which stays open as long as the process lives.
    pub(super) fn new(pipe: RawFd, service: &str) -> Self {
        Self {
            pipe,
            service: service.to_owned(),
            window: Mutex::new((Instant::now(), 0)),
            lost: AtomicU64::new(0),
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
}

impl EventSink for PipeSink {
    fn emit(&self, event: Event) {
        if !self.admit() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let mut event = event;
        event.service.clone_from(&self.service);
        event.time = now();
        if lost > 0 {
            let _ = write!(event.reason, " ({lost} events before this one were dropped)");
        }
        if fd::write(fd::borrow(self.pipe), &line(event)).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

/// One line that a pipe takes in one piece: what makes it too long is cut, never the event.
fn line(mut event: Event) -> Vec<u8> {
    const CUT: usize = 256;
    let mut line = event.to_json_line();
    if line.len() >= LONGEST {
        event.arguments.clear();
        event.environment.clear();
        event.addresses.clear();
        event.missing_grant = None;
        for text in [&mut event.resource, &mut event.reason] {
            if let Some((end, _)) = text.char_indices().nth(CUT) {
                text.truncate(end);
                text.push_str(" (cut)");
            }
        }
        line = event.to_json_line();
    }
    line.push('\n');
    line.into_bytes()
}

/// UTC time of day as RFC 3339 with milliseconds.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(i64::try_from(days).unwrap_or_default());
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Days since 1970 to year, month and day of the Gregorian calendar, counted in eras of 400 years
/// that begin in March, so that the leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let leap = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_779, (2026, 11, 22)),
        ] {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn an_event_about_a_very_long_path_is_cut_and_not_lost() {
        use ringfence_policy::event::{Action, Kind};
        use ringfence_policy::layer::Layer;
        let path = "\u{1f512}".repeat(4096);
        let event = Event::new(Kind::Denial, "", "", Layer::Broker, Action::Exec, path);
        let line = line(event);
        assert!(line.len() <= LONGEST, "{}", line.len());
        assert!(String::from_utf8(line).unwrap().contains("(cut)"));
    }
}
