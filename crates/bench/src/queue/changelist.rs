//! Q4: what changes cost beside the same epoll_ctl calls.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kevent::Flags;
use rustix::event::epoll::{self, EventFlags};

use super::side::{
    EPOLL, Epoll, Queue, QueueJob, add_queues, epoll_data, read_change, usual_claims,
};
use super::sockets::tcp;
use crate::rounds::{Comparison, Kit, Sample};
use crate::sys::library::Library;

const SOCKETS: usize = 1_600;

/// What is done to each descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    /// Disable and enable again, in one changelist.
    Pair,
    Delete,
}

/// Q4: changelists of 1, 16 and 100 entries.
pub(crate) fn q4(kit: &mut Kit, libraries: &[Library]) -> io::Result<()> {
    let sockets = tcp(SOCKETS / 2)?;
    let changes = [
        (Change::Add, "EV_ADD", 1.05),
        (Change::Pair, "EV_DISABLE + EV_ENABLE", 1.05),
        (Change::Delete, "EV_DELETE", 1.05),
    ];
    for (change, name, bound) in changes {
        for entries in [1, 16, 100] {
            let title = if entries == 1 {
                format!("{name} of 1 descriptor")
            } else {
                format!("{name} of {entries} descriptors in one call")
            };
            let label = format!("{name} x {entries}");
            let unit = "ns per descriptor";
            let mut comparison = Comparison::new("Q4", title, unit).at("changelist", label, None);
            let job = Changes {
                sockets: &sockets,
                entries,
                change,
            };
            comparison.side(EPOLL, move |turns| job.by_epoll(turns));
            add_queues(&mut comparison, libraries, job);
            usual_claims(&mut comparison, EPOLL, bound);
            kit.run(comparison);
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Changes<'a> {
    sockets: &'a [TcpStream],
    entries: usize,
    change: Change,
}

impl Changes<'_> {
    fn by_epoll(self, turns: u32) -> io::Result<Sample> {
        let side = Epoll::new()?;
        let control = |change: Change| -> io::Result<()> {
            for (token, socket) in self.sockets.iter().enumerate() {
                let data = epoll_data(token);
                match change {
                    Change::Add => epoll::add(side.set(), socket, data, EventFlags::IN)?,
                    Change::Pair => {
                        epoll::modify(side.set(), socket, data, EventFlags::empty())?;
                        epoll::modify(side.set(), socket, data, EventFlags::IN)?;
                    }
                    Change::Delete => epoll::delete(side.set(), socket)?,
                }
            }
            Ok(())
        };
        self.turns(turns, control)
    }

    /// Adds all, does the change, deletes all, over and over; only the change is timed. The first
    /// turn makes room for all and does not count.
    fn turns(
        self,
        turns: u32,
        mut control: impl FnMut(Change) -> io::Result<()>,
    ) -> io::Result<Sample> {
        let mut elapsed = Duration::ZERO;
        for turn in 0..=turns {
            for change in [Change::Add, Change::Pair, Change::Delete] {
                if change == Change::Pair && change != self.change {
                    continue;
                }
                let start = Instant::now();
                control(change)?;
                if turn > 0 && change == self.change {
                    elapsed += start.elapsed();
                }
            }
        }
        Ok(self.sample(elapsed, turns))
    }

    fn sample(self, elapsed: Duration, turns: u32) -> Sample {
        Sample {
            elapsed,
            units: u64::from(turns) * self.sockets.len() as u64,
        }
    }

    fn lists<Q: Queue>(self, change: Change) -> Vec<Vec<Q::Change>> {
        let flags: &[Flags] = match change {
            Change::Add => &[Flags::ADD],
            Change::Pair => &[Flags::DISABLE, Flags::ENABLE],
            Change::Delete => &[Flags::DELETE],
        };
        let list = |chunk: &[TcpStream]| {
            let entries = chunk.iter().flat_map(|socket| {
                let entry = move |&flags| Q::change(read_change(socket, flags));
                flags.iter().map(entry)
            });
            entries.collect()
        };
        self.sockets.chunks(self.entries).map(list).collect()
    }
}

impl QueueJob for Changes<'_> {
    fn run<Q: Queue>(self, make: impl Fn() -> io::Result<Q>, turns: u32) -> io::Result<Sample> {
        let additions = self.lists::<Q>(Change::Add);
        let pairs = self.lists::<Q>(Change::Pair);
        let deletions = self.lists::<Q>(Change::Delete);
        let mut queue = make()?;
        self.turns(turns, |change| {
            let lists = match change {
                Change::Add => &additions,
                Change::Pair => &pairs,
                Change::Delete => &deletions,
            };
            lists.iter().try_for_each(|list| queue.apply(list))
        })
    }
}
