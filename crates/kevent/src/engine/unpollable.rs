//! Descriptors that epoll refuses: regular files, directories, /dev/null.
//!
//! Their half-knotes are evaluated here and line up in the ready queue. A file that is read to
//! its end becomes ready when it grows, which a watch reports, or when its offset moves, which
//! nobody reports: such knotes are looked at before each wait.

use std::os::fd::RawFd;

use super::knote::Status;
use super::poller::Poller;
use super::state::Held;
use super::table::{Direction, Item, Mode, SlotBits};
use crate::filter::{self, Errno};
use crate::source::descriptor::{Kind, Verdict};

impl<P: Poller> Held<'_, P> {
    /// A half-knote that was just placed turned out to be on an unpollable descriptor.
    pub(crate) fn add_unpollable(&mut self, fd: RawFd, direction: Direction) -> Result<(), Errno> {
        let kind = Kind::learn(fd).map_err(|error| filter::errno(&error))?;
        let Some(slot) = self.state.table.get_mut(fd) else {
            return Ok(());
        };
        slot.bits |= SlotBits::UNPOLLABLE;
        slot.kind = kind;
        slot.items = [Item::default(); 3];
        let interest = slot.half(direction).interest;
        self.forget_file(fd, direction);
        self.engine
            .poller
            .need_doorbell()
            .map_err(|error| filter::errno(&error))?;
        if filter::depends_on_file(direction, kind, interest) {
            let watch = self.engine.poller.watch_file(fd).map_err(|error| {
                // No room for one more watch is want of memory to the caller.
                let errno = filter::errno(&error);
                if errno == libc::ENOSPC {
                    libc::ENOMEM
                } else {
                    errno
                }
            })?;
            self.state.watches.entry(watch).or_default().push(fd);
            self.state.looked_at.push(fd);
        }
        self.evaluate(fd, direction);
        Ok(())
    }

    /// Is it true now? If so, it lines up.
    pub(crate) fn evaluate(&mut self, fd: RawFd, direction: Direction) {
        let Some(half) = self.state.table.get(fd).map(|slot| *slot.half(direction)) else {
            return;
        };
        let skipped = Status::QUEUED | Status::DISABLED;
        if !half.is_present() || half.status.intersects(skipped) {
            return;
        }
        match self.verdict(fd, direction, 0) {
            Verdict::Inactive => {}
            Verdict::Closed => self.drop_descriptor(fd),
            Verdict::Active { .. } => {
                if let Some(slot) = self.state.table.get_mut(fd) {
                    slot.half_mut(direction).status |= Status::ACTIVE;
                }
                // The doorbell exists since the half-knote was added.
                let _ = self.enqueue_half(fd, direction);
            }
        }
    }

    /// Looks at every half-knote of which nobody reports that it has become true.
    pub(crate) fn look(&mut self) {
        for place in 0..self.state.looked_at.len() {
            let Some(&fd) = self.state.looked_at.get(place) else {
                break;
            };
            let mode = self
                .state
                .table
                .get(fd)
                .map(|slot| slot.half(Direction::In).mode());
            // An edge-like knote wants news, which the watch brings.
            if mode != Some(Mode::Edge) {
                self.evaluate(fd, Direction::In);
            }
        }
    }

    /// Files were written to.
    pub(crate) fn files_changed(&mut self) {
        let mut changed = Vec::new();
        let watches = &self.state.watches;
        self.engine.poller.changed_files(&mut |watch| match watch {
            Some(watch) => changed.extend(watches.get(&watch).into_iter().flatten().copied()),
            None => changed.extend(watches.values().flatten().copied()),
        });
        for fd in changed {
            self.evaluate(fd, Direction::In);
        }
    }

    /// Ends the watch of a half-knote, if it has one.
    pub(crate) fn forget_file(&mut self, fd: RawFd, direction: Direction) {
        if direction != Direction::In || !self.state.looked_at.contains(&fd) {
            return;
        }
        let state = &mut *self.state;
        state.looked_at.retain(|&other| other != fd);
        let poller = &self.engine.poller;
        let mut is_unwatched = false;
        state.watches.retain(|&watch, sharers| {
            sharers.retain(|&other| other != fd);
            if sharers.is_empty() {
                poller.unwatch_file(watch);
                is_unwatched = true;
            }
            !sharers.is_empty()
        });
        if is_unwatched {
            // The end of a watch is news too, which would leave the queue readable for nothing.
            self.files_changed();
        }
    }

    /// What the filter says of a half-knote, given what the kernel reported.
    pub(crate) fn verdict(&mut self, fd: RawFd, direction: Direction, ready: u32) -> Verdict {
        let Some(slot) = self.state.table.get(fd) else {
            return Verdict::Inactive;
        };
        let half = *slot.half(direction);
        let mut kind = slot.kind;
        let low_water = if half.rest == 0 {
            0
        } else {
            self.rest(half.rest).low_water
        };
        let options = &self.engine.options;
        let interest = (half.interest, low_water);
        let verdict = filter::event(direction, fd, &mut kind, ready, interest, options);
        if let Some(slot) = self.state.table.get_mut(fd) {
            slot.kind = kind;
        }
        verdict
    }
}
