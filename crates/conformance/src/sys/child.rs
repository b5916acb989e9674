//! fork(2), for the cases that are about it.
//!
//! The child runs a closure in a copy of a process that must have one thread only: what another
//! thread held locked at the fork would stay locked in the child for ever. [`fork`] checks that.
//! An implementation's own thread does not count: that a program may fork is its business.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{Pid, WaitOptions, waitpid};

/// What the child answers when its closure panicked.
const PANICKED: u8 = 101;

/// A forked child, to be waited for.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
}

/// Forks; the child runs `body` and leaves with what it returns, without unwinding into the
/// caller and without running anybody's destructors.
///
/// # Errors
/// As fork(2), and `EBUSY` if this process has more than one thread.
pub fn fork(body: impl FnOnce() -> u8) -> io::Result<Child> {
    if thread_count()? != 1 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: there is one thread, checked above, so the child is as complete as its parent.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            // SAFETY: _exit may be called at any time and does not return.
            unsafe { libc::_exit(i32::from(code)) }
        }
        _ => Pid::from_raw(pid)
            .map(|pid| Child { pid })
            .ok_or_else(|| io::Error::other("fork returned a negative pid")),
    }
}

/// How many threads of the case's there are.
fn thread_count() -> io::Result<usize> {
    /// What the implementation under test calls its own.
    const OF_IMPLEMENTATION: &str = "kevent-proc";
    let mut count = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let name = fs::read_to_string(task?.path().join("comm"))?;
        count += usize::from(name.trim_end() != OF_IMPLEMENTATION);
    }
    Ok(count)
}

impl Child {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until the child is gone and returns its exit code.
    ///
    /// # Errors
    /// As waitpid(2), and an error of its own if a signal killed the child.
    pub fn wait(self) -> io::Result<i32> {
        let (_, status) = waitpid(Some(self.pid), WaitOptions::empty())?
            .ok_or_else(|| io::Error::other("waitpid returned without a status"))?;
        status
            .exit_status()
            .ok_or_else(|| io::Error::other(format!("the child did not exit: {status:?}")))
    }
}

/// Lets every other thread of the machine go before this one: `SCHED_IDLE`. Where there is one
/// processor only, whoever wakes it then goes on first.
pub fn go_last() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters live through the call; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
    assert_eq!(
        result,
        0,
        "sched_setscheduler: {}",
        io::Error::last_os_error()
    );
}
