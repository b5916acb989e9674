//! `Reactor`: changes in, one kevent(), events out.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kevent::{Events, Filter, Flags, Kevent, Kqueue, TriggerHandle};

use super::slot::{Descriptor, Direction, Slot};
use super::table::Table;
use super::token::Token;
use super::waiters::Waiters;
use crate::limits;

/// One thread's queue and what waits in it.
pub(crate) struct Reactor {
    queue: Kqueue,
    table: RefCell<Table>,
    /// Taken out while a turn uses them.
    buffers: Cell<Option<Buffers>>,
    /// Operations on ready sources that the task being polled may still do.
    operations_left: Cell<u32>,
}

/// Lists reused from turn to turn.
struct Buffers {
    changelist: Vec<Kevent>,
    events: Events,
    woken: Vec<Waker>,
}

/// The user event by which other threads end a wait: no slot has this number.
const BELL: Token = Token::NONE;

impl Reactor {
    /// Makes the thread's queue, and the handle by which other threads end a wait in it.
    pub(crate) fn new() -> io::Result<(Rc<Self>, TriggerHandle)> {
        let queue = Kqueue::new()?;
        queue.apply(&[Kevent::user(BELL.index()).clear().udata(BELL.udata())])?;
        let bell = queue.trigger_handle(BELL.index())?;
        let reactor = Self {
            queue,
            table: RefCell::default(),
            buffers: Cell::new(None),
            operations_left: Cell::new(limits::OPERATIONS_PER_POLL),
        };
        Ok((Rc::new(reactor), bell))
    }

    /// Submits the changes, waits for events, and wakes their tasks. Returns whether another
    /// thread has rung the bell.
    ///
    /// # Errors
    /// `EBADF`: the queue belongs to the parent of this process.
    pub(crate) fn turn(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let mut buffers = self.buffers.take().unwrap_or_else(Buffers::new);
        let result = self.turn_with(&mut buffers, timeout);
        self.buffers.set(Some(buffers));
        result
    }

    fn turn_with(&self, buffers: &mut Buffers, timeout: Option<Duration>) -> io::Result<bool> {
        let Buffers {
            changelist,
            events,
            woken,
        } = buffers;
        let until_retry = self.table.borrow_mut().retry_refused_timers();
        let timeout = timeout.into_iter().chain(until_retry).min();
        let mut is_rung = false;
        loop {
            let has_more = {
                let mut table = self.table.borrow_mut();
                changelist.clear();
                table.collect(changelist, woken);
                table.has_changes()
            };
            let is_over = has_more || is_rung || !woken.is_empty();
            let timeout = if is_over {
                Some(Duration::ZERO)
            } else {
                timeout
            };
            is_rung |= self.wait(changelist, events, timeout, woken)?;
            if !has_more {
                break;
            }
        }
        woken.drain(..).for_each(Waker::wake);
        Ok(is_rung)
    }

    fn wait(
        &self,
        changelist: &[Kevent],
        events: &mut Events,
        timeout: Option<Duration>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<bool> {
        match self.queue.wait(changelist, events, timeout) {
            // The changes are applied; the executor looks around and comes back.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            result => drop(result?),
        }
        let mut table = self.table.borrow_mut();
        let mut is_rung = false;
        for event in &*events {
            if event.filter == Filter::USER && event.udata == BELL.udata() {
                is_rung = true;
            } else {
                table.dispatch(event, woken);
            }
        }
        Ok(is_rung)
    }

    /// A task is about to be polled.
    pub(crate) fn refill_operations(&self) {
        self.operations_left.set(limits::OPERATIONS_PER_POLL);
    }

    /// Counts an operation of the task being polled; `Pending` if it has had its share.
    fn poll_operation(&self, context: &Context<'_>) -> Poll<()> {
        let left = self.operations_left.get();
        if left == 0 {
            self.refill_operations();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.operations_left.set(left - 1);
        Poll::Ready(())
    }

    pub(crate) fn insert(&self, slot: Slot) -> io::Result<Token> {
        self.table.borrow_mut().insert(slot)
    }

    /// Takes a source and its knotes out. A descriptor must still be open.
    pub(crate) fn remove(&self, token: Token) {
        let slot = self.table.borrow_mut().remove(token);
        match &slot {
            Some(Slot::Descriptor(descriptor)) if descriptor.is_registered() => {
                self.queue.forget_fd(descriptor.fd);
            }
            Some(Slot::User(_)) => {
                // At once, since a new user event of this slot is added at once as well. It can
                // only fail where there is nothing left to delete.
                drop(self.queue.apply(&[Kevent::user(token.index()).delete()]));
            }
            Some(Slot::Watch(watch)) if watch.is_present => {
                // At once, since its ident may be another source's as soon as this one is gone.
                let knote = Kevent::new(watch.ident, watch.filter, Flags::DELETE);
                drop(self.queue.apply(&[knote]));
            }
            _ => {}
        }
    }

    /// See [`Io::poll_ready`](crate::Io::poll_ready).
    pub(crate) fn poll_ready(
        &self,
        token: Token,
        direction: Direction,
        context: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_ready(token, direction) && self.poll_operation(context).is_pending() {
            return Poll::Pending;
        }
        let crowd = {
            let mut table = self.table.borrow_mut();
            let Some(descriptor) = table.descriptor(token) else {
                return Poll::Ready(Err(io::ErrorKind::NotFound.into()));
            };
            let side = descriptor.side(direction);
            if let Some(answer) = side.answer() {
                return Poll::Ready(answer);
            }
            let crowd = side.waiters.add(context.waker());
            table.want_side(token, direction);
            crowd
        };
        crowd.wake();
        Poll::Pending
    }

    pub(crate) fn is_ready(&self, token: Token, direction: Direction) -> bool {
        self.with_descriptor(token, |descriptor| descriptor.side(direction).is_ready)
    }

    /// Looks at, or changes, the state of a descriptor; the default where there is none.
    pub(crate) fn with_descriptor<R: Default>(
        &self,
        token: Token,
        act: impl FnOnce(&mut Descriptor) -> R,
    ) -> R {
        self.table
            .borrow_mut()
            .descriptor(token)
            .map(act)
            .unwrap_or_default()
    }

    /// Moves a timer's deadline; `None` switches it off.
    pub(crate) fn set_deadline(&self, token: Token, deadline: Option<Instant>) {
        let mut table = self.table.borrow_mut();
        if table
            .timer(token)
            .is_some_and(|timer| timer.set_deadline(deadline))
        {
            table.want_timer(token);
        }
    }

    /// Ready once the timer has fired, until its deadline is moved.
    pub(crate) fn poll_timer(&self, token: Token, context: &Context<'_>) -> Poll<()> {
        let crowd = match self.table.borrow_mut().timer(token) {
            Some(timer) if timer.has_fired => return Poll::Ready(()),
            Some(timer) => timer.waiters.add(context.waker()),
            None => Waiters::default(),
        };
        crowd.wake();
        Poll::Pending
    }

    /// Adds the knote of a user event at once, and makes the handle that triggers it.
    pub(crate) fn add_user(&self, token: Token) -> io::Result<TriggerHandle> {
        let change = Kevent::user(token.index()).clear().udata(token.udata());
        self.queue.apply(&[change])?;
        self.queue.trigger_handle(token.index())
    }

    /// Takes the notification of a user event, if there is one.
    pub(crate) fn take_notification(&self, token: Token) -> bool {
        match self.table.borrow_mut().get(token) {
            Some(Slot::User(user)) => mem::take(&mut user.is_notified),
            _ => false,
        }
    }

    /// Takes the notification of a user event, or waits for it.
    pub(crate) fn poll_notification(&self, token: Token, context: &Context<'_>) -> Poll<()> {
        if self.take_notification(token) {
            return Poll::Ready(());
        }
        let crowd = match self.table.borrow_mut().get(token) {
            Some(Slot::User(user)) => user.waiters.add(context.waker()),
            _ => Waiters::default(),
        };
        crowd.wake();
        Poll::Pending
    }

    /// Adds the knote of a watch at once.
    pub(crate) fn add_watch(&self, token: Token, change: Kevent) -> io::Result<()> {
        self.queue.apply(&[change.udata(token.udata())])?;
        if let Some(watch) = self.table.borrow_mut().watch(token) {
            watch.is_present = true;
        }
        Ok(())
    }

    /// Takes the notes of a watch, or waits for some.
    pub(crate) fn poll_notes(&self, token: Token, context: &Context<'_>) -> Poll<u32> {
        let crowd = match self.table.borrow_mut().watch(token) {
            Some(watch) if watch.notes != 0 => return Poll::Ready(mem::take(&mut watch.notes)),
            Some(watch) => watch.waiters.add(context.waker()),
            None => Waiters::default(),
        };
        crowd.wake();
        Poll::Pending
    }
}

impl Buffers {
    fn new() -> Self {
        Self {
            changelist: Vec::new(),
            events: Events::with_capacity(limits::EVENTS_PER_WAIT),
            woken: Vec::new(),
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
