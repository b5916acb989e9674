//! Q9: 2 and 4 threads on one queue, each event exactly once (EV_DISPATCH, EPOLLONESHOT).
//!
//! Bytes wait in 64 socket pairs. A thread that gets a pair's event takes the byte, puts one back
//! and enables the knote again. A pair that two threads hold at a time is a duplicate.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kevent::{Events, Flags, Kevent, Kqueue, NoteIo};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventFlags};

use super::side::{EPOLL, KEVENT, epoll_data, read_change, usual_claims};
use super::sockets::{send_byte, take_byte, unexpected, unix};
use super::wait::note_libraries;
use crate::rounds::{Comparison, Kit, Sample};
use crate::sys::library::{CKevent, Library};

const PAIRS: usize = 64;
/// Events one thread takes at a time, so that the others get some.
const BATCH: usize = 8;
/// A thread that has nothing to do looks this often whether all is done.
const LOOK: Duration = Duration::from_millis(1);

/// Q9.
pub(crate) fn q9(kit: &mut Kit, libraries: &[Library]) {
    for threads in [2, 4] {
        let title = format!("{threads} threads on one queue, each event once and enabled again");
        let mut comparison = Comparison::new("Q9", title, "ns per event");
        comparison.side(EPOLL, move |turns| {
            run(threads, turns, &epoll::create(CreateFlags::CLOEXEC)?)
        });
        comparison.side(KEVENT, move |turns| run(threads, turns, &Kqueue::new()?));
        for library in libraries {
            comparison.side(library.name(), move |turns| {
                let queue = Owned {
                    queue: library.kqueue()?,
                    library,
                };
                run(threads, turns, &queue)
            });
        }
        // At least 0.9 of the events per second: at most 1 / 0.9 of the time.
        usual_claims(&mut comparison, EPOLL, 1.0 / 0.9);
        comparison.claim_ratio(KEVENT, super::side::PEER, 1.0);
        kit.run(comparison);
        note_libraries(kit, libraries);
    }
}

/// A queue that several threads wait in, by reference.
trait Shared: Sync {
    fn add(&self, socket: &UnixStream, token: usize) -> io::Result<()>;
    fn enable(&self, socket: &UnixStream, token: usize) -> io::Result<()>;
    /// Waits for [`LOOK`] at most.
    fn wait(&self, each: &mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<()>;
}

impl Shared for std::os::fd::OwnedFd {
    fn add(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ONESHOT;
        Ok(epoll::add(self, socket, epoll_data(token), flags)?)
    }

    fn enable(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ONESHOT;
        Ok(epoll::modify(self, socket, epoll_data(token), flags)?)
    }

    fn wait(&self, each: &mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<()> {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(BATCH);
        let limit = Timespec::try_from(LOOK).map_err(io::Error::other)?;
        epoll::wait(self, spare_capacity(&mut events), Some(&limit))?;
        for event in &events {
            let data = event.data;
            each(usize::try_from(data.u64()).unwrap_or(usize::MAX))?;
        }
        Ok(())
    }
}

fn dispatch(socket: &UnixStream, flags: Flags, token: usize) -> Kevent {
    read_change(socket, flags | Flags::DISPATCH).udata(token)
}

impl Shared for Kqueue {
    fn add(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        self.apply(&[dispatch(socket, Flags::ADD, token).fflags(NoteIo::NO_DATA)])
    }

    fn enable(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        let change = dispatch(socket, Flags::ENABLE, token);
        self.apply(&[change.fflags(NoteIo::NO_DATA)])
    }

    fn wait(&self, each: &mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<()> {
        let mut events = Events::with_capacity(BATCH);
        Kqueue::wait(self, &[], &mut events, Some(LOOK))?;
        events.iter().try_for_each(|event| each(event.udata))
    }
}

struct Owned<'l> {
    queue: std::os::fd::RawFd,
    library: &'l Library,
}

impl Owned<'_> {
    fn change(&self, change: Kevent) -> io::Result<()> {
        let change = CKevent {
            ident: change.ident,
            filter: change.filter.as_raw(),
            flags: change.flags.bits(),
            udata: change.udata,
            ..CKevent::EMPTY
        };
        let now = Some(Duration::ZERO);
        self.library
            .kevent(self.queue, &[change], &mut [], now)
            .map(drop)
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        self.library.close(self.queue);
    }
}

impl Shared for Owned<'_> {
    fn add(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        self.change(dispatch(socket, Flags::ADD, token))
    }

    fn enable(&self, socket: &UnixStream, token: usize) -> io::Result<()> {
        self.change(dispatch(socket, Flags::ENABLE, token))
    }

    fn wait(&self, each: &mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<()> {
        let mut events = [CKevent::EMPTY; BATCH];
        let count = self
            .library
            .kevent(self.queue, &[], &mut events, Some(LOOK))?;
        events
            .iter()
            .take(count)
            .try_for_each(|event| each(event.udata))
    }
}

/// So many events, by so many threads.
fn run(threads: usize, turns: u32, queue: &impl Shared) -> io::Result<Sample> {
    let sockets = unix(2 * PAIRS)?;
    for (token, socket) in sockets.iter().step_by(2).enumerate() {
        queue.add(socket, token)?;
    }
    let job = Work {
        queue,
        sockets: &sockets,
        is_held: (0..PAIRS).map(|_| AtomicBool::new(false)).collect(),
        // Whole rounds of all pairs, so that a sample is never about starting threads only.
        left: AtomicU64::new(u64::from(turns) * PAIRS as u64),
        is_over: AtomicBool::new(false),
    };
    for socket in sockets.iter().skip(1).step_by(2) {
        send_byte(socket)?;
    }
    let start = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| job.work())).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
        })
    })?;
    Ok(Sample {
        elapsed: start.elapsed(),
        units: u64::from(turns) * PAIRS as u64,
    })
}

struct Work<'a, Q> {
    queue: &'a Q,
    sockets: &'a [UnixStream],
    is_held: Vec<AtomicBool>,
    left: AtomicU64,
    is_over: AtomicBool,
}

impl<Q: Shared> Work<'_, Q> {
    fn work(&self) -> io::Result<()> {
        let result = self.work_until_over();
        // Also after a failure, so that the other threads do not wait for ever.
        self.is_over.store(true, Ordering::Relaxed);
        result
    }

    fn work_until_over(&self) -> io::Result<()> {
        while !self.is_over.load(Ordering::Relaxed) {
            self.queue.wait(&mut |token| self.handle(token))?;
        }
        Ok(())
    }

    fn handle(&self, token: usize) -> io::Result<()> {
        let (Some(socket), Some(partner), Some(is_held)) = (
            self.sockets.get(2 * token),
            self.sockets.get(2 * token + 1),
            self.is_held.get(token),
        ) else {
            return Err(unexpected("an unknown token"));
        };
        // Acquire and release: the holder's reads and writes lie between the two.
        if is_held.swap(true, Ordering::Acquire) {
            return Err(unexpected("an event to two threads at a time: a duplicate"));
        }
        take_byte(socket)?;
        send_byte(partner.as_fd())?;
        is_held.store(false, Ordering::Release);
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if before.is_ok_and(|left| left > 1) {
            self.queue.enable(socket, token)
        } else {
            self.is_over.store(true, Ordering::Relaxed);
            Ok(())
        }
    }
}
