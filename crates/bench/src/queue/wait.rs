//! Q1 and Q2: what an event costs, taken alone and in an echo turn.

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use super::side::{Data, EPOLL, Job, KEVENT, Poller, add_pollers, usual_claims};
use super::sockets::{drain, send_byte, tcp, unexpected, watching};
use crate::rounds::{Comparison, Kit, Sample};
use crate::sys::library::Library;

const READY: [usize; 3] = [1, 8, 64];
const WATCHED: usize = 1_000;

/// Q1: 1, 8 and 64 ready of 1,000; nobody consumes the events.
pub(crate) fn q1(kit: &mut Kit, libraries: &[Library]) -> io::Result<()> {
    let sockets = tcp(WATCHED / 2)?;
    for ready in READY {
        let title = format!("wait, {ready} ready of 1,000, no data");
        let label = format!("wait, {ready} ready");
        let mut comparison =
            Comparison::new("Q1", title, "ns per event").at("cost-per-event", label, None);
        let job = Wait {
            sockets: &sockets,
            ready,
        };
        add_pollers(&mut comparison, libraries, Data::Without, job);
        usual_claims(&mut comparison, EPOLL, 1.08);
        kit.run(comparison);
        note_libraries(kit, libraries);
    }
    Ok(())
}

/// Q2: the same sockets echo: wait, read, write.
pub(crate) fn q2(kit: &mut Kit, libraries: &[Library]) -> io::Result<()> {
    let sockets = tcp(WATCHED / 2)?;
    for ready in READY {
        let title = format!("echo turn (wait, read, write), {ready} ready of 1,000, with data");
        let label = format!("echo, {ready} ready");
        let mut comparison =
            Comparison::new("Q2", title, "ns per event").at("cost-per-event", label, None);
        let job = Echo {
            sockets: &sockets,
            ready,
        };
        add_pollers(&mut comparison, libraries, Data::With, job);
        usual_claims(&mut comparison, EPOLL, 1.15);
        kit.run(comparison);
    }
    Ok(())
}

/// Says that the sides do not do quite the same.
pub(super) fn note_libraries(kit: &mut Kit, libraries: &[Library]) {
    if let Some(row) = kit.rows.last_mut()
        && !libraries.is_empty()
    {
        let note = format!("the C libraries fill data, {KEVENT} does not");
        row.notes.push(note);
    }
}

#[derive(Clone, Copy)]
struct Wait<'a> {
    sockets: &'a [TcpStream],
    ready: usize,
}

impl Job for Wait<'_> {
    fn run<P: Poller>(self, make: impl Fn() -> io::Result<P>, turns: u32) -> io::Result<Sample> {
        let mut poller = watching(make, self.sockets)?;
        for socket in self.sockets.iter().step_by(2).take(self.ready) {
            send_byte(socket)?;
        }
        // Loopback delivers at once, but not to a kernel that is busy elsewhere.
        while poller.wait(|_| Ok(()))? < self.ready {}
        let mut events = 0;
        let mut sample = Sample::of_turns(turns, || {
            events += poller.wait(|token| {
                std::hint::black_box(token);
                Ok(())
            })?;
            Ok(())
        })?;
        drain(self.sockets);
        if events as u64 != self.ready as u64 * u64::from(turns) {
            return Err(unexpected("fewer events than descriptors were ready"));
        }
        sample.units = events as u64;
        Ok(sample)
    }
}

/// `ready` bytes travel between the two ends of as many connections. Both ends are watched, so no
/// client is needed.
#[derive(Clone, Copy)]
struct Echo<'a> {
    sockets: &'a [TcpStream],
    ready: usize,
}

impl Job for Echo<'_> {
    fn run<P: Poller>(self, make: impl Fn() -> io::Result<P>, turns: u32) -> io::Result<Sample> {
        let mut poller = watching(make, self.sockets)?;
        let mut turn = || {
            poller.wait(|token| {
                let socket = self
                    .sockets
                    .get(token)
                    .ok_or_else(|| unexpected("a token"))?;
                let mut buffer = [0_u8; 64];
                let count = rustix::io::read(socket, &mut buffer)?;
                rustix::io::write(socket, buffer.get(..count).unwrap_or_default())?;
                Ok(())
            })
        };
        for socket in self.sockets.iter().step_by(2).take(self.ready) {
            send_byte(socket)?;
        }
        for _ in 0..10 {
            turn()?;
        }
        let mut events = 0;
        let start = Instant::now();
        for _ in 0..turns {
            events += turn()? as u64;
        }
        let elapsed = start.elapsed();
        drain(self.sockets);
        Ok(Sample {
            elapsed,
            units: events,
        })
    }
}
