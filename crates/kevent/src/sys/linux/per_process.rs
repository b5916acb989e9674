//! `PerProcess`: something of which a process and each of its forked children have one of their
//! own, because a child's copy may hold locks of threads that do not exist there.
//!
//! Nobody waits for another thread to make it: that thread too may not exist in a child.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::fork;

/// One value for each process.
#[derive(Debug)]
pub(crate) struct PerProcess<T: 'static>(AtomicPtr<Entry<T>>);

/// The value of one process, and those of its ancestors. Never freed.
#[derive(Debug)]
struct Entry<T: 'static> {
    process: u32,
    value: T,
    next: Option<&'static Self>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }
}

impl<T: Default + Sync> PerProcess<T> {
    /// The value of this process, made at the first use.
    pub(crate) fn here(&self) -> &'static T {
        let process = fork::epoch();
        loop {
            let head = self.0.load(Ordering::Acquire);
            // SAFETY: null, or an entry, which is never changed and never freed.
            let newest: Option<&'static Entry<T>> = unsafe { head.as_ref() };
            let mut next = newest;
            while let Some(entry) = next {
                if entry.process == process {
                    return &entry.value;
                }
                next = entry.next;
            }
            let new = Box::into_raw(Box::new(Entry {
                process,
                value: T::default(),
                next: newest,
            }));
            let pushed = self
                .0
                .compare_exchange(head, new, Ordering::AcqRel, Ordering::Acquire);
            if pushed.is_err() {
                // SAFETY: made above from a box, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }
}
