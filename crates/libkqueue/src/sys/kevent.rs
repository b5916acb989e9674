//! kevent(2): before the wait, the wait, after the wait.
//!
//! Only [`kevent`] here is ever unwound by a cancelled thread; it holds a place for the call and
//! nothing else, and the cleanup it leaves with the C library gives the call up. All that happens
//! before and after the wait happens with panics caught, and with cancellation off wherever it could
//! come to a cancellation point.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;

use kevent::binding::{Patience, SetEvent};

use super::{cancel, errno};
use crate::abi::Layout;
use crate::call::{Arguments, Call, Next, SMALL, Sleep};
use crate::trace;

/// kevent(2) in one of the layouts.
///
/// # Safety
/// As kevent(2): the arrays are as long as said, and the pointers are valid or NULL.
#[inline]
pub(crate) unsafe fn kevent<L: Layout + Into<trace::Entry> + 'static>(
    kq: c_int,
    changelist: *const L,
    nchanges: c_int,
    eventlist: *mut L,
    nevents: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    if nevents != 0 {
        cancel::test();
    }
    let mut call = MaybeUninit::<Call<L>>::uninit();
    let mut batch = MaybeUninit::<[SetEvent; SMALL]>::uninit();
    let first_entry = batch.as_mut_ptr().cast();
    let arguments = || {
        let slots = EventlistOf {
            first: eventlist,
            nevents,
        };
        // SAFETY: the caller's promise. Called a second time, the first arguments are gone.
        unsafe { arguments(kq, (changelist, nchanges), slots, timeout, first_entry) }
    };
    let is_traced = trace::is_on();
    // Set while cancellation is off. What a call does before its wait when there is no change and
    // nothing to look at has no cancellation point in it, and needs nothing switched off.
    let mut before = None;
    let at_once = if nchanges == 0 && !is_traced {
        begin_at_once(&mut call, arguments())
    } else {
        None
    };
    let mut next = match at_once {
        Some(sleep) => Next::Wait(sleep),
        None => {
            before = Some(cancel::disable());
            let arguments = arguments();
            if is_traced {
                trace_call(&arguments, nchanges);
            }
            begin(&mut call, arguments)
        }
    };
    if let Next::Wait(_) = next {
        let mut entry = MaybeUninit::uninit();
        // SAFETY: both places live in this frame, and `pop` follows below.
        unsafe { cancel::push(&mut entry, give_up::<L>, call.as_mut_ptr().cast()) };
        while let Next::Wait(sleep) = next {
            // With changes applied a cancelled thread could not say so.
            let count = if nchanges == 0 {
                before.into_iter().for_each(cancel::restore);
                let count = wait(sleep);
                before = Some(cancel::disable());
                count
            } else {
                wait(sleep)
            };
            // SAFETY: the call is under way, as `begin` and `resume` said.
            next = unsafe { resume(&mut call, count) };
        }
        // SAFETY: pushed above.
        unsafe { cancel::pop(&mut entry) };
    }
    let result = match next {
        Next::Return(result) => result,
        Next::Wait(_) => -1,
    };
    if is_traced {
        // SAFETY: the call wrote so many entries.
        unsafe { trace_return(kq, eventlist, result) };
    }
    before.into_iter().for_each(cancel::restore);
    result
}

/// Tells of the call that begins.
#[cold]
fn trace_call<L: Layout + Into<trace::Entry>>(arguments: &Arguments<'_, L>, nchanges: c_int) {
    without_panic(|| {
        trace::called(&trace::Asked {
            kq: arguments.kq,
            nchanges,
            changelist: arguments.changelist.unwrap_or_default(),
            nevents: arguments.eventlist.nevents,
            timeout: arguments.timeout,
        });
    });
}

/// Tells of the call that returns.
///
/// # Safety
/// The array has as many entries as the result says.
#[cold]
unsafe fn trace_return<L: Layout + Into<trace::Entry>>(kq: c_int, first: *const L, result: c_int) {
    let result = match usize::try_from(result) {
        Ok(0) => Ok(&[][..]),
        // SAFETY: the caller's promise.
        Ok(count) => Ok(unsafe { slice::from_raw_parts(first, count) }),
        Err(_) => Err(errno::get()),
    };
    without_panic(|| trace::returned(kq, result));
}

/// A fault of the trace is no fault of the call.
fn without_panic(tell: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(tell));
}

/// The wait: a cancellation point, and nothing in it to be undone.
#[inline]
fn wait(sleep: Sleep) -> c_int {
    let Sleep {
        set,
        batch,
        room,
        patience,
    } = sleep;
    match patience {
        Patience::None => epoll_wait(set, batch, room, 0),
        Patience::Forever => epoll_wait(set, batch, room, -1),
        Patience::Nanos(nanos) => wait_nanos(set, batch, room, nanos),
    }
}

fn wait_nanos(set: c_int, batch: *mut SetEvent, room: c_int, nanos: u64) -> c_int {
    let address = EPOLL_PWAIT2.address();
    if !nanos.is_multiple_of(1_000_000) && !address.is_null() {
        // SAFETY: the address is that of the C library's epoll_pwait2, which has this type.
        let epoll_pwait2: EpollPwait2 = unsafe { std::mem::transmute(address) };
        let timeout = libc::timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        };
        // SAFETY: the batch has room for so many, and the time outlives the call.
        let count = unsafe { epoll_pwait2(set, batch, room, &raw const timeout, ptr::null()) };
        if count >= 0 || !matches!(errno::get(), libc::ENOSYS | libc::EPERM) {
            return count;
        }
    }
    let millis = nanos.div_ceil(1_000_000);
    epoll_wait(
        set,
        batch,
        room,
        c_int::try_from(millis).unwrap_or(c_int::MAX),
    )
}

fn epoll_wait(set: c_int, batch: *mut SetEvent, room: c_int, millis: c_int) -> c_int {
    unsafe extern "C-unwind" {
        fn epoll_wait(set: c_int, batch: *mut SetEvent, room: c_int, millis: c_int) -> c_int;
    }
    // SAFETY: the batch has room for so many.
    unsafe { epoll_wait(set, batch, room, millis) }
}

type EpollPwait2 = unsafe extern "C-unwind" fn(
    c_int,
    *mut SetEvent,
    c_int,
    *const libc::timespec,
    *const libc::sigset_t,
) -> c_int;

/// In glibc since 2.35.
static EPOLL_PWAIT2: super::real::Real = super::real::Real::new(c"epoll_pwait2");

/// Looks up what is not in every C library.
pub(super) fn find_all() {
    EPOLL_PWAIT2.find();
}

/// Everything before the first wait. Where it says to wait, the call is in its place.
fn begin<L: Layout>(place: &mut MaybeUninit<Call<L>>, arguments: Arguments<'_, L>) -> Next {
    catch_unwind(AssertUnwindSafe(|| match Call::begin(place, arguments) {
        Ok(next) => next,
        Err(error) => Next::Return(errno::fail(&error)),
    }))
    .unwrap_or_else(|_| panicked())
}

/// The same in the plain case; nothing where it is not the plain case.
#[inline]
fn begin_at_once<L: Layout>(
    place: &mut MaybeUninit<Call<L>>,
    arguments: Arguments<'_, L>,
) -> Option<Sleep> {
    catch_unwind(AssertUnwindSafe(|| Call::begin_at_once(place, arguments))).unwrap_or(None)
}

/// The program's arguments.
///
/// # Safety
/// As [`kevent`].
unsafe fn arguments<'a, L: Layout>(
    kq: c_int,
    (changelist, nchanges): (*const L, c_int),
    eventlist: EventlistOf<L>,
    timeout: *const libc::timespec,
    batch: *mut SetEvent,
) -> Arguments<'a, L> {
    let changelist = match usize::try_from(nchanges) {
        Err(_) => Err(libc::EINVAL),
        Ok(0) => Ok(&[][..]),
        Ok(_) if changelist.is_null() || !changelist.is_aligned() => Err(libc::EFAULT),
        // SAFETY: the caller promises so many entries. Nobody writes to them before the eventlist
        // is made, and by then they have been copied.
        Ok(count) => Ok(unsafe { slice::from_raw_parts(changelist, count) }),
    };
    Arguments {
        kq,
        changelist,
        eventlist,
        // SAFETY: NULL, or valid by the caller's promise.
        timeout: unsafe { timeout.as_ref() },
        batch,
    }
}

/// The program's eventlist, which may be its changelist too.
#[derive(Debug)]
pub(crate) struct EventlistOf<L> {
    first: *mut L,
    nevents: c_int,
}

impl<L> EventlistOf<L> {
    /// Its slots. Not before the changes were read.
    ///
    /// # Errors
    /// `EINVAL`: a negative number. `EFAULT`: no array.
    pub(crate) fn slots(self) -> Result<&'static mut [MaybeUninit<L>], i32> {
        match usize::try_from(self.nevents) {
            Err(_) => Err(libc::EINVAL),
            Ok(0) => Ok(&mut []),
            Ok(_) if self.first.is_null() || !self.first.is_aligned() => Err(libc::EFAULT),
            // SAFETY: made from the program's arguments alone, which promise room for so many
            // until kevent() returns; `self` is used up, so there is one such slice.
            Ok(count) => Ok(unsafe { slice::from_raw_parts_mut(self.first.cast(), count) }),
        }
    }
}

/// The entries that the kernel wrote. Their number is the wait's answer.
pub(crate) fn entries<'a>(first: *mut SetEvent, count: usize) -> &'a [SetEvent] {
    // SAFETY: the batch that the call was waiting with, which the kernel filled so far.
    unsafe { slice::from_raw_parts(first, count) }
}

/// Everything after a wait. Where it says to return, the call's place is empty again.
///
/// # Safety
/// The call is under way.
unsafe fn resume<L: Layout>(place: &mut MaybeUninit<Call<L>>, count: c_int) -> Next {
    let resumed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        let call = unsafe { place.assume_init_mut() };
        let woken_by = usize::try_from(count).map_err(|_| io::Error::last_os_error());
        match call.resume(woken_by) {
            Ok(next) => next,
            Err(error) => Next::Return(errno::fail(&error)),
        }
    }));
    let next = resumed.unwrap_or_else(|_| panicked());
    if let Next::Return(_) = next {
        let mut end = || {
            // SAFETY: the call is under way, and ends here.
            unsafe { place.assume_init_drop() };
        };
        if matches!(next, Next::Return(-1)) {
            errno::keep(end);
        } else {
            end();
        }
    }
    next
}

/// The thread is cancelled while it waits.
///
/// # Safety
/// `call` is a call under way.
unsafe extern "C" fn give_up<L: Layout + 'static>(call: *mut c_void) {
    let call = call.cast::<Call<L>>();
    // SAFETY: the caller's promise.
    let kq = unsafe { &*call }.kq();
    // SAFETY: the caller's promise; nobody comes back to it.
    unsafe { ptr::drop_in_place(call) };
    if trace::is_on() {
        without_panic(|| trace::cancelled(kq));
    }
}

/// A fault of this library does not cross into the program.
#[cold]
fn panicked() -> Next {
    errno::set(libc::ENOTRECOVERABLE);
    Next::Return(-1)
}
