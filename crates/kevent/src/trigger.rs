//! `TriggerHandle`: trigger a user event from another thread or a signal handler.

use crate::queue::Trigger;

/// Triggers one [`Filter::USER`](crate::Filter::USER) event from anywhere.
///
/// Made by [`Kqueue::trigger_handle`](crate::Kqueue::trigger_handle). Triggering takes no lock
/// and allocates nothing: atomics and at most one system call, so it may be done in a signal
/// handler; errno is kept. Several triggers before the event is retrieved make one event. After
/// the knote was deleted or the queue closed, a trigger does nothing. User events triggered
/// through handles between two waits are delivered in the order in which the handles were made.
///
/// A thread that triggers what it will wait for itself needs no system call, unless other threads
/// have waited in the queue too, or its descriptor was asked for.
///
/// # Differences
/// On BSD and macOS a trigger is a kevent(2) call, which is async-signal-safe: events come in the
/// order in which they were triggered, and the `data` of the user event becomes 0, as with any
/// change that triggers it.
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
    pub(crate) trigger: Trigger,
}

impl TriggerHandle {
    /// Makes the user event active, as a change with `NOTE_TRIGGER` does.
    pub fn trigger(&self) {
        self.trigger.pull();
    }
}
