//! Changes of descriptor filters: half-knotes in the slot of their number.
//!
//! EV_ADD makes exactly one epoll_ctl(2) and asks nothing else: the kind of descriptor is learnt
//! at the first delivery. On a number that is known, that call is a modification, whose ENOENT
//! reveals that the number is another file by now.

use std::io;
use std::os::fd::RawFd;

use super::knote::{STORED, Status};
use super::poller::Poller;
use super::ready::Node;
use super::state::Held;
use super::table::{Direction, Half, Mode, Registered, Rest, SETS, SlotBits};
use crate::filter::{self, Errno};
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::source::descriptor::Kind;

impl<P: Poller> Held<'_, P> {
    /// Applies a change of a descriptor filter.
    pub(crate) fn register_half(
        &mut self,
        direction: Direction,
        change: &Kevent,
        number: usize,
    ) -> Result<(), Errno> {
        let fd = RawFd::try_from(change.ident).map_err(|_| libc::EBADF)?;
        if fd == self.engine.own_fd() {
            return Err(libc::EINVAL);
        }
        let is_present = self
            .state
            .table
            .get(fd)
            .is_some_and(|slot| slot.half(direction).is_present());
        if !is_present {
            if !change.flags.contains(Flags::ADD) {
                let is_open = self.engine.poller.is_open(fd);
                return Err(if is_open { libc::ENOENT } else { libc::EBADF });
            }
            return self.add_half(fd, direction, change);
        }
        if change.flags.contains(Flags::DELETE) {
            return self.delete_half(fd, direction, number);
        }
        self.modify_half(fd, direction, change, number)
    }

    /// EV_ADD of a half-knote that is not there.
    fn add_half(&mut self, fd: RawFd, direction: Direction, change: &Kevent) -> Result<(), Errno> {
        filter::attach_check(direction, fd)?;
        // A wild number must not make the table grow, so a slot is made only for an open one;
        // below the table's end it costs nothing.
        if self.state.table.get(fd).is_none() {
            if !self.engine.poller.is_open(fd) {
                return Err(libc::EBADF);
            }
            self.state.table.make(fd);
        }
        let slot = self.state.table.get(fd).copied().unwrap_or_default();
        self.place_half(fd, direction, change);
        let result = self.sync_added(fd, direction);
        let is_swapped = match &result {
            Ok(()) => slot.is_unpollable(),
            Err(error) => slot.is_registered() && error.raw_os_error() == Some(libc::ENOENT),
        };
        let result = if is_swapped {
            // The number is another file: what stood here went with the old one.
            self.drop_descriptor(fd);
            self.place_half(fd, direction, change);
            self.sync_added(fd, direction)
        } else {
            result
        };
        result.or_else(|error| self.refused(fd, direction, &error))
    }

    /// Tells the kernel of a half-knote that was just added. Entries that are there are looked at
    /// again in any case, which finds out whether the number is still the same file.
    fn sync_added(&mut self, fd: RawFd, direction: Direction) -> io::Result<()> {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        slot.bits -= SlotBits::UNPOLLABLE;
        let set = slot.set_of(direction);
        let item = slot.item_mut(set);
        item.is_parked = false;
        item.is_hushed = false;
        let items = slot.items;
        self.sync_item(fd, set, true)?;
        for (other, item) in SETS.into_iter().zip(items) {
            if other != set && item.registered.contains(Registered::PRESENT) {
                self.sync_item(fd, other, true)?;
            }
        }
        Ok(())
    }

    /// epoll refuses the descriptor: it is evaluated here (`EPERM`), or the change fails.
    fn refused(&mut self, fd: RawFd, direction: Direction, error: &io::Error) -> Result<(), Errno> {
        let errno = filter::errno(error);
        let result = if errno == libc::EPERM {
            self.add_unpollable(fd, direction)
        } else {
            Err(errno)
        };
        if result.is_err() {
            if errno == libc::EBADF {
                self.drop_descriptor(fd);
            } else {
                self.clear_half(fd, direction);
            }
        }
        result
    }

    /// Fills the place of a half-knote.
    fn place_half(&mut self, fd: RawFd, direction: Direction, change: &Kevent) {
        let interest = filter::keep_interest(change.fflags, &self.engine.options);
        let low_water = if filter::has_low_water(interest) {
            change.data
        } else {
            0
        };
        let rest = self.keep_rest(
            0,
            Rest {
                ext: change.ext,
                low_water,
            },
        );
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        if !slot.has_knotes() {
            slot.kind = Kind::default();
            slot.generation = slot.generation.wrapping_add(1);
        }
        let mode = Mode::of(change.flags);
        let other = match direction {
            Direction::In => Some(slot.half(Direction::Out)),
            Direction::Out => Some(slot.half(Direction::In)),
            Direction::Urgent => None,
        };
        // Two knotes share the main entry if they want the same mode of it.
        let is_odd = other.is_some_and(|other| {
            let is_main = other.is_present() && !other.status.contains(Status::INNER);
            is_main && other.mode() != mode
        });
        let mut status = Status::PRESENT;
        status.set(Status::INNER, is_odd);
        status.set(Status::DISABLED, change.flags.contains(Flags::DISABLE));
        *slot.half_mut(direction) = Half {
            udata: change.udata,
            rest,
            flags: change.flags & STORED,
            status,
            interest,
        };
    }
    /// Any change but EV_DELETE of a half-knote that is there.
    fn modify_half(
        &mut self,
        fd: RawFd,
        direction: Direction,
        change: &Kevent,
        number: usize,
    ) -> Result<(), Errno> {
        self.update_half(fd, direction, change);
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        let set = slot.set_of(direction);
        let half = *slot.half(direction);
        let item = slot.item_mut(set);
        item.is_parked = false;
        item.is_hushed = false;
        if half.is_disabled() {
            self.dequeue_half(fd, direction);
        } else if half.status.contains(Status::ACTIVE) {
            self.enqueue_half(fd, direction)?;
        }
        let is_unpollable = self
            .state
            .table
            .get(fd)
            .is_some_and(super::table::Slot::is_unpollable);
        if change.flags.contains(Flags::ADD) {
            return self.readd_half(fd, direction, change);
        }
        if is_unpollable {
            self.evaluate(fd, direction);
        } else if change.flags.contains(Flags::RECEIPT) {
            // A receipt must not be followed by an error of the same change.
            self.mark_dirty(fd, number, half.mode() == Mode::Edge);
            return self.sync(fd).map_err(|error| self.lost(fd, &error));
        } else {
            self.mark_dirty(fd, number, half.mode() == Mode::Edge);
        }
        Ok(())
    }

    /// EV_ADD of a half-knote that is there: its condition is looked at again, and so is whether
    /// the number is still the same file.
    fn readd_half(
        &mut self,
        fd: RawFd,
        direction: Direction,
        change: &Kevent,
    ) -> Result<(), Errno> {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        slot.kind = Kind::default();
        let was_unpollable = slot.is_unpollable();
        let result = self.sync_added(fd, direction);
        match result {
            Ok(()) if was_unpollable => {}
            Ok(()) => return Ok(()),
            Err(error) => match error.raw_os_error() {
                Some(libc::EPERM) => return self.add_unpollable(fd, direction),
                Some(libc::ENOENT) => {}
                _ => return Err(self.lost(fd, &error)),
            },
        }
        self.drop_descriptor(fd);
        self.add_half(fd, direction, change)
    }

    /// Copies a change into the half-knote: udata, interest, whether it is enabled.
    fn update_half(&mut self, fd: RawFd, direction: Direction, change: &Kevent) {
        let Some(half) = self.state.table.get(fd).map(|slot| *slot.half(direction)) else {
            return;
        };
        let mut half = half;
        if !change.flags.contains(Flags::KEEPUDATA) {
            half.udata = change.udata;
        }
        // Deviation G18: a bare EV_ENABLE does not wipe the interest.
        let is_bare = change.fflags == 0 && change.data == 0;
        if change.flags.contains(Flags::ADD) || !is_bare {
            half.interest = filter::keep_interest(change.fflags, &self.engine.options);
            let low_water = if filter::has_low_water(half.interest) {
                change.data
            } else {
                0
            };
            let rest = Rest {
                low_water,
                ..self.rest(half.rest)
            };
            half.rest = self.keep_rest(half.rest, rest);
        }
        if change.flags.contains(Flags::FORCEONESHOT) {
            half.status |= Status::ACTIVE | Status::FORCED;
        }
        if change.flags.contains(Flags::ENABLE) {
            half.status -= Status::DISABLED;
        } else if change.flags.contains(Flags::DISABLE) {
            half.status |= Status::DISABLED;
        }
        if let Some(slot) = self.state.table.get_mut(fd) {
            *slot.half_mut(direction) = half;
        }
    }

    /// EV_DELETE of a half-knote that is there.
    fn delete_half(&mut self, fd: RawFd, direction: Direction, number: usize) -> Result<(), Errno> {
        let Some(slot) = self.state.table.get(fd) else {
            return Ok(());
        };
        let (set, is_unpollable) = (slot.set_of(direction), slot.is_unpollable());
        self.clear_half(fd, direction);
        if is_unpollable {
            return if self.engine.poller.is_open(fd) {
                Ok(())
            } else {
                Err(libc::EBADF)
            };
        }
        let is_last = self
            .state
            .table
            .get(fd)
            .is_none_or(|slot| slot.desired(set).is_empty());
        if is_last {
            self.sync_item(fd, set, false)
                .map_err(|error| self.lost(fd, &error))
        } else {
            self.mark_dirty(fd, number, false);
            Ok(())
        }
    }

    /// The number turned out to be closed or another file: everything on it is gone.
    fn lost(&mut self, fd: RawFd, error: &io::Error) -> Errno {
        let errno = filter::errno(error);
        if matches!(errno, libc::EBADF | libc::ENOENT) {
            self.drop_descriptor(fd);
        }
        errno
    }

    /// Empties the place of a half-knote; the kernel's entries stay as they are.
    pub(crate) fn clear_half(&mut self, fd: RawFd, direction: Direction) {
        self.dequeue_half(fd, direction);
        self.forget_file(fd, direction);
        let state = &mut *self.state;
        let Some(slot) = state.table.get_mut(fd) else {
            return;
        };
        let half = std::mem::take(slot.half_mut(direction));
        if half.rest != 0 {
            state.rests.try_remove(half.rest as usize - 1);
        }
    }

    /// Lines a half-knote up in the ready queue.
    pub(crate) fn enqueue_half(&mut self, fd: RawFd, direction: Direction) -> Result<(), Errno> {
        self.engine
            .poller
            .need_doorbell()
            .map_err(|error| filter::errno(&error))?;
        let state = &mut *self.state;
        let Some(slot) = state.table.get_mut(fd) else {
            return Ok(());
        };
        let half = slot.half_mut(direction);
        if !half.status.intersects(Status::QUEUED | Status::DISABLED) {
            half.status |= Status::QUEUED;
            state.ready.push(Node::Half(fd, direction));
        }
        Ok(())
    }

    /// Takes a half-knote out of the ready queue.
    pub(crate) fn dequeue_half(&mut self, fd: RawFd, direction: Direction) {
        let state = &mut *self.state;
        let Some(slot) = state.table.get_mut(fd) else {
            return;
        };
        let half = slot.half_mut(direction);
        if half.status.contains(Status::QUEUED) {
            half.status -= Status::QUEUED;
            state.ready.remove_half(fd, direction);
        }
    }

    /// The rarely used rest of a half-knote.
    pub(crate) fn rest(&self, key: u32) -> Rest {
        let index = (key as usize).checked_sub(1);
        index
            .and_then(|index| self.state.rests.get(index))
            .copied()
            .unwrap_or_default()
    }

    /// Stores a rest under its old key, or a new one, or not at all where it is empty.
    fn keep_rest(&mut self, key: u32, rest: Rest) -> u32 {
        let rests = &mut self.state.rests;
        if let Some(old) = (key as usize)
            .checked_sub(1)
            .and_then(|index| rests.get_mut(index))
        {
            *old = rest;
            return key;
        }
        if rest == Rest::default() {
            return 0;
        }
        u32::try_from(rests.insert(rest) + 1).expect("fewer than descriptors, which are ints")
    }
}
