//! epoll(7): one function per call, and the wait with its fallback.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering};

use super::{check, force};

/// One entry of a batch: the ready bits, and the token given at registration.
pub type Event = libc::epoll_event;

/// How long a wait may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Only look.
    None,
    /// At most this many nanoseconds.
    Nanos(u64),
    /// Without limit.
    Forever,
}

/// epoll_create1(2), close-on-exec.
pub(crate) fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// epoll_ctl(2) with `EPOLL_CTL_ADD`. `fd` is the user's number and may be anything.
pub(crate) fn add(set: BorrowedFd<'_>, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
    control(set.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, bits, token)
}

/// epoll_ctl(2) with `EPOLL_CTL_MOD`.
pub(crate) fn modify(set: BorrowedFd<'_>, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
    control(set.as_raw_fd(), libc::EPOLL_CTL_MOD, fd, bits, token)
}

/// epoll_ctl(2) with `EPOLL_CTL_DEL`.
pub(crate) fn delete(set: BorrowedFd<'_>, fd: RawFd) -> io::Result<()> {
    control(set.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, 0, 0)
}

fn control(set: RawFd, operation: i32, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
    let mut event = Event {
        events: bits,
        u64: token,
    };
    // SAFETY: `event` is valid for the duration of the call; wrong numbers give an errno.
    check(unsafe { libc::epoll_ctl(set, operation, fd, &raw mut event) }).map(drop)
}

/// epoll_wait(2) or epoll_pwait2(2): the events that came, at most `batch.len()` of them.
///
/// Never returns early: without epoll_pwait2 (Linux 5.11) the time is rounded up to
/// milliseconds.
///
/// # Errors
/// As epoll_wait(2).
#[inline]
pub fn wait<'a>(
    set: BorrowedFd<'_>,
    batch: &'a mut [MaybeUninit<Event>],
    patience: Patience,
) -> io::Result<&'a [Event]> {
    let room = i32::try_from(batch.len()).unwrap_or(i32::MAX);
    let count = match patience {
        Patience::None => wait_ms(set, batch, room, 0),
        Patience::Forever => wait_ms(set, batch, room, -1),
        Patience::Nanos(ns) => wait_ns(set, batch, room, ns),
    }?;
    Ok(written(batch, count))
}

/// The first `count` entries of a batch. Whoever filled the batch says so.
#[inline]
pub(crate) fn written(batch: &mut [MaybeUninit<Event>], count: usize) -> &[Event] {
    let written = batch.split_at_mut(count.min(batch.len())).0;
    // SAFETY: the kernel (or, in tests, the model of it) wrote `count` entries from the front,
    // and any bits are an event.
    unsafe { written.assume_init_ref() }
}

fn wait_ns(
    set: BorrowedFd<'_>,
    batch: &mut [MaybeUninit<Event>],
    room: i32,
    ns: u64,
) -> io::Result<usize> {
    let whole_ms = ns.div_ceil(1_000_000);
    let ms = i32::try_from(whole_ms).unwrap_or(i32::MAX);
    if ns.is_multiple_of(1_000_000) || !has_pwait2() {
        return wait_ms(set, batch, room, ms);
    }
    let timeout = super::clock::timespec(ns);
    // SAFETY: `batch` has room for `room` entries, `timeout` outlives the call, and a null
    // signal mask leaves the mask as it is.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            set.as_raw_fd(),
            batch.as_mut_ptr(),
            room,
            &raw const timeout,
            std::ptr::null::<libc::sigset_t>(),
            size_of::<libc::sigset_t>(),
        )
    };
    match usize::try_from(count) {
        Ok(count) => Ok(count),
        Err(_) => {
            let error = io::Error::last_os_error();
            // Seccomp profiles older than the call answer EPERM in place of ENOSYS.
            if !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) {
                return Err(error);
            }
            PWAIT2.store(ABSENT, Ordering::Relaxed);
            wait_ms(set, batch, room, ms)
        }
    }
}

#[inline]
fn wait_ms(
    set: BorrowedFd<'_>,
    batch: &mut [MaybeUninit<Event>],
    room: i32,
    ms: i32,
) -> io::Result<usize> {
    let first = batch.as_mut_ptr().cast::<Event>();
    // SAFETY: `batch` has room for `room` entries.
    let count = check(unsafe { libc::epoll_wait(set.as_raw_fd(), first, room, ms) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

const UNKNOWN: u8 = 0;
const PRESENT: u8 = 1;
const ABSENT: u8 = 2;

/// Whether epoll_pwait2 is there; found by using it, kept for the process.
static PWAIT2: AtomicU8 = AtomicU8::new(UNKNOWN);

fn has_pwait2() -> bool {
    match PWAIT2.load(Ordering::Relaxed) {
        UNKNOWN => {
            let state = if force::is_forced("no_epoll_pwait2") {
                ABSENT
            } else {
                PRESENT
            };
            PWAIT2.store(state, Ordering::Relaxed);
            state == PRESENT
        }
        state => state == PRESENT,
    }
}
