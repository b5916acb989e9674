//! sigaction(2) and its older relatives.
//!
//! While a knote counts a signal, a handler of this library stands before the program's action.
//! The program sees what it has set, and what it sets runs behind that handler, whether it does so
//! before or after EV_ADD. The relatives are sigaction(2) with the flags and mask that the C
//! library gives them.

use std::ffi::c_int;
use std::mem::{MaybeUninit, transmute};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kevent::binding;
use libc::{SIG_DFL, SIG_ERR, SIG_IGN, sighandler_t, sigset_t};

use crate::interpose;
use crate::sys::real::Real;
use crate::sys::{errno, fork};

static SIGACTION: Real = Real::new(c"sigaction");

/// The engine knows the original. Until then, while what comes before this library is loaded, no
/// signal is counted.
static IS_READY: AtomicBool = AtomicBool::new(false);

/// The signals that interrupt system calls although signal(3) has set their handler:
/// siginterrupt(3). One bit each.
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

pub(super) fn find_all() {
    SIGACTION.find();
    stand_before();
}

/// The engine calls the original, not what is here.
pub(crate) fn stand_before() {
    // SAFETY: it is the C library's sigaction.
    unsafe { binding::use_sigaction(real_sigaction) };
    IS_READY.store(true, Ordering::Release);
}

/// The C library's own.
unsafe extern "C" fn real_sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    type Sigaction =
        unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;
    let address = SIGACTION.address_or_find();
    #[cfg(target_env = "gnu")]
    if address.is_null() {
        unsafe extern "C" {
            // The same by another name, also where the program is static.
            fn __sigaction(
                signal: c_int,
                new: *const libc::sigaction,
                old: *mut libc::sigaction,
            ) -> c_int;
        }
        // SAFETY: the caller's promise.
        return unsafe { __sigaction(signal, new, old) };
    }
    if address.is_null() {
        errno::set(libc::ENOSYS);
        return -1;
    }
    // SAFETY: the address is that of the C library's sigaction, which has this type.
    let sigaction: Sigaction = unsafe { transmute(address) };
    // SAFETY: the caller's promise.
    unsafe { sigaction(signal, new, old) }
}

/// sigaction(2), as the program knows it. Async-signal-safe.
///
/// # Safety
/// As sigaction(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    if !IS_READY.load(Ordering::Acquire) || !interpose::is_on() {
        // SAFETY: the caller's promise.
        return unsafe { real_sigaction(signal, new, old) };
    }
    // SAFETY: NULL, or valid by the caller's promise.
    let new = unsafe { new.as_ref() };
    let before = errno::keep(|| {
        if binding::is_signal_counted(signal) && !fork::is_ours() {
            // SAFETY: the caller's promise.
            unsafe { binding::sigaction_elsewhere(signal, new) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { binding::sigaction(signal, new) }
        }
    });
    match before {
        Ok(before) => {
            if !old.is_null() {
                // SAFETY: valid by the caller's promise. It may be the same as `new`.
                unsafe { old.write(before) };
            }
            0
        }
        Err(error) => errno::fail(&error),
    }
}

/// signal(3) as BSD has it: the handler stays, and system calls go on after it.
///
/// # Safety
/// As signal(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let is_interrupting = INTERRUPTING.load(Ordering::Relaxed) & bit(signal) != 0;
    let flags = if is_interrupting { 0 } else { libc::SA_RESTART };
    // SAFETY: the caller's promise.
    unsafe { set(signal, handler, flags, set_of(Some(signal))) }
}

/// signal(3) by another name.
///
/// # Safety
/// As signal(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn bsd_signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: the caller's promise.
    unsafe { signal(number, handler) }
}

/// signal(3) by another name.
///
/// # Safety
/// As signal(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn ssignal(number: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: the caller's promise.
    unsafe { signal(number, handler) }
}

/// signal(3) as System V has it: the handler runs once and is not protected from itself. What
/// `signal` is in a program compiled with `_XOPEN_SOURCE` alone.
///
/// # Safety
/// As signal(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let flags = libc::SA_RESETHAND | libc::SA_NODEFER;
    // SAFETY: the caller's promise.
    unsafe { set(signal, handler, flags, set_of(None)) }
}

/// sysv_signal(3) by another name.
///
/// # Safety
/// As signal(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn __sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t {
    // SAFETY: the caller's promise.
    unsafe { sysv_signal(number, handler) }
}

/// `SIG_HOLD` of `<signal.h>`: block it.
const SIG_HOLD: sighandler_t = 2;

/// sigset(3): as sigaction(2) without flags, and the signal is unblocked, or blocked by `SIG_HOLD`.
///
/// # Safety
/// As sigset(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn sigset(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let how = if handler == SIG_HOLD {
        libc::SIG_BLOCK
    } else {
        libc::SIG_UNBLOCK
    };
    let before = if handler == SIG_HOLD {
        action_of(signal)
    } else {
        // SAFETY: the caller's promise.
        unsafe { set(signal, handler, 0, set_of(None)) }
    };
    if before == SIG_ERR {
        return SIG_ERR;
    }
    let this = set_of(Some(signal));
    let mut blocked = set_of(None);
    // SAFETY: both sets are initialised and valid for the call.
    if unsafe { libc::sigprocmask(how, &raw const this, &raw mut blocked) } != 0 {
        return SIG_ERR;
    }
    // SAFETY: the set is initialised.
    let was_blocked = unsafe { libc::sigismember(&raw const blocked, signal) } == 1;
    if was_blocked { SIG_HOLD } else { before }
}

/// sigignore(3).
#[unsafe(no_mangle)]
extern "C" fn sigignore(signal: c_int) -> c_int {
    // SAFETY: SIG_IGN is no handler.
    let before = unsafe { set(signal, SIG_IGN, 0, set_of(None)) };
    if before == SIG_ERR { -1 } else { 0 }
}

/// siginterrupt(3).
#[unsafe(no_mangle)]
extern "C" fn siginterrupt(signal: c_int, interrupts: c_int) -> c_int {
    let mut action = empty();
    // SAFETY: the place is valid for the call.
    if unsafe { sigaction(signal, ptr::null(), &raw mut action) } != 0 {
        return -1;
    }
    if interrupts != 0 {
        INTERRUPTING.fetch_or(bit(signal), Ordering::Relaxed);
        action.sa_flags &= !libc::SA_RESTART;
    } else {
        INTERRUPTING.fetch_and(!bit(signal), Ordering::Relaxed);
        action.sa_flags |= libc::SA_RESTART;
    }
    // SAFETY: the action is the program's own.
    unsafe { sigaction(signal, &raw const action, ptr::null_mut()) }
}

/// Sets an action and returns the handler before, or `SIG_ERR`.
///
/// # Safety
/// As signal(3).
unsafe fn set(signal: c_int, handler: sighandler_t, flags: c_int, mask: sigset_t) -> sighandler_t {
    if handler == SIG_ERR {
        errno::set(libc::EINVAL);
        return SIG_ERR;
    }
    let mut action = empty();
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    action.sa_mask = mask;
    let mut before = empty();
    // SAFETY: the caller's promise; both places are valid for the call.
    if unsafe { sigaction(signal, &raw const action, &raw mut before) } != 0 {
        return SIG_ERR;
    }
    before.sa_sigaction
}

fn action_of(signal: c_int) -> sighandler_t {
    let mut action = empty();
    // SAFETY: the place is valid for the call.
    if unsafe { sigaction(signal, ptr::null(), &raw mut action) } != 0 {
        return SIG_ERR;
    }
    action.sa_sigaction
}

/// No signal, or one.
fn set_of(signal: Option<c_int>) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset(3) initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call.
    let mut set = unsafe { set.assume_init() };
    if let Some(signal) = signal {
        // A number that is none is refused when the action is set.
        // SAFETY: the set is initialised.
        errno::keep(|| unsafe { libc::sigaddset(&raw mut set, signal) });
    }
    set
}

fn bit(signal: c_int) -> u64 {
    1 << (signal.cast_unsigned().wrapping_sub(1) & 63)
}

fn empty() -> libc::sigaction {
    // SAFETY: all bits zero are the default action, an empty mask and no flags.
    let empty: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    debug_assert!(empty.sa_sigaction == SIG_DFL, "SIG_DFL is zero");
    empty
}
