//! What a binding to another language needs beyond [`Kqueue`]: the parts of a call, so that the
//! waiting is a function of its own; layouts of its own for events; and the announcement of
//! closes, for who sees every close(2) of the process. The C library stands on it.
//!
//! Linux only: elsewhere the kernel speaks C already. A Rust program has no use for it.
//!
//! # A call in parts
//! ```
//! use kevent::binding::{Step, wait_in};
//! use kevent::{Kevent, Kqueue};
//! use std::mem::MaybeUninit;
//!
//! let queue = Kqueue::new()?;
//! let mut eventlist = [MaybeUninit::<Kevent>::uninit(); 4];
//! let mut call = queue.call(&mut eventlist)?;
//! let mut step = call.apply(&[Kevent::user(1), Kevent::trigger(1)])?;
//! if matches!(step, Step::Wait(_)) {
//!     step = call.begin(None)?;
//! }
//! let mut batch = [MaybeUninit::uninit(); 4];
//! while let Step::Wait(patience) = step {
//!     step = call.resume(wait_in(call.set(), &mut batch, patience))?;
//! }
//! assert_eq!(step, Step::Done(1));
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

pub use crate::closing::numbers::{
    Closing, Watcher, announce as announce_close, announce_unwatched,
    each_known as each_known_number, forget_all, is_own, set_queue, watcher,
};
pub use crate::engine::call::Step;
pub use crate::engine::eventlist::Layout;
pub use crate::sys::epoll::{Event as SetEvent, Patience, wait as wait_in};
pub use crate::sys::fork::epoch as process_epoch;
pub use crate::sys::signal::disposition::{
    ignore_for_exec, is_counted as is_signal_counted, put_back_all as put_dispositions_back,
    sigaction, sigaction_elsewhere, undo_ignore_for_exec, use_sigaction,
};
pub use crate::sys::signal::waiting::Wait as InterruptionMark;
pub use crate::sys::sparse::Sparse;

use crate::engine;
use crate::kevent::Kevent;
use crate::kqueue::{Builder, Kqueue};
use crate::queue::Queue;
use crate::source::epoll::EpollPoller;

/// A kevent(2) call under way, which waits where its caller likes.
///
/// It owns nothing but its place in the caller's lists: giving it up half-way leaves the queue in
/// order, with the changes applied.
pub struct Call<'a, L = Kevent> {
    queue: &'a Queue,
    call: engine::call::Call<'a, EpollPoller, L>,
}

impl<L: Layout> Call<'_, L> {
    /// Applies the changes. To be called once, first. [`Step::Done`]: the call returns that many
    /// answers, without waiting. [`Step::Wait`]: go on with [`begin`](Self::begin).
    ///
    /// # Errors
    /// As [`Kqueue::kevent`].
    #[inline]
    pub fn apply(&mut self, changelist: &[Kevent]) -> io::Result<Step> {
        let step = self.call.apply(changelist);
        self.queue.called();
        step
    }

    /// Begins to wait, at most `timeout` from now.
    ///
    /// # Errors
    /// `EBADF`: the queue is closed.
    #[inline]
    pub fn begin(&mut self, timeout: Option<Duration>) -> io::Result<Step> {
        self.call.begin(timeout)
    }

    /// Goes on with what waiting in [`set`](Self::set) for at most [`room`](Self::room) entries,
    /// with the patience that was asked for, has yielded.
    ///
    /// # Errors
    /// `EBADF`: the queue is closed. `EINTR`: the wait was interrupted, and there is no event.
    #[inline]
    pub fn resume(&mut self, woken_by: io::Result<&[SetEvent]>) -> io::Result<Step> {
        let step = self.call.resume(woken_by);
        self.queue.called();
        step
    }

    /// Whether something is to be looked at before the call waits. If not, and with no changes,
    /// neither [`apply`](Self::apply) nor [`begin`](Self::begin) takes a lock or makes a system
    /// call.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.call.is_pending()
    }

    /// The epoll set to wait in.
    #[must_use]
    pub fn set(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }

    /// How many more events the call takes; at least 1 where it waits.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.call.room()
    }
}

impl<L> std::fmt::Debug for Call<'_, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl Builder {
    /// Promises that every close of a descriptor number in this process is announced
    /// ([`announce_close`]) and told to the queues that watch it ([`Kqueue::number_closes`]). A
    /// closed descriptor's knotes then go with it, as on BSD.
    pub fn follows_closes(mut self, yes: bool) -> Self {
        self.follows_closes = yes;
        self
    }
}

impl Kqueue {
    /// A call in parts, its events in a layout of the caller's.
    ///
    /// # Errors
    /// `EBADF`: the queue belongs to the parent of this forked process.
    #[inline]
    pub fn call<'a, L: Layout>(
        &'a self,
        eventlist: &'a mut [MaybeUninit<L>],
    ) -> io::Result<Call<'a, L>> {
        let call = self.queue.call(eventlist)?;
        Ok(Call {
            queue: &self.queue,
            call,
        })
    }

    /// The number `fd` is about to be closed: this queue forgets what it knows of it. Between
    /// [`announce_close`] and [`Closing::end`].
    ///
    /// Takes no lock and allocates nothing: a signal handler may call it. Changes errno.
    pub fn number_closes(&self, fd: RawFd) {
        self.queue.number_closes(fd);
    }

    /// The queue goes by `number` from now on, a duplicate of its descriptor; returns the one it
    /// had, which no call that began before may outlive.
    pub fn move_to(&self, number: OwnedFd) -> OwnedFd {
        self.queue.move_to(number)
    }

    /// Closes the queue for whoever waits in it, if anybody may: that call and every later one
    /// answers `EBADF`. The knotes go when the queue is dropped; the descriptor's number stays open
    /// and is the caller's to close, after that.
    ///
    /// Takes no lock and allocates nothing: a signal handler may call it. Changes errno.
    pub fn condemn(&self, is_awaited: bool) {
        self.queue.condemn(is_awaited);
    }
}
