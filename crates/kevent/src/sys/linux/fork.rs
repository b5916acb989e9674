//! Which process is this? A number that differs between a process and its forked children.
//!
//! A queue is not inherited by a child (`docs/semantics.md`, A7), but the child's memory holds
//! all of it, and its epoll descriptor still reaches the parent's set. So each queue remembers
//! the number of the process that made it. The number lies in one page that the kernel wipes in
//! a child (`MADV_WIPEONFORK`, Linux 4.14); a page that reads 0 gets the next number. Where the
//! kernel refuses the page, getpid(2) is compared instead: 100 ns where the page takes one load.
//!
//! Takes no lock; after the first use it makes no system call either, so that a signal handler
//! may ask.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// The page, or null before the first use, or `NO_PAGE`.
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
/// `PAGE` points here where the kernel refuses to wipe a page. Always 0.
static NO_PAGE: AtomicU32 = AtomicU32::new(0);
/// The last number that this process or one of its ancestors gave out.
static LAST: AtomicU32 = AtomicU32::new(0);
/// Without a page: the process id in the upper half, its number in the lower.
static BY_PID: AtomicU64 = AtomicU64::new(0);

/// The number of this process among its forks; never 0.
#[inline]
#[must_use]
pub fn epoch() -> u32 {
    let page = PAGE.load(Ordering::Acquire);
    // SAFETY: null; or `NO_PAGE`; or the page that was mapped readable and writable for at least
    // one `AtomicU32`, is aligned as pages are, and is never unmapped once published.
    match unsafe { page.as_ref() }.map_or(0, |number| number.load(Ordering::Relaxed)) {
        0 => find_epoch(page),
        known => known,
    }
}

/// There is no page yet, it was wiped, or there cannot be one.
#[cold]
fn find_epoch(page: *mut AtomicU32) -> u32 {
    let page = if page.is_null() { publish_page() } else { page };
    if ptr::eq(page, &raw const NO_PAGE) {
        return epoch_by_pid(&BY_PID, std::process::id());
    }
    // SAFETY: as in `epoch`.
    let number = unsafe { &*page };
    match number.load(Ordering::Relaxed) {
        0 => first_use(number),
        known => known,
    }
}

/// The first use in this process: two threads may come here at once, and one number wins.
fn first_use(number: &AtomicU32) -> u32 {
    let next = next_number();
    match number.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(winner) => winner,
    }
}

/// The next number: an ordinary static is copied into a child, so no ancestor has it.
fn next_number() -> u32 {
    loop {
        let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if next != 0 {
            return next;
        }
    }
}

/// The number of the process with this id, where `known` holds the last pair of id and number.
fn epoch_by_pid(known: &AtomicU64, pid: u32) -> u32 {
    let before = known.load(Ordering::Relaxed);
    let (known_pid, number) = split(before);
    if known_pid == pid && number != 0 {
        return number;
    }
    let next = next_number();
    let pair = (u64::from(pid) << 32) | u64::from(next);
    match known.compare_exchange(before, pair, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(winner) => split(winner).1,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
const fn split(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// Makes the page and publishes it; of two threads that do so at once, one page stays.
fn publish_page() -> *mut AtomicU32 {
    let page = match wiped_page() {
        Ok(page) => page,
        Err(_refused) => (&raw const NO_PAGE).cast_mut(),
    };
    match PAGE.compare_exchange(ptr::null_mut(), page, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => page,
        Err(winner) => {
            if !ptr::eq(page, &raw const NO_PAGE) {
                unmap(page);
            }
            winner
        }
    }
}

const PAGE_BYTES: usize = 4096;

fn wiped_page() -> io::Result<*mut AtomicU32> {
    // SAFETY: a new anonymous private mapping; it overlaps nothing that Rust knows of.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            PAGE_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the range is the mapping just made, which nothing refers to yet.
    let refused = unsafe { libc::madvise(page, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0;
    if refused {
        let error = io::Error::last_os_error();
        unmap(page.cast());
        return Err(error);
    }
    Ok(page.cast())
}

/// Gives back a page that was never published.
fn unmap(page: *mut AtomicU32) {
    // SAFETY: the range was mapped by `wiped_page`, and no reference to it was ever made.
    unsafe { libc::munmap(page.cast(), PAGE_BYTES) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `in_child` in a forked child, which may only do what a signal handler may; returns
    /// whether it said true.
    fn fork_says(in_child: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child calls async-signal-safe code only and leaves by _exit.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork");
        if pid == 0 {
            let status = i32::from(!in_child());
            // SAFETY: leaves the child without running the test harness's exit code.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: `status` is valid for the call.
        let reaped = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(reaped, pid);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }

    #[test]
    fn the_number_stays_within_a_process_and_changes_in_a_child() {
        let here = epoch();
        assert_ne!(here, 0);
        assert_eq!(epoch(), here);
        let elsewhere = std::thread::spawn(epoch).join().unwrap();
        assert_eq!(elsewhere, here);
        assert!(fork_says(|| {
            let there = epoch();
            there != here && there != 0 && epoch() == there
        }));
        assert_eq!(epoch(), here);
    }

    #[test]
    fn without_the_page_the_process_id_tells() {
        let known = AtomicU64::new(0);
        let parent = epoch_by_pid(&known, 100);
        assert_ne!(parent, 0);
        assert_eq!(epoch_by_pid(&known, 100), parent);
        let child = epoch_by_pid(&known, 101);
        assert_ne!(child, parent);
        let grandchild_with_a_recycled_id = epoch_by_pid(&known, 100);
        assert!(grandchild_with_a_recycled_id != parent && grandchild_with_a_recycled_id != child);
    }
}
