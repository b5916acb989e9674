//! `Doorbell`: wakes one queue from user space, from any thread and from a signal handler.
//!
//! Its descriptor is an eventfd that is always readable and registered EPOLLONESHOT: silent
//! until EPOLL_CTL_MOD arms it, and silent again once a waiter has harvested it. That is one
//! call to wake (453 ns with the wait) where writing and reading an eventfd are two (1084 ns).
//!
//! The doorbell knows the *number* of the epoll descriptor and does not own it, because handles
//! outlive their queue. The number may be closed and used again at any moment. That is harmless:
//! the only call on it is EPOLL_CTL_MOD of our own live eventfd, which no other set holds, so
//! what else has the number answers EBADF, EINVAL or ENOENT.
//!
//! Who rings: [`TriggerHandle`](crate::TriggerHandle), the queue's own user-space events, and who
//! leaves a letter in the mailbox (`source::process_events`). Who
//! answers: the engine, under the queue's lock.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use super::arming::{Arming, Mode};
use super::bells::Bells;
use super::home::{Home, mark};
use crate::source::process_events::Mailbox;
use crate::sys;
use crate::sys::own::Own;

/// The mask that reports nothing: an eventfd never hangs up, and one-shot without a condition
/// has nothing to report.
const SILENT: u32 = libc::EPOLLONESHOT.cast_unsigned();
const LEVEL: u32 = libc::EPOLLIN.cast_unsigned();

/// Wakes one queue, and remembers why.
#[derive(Debug)]
pub(crate) struct Doorbell {
    eventfd: Own,
    /// Not owned; see above.
    epoll_fd: AtomicI32,
    epoll_data: u64,
    /// The process that made it; in a forked child the epoll set is still the parent's.
    process: u32,
    arming: Arming,
    bells: Bells,
    mailbox: Mailbox,
    home: Arc<Home>,
}

impl Doorbell {
    /// A silent doorbell in this epoll set; its event carries `epoll_data`. Who is at home in the
    /// queue needs no such event.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM: no descriptor to be had. ENOSPC: the user's epoll watches are
    /// used up.
    pub(crate) fn new(epoll_fd: RawFd, epoll_data: u64, home: Arc<Home>) -> io::Result<Self> {
        let eventfd = Own::from(sys::wake::readable_eventfd()?);
        sys::wake::epoll_add(epoll_fd, eventfd.as_fd(), SILENT, epoll_data)?;
        Ok(Self {
            eventfd,
            epoll_fd: AtomicI32::new(epoll_fd),
            epoll_data,
            process: sys::fork::epoch(),
            arming: Arming::new(),
            bells: Bells::new(),
            mailbox: Mailbox::default(),
            home,
        })
    }

    /// The set goes by another number from now on.
    pub(crate) fn moved(&self, epoll_fd: RawFd) {
        self.epoll_fd.store(epoll_fd, Ordering::Release);
    }

    /// Makes the queue readable, once, if it is not already. Takes no lock.
    pub(crate) fn arm(&self) {
        self.arming.arm(|mode| self.tell(mode));
    }

    /// Makes the queue readable for every waiter and for good: it is closing.
    pub(crate) fn arm_level(&self) {
        self.arming.arm_level(|mode| self.tell(mode));
    }

    /// Makes the queue unreadable. `drain` must follow before the lock is given up: a ringer may
    /// have relied on the wake-up that this takes back.
    pub(crate) fn disarm(&self) {
        self.arming.disarm(|mode| self.tell(mode));
    }

    /// Whether somebody has made the queue readable, or is about to.
    pub(crate) fn is_armed(&self) -> bool {
        self.arming.is_armed()
    }

    /// A waiter has got the wake event. Must come before `drain` and before a look at anything
    /// else that `arm` announces.
    pub(crate) fn harvested(&self) {
        self.arming.harvested();
    }

    /// Joins a set that is about to take the place of the queue's, armed: a ringer that still
    /// tells the old one then wakes a waiter of the new.
    pub(crate) fn join(&self, set: BorrowedFd<'_>) -> io::Result<()> {
        let armed = LEVEL | SILENT;
        sys::wake::epoll_add(
            set.as_raw_fd(),
            self.eventfd.as_fd(),
            armed,
            self.epoll_data,
        )
    }

    /// Where the queue's letters lie; `arm` follows each.
    pub(crate) const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// A bell and its generation; `None` when 262,144 are in use. Under the queue's lock.
    pub(crate) fn new_bell(&self) -> Option<(u32, u32)> {
        self.bells.take()
    }

    /// Gives a bell back: rings by its handles do nothing from now on. Under the queue's lock.
    pub(crate) fn free_bell(&self, bell: u32) {
        self.bells.free(bell);
    }

    /// As `arm`, unless this thread alone could notice. At the end of a call, under the queue's
    /// lock.
    pub(crate) fn arm_for_others(&self) {
        if !self.home.keep_inside(mark()) {
            self.arm();
        }
    }

    /// Makes a bell pending and the queue readable, unless this thread alone could notice. Async-signal-safe: no lock, no allocation,
    /// errno is kept. Does nothing for an old generation, and nothing in a forked child.
    pub(crate) fn ring(&self, bell: u32, generation: u32) {
        if self.process == sys::fork::epoch()
            && self.bells.ring(bell, generation)
            && !self.home.keep(mark())
        {
            self.arm();
        }
    }

    /// Visits every pending bell, in order of number, each once. Under the queue's lock.
    pub(crate) fn drain(&self, visit: impl FnMut(u32)) {
        self.home.heard();
        self.bells.drain(visit);
    }

    fn tell(&self, mode: Mode) {
        let events = match mode {
            Mode::Silent => SILENT,
            Mode::Once => LEVEL | SILENT,
            Mode::Level => LEVEL,
        };
        sys::wake::epoll_modify(
            self.epoll_fd.load(Ordering::Acquire),
            self.eventfd.as_fd(),
            events,
            self.epoll_data,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sys::wake::tests::{epoll, is_readable, last_errno, set_errno, wait};

    const TAG: u64 = 0xfeed;

    fn queue() -> (OwnedFd, Doorbell) {
        let set = epoll();
        let doorbell = Doorbell::new(set.as_raw_fd(), TAG, Arc::new(Home::new())).unwrap();
        (set, doorbell)
    }

    #[test]
    fn a_new_doorbell_is_silent() {
        let (set, doorbell) = queue();
        assert!(!is_readable(&set));
        assert!(!doorbell.is_armed());
    }

    #[test]
    fn a_ring_wakes_once_and_names_its_bell() {
        let (set, doorbell) = queue();
        let (bell, generation) = doorbell.new_bell().unwrap();
        doorbell.ring(bell, generation);
        doorbell.ring(bell, generation);
        assert!(is_readable(&set) && doorbell.is_armed());
        assert_eq!(wait(&set), [TAG]);
        assert!(!is_readable(&set));
        doorbell.harvested();
        let mut rung = Vec::new();
        doorbell.drain(|bell| rung.push(bell));
        assert_eq!(rung, [bell]);
        doorbell.ring(bell, generation);
        assert_eq!(wait(&set), [TAG]);
    }

    #[test]
    fn disarm_makes_the_queue_unreadable_until_the_next_ring() {
        let (set, doorbell) = queue();
        doorbell.arm();
        assert!(is_readable(&set));
        doorbell.disarm();
        assert!(!is_readable(&set) && !doorbell.is_armed());
        doorbell.arm();
        assert!(is_readable(&set));
    }

    #[test]
    fn a_closing_queue_wakes_every_waiter() {
        let (set, doorbell) = queue();
        doorbell.arm_level();
        for _ in 0..3 {
            assert_eq!(wait(&set), [TAG]);
            doorbell.harvested();
        }
        assert!(is_readable(&set));
    }

    #[test]
    fn ringing_keeps_errno_and_survives_its_queue() {
        let (set, doorbell) = queue();
        let (bell, generation) = doorbell.new_bell().unwrap();
        drop(set);
        set_errno(libc::ENOTTY);
        doorbell.ring(bell, generation);
        assert_eq!(last_errno(), libc::ENOTTY);
    }

    /// Four threads ring their bells in rounds; a ring counts as seen when its bell was visited
    /// after it. The last ring of each is never lost.
    #[test]
    fn no_ring_of_many_threads_is_lost() {
        const RINGERS: u32 = 4;
        const ROUNDS: u32 = 20_000;
        let (set, doorbell) = queue();
        let rung: Vec<_> = (0..RINGERS).map(|_| AtomicU32::new(0)).collect();
        let bells: Vec<_> = (0..RINGERS).map(|_| doorbell.new_bell().unwrap()).collect();
        std::thread::scope(|scope| {
            for (counter, &(bell, generation)) in rung.iter().zip(&bells) {
                let doorbell = &doorbell;
                scope.spawn(move || {
                    for round in 1..=ROUNDS {
                        counter.store(round, Ordering::Relaxed);
                        doorbell.ring(bell, generation);
                    }
                });
            }
            let mut seen = [0; RINGERS as usize];
            while seen != [ROUNDS; RINGERS as usize] {
                assert_eq!(wait(&set), [TAG], "a ring was lost: {seen:?} of {ROUNDS}");
                doorbell.harvested();
                doorbell.drain(|bell| {
                    let bell = bell as usize;
                    seen[bell] = rung[bell].load(Ordering::Relaxed);
                });
            }
        });
    }
}
