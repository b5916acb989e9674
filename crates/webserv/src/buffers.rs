//! A worker's pool of buffers, so that a burst finds two that are warm and an idle connection
//! holds none.

use std::cell::RefCell;

use crate::limits::{BUFFER_KEPT_BYTES_MAX, BUFFERS_KEPT_MAX, INPUT_BUFFER_BYTES};

/// Buffers that are free: those for input are initialised throughout, those for output are empty.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    input: RefCell<Vec<Vec<u8>>>,
    output: RefCell<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// A buffer of at least [`INPUT_BUFFER_BYTES`], initialised to whatever value.
    pub(crate) fn take_input(&self) -> Vec<u8> {
        let kept = self.input.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; INPUT_BUFFER_BYTES])
    }

    /// Takes an input buffer back, with its length as it is.
    pub(crate) fn give_input(&self, buffer: Vec<u8>) {
        keep(&mut self.input.borrow_mut(), buffer);
    }

    /// An empty buffer.
    pub(crate) fn take_output(&self) -> Vec<u8> {
        self.output.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes an output buffer back.
    pub(crate) fn give_output(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        keep(&mut self.output.borrow_mut(), buffer);
    }
}

/// Keeps a buffer, unless it has grown large or there are enough.
fn keep(free: &mut Vec<Vec<u8>>, buffer: Vec<u8>) {
    if buffer.capacity() <= BUFFER_KEPT_BYTES_MAX && free.len() < BUFFERS_KEPT_MAX {
        free.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_unless_they_are_large() {
        let pool = BufferPool::default();
        let buffer = pool.take_input();
        let place = buffer.as_ptr();
        pool.give_input(buffer);
        let again = pool.take_input();
        assert_eq!(again.as_ptr(), place);
        pool.give_output(vec![0; BUFFER_KEPT_BYTES_MAX + 1]);
        assert_eq!(pool.take_output().capacity(), 0);
        pool.give_output(vec![0; 100]);
        let buffer = pool.take_output();
        assert!(buffer.is_empty() && buffer.capacity() >= 100);
    }
}
