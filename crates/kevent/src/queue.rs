//! `Queue`: the engine on this kernel's facilities, with what concerns the whole queue: its
//! place in the process, fork(2), trigger handles.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::closing::numbers;
use crate::engine::call::{Call, closed};
use crate::engine::eventlist::Layout;
use crate::engine::knote::Kept;
use crate::engine::state::{Engine, Options};
use crate::flags::Filter;
use crate::kevent::Kevent;
use crate::kqueue::Builder;
use crate::source::epoll::EpollPoller;
use crate::source::wake::{Doorbell, Stay, mark};
use crate::{registry, sys};

/// One queue, shared by its handles. The engine is shared with the registry, which may hold on to
/// it for a moment, under the lock of another queue; so what must happen when a queue ends happens
/// here.
pub(crate) struct Queue {
    engine: Arc<Engine<EpollPoller>>,
    /// The process that made it. In a forked child the epoll set is still the parent's, so the
    /// child must not touch it.
    process: u32,
    /// It is in the registry.
    is_entered: AtomicBool,
}

impl Queue {
    /// A queue with these options.
    pub(crate) fn new(builder: &Builder) -> io::Result<Arc<Self>> {
        if builder.copy_on_fork {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let poller = EpollPoller::new(registry::file_instances())?;
        let own_fd = poller.as_fd().as_raw_fd();
        let options = Options {
            own_fd,
            without_data: builder.without_data,
            exact_socket_errors: builder.exact_socket_errors,
            timers_max: builder.timers_max,
            follows_closes: builder.follows_closes,
        };
        let engine = Arc::new(Engine::new(poller, options));
        registry::enter(own_fd, &engine);
        Ok(Arc::new(Self {
            engine,
            process: sys::fork::epoch(),
            is_entered: AtomicBool::new(true),
        }))
    }

    /// One kevent() call.
    #[inline]
    pub(crate) fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        self.check_process()?;
        let _stay = if eventlist.is_empty() {
            Stay::default()
        } else {
            self.engine.poller.home().enter(mark())
        };
        let result = self.engine.kevent(changelist, eventlist, timeout);
        self.called();
        result
    }

    /// A call whose waiting is somebody else's.
    #[inline]
    pub(crate) fn call<'a, L: Layout>(
        &'a self,
        eventlist: &'a mut [MaybeUninit<L>],
    ) -> io::Result<Call<'a, EpollPoller, L>> {
        self.check_process()?;
        self.engine.poller.open();
        Ok(Call::new(&self.engine, eventlist))
    }

    /// After each call: tells queues that watch this one of a new set under its number.
    #[inline]
    pub(crate) fn called(&self) {
        if self.engine.was_renewed.load(Ordering::Relaxed) {
            self.announce_renewal();
        }
    }

    /// A number that this queue may watch is about to be closed. Async-signal-safe.
    pub(crate) fn number_closes(&self, fd: RawFd) {
        self.engine.closed.push(fd);
        self.engine.poller.number_closes(fd);
    }

    /// The queue goes by another number of its descriptor; returns the one it had.
    pub(crate) fn move_to(&self, number: OwnedFd) -> OwnedFd {
        numbers::moved();
        let held = self.engine.hold();
        let new = number.as_raw_fd();
        let old = self.engine.poller.move_to(number);
        self.engine.set_own_fd(new);
        drop(held);
        registry::moved(&self.engine, old.as_raw_fd(), new);
        old
    }

    /// Closes it for who is inside, and leaves the rest to the drop, but for its number, which is
    /// the caller's from now on. Async-signal-safe.
    pub(crate) fn condemn(&self, is_awaited: bool) {
        self.engine.poller.give_up_number();
        if !self.engine.is_dead.swap(true, Ordering::AcqRel) && is_awaited {
            self.engine.poller.rouse_for_good();
        }
    }

    #[cold]
    fn announce_renewal(&self) {
        if self.engine.was_renewed.swap(false, Ordering::AcqRel) {
            registry::renewed(&self.engine);
        }
    }

    fn leave(&self) {
        if self.is_entered.swap(false, Ordering::AcqRel) {
            registry::leave(&self.engine);
        }
    }

    #[inline]
    fn check_process(&self) -> io::Result<()> {
        if sys::fork::epoch() == self.process {
            Ok(())
        } else {
            Err(closed())
        }
    }

    /// `EBADF` where the queue is closed or the parent's.
    pub(crate) fn check_usable(&self) -> io::Result<()> {
        self.check_process()?;
        if self.engine.is_dead.load(Ordering::Acquire) {
            Err(closed())
        } else {
            Ok(())
        }
    }

    /// Closes it for every handle; the number stays taken until the last one is dropped.
    pub(crate) fn close(&self) {
        if self.check_usable().is_ok() {
            self.engine.close();
            self.leave();
        }
    }

    pub(crate) fn forget_fd(&self, fd: RawFd) {
        if self.check_process().is_ok() {
            self.engine.forget_fd(fd);
        }
    }

    /// The descriptor, at which whoever gets it may look.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        // In a forked child it is the parent's, who is not to be told anything.
        if self.check_process().is_ok() {
            self.engine.poller.open();
        }
        self.engine.poller.as_fd()
    }

    /// A handle on the user event `ident`.
    pub(crate) fn trigger_handle(&self, ident: usize) -> io::Result<Trigger> {
        self.check_process()?;
        let errno = io::Error::from_raw_os_error;
        let mut held = self.engine.hold_alive()?;
        let key = held.state.index.get(&(Filter::USER, ident)).copied();
        let key = key.ok_or_else(|| errno(libc::ENOENT))?;
        let given = held.with_knote(key, |knote, context| {
            let Kept::User { bell, .. } = &mut knote.kept else {
                return Err(libc::ENOENT);
            };
            if bell.is_none() {
                let new = context.poller.new_bell().ok_or(libc::ENOMEM)?;
                let place = new.0 as usize;
                if context.bells.len() <= place {
                    context.bells.resize(place + 1, None);
                }
                if let Some(place) = context.bells.get_mut(place) {
                    *place = Some(key);
                }
                *bell = Some(new);
            }
            bell.ok_or(libc::ENOENT)
        });
        let (bell, generation) = given.map_err(errno)?;
        let doorbell = self
            .engine
            .poller
            .doorbell()
            .ok_or_else(|| errno(libc::ENOENT))?;
        Ok(Trigger {
            doorbell: Arc::clone(doorbell),
            bell,
            generation,
        })
    }
}

/// What a trigger handle holds: a bell of the queue's doorbell.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    doorbell: Arc<Doorbell>,
    bell: u32,
    generation: u32,
}

impl Trigger {
    pub(crate) fn pull(&self) {
        self.doorbell.ring(self.bell, self.generation);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.check_process().is_ok() {
            self.leave();
        }
    }
}
