//! `TriggerHandle`: trigger a user event from another thread or a signal handler.

use std::sync::Arc;

use crate::source::wake::Doorbell;

/// Triggers one [`Filter::USER`](crate::Filter::USER) event from anywhere.
///
/// Made by [`Kqueue::trigger_handle`](crate::Kqueue::trigger_handle). Triggering takes no lock
/// and allocates nothing: atomics and at most one system call, so it may be done in a signal
/// handler; errno is kept. Several triggers before the event is retrieved make one event. After
/// the knote was deleted or the queue closed, a trigger does nothing. User events triggered
/// through handles between two waits are delivered in the order in which the handles were made.
///
/// # Examples
/// ```
/// use kevent::{Events, Kevent, Kqueue};
///
/// let queue = Kqueue::new()?;
/// queue.apply(&[Kevent::user(1).clear()])?;
/// let handle = queue.trigger_handle(1)?;
/// std::thread::spawn(move || handle.trigger());
/// let mut events = Events::with_capacity(1);
/// queue.wait(&[], &mut events, None)?;
/// assert_eq!(events[0].ident, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TriggerHandle {
    pub(crate) doorbell: Arc<Doorbell>,
    pub(crate) bell: u32,
    pub(crate) generation: u32,
}

impl TriggerHandle {
    /// Makes the user event active, as a change with `NOTE_TRIGGER` does.
    pub fn trigger(&self) {
        self.doorbell.ring(self.bell, self.generation);
    }
}
