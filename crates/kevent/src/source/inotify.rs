//! One inotify(7) instance per queue, or, where the user has no instance left (128 by default),
//! one shared by queues of this process.
//!
//! A queue has a *seat* at its instance. Where there is more than one, whoever reads the
//! instance puts what concerns the others into their mailboxes and rings their doorbells. The
//! instance itself is in the set of each of them, so it does not matter which one reads.
//!
//! Lock order: a queue's lock, then an instance's; ringing takes none.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};

use hashbrown::HashSet;
use parking_lot::Mutex;
use slab::Slab;

use super::wake::Doorbell;
use crate::engine::poller::NOTICES_MAX;
use crate::sys;
use crate::sys::inotify::{Mask, Notice, Place};
use crate::sys::own::Own;

/// A queue's share in an instance. Dropping it ends its watches.
#[derive(Debug)]
pub(crate) struct FileWatch {
    instance: Arc<Instance>,
    seat: usize,
    bell: u32,
}

/// An inotify instance, and the queues that share it.
#[derive(Debug)]
pub(crate) struct Instance {
    inotify: Own,
    seats: Mutex<Slab<Seat>>,
}

#[derive(Debug)]
struct Seat {
    doorbell: Arc<Doorbell>,
    bell: (u32, u32),
    watches: HashSet<i32>,
    /// What another seat has read for this one. Empty, or the bell was rung.
    mailbox: Vec<Notice>,
}

/// The instances of this process, of which those that are gone fall out in time.
#[derive(Debug, Default)]
pub(crate) struct Instances(Mutex<Vec<Weak<Instance>>>);

impl FileWatch {
    /// A seat for the queue with this doorbell: at an instance of its own, if there is one to be
    /// had.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no instance or descriptor is left, and no queue of this process has
    /// one. `ENOMEM`.
    pub(crate) fn open(doorbell: &Arc<Doorbell>, instances: &Instances) -> io::Result<Self> {
        let bell = doorbell
            .new_bell()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))?;
        let mut instances = instances.0.lock();
        instances.retain(|instance| instance.strong_count() > 0);
        let other = instances.iter().find_map(Weak::upgrade);
        let own = if other.is_some() && sys::force::is_forced("no_inotify_instance") {
            Err(io::Error::from_raw_os_error(libc::EMFILE))
        } else {
            sys::inotify::create()
        };
        let instance = match own {
            Ok(inotify) => {
                let instance = Arc::new(Instance {
                    inotify: Own::from(inotify),
                    seats: Mutex::default(),
                });
                instances.push(Arc::downgrade(&instance));
                instance
            }
            Err(error) => other.ok_or_else(|| {
                doorbell.free_bell(bell.0);
                error
            })?,
        };
        drop(instances);
        let seat = instance.take_seat(doorbell, bell);
        Ok(Self {
            instance,
            seat,
            bell: bell.0,
        })
    }

    /// The bell that says that another seat has read something for this one.
    pub(crate) const fn bell(&self) -> u32 {
        self.bell
    }

    /// Watches a file.
    pub(crate) fn watch(&self, place: Place, mask: Mask) -> io::Result<i32> {
        let mut seats = self.instance.seats.lock();
        let mask = match mask {
            // The others' wishes are not known here.
            Mask::Replace(bits) if seats.len() > 1 => Mask::Widen(bits),
            mask => mask,
        };
        let watch = sys::inotify::watch(self.as_fd(), place, mask)?;
        if let Some(seat) = seats.get_mut(self.seat) {
            seat.watches.insert(watch);
        }
        Ok(watch)
    }

    /// Ends a watch, unless another seat has it as well.
    pub(crate) fn unwatch(&self, watch: i32) {
        let mut seats = self.instance.seats.lock();
        if let Some(seat) = seats.get_mut(self.seat) {
            seat.watches.remove(&watch);
        }
        self.instance.end(&seats, watch);
    }

    /// Appends what there is for this seat.
    pub(crate) fn take(&self, notices: &mut Vec<Notice>) {
        let mut seats = self.instance.seats.lock();
        if seats.len() > 1 {
            self.instance.hand_out(&mut seats);
        }
        if let Some(seat) = seats.get_mut(self.seat) {
            notices.append(&mut seat.mailbox);
        }
        if seats.len() == 1 {
            self.instance.read(notices);
            if let Some(seat) = seats.get_mut(self.seat) {
                seat.forget_ended(notices);
            }
        }
    }
}

impl AsFd for FileWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.instance.inotify.as_fd()
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let mut seats = self.instance.seats.lock();
        let Some(seat) = seats.try_remove(self.seat) else {
            return;
        };
        seat.doorbell.free_bell(seat.bell.0);
        // The last one's watches go with the instance.
        if !seats.is_empty() {
            for watch in seat.watches {
                self.instance.end(&seats, watch);
            }
        }
    }
}

impl Instance {
    fn take_seat(&self, doorbell: &Arc<Doorbell>, bell: (u32, u32)) -> usize {
        let mut seats = self.seats.lock();
        // What has happened so far does not concern the newcomer.
        if !seats.is_empty() {
            self.hand_out(&mut seats);
        }
        seats.insert(Seat {
            doorbell: Arc::clone(doorbell),
            bell,
            watches: HashSet::new(),
            mailbox: Vec::new(),
        })
    }

    /// Ends a watch that no seat has any more.
    fn end(&self, seats: &Slab<Seat>, watch: i32) {
        if seats.iter().all(|(_, seat)| !seat.watches.contains(&watch)) {
            // Fails where the file itself is gone, and the watch with it.
            let _ = sys::inotify::unwatch(self.inotify.as_fd(), watch);
        }
    }

    fn read(&self, notices: &mut Vec<Notice>) {
        while notices.len() < NOTICES_MAX
            && let Ok(true) =
                sys::inotify::read(self.inotify.as_fd(), |notice| notices.push(notice))
        {}
    }

    /// Reads what there is into the mailboxes.
    fn hand_out(&self, seats: &mut Slab<Seat>) {
        let mut notices = Vec::new();
        self.read(&mut notices);
        for (_, seat) in seats.iter_mut() {
            seat.receive(&notices);
            seat.forget_ended(&notices);
        }
    }
}

impl Seat {
    fn receive(&mut self, notices: &[Notice]) {
        let was_empty = self.mailbox.is_empty();
        for notice in notices {
            let is_overflow = notice.mask & libc::IN_Q_OVERFLOW != 0;
            if !is_overflow && !self.watches.contains(&notice.watch) {
                continue;
            }
            if self.mailbox.len() == NOTICES_MAX {
                // A queue that nobody asks has lost its place, as if the kernel's had overflowed.
                self.mailbox.clear();
                self.mailbox.push(Notice {
                    watch: -1,
                    mask: libc::IN_Q_OVERFLOW,
                    cookie: 0,
                    is_named: false,
                });
            }
            self.mailbox.push(*notice);
        }
        if was_empty && !self.mailbox.is_empty() {
            let (bell, generation) = self.bell;
            self.doorbell.ring(bell, generation);
        }
    }

    fn forget_ended(&mut self, notices: &[Notice]) {
        for notice in notices {
            if notice.mask & libc::IN_IGNORED != 0 {
                self.watches.remove(&notice.watch);
            }
        }
    }
}
