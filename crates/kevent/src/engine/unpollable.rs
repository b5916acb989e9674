//! Descriptors that epoll refuses: regular files, directories, /dev/null.
//!
//! Their half-knotes are evaluated here and line up in the ready queue. A file that is read to
//! its end becomes ready when it grows, which a watch reports, or when its offset moves, which
//! nobody reports: such knotes are looked at before each wait.

use std::os::fd::RawFd;

use super::files::{Watcher, Wish};
use super::knote::Status;
use super::poller::Poller;
use super::state::Held;
use super::table::{Direction, Item, Mode, SlotBits};
use crate::filter::{self, Errno, Happening};
use crate::source::descriptor::{Kind, Verdict};
use crate::sys::inotify::Place;

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
            let wish = Wish {
                watcher: Watcher::Half(fd),
                place: Place::File(fd),
                mask: libc::IN_MODIFY,
            };
            let poller = &self.engine.poller;
            let watch = self.state.files.watch(poller, wish)?;
            self.state.looked_at.push((fd, watch));
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

    /// Looks at everything of which nobody reports that it has become true.
    pub(crate) fn look(&mut self) {
        if self.engine.poller.expects_mail() {
            self.engine.poller.fetch_mail();
            self.answer_mail();
        }
        for place in 0..self.state.asking.len() {
            let Some(&key) = self.state.asking.get(place) else {
                break;
            };
            self.activate(key, Happening::Asked);
        }
        for place in 0..self.state.looked_at.len() {
            let Some(&(fd, _)) = self.state.looked_at.get(place) else {
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

    /// Ends the watch of a half-knote, if it has one.
    pub(crate) fn forget_file(&mut self, fd: RawFd, direction: Direction) {
        let state = &mut *self.state;
        let found = state.looked_at.iter().position(|&(other, _)| other == fd);
        let Some(found) = found.filter(|_| direction == Direction::In) else {
            return;
        };
        let (_, watch) = state.looked_at.remove(found);
        let watcher = Watcher::Half(fd);
        let poller = &self.engine.poller;
        state.files.unwatch(poller, watch, watcher, Place::File(fd));
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
        let generation = slot.generation;
        let verdict = filter::event(direction, fd, &mut kind, ready, interest, options);
        // If the number was closed meanwhile it may have been another file that was asked.
        self.take_closed();
        match self.state.table.get_mut(fd) {
            Some(slot) if slot.generation == generation => {
                slot.kind = kind;
                verdict
            }
            _ => Verdict::Closed,
        }
    }
}
