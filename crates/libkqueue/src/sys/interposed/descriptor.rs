//! close(2), dup(2) and what else makes or ends descriptor numbers.

use std::ffi::{c_int, c_uint};
use std::mem::transmute;

use crate::interpose::{self, descriptor, range};
use crate::sys::real::Real;
use crate::sys::{cancel, errno, fork};

static CLOSE: Real = Real::new(c"close");
static DUP: Real = Real::new(c"dup");
static DUP2: Real = Real::new(c"dup2");
static DUP3: Real = Real::new(c"dup3");
static FCNTL: Real = Real::new(c"fcntl");
static FCNTL64: Real = Real::new(c"fcntl64");

pub(super) fn find_all() {
    for real in [&CLOSE, &DUP, &DUP2, &DUP3, &FCNTL, &FCNTL64] {
        real.find();
    }
}

/// close(2), which takes the number's knotes along.
///
/// Async-signal-safe for any number but a queue's that nobody is inside of: that is freed here.
///
/// Unwinds where the thread is cancelled, which is before anything has happened.
#[unsafe(no_mangle)]
extern "C-unwind" fn close(fd: c_int) -> c_int {
    if !interpose::is_on() {
        return real_close(fd);
    }
    cancel::test();
    descriptor::close(fd, close_without_cancelling)
}

/// The C library's close, which is not left half-way: the announcement would stay behind.
fn close_without_cancelling(fd: c_int) -> c_int {
    if CLOSE.is_libc() {
        return raw_close(fd);
    }
    let before = cancel::disable();
    let result = real_close(fd);
    cancel::restore(before);
    result
}

/// close(2) itself, no cancellation point.
fn raw_close(fd: c_int) -> c_int {
    // SAFETY: takes no pointer.
    int(unsafe { libc::syscall(libc::SYS_close, fd) })
}

fn real_close(fd: c_int) -> c_int {
    let address = CLOSE.address();
    if address.is_null() {
        return raw_close(fd);
    }
    // SAFETY: the address is that of the C library's close, which has this type.
    let close: extern "C-unwind" fn(c_int) -> c_int = unsafe { transmute(address) };
    close(fd)
}

/// dup(2). A queue's duplicate is the queue, and closed by execve(2) as every queue is.
#[unsafe(no_mangle)]
extern "C" fn dup(old: c_int) -> c_int {
    if interpose::is_on() {
        return descriptor::duplicate(old, || real_dup(old));
    }
    real_dup(old)
}

fn real_dup(old: c_int) -> c_int {
    let address = DUP.address();
    if address.is_null() {
        // SAFETY: takes no pointer.
        return int(unsafe { libc::syscall(libc::SYS_dup, old) });
    }
    // SAFETY: the address is that of the C library's dup, which has this type.
    let dup: extern "C" fn(c_int) -> c_int = unsafe { transmute(address) };
    dup(old)
}

/// dup2(2), which takes the knotes of `new` along.
#[unsafe(no_mangle)]
extern "C" fn dup2(old: c_int, new: c_int) -> c_int {
    if interpose::is_on() && old != new {
        return descriptor::replace(old, new, || real_dup2(old, new));
    }
    real_dup2(old, new)
}

fn real_dup2(old: c_int, new: c_int) -> c_int {
    let address = DUP2.address();
    if address.is_null() {
        // Not every architecture has a call dup2.
        if old == new {
            // SAFETY: takes no pointer.
            let flags = unsafe { libc::syscall(libc::SYS_fcntl, old, libc::F_GETFD) };
            return if flags < 0 { -1 } else { new };
        }
        // SAFETY: takes no pointer.
        return int(unsafe { libc::syscall(libc::SYS_dup3, old, new, 0) });
    }
    // SAFETY: the address is that of the C library's dup2, which has this type.
    let dup2: extern "C" fn(c_int, c_int) -> c_int = unsafe { transmute(address) };
    dup2(old, new)
}

/// dup3(2), which takes the knotes of `new` along.
#[unsafe(no_mangle)]
extern "C" fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    // Anything else fails, and changes nothing.
    if interpose::is_on() && old != new && flags & !libc::O_CLOEXEC == 0 {
        return descriptor::replace(old, new, || real_dup3(old, new, flags));
    }
    real_dup3(old, new, flags)
}

fn real_dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    let address = DUP3.address();
    if address.is_null() {
        // SAFETY: takes no pointer.
        return int(unsafe { libc::syscall(libc::SYS_dup3, old, new, flags) });
    }
    // SAFETY: the address is that of the C library's dup3, which has this type.
    let dup3: extern "C" fn(c_int, c_int, c_int) -> c_int = unsafe { transmute(address) };
    dup3(old, new, flags)
}

/// fcntl(2): `F_DUPFD` and `F_DUPFD_CLOEXEC` of a queue make another number of it.
///
/// In C this takes "..." after the command, of which every command uses at most one argument, an
/// integer or a pointer. On the architectures that Linux runs on, such an argument is passed to a
/// variadic function in the same register or place on the stack as to this one. Where the caller
/// gave none, a word of no meaning is handed on, as the C library's own does.
#[unsafe(no_mangle)]
extern "C-unwind" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    duplicate_by(&FCNTL, fd, command, argument)
}

/// fcntl(2) where `off_t` has 64 bits.
#[unsafe(no_mangle)]
extern "C-unwind" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    duplicate_by(&FCNTL64, fd, command, argument)
}

#[inline]
fn duplicate_by(real: &Real, fd: c_int, command: c_int, argument: usize) -> c_int {
    let is_duplication = matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC);
    if is_duplication && interpose::is_on() {
        return descriptor::duplicate(fd, || real_fcntl(real, fd, command, argument));
    }
    real_fcntl(real, fd, command, argument)
}

/// Waiting for a lock (`F_SETLKW`) is a cancellation point, so this may unwind.
#[inline]
fn real_fcntl(real: &Real, fd: c_int, command: c_int, argument: usize) -> c_int {
    let address = real.address();
    if address.is_null() {
        // SAFETY: the command says what the argument is, and its caller gave it for that.
        return int(unsafe { libc::syscall(libc::SYS_fcntl, fd, command, argument) });
    }
    // SAFETY: the address is that of the C library's fcntl, which is variadic.
    let fcntl: unsafe extern "C-unwind" fn(c_int, c_int, ...) -> c_int =
        unsafe { transmute(address) };
    // SAFETY: as above.
    unsafe { fcntl(fd, command, argument) }
}

/// Marks the calling thread's table of descriptors as its own, before numbers are closed.
const CLOSE_RANGE_UNSHARE: c_uint = 2;

/// close_range(2), number by number where a queue or its knotes are concerned. The descriptors
/// that a queue outside the range has made for itself stay.
#[unsafe(no_mangle)]
extern "C" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let bits = flags.cast_unsigned();
    // Other flags are unknown, or close nothing.
    let closes = first <= last && bits & !CLOSE_RANGE_UNSHARE == 0;
    if !closes || !interpose::is_on() || !fork::is_ours() {
        return raw_close_range(first, last, bits);
    }
    if bits & CLOSE_RANGE_UNSHARE != 0 && raw_close_range(c_uint::MAX, c_uint::MAX, bits) != 0 {
        return -1;
    }
    range::close(first, last, close_quietly, |first, last| {
        raw_close_range(first, last, 0) == 0
    })
}

/// closefrom(3). The descriptors that a queue below has made for itself stay.
#[unsafe(no_mangle)]
extern "C" fn closefrom(first: c_int) {
    let first = first.max(0).cast_unsigned();
    errno::keep(|| {
        if interpose::is_on() && fork::is_ours() {
            range::close(first, c_uint::MAX, close_quietly, close_all);
        } else {
            close_all(first, c_uint::MAX);
        }
    });
}

/// Where the system call is refused (a filter of system calls), one after the other.
fn close_all(first: c_uint, last: c_uint) -> bool {
    if raw_close_range(first, last, 0) != 0 {
        // SAFETY: takes no pointer.
        let open_max = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
        let open_max = c_uint::try_from(open_max).unwrap_or(c_uint::MAX);
        for fd in first..=last.min(open_max) {
            raw_close(fd.cast_signed());
        }
    }
    true
}

/// Closes one number of a range, open or not.
fn close_quietly(fd: c_int) {
    descriptor::close(fd, raw_close);
}

fn raw_close_range(first: c_uint, last: c_uint, flags: c_uint) -> c_int {
    // SAFETY: takes no pointer.
    int(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) })
}

fn int(result: libc::c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}
