//! A model of the system: readiness sets, a doorbell, alarms and clocks without a kernel.
//!
//! Entries behave as epoll's do: a level entry is reported as long as it is ready and goes to
//! the tail, an edge entry once per news, a one-shot entry once per arming; adding or changing an
//! entry looks at its condition again.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use parking_lot::Mutex;

use crate::engine::poller::{Poller, Set, Source, Token};
use crate::source::links::LinkState;
use crate::source::mounts::MountNews;
use crate::sys::clock::Clock;
use crate::sys::epoll::{Event, Patience};
use crate::sys::inotify::{Mask, Notice, Place};

const ET: u32 = libc::EPOLLET.cast_unsigned();
const ONESHOT: u32 = libc::EPOLLONESHOT.cast_unsigned();
/// Error and hang-up, reported unasked.
const UNASKED: u32 = (libc::EPOLLERR | libc::EPOLLHUP).cast_unsigned();

#[derive(Clone, Copy, Debug)]
struct Entry {
    bits: u32,
    token: u64,
    is_spent: bool,
}

#[derive(Debug, Default)]
struct World {
    entries: BTreeMap<(u8, RawFd), Entry>,
    /// Ready entries, in the order in which they are reported.
    line: VecDeque<(u8, RawFd)>,
    /// What is ready on each descriptor.
    ready: BTreeMap<RawFd, u32>,
    closed: Vec<RawFd>,
    doorbell: bool,
    is_armed: bool,
    now: u64,
    alarms: [Option<u64>; 2],
    rung: Vec<u32>,
    calls: Vec<&'static str>,
}

/// The model. Numbers below 256 are open descriptors unless closed.
#[derive(Debug, Default)]
pub(super) struct Model {
    world: Mutex<World>,
}

fn key(set: Set, fd: RawFd) -> (u8, RawFd) {
    (set as u8, fd)
}

fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

/// The doorbell's place in the line.
const DOORBELL: (u8, RawFd) = (u8::MAX, -1);

impl World {
    fn arm(&mut self) {
        self.is_armed = true;
        self.line.retain(|&place| place != DOORBELL);
        self.line.push_back(DOORBELL);
    }

    fn look(&mut self, place: (u8, RawFd)) {
        let Some(entry) = self.entries.get(&place) else {
            return;
        };
        let ready = self.ready.get(&place.1).copied().unwrap_or(0);
        if !entry.is_spent && ready & (entry.bits | UNASKED) != 0 && !self.line.contains(&place) {
            self.line.push_back(place);
        }
    }

    fn take(&mut self, set: Set, room: usize) -> Vec<Event> {
        let mut taken = Vec::new();
        let mut again = Vec::new();
        let mut kept = VecDeque::new();
        for place in std::mem::take(&mut self.line) {
            let is_ours = place.0 == set as u8 || (place == DOORBELL && set == Set::Main);
            if !is_ours || taken.len() == room {
                kept.push_back(place);
            } else if place == DOORBELL {
                if std::mem::take(&mut self.is_armed) {
                    taken.push(Event {
                        events: 1,
                        u64: Token::Doorbell.encode(),
                    });
                }
            } else if let Some(entry) = self.entries.get_mut(&place) {
                let ready = self.ready.get(&place.1).copied().unwrap_or(0) & (entry.bits | UNASKED);
                if ready == 0 || entry.is_spent {
                    continue;
                }
                taken.push(Event {
                    events: ready,
                    u64: entry.token,
                });
                entry.is_spent = entry.bits & ONESHOT != 0;
                if entry.bits & (ET | ONESHOT) == 0 {
                    again.push(place);
                }
            }
        }
        kept.extend(again);
        self.line = kept;
        taken
    }
}

impl Model {
    /// Sets what is ready on a descriptor; new readiness is news to every entry.
    pub(super) fn set_ready(&self, fd: RawFd, bits: i32) {
        let mut world = self.world.lock();
        world.ready.insert(fd, bits.cast_unsigned());
        for set in [Set::Main, Set::Inner, Set::Urgent] {
            world.look(key(set, fd));
        }
    }

    pub(super) fn close(&self, fd: RawFd) {
        self.world.lock().closed.push(fd);
    }

    pub(super) fn pass(&self, nanos: u64) {
        self.world.lock().now += nanos;
    }

    pub(super) fn ring(&self, bell: u32) {
        let mut world = self.world.lock();
        world.rung.push(bell);
        world.arm();
    }

    /// The calls since the last time.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.world.lock().calls)
    }

    /// Whether poll(2) would call the queue readable.
    pub(super) fn is_readable(&self) -> bool {
        let world = self.world.lock();
        let rings = world
            .alarms
            .iter()
            .flatten()
            .any(|&alarm| alarm <= world.now);
        let waits = world.line.iter().any(|place| {
            let ready = world.ready.get(&place.1).copied().unwrap_or(0);
            world
                .entries
                .get(place)
                .is_some_and(|e| ready & (e.bits | UNASKED) != 0)
        });
        world.is_armed || rings || waits
    }
}

impl Poller for Model {
    fn add(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        world.calls.push("add");
        if world.closed.contains(&fd) {
            return Err(errno(libc::EBADF));
        }
        if world.entries.contains_key(&key(set, fd)) {
            return Err(errno(libc::EEXIST));
        }
        world.entries.insert(
            key(set, fd),
            Entry {
                bits,
                token,
                is_spent: false,
            },
        );
        world.look(key(set, fd));
        Ok(())
    }

    fn modify(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
        let mut world = self.world.lock();
        world.calls.push("modify");
        if world.closed.contains(&fd) {
            return Err(errno(libc::EBADF));
        }
        let entry = world
            .entries
            .get_mut(&key(set, fd))
            .ok_or_else(|| errno(libc::ENOENT))?;
        *entry = Entry {
            bits,
            token,
            is_spent: false,
        };
        world.look(key(set, fd));
        Ok(())
    }

    fn delete(&self, set: Set, fd: RawFd) -> io::Result<()> {
        let mut world = self.world.lock();
        world.calls.push("delete");
        if world.closed.contains(&fd) {
            return Err(errno(libc::EBADF));
        }
        world.line.retain(|&place| place != key(set, fd));
        world
            .entries
            .remove(&key(set, fd))
            .map(drop)
            .ok_or_else(|| errno(libc::ENOENT))
    }

    fn wait<'a>(
        &self,
        batch: &'a mut [MaybeUninit<Event>],
        patience: Patience,
    ) -> io::Result<&'a [Event]> {
        let mut world = self.world.lock();
        world.calls.push("wait");
        let mut taken = Vec::new();
        for (alarm, clock) in world.alarms.iter().zip([Clock::Monotonic, Clock::Realtime]) {
            if alarm.is_some_and(|alarm| alarm <= world.now) {
                taken.push(Event {
                    events: 1,
                    u64: Token::Alarm(clock).encode(),
                });
            }
        }
        let room = batch.len() - taken.len().min(batch.len());
        taken.extend(world.take(Set::Main, room));
        if taken.is_empty() {
            match patience {
                Patience::None => {}
                Patience::Nanos(nanos) => world.now += nanos,
                Patience::Forever => return Err(errno(libc::EDEADLK)),
            }
        }
        taken.truncate(batch.len());
        for (place, event) in batch.iter_mut().zip(&taken) {
            place.write(*event);
        }
        Ok(crate::sys::epoll::written(batch, taken.len()))
    }

    fn collect<'a>(
        &self,
        set: Set,
        batch: &'a mut [MaybeUninit<Event>],
    ) -> io::Result<&'a [Event]> {
        let taken = self.world.lock().take(set, batch.len());
        for (place, event) in batch.iter_mut().zip(&taken) {
            place.write(*event);
        }
        Ok(crate::sys::epoll::written(batch, taken.len()))
    }

    fn is_open(&self, fd: RawFd) -> bool {
        (0..256).contains(&fd) && !self.world.lock().closed.contains(&fd)
    }

    fn ready_now(&self, fd: RawFd) -> u32 {
        self.world.lock().ready.get(&fd).copied().unwrap_or(0)
    }

    fn need_doorbell(&self) -> io::Result<()> {
        self.world.lock().doorbell = true;
        Ok(())
    }

    fn has_doorbell(&self) -> bool {
        self.world.lock().doorbell
    }

    fn arm_doorbell(&self) {
        let mut world = self.world.lock();
        if !world.is_armed {
            world.calls.push("arm");
            world.arm();
        }
    }

    fn disarm_doorbell(&self) {
        let mut world = self.world.lock();
        world.calls.push("disarm");
        world.is_armed = false;
    }

    fn is_doorbell_armed(&self) -> bool {
        self.world.lock().is_armed
    }

    fn doorbell_reported(&self) {}

    fn new_bell(&self) -> Option<(u32, u32)> {
        Some((0, 1))
    }

    fn free_bell(&self, _bell: u32) {}

    fn rung_bells(&self, each: &mut dyn FnMut(u32)) {
        let rung = std::mem::take(&mut self.world.lock().rung);
        rung.into_iter().for_each(each);
    }

    fn need_alarm(&self, _clock: Clock) -> io::Result<()> {
        Ok(())
    }

    fn set_alarm(&self, clock: Clock, deadline: Option<u64>) -> io::Result<()> {
        let mut world = self.world.lock();
        world.calls.push("alarm");
        let [monotonic, realtime] = &mut world.alarms;
        match clock {
            Clock::Monotonic => *monotonic = deadline,
            Clock::Realtime => *realtime = deadline,
        }
        Ok(())
    }

    fn now(&self, _clock: Clock) -> u64 {
        self.world.lock().now
    }

    fn watch_file(&self, _place: Place, _mask: Mask) -> io::Result<i32> {
        Err(errno(libc::ENOSPC))
    }

    fn unwatch_file(&self, _watch: i32) {}

    fn take_notices(&self, _notices: &mut Vec<Notice>) {}

    fn files_bell(&self) -> Option<u32> {
        None
    }

    fn need_source(&self, _source: Source) -> io::Result<()> {
        Ok(())
    }

    fn watch_pending(&self, _signal: i32) -> io::Result<()> {
        Ok(())
    }

    fn refresh(&self, _source: Source) {}

    fn mount_news(&self) -> MountNews {
        MountNews::default()
    }

    fn link_news(&self, _each: &mut dyn FnMut(u32, LinkState)) {}

    fn sound_doorbell(&self) {
        self.world.lock().is_armed = true;
    }

    fn remove_ghost(&self, _set: Set, _fd: RawFd) -> bool {
        true
    }

    fn renew(&self, _set: Set) -> io::Result<()> {
        Ok(())
    }
}
