//! An allocator that counts the bytes in use, and malloc(3)'s own count for C libraries.
//!
//! The count is kept only while somebody wants it, so that a server measured in this program pays
//! one relaxed load for each allocation and no more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The system's allocator with a counter.
pub(crate) struct Counting;

/// Neither publishes anything: the counts are read by the thread that allocates.
static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);

impl Counting {
    fn count(bytes: usize, sign: i64) {
        if IS_COUNTING.load(Ordering::Relaxed) {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            BYTES.fetch_add(sign * bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(layout.size(), -1);
        // SAFETY: the block came from `System`, by this allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        Self::count(layout.size(), -1);
        Self::count(bytes, 1);
        // SAFETY: the block came from `System`, by this allocator, with this layout.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

/// The bytes that `work` asked for and did not give back, and what it returned.
pub(crate) fn bytes_kept<T>(work: impl FnOnce() -> T) -> (i64, T) {
    BYTES.store(0, Ordering::Relaxed);
    IS_COUNTING.store(true, Ordering::Relaxed);
    let result = work();
    IS_COUNTING.store(false, Ordering::Relaxed);
    (BYTES.load(Ordering::Relaxed), result)
}

/// Bytes in use by malloc(3) in the whole process, with its own headers: what a C library that
/// was loaded at run time can be judged by.
pub(crate) fn malloc_bytes() -> i64 {
    // SAFETY: mallinfo2 takes nothing, writes nothing of ours, and locks what it reads.
    let info = unsafe { libc::mallinfo2() };
    i64::try_from(info.uordblks.saturating_add(info.hblkhd)).unwrap_or(i64::MAX)
}
