//! select(2) for reading, as table 63-9 of The Linux Programming Interface uses it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use rustix::event::{FdSetElement, FdSetIter, fd_set_insert, fd_set_num_elements};

/// Descriptors to select on, borrowed for as long as they are watched.
pub(crate) struct Select<'a, F> {
    fds: &'a [F],
    bound: RawFd,
    interest: Vec<FdSetElement>,
    ready: Vec<FdSetElement>,
}

impl<'a, F: AsFd> Select<'a, F> {
    /// Watches all of `fds`.
    pub(crate) fn new(fds: &'a [F]) -> Self {
        let numbers = fds.iter().map(|fd| fd.as_fd().as_raw_fd());
        let bound = numbers.clone().max().unwrap_or(-1) + 1;
        let elements = fd_set_num_elements(fds.len(), bound);
        let mut interest = vec![FdSetElement::default(); elements];
        numbers.for_each(|number| fd_set_insert(&mut interest, number));
        Self {
            fds,
            bound,
            ready: interest.clone(),
            interest,
        }
    }

    /// Waits without limit and returns the numbers that are ready. The sets are made anew before
    /// each call, as every program with select(2) has to.
    pub(crate) fn wait(&mut self) -> io::Result<impl Iterator<Item = RawFd>> {
        self.ready.copy_from_slice(&self.interest);
        debug_assert!(!self.fds.is_empty(), "select would sleep forever");
        // SAFETY: every descriptor in the set is open, because `fds` borrows it for our lifetime,
        // and the set was made long enough for `bound`.
        unsafe { rustix::event::select(self.bound, Some(&mut self.ready), None, None, None) }?;
        Ok(FdSetIter::new(&self.ready))
    }
}
