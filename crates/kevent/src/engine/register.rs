//! One change applied to one knote: EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE and the rest.
//!
//! The steps and their order are those of `kqueue_register` (`docs/semantics.md`, 1.1). Changes
//! of descriptor filters go on in `descriptor`.

use std::os::fd::RawFd;

use super::knote::{Knote, Status};
use super::poller::{KEY_MAX, Poller, Source};
use super::ready::Node;
use super::state::Held;
use crate::closing::numbers;
use crate::filter::{self, Context, Entry, Errno, FilterOps, Happening, Modified};
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::limits::CLOSES_MAX;

/// What became of a change that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was done.
    Done,
    /// It names filter 0 and was passed over, without so much as a receipt.
    Skipped,
}

impl<P: Poller> Held<'_, P> {
    /// Applies one change. `number` is its place in the changelist.
    pub(crate) fn register(&mut self, change: &Kevent, number: usize) -> Result<Applied, Errno> {
        if change.filter.as_raw() == 0 {
            return Ok(Applied::Skipped);
        }
        let change = Kevent {
            flags: change.flags - Flags::SYSFLAGS,
            ..*change
        };
        if change.flags.contains(Flags::ENABLE | Flags::DISABLE) {
            return Err(libc::EINVAL);
        }
        let entry = filter::lookup(change.filter).ok_or(libc::EINVAL)?;
        if change.flags.contains(Flags::ADD | Flags::KEEPUDATA) {
            return Err(libc::EINVAL);
        }
        if self.engine.options.follows_closes && entry.watches_descriptor() {
            self.register_followed(entry, &change, number)
        } else {
            self.register_entry(entry, &change, number)
        }?;
        Ok(Applied::Done)
    }

    fn register_entry(
        &mut self,
        entry: &Entry,
        change: &Kevent,
        number: usize,
    ) -> Result<(), Errno> {
        match entry {
            Entry::Descriptor(direction) => self.register_half(*direction, change, number),
            Entry::Plain(ops) => self.register_knote(*ops, change),
            Entry::Refused(errno) if change.flags.contains(Flags::ADD) => Err(*errno),
            Entry::Refused(_) => Err(libc::ENOENT),
        }
    }

    /// Registers a descriptor whose close would be announced. Where one was announced meanwhile,
    /// what was registered may be the old file: it is done again, as if it came after the close.
    fn register_followed(
        &mut self,
        entry: &Entry,
        change: &Kevent,
        number: usize,
    ) -> Result<(), Errno> {
        self.take_closed();
        if !change.flags.contains(Flags::ADD) {
            return self.register_entry(entry, change, number);
        }
        let fd = RawFd::try_from(change.ident).map_err(|_| libc::EBADF)?;
        let mut attempts = 0;
        loop {
            // A wild number must cost no memory.
            if !self.engine.closed.has_place(fd) {
                if !self.engine.poller.is_open(fd) {
                    return Err(libc::EBADF);
                }
                if !self.engine.closed.make_place(fd) {
                    return Err(libc::ENOMEM);
                }
            }
            let stamp = numbers::watch(fd, self.engine.own_fd()).ok_or(libc::ENOMEM)?;
            let result = self.register_entry(entry, change, number);
            attempts += 1;
            if numbers::is_unchanged(fd, stamp) || attempts == CLOSES_MAX {
                return result;
            }
            self.take_closed();
            self.forget_number(fd);
        }
    }

    fn register_knote(&mut self, ops: &dyn FilterOps, change: &Kevent) -> Result<(), Errno> {
        if ops.watches_descriptor() {
            self.check_descriptor(change.ident)?;
            // What happened before this change is told to the knotes as they were before it.
            self.files_changed();
        }
        let mut found = self
            .state
            .index
            .get(&(change.filter, change.ident))
            .copied();
        if let Some(key) = found
            && change.flags.contains(Flags::ADD)
            && !self.is_same_object(ops, key)
        {
            // The number was closed, or its process is gone, and it names something else now:
            // the knote went with the old one, but for an event of it that waits.
            self.supersede(ops, key);
            found = None;
        }
        let key = match found {
            None if change.flags.contains(Flags::ADD) => self.attach(ops, change)?,
            None if change.flags.contains(Flags::DELETE) && self.delete_unindexed(change) => {
                return Ok(());
            }
            None => return Err(libc::ENOENT),
            Some(key) if change.flags.contains(Flags::DELETE) => {
                self.delete_knote(key);
                self.delete_unindexed(change);
                return Ok(());
            }
            Some(key) => {
                self.modify(ops, key, change)?;
                key
            }
        };
        self.check_knote(ops, key);
        Ok(())
    }

    /// A descriptor's number must be open, and not the queue itself.
    fn check_descriptor(&mut self, ident: usize) -> Result<(), Errno> {
        let fd = RawFd::try_from(ident).map_err(|_| libc::EBADF)?;
        if fd == self.engine.own_fd() {
            return Err(libc::EINVAL);
        }
        if !self.engine.poller.is_open(fd) {
            self.drop_bound(fd);
            return Err(libc::EBADF);
        }
        Ok(())
    }

    fn is_same_object(&self, ops: &dyn FilterOps, key: u32) -> bool {
        let knote = self.state.knotes.get(key as usize);
        knote.is_some_and(|knote| ops.is_same_object(knote))
    }

    /// The knote's name is needed for what it names now. Where that is no descriptor, what the
    /// knote still has to say is delivered.
    fn supersede(&mut self, ops: &dyn FilterOps, key: u32) {
        if ops.watches_descriptor() {
            self.delete_knote(key);
            return;
        }
        let knote = self.state.knotes.get(key as usize);
        if let Some(generation) = knote.map(|knote| knote.generation) {
            self.knote_reported(key, generation, 0);
        }
        let knote = self.state.knotes.get(key as usize);
        if knote.is_some_and(|knote| knote.status.contains(Status::ACTIVE)) {
            self.unindex(key);
        } else {
            self.delete_knote(key);
        }
    }

    /// Deletes the knotes that watch this number on their own account.
    pub(crate) fn drop_bound(&mut self, fd: RawFd) {
        if self.state.bound_count == 0 {
            return;
        }
        let Ok(ident) = usize::try_from(fd) else {
            return;
        };
        for filter in filter::bound() {
            if let Some(key) = self.state.index.get(&(filter, ident)).copied() {
                self.delete_knote(key);
            }
        }
    }

    /// Creates a knote.
    fn attach(&mut self, ops: &dyn FilterOps, change: &Kevent) -> Result<u32, Errno> {
        let key = u32::try_from(self.state.knotes.vacant_key()).map_err(|_| libc::ENOMEM)?;
        if key > KEY_MAX {
            return Err(libc::ENOMEM);
        }
        self.state.knote_generation = self.state.knote_generation.wrapping_add(1);
        let mut knote = Knote::new(change, self.state.knote_generation);
        self.with_context((key, knote.generation), |context| {
            ops.attach(&mut knote, change, context)
        })?;
        let state = &mut *self.state;
        state.index.insert((change.filter, change.ident), key);
        state.knotes.insert(knote);
        state.bound_count += usize::from(ops.watches_descriptor());
        if let Some(audience) = audience(&mut state.audiences, ops) {
            audience.push(key);
        }
        Ok(key)
    }

    /// Changes an existing knote.
    fn modify(&mut self, ops: &dyn FilterOps, key: u32, change: &Kevent) -> Result<(), Errno> {
        let modified = self.with_knote(key, |knote, context| {
            let modified = ops.modify(knote, change, context)?;
            if change.flags.contains(Flags::FORCEONESHOT) {
                knote.flags |= Flags::ONESHOT;
                knote.status |= Status::ACTIVE;
            }
            if change.flags.contains(Flags::ENABLE) {
                knote.status -= Status::DISABLED;
            } else if change.flags.contains(Flags::DISABLE) {
                knote.status |= Status::DISABLED;
            }
            if !change.flags.contains(Flags::KEEPUDATA) {
                knote.udata = change.udata;
            }
            Ok(modified)
        })?;
        if modified == Modified::Restarted {
            self.dequeue(key);
            if let Some(knote) = self.state.knotes.get_mut(key as usize) {
                knote.status -= Status::ACTIVE;
            }
        }
        // A disabled knote leaves the queue at once, not at the next scan: the queue's
        // descriptor is then not readable for nothing.
        if self
            .state
            .knotes
            .get(key as usize)
            .is_some_and(Knote::is_disabled)
        {
            self.dequeue(key);
        }
        Ok(())
    }

    /// The last two steps of every registration: is it true now, and if so, line up.
    fn check_knote(&mut self, ops: &dyn FilterOps, key: u32) {
        let is_active = self.with_knote(key, |knote, context| {
            if !knote.is_disabled() && ops.event(knote, context) {
                knote.status |= Status::ACTIVE;
            }
            Ok(knote.status.contains(Status::ACTIVE))
        });
        if is_active == Ok(true) {
            self.enqueue(key);
        }
    }

    /// Something happened to what the knote watches.
    pub(crate) fn activate(&mut self, key: u32, what: Happening) {
        self.act_on(key, |ops, knote, context| {
            ops.happened(knote, what, context)
        });
    }

    /// Tells a filter something about a knote of its own, and does what follows from it.
    pub(crate) fn act_on(
        &mut self,
        key: u32,
        tell: impl FnOnce(&dyn FilterOps, &mut Knote, &mut Context<'_>) -> bool,
    ) {
        let told = self.with_knote(key, |knote, context| {
            let Some(Entry::Plain(ops)) = filter::lookup(knote.filter) else {
                return Err(libc::ENOENT);
            };
            let is_active = tell(*ops, knote, context);
            if is_active {
                knote.status |= Status::ACTIVE;
            }
            Ok((is_active, knote.status.contains(Status::GONE)))
        });
        match told {
            Ok((_, true)) => self.delete_knote(key),
            Ok((true, false)) => self.enqueue(key),
            _ => {}
        }
        self.take_in();
    }

    /// The descriptor that a knote watches on its own account is ready.
    pub(crate) fn knote_reported(&mut self, key: u32, generation: u32, ready: u32) {
        let knote = self.state.knotes.get(key as usize);
        if knote.is_some_and(|knote| knote.generation == generation) {
            // What led to this, for who hears of it another way, comes first.
            if self.engine.poller.expects_mail() {
                self.engine.poller.fetch_mail();
                self.answer_mail();
            }
            self.activate(key, Happening::Ready(ready));
        }
    }

    /// A source has news for its audience.
    pub(crate) fn source_reported(&mut self, source: Source) {
        if source == Source::Files {
            return self.files_changed();
        }
        self.engine.poller.refresh(source);
        let audience = self
            .state
            .audiences
            .get(source as usize)
            .cloned()
            .unwrap_or_default();
        for key in audience {
            self.activate(key, Happening::News);
        }
    }

    /// Lines an active knote up, unless it is disabled or already there.
    pub(crate) fn enqueue(&mut self, key: u32) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.get_mut(key as usize) else {
            return;
        };
        if !knote.is_disabled() && !knote.is_queued() {
            knote.status |= Status::QUEUED;
            knote.link = state.ready.push(Node::Knote(key));
        }
    }

    /// Takes a knote out of the ready queue; it stays active.
    pub(crate) fn dequeue(&mut self, key: u32) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.get_mut(key as usize) else {
            return;
        };
        if knote.is_queued() {
            knote.status -= Status::QUEUED;
            state.ready.remove(knote.link);
        }
    }

    /// Removes a knote, wherever it stands.
    pub(crate) fn delete_knote(&mut self, key: u32) {
        self.dequeue(key);
        let _ = self.with_knote(key, |knote, context| {
            if let Some(Entry::Plain(ops)) = filter::lookup(knote.filter) {
                ops.detach(knote, context);
            }
            Ok(())
        });
        let state = &mut *self.state;
        state.asking.retain(|&other| other != key);
        let Some(knote) = state.knotes.try_remove(key as usize) else {
            return;
        };
        let name = (knote.filter, knote.ident);
        if state.index.get(&name) == Some(&key) {
            state.index.remove(&name);
        } else {
            state.unindexed.retain(|&other| other != key);
        }
        if let Some(Entry::Plain(ops)) = filter::lookup(knote.filter) {
            state.bound_count -= usize::from(ops.watches_descriptor());
            if let Some(audience) = audience(&mut state.audiences, *ops) {
                audience.retain(|&other| other != key);
            }
        }
    }

    /// Calls a filter with a knote and what it may use.
    pub(crate) fn with_knote<R>(
        &mut self,
        key: u32,
        act: impl FnOnce(&mut Knote, &mut Context<'_>) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let state = &mut *self.state;
        let knote = state.knotes.get_mut(key as usize).ok_or(libc::ENOENT)?;
        let generation = knote.generation;
        act(
            knote,
            &mut Context {
                key,
                generation,
                files: &mut state.files,
                alarms: &mut state.alarms,
                bells: &mut state.bells,
                asking: &mut state.asking,
                born: &mut state.born,
                options: &self.engine.options,
                poller: &self.engine.poller,
            },
        )
    }

    fn with_context<R>(
        &mut self,
        (key, generation): (u32, u32),
        act: impl FnOnce(&mut Context<'_>) -> R,
    ) -> R {
        let state = &mut *self.state;
        act(&mut Context {
            key,
            generation,
            files: &mut state.files,
            alarms: &mut state.alarms,
            bells: &mut state.bells,
            asking: &mut state.asking,
            born: &mut state.born,
            options: &self.engine.options,
            poller: &self.engine.poller,
        })
    }
}

/// The list of knotes that a filter's source reports for.
fn audience<'a>(
    audiences: &'a mut [Vec<u32>; Source::COUNT],
    ops: &dyn FilterOps,
) -> Option<&'a mut Vec<u32>> {
    audiences.get_mut(ops.source()? as usize)
}
