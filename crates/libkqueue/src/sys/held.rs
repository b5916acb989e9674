//! `Held`: an `Arc` in a place that is read without a lock, because who reads it is counted.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A place for an `Arc`, which its owner's count of readers keeps alive.
///
/// Only `seat` uses it: `get` and `share` while its caller is counted inside a seat, `take` by the
/// one who emptied the seat.
#[derive(Debug)]
pub(crate) struct Held<T> {
    value: AtomicPtr<T>,
    /// What was abandoned last: so that who looks for lost memory finds it.
    abandoned: AtomicPtr<T>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self {
            value: AtomicPtr::new(ptr::null_mut()),
            abandoned: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl<T> Held<T> {
    /// Fills the empty place.
    pub(crate) fn put(&self, value: Arc<T>) {
        self.value
            .store(Arc::into_raw(value).cast_mut(), Ordering::Release);
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: null, or from an `Arc` that `take` releases only when nobody is inside the seat.
        unsafe { self.value.load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn share(&self) -> Option<Arc<T>> {
        let held = self.value.load(Ordering::Acquire);
        if held.is_null() {
            return None;
        }
        // SAFETY: from `Arc::into_raw`, and alive as above; the count it had stays in the place.
        unsafe { Arc::increment_strong_count(held) };
        // SAFETY: the count just added is this one's.
        Some(unsafe { Arc::from_raw(held) })
    }

    /// Empties the place.
    pub(crate) fn take(&self) -> Option<Arc<T>> {
        let held = self.value.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: from `Arc::into_raw`; the swap made this caller the only one to release it.
        (!held.is_null()).then(|| unsafe { Arc::from_raw(held) })
    }

    /// Empties the place and leaves what it held as it is, for ever; says whether there was
    /// anything. In a forked child its locks may be held by threads that are not there.
    pub(crate) fn abandon(&self) -> bool {
        let held = self.value.swap(ptr::null_mut(), Ordering::AcqRel);
        if !held.is_null() {
            self.abandoned.store(held, Ordering::Release);
        }
        !held.is_null()
    }
}
