//! Which process is this? A number that differs between a process and its forked children.
//!
//! No child inherits a kqueue, so that its number is free there, or soon another file's. The
//! count goes up in the child's side of fork(2) (pthread_atfork(3)), which costs a queue nothing
//! per call. A child made by a raw system call (rfork, vfork) is not noticed.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static EPOCH: AtomicU32 = AtomicU32::new(0);
static WATCH: OnceLock<libc::c_int> = OnceLock::new();

/// The number of this process among its forks. Notices forks from the first call on.
pub(crate) fn epoch() -> io::Result<u32> {
    // SAFETY: the handler does one atomic operation and stays in memory as long as the program.
    let watch = || unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    match *WATCH.get_or_init(watch) {
        0 => Ok(EPOCH.load(Ordering::Relaxed)),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Whether the process still has this number. Async-signal-safe.
pub(crate) fn is_current(epoch: u32) -> bool {
    EPOCH.load(Ordering::Relaxed) == epoch
}

/// The child has one thread, which sees this before anything else it does.
unsafe extern "C" fn in_child() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}
