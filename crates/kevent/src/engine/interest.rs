//! What the kernel's sets should hold for a descriptor, and telling them.
//!
//! One entry per descriptor and set, level-triggered unless its knotes ask otherwise
//! (`docs/design.md`, 2.2):
//!
//! | the knotes of an entry | the entry |
//! |---|---|
//! | plain | level-triggered |
//! | EV_CLEAR | edge-triggered |
//! | EV_ONESHOT, EV_DISPATCH | one-shot |
//! | all disabled | edge-triggered and empty; taken out once it reports an error or hang-up |
//! | none accepted what it reported | parked: edge-triggered until one does |
//!
//! A spent one-shot entry is silent for good, so it may stay behind when its knote is gone: the
//! next EV_ADD then finds it, and finds out whether the number is still the same file.

use std::io;
use std::os::fd::RawFd;

use super::poller::{Poller, Set, Token};
use super::state::Held;
use super::table::{Direction, Item, Mode, Registered, SETS, Slot, SlotBits};

impl Slot {
    /// What this set should hold.
    pub(crate) fn desired(&self, set: Set) -> Registered {
        let mut mode = None;
        let mut directions = Registered::empty();
        for direction in Direction::ALL {
            let half = self.half(direction);
            if !half.is_present() || self.set_of(direction) != set {
                continue;
            }
            mode = Some(half.mode());
            if !half.is_disabled() {
                directions |= registered(direction);
            }
        }
        let Some(mode) = mode else {
            return Registered::empty();
        };
        let item = self.item(set);
        if directions.is_empty() {
            return if item.is_hushed {
                Registered::empty()
            } else {
                Registered::PRESENT | Registered::EDGE
            };
        }
        let how = match mode {
            _ if item.is_parked => Registered::EDGE,
            Mode::Level => Registered::empty(),
            Mode::Edge => Registered::EDGE,
            Mode::Once => Registered::ONCE,
        };
        Registered::PRESENT | how | directions
    }
}

/// The direction's bit of a set entry.
pub(crate) const fn registered(direction: Direction) -> Registered {
    match direction {
        Direction::In => Registered::IN,
        Direction::Out => Registered::OUT,
        Direction::Urgent => Registered::URGENT,
    }
}

/// The entry as epoll_ctl(2) takes it.
#[expect(clippy::cast_sign_loss, reason = "libc types these bits as int")]
fn epoll_bits(entry: Registered) -> u32 {
    let mut bits = 0;
    for (flag, value) in [
        (Registered::IN, libc::EPOLLIN | libc::EPOLLRDHUP),
        (Registered::OUT, libc::EPOLLOUT),
        (Registered::URGENT, libc::EPOLLPRI | libc::EPOLLRDHUP),
        (Registered::EDGE, libc::EPOLLET),
        (Registered::ONCE, libc::EPOLLONESHOT),
    ] {
        if entry.contains(flag) {
            bits |= value as u32;
        }
    }
    bits
}

impl<P: Poller> Held<'_, P> {
    /// Marks a slot to be brought up to date before the call ends.
    pub(crate) fn mark_dirty(&mut self, fd: RawFd, change: usize, recheck: bool) {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        if recheck {
            slot.bits |= SlotBits::RECHECK;
        }
        if !slot.bits.contains(SlotBits::DIRTY) {
            slot.bits |= SlotBits::DIRTY;
            self.state.dirty.push((fd, change));
        }
    }

    /// Brings every marked slot up to date; errors go to `failed` with the change that asked.
    pub(crate) fn flush(&mut self, mut failed: impl FnMut(usize, i32)) {
        if self.state.dirty.is_empty() {
            return;
        }
        let mut dirty = std::mem::take(&mut self.state.dirty);
        for (fd, change) in dirty.drain(..) {
            if let Err(error) = self.sync(fd) {
                self.drop_descriptor(fd);
                // The number is another file: the old one was closed, and its knote with it.
                let errno = crate::filter::errno(&error);
                failed(
                    change,
                    if errno == libc::EBADF {
                        errno
                    } else {
                        libc::ENOENT
                    },
                );
            }
        }
        self.state.dirty = dirty;
    }

    /// Brings one slot's entries up to date.
    ///
    /// # Errors
    /// `EBADF`: the number is closed. `ENOENT`: it is another file. `ENOMEM`, `ENOSPC`, `EMFILE`.
    pub(crate) fn sync(&mut self, fd: RawFd) -> io::Result<()> {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        let recheck = slot.bits.contains(SlotBits::RECHECK);
        slot.bits -= SlotBits::DIRTY | SlotBits::RECHECK;
        if slot.is_unpollable() {
            return Ok(());
        }
        for set in SETS {
            self.sync_item(fd, set, recheck)?;
        }
        Ok(())
    }

    /// Brings one entry up to date. With `recheck` the kernel looks at it again even if it
    /// stays as it is.
    pub(crate) fn sync_item(&mut self, fd: RawFd, set: Set, recheck: bool) -> io::Result<()> {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        let desired = slot.desired(set);
        let generation = slot.generation;
        let item = slot.item_mut(set);
        let registered = item.registered;
        let silent = |entry: Registered| !entry.intersects(Registered::DIRECTIONS);
        if desired == registered && !(recheck && desired.contains(Registered::PRESENT)) {
            return Ok(());
        }
        let is_spent = registered == Registered::PRESENT | Registered::ONCE;
        if silent(desired) && is_spent && !recheck && !item.is_hushed {
            return Ok(());
        }
        let bits = epoll_bits(desired);
        let token = Token::Descriptor { fd, generation }.encode();
        let poller = &self.engine.poller;
        let was = registered.contains(Registered::PRESENT);
        match (was, desired.contains(Registered::PRESENT)) {
            (false, false) => {}
            (false, true) => add_entry(poller, set, fd, bits, token)?,
            (true, true) => poller.modify(set, fd, bits, token)?,
            (true, false) => {
                *item = Item {
                    registered: Registered::empty(),
                    ..*item
                };
                return poller.delete(set, fd);
            }
        }
        item.registered = desired;
        Ok(())
    }
}

fn add_entry<P: Poller>(poller: &P, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
    match poller.add(set, fd, bits, token) {
        // The same file under the same number, from before it was forgotten.
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
            poller.modify(set, fd, bits, token)
        }
        result => result,
    }
}
