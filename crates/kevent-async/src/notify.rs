//! `Notify`: one thread waits, any other wakes it.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use kevent::TriggerHandle;

use crate::reactor::{Slot, User};
use crate::source::Source;

/// Something that other threads can make happen for this one: an `EVFILT_USER` knote.
///
/// A notification that nobody waits for is kept until somebody does; several are one. It belongs
/// to the thread that made it; the [`Notifier`] may go anywhere. Dropping it deletes the knote,
/// and notifiers that are left do nothing.
///
/// # Examples
/// ```
/// use kevent_async::{Notify, block_on};
///
/// block_on(async {
///     let notify = Notify::new()?;
///     let notifier = notify.notifier();
///     std::thread::spawn(move || notifier.notify());
///     notify.notified().await;
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Notify {
    source: Source,
    notifier: Notifier,
}

/// Notifies a [`Notify`] from any thread, or from a signal handler: it takes no lock, allocates
/// nothing and keeps errno.
#[derive(Clone, Debug)]
pub struct Notifier {
    handle: TriggerHandle,
}

impl Notify {
    /// Makes one for this thread.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE`: no descriptor left for this thread's queue, if it was not there yet,
    ///   or for its wake-up.
    /// - `ENOMEM`: no memory, or more than 262,144 of them.
    pub fn new() -> io::Result<Self> {
        let source = Source::insert(Slot::User(User::default()))?;
        let handle = source.reactor().add_user(source.token())?;
        Ok(Self {
            source,
            notifier: Notifier { handle },
        })
    }

    /// A handle for other threads.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Waits for a notification and takes it. Of several tasks that wait, one gets it.
    pub async fn notified(&self) {
        poll_fn(|context| self.poll_notified(context)).await;
    }

    /// [`notified`](Self::notified) for hand-written futures.
    pub fn poll_notified(&self, context: &mut Context<'_>) -> Poll<()> {
        self.source
            .reactor()
            .poll_notification(self.source.token(), context)
    }

    /// Takes a notification if one has come with the last wait.
    #[must_use]
    pub fn try_notified(&self) -> bool {
        self.source.reactor().take_notification(self.source.token())
    }
}

impl Notifier {
    /// Notifies. Does nothing if the [`Notify`] is gone.
    pub fn notify(&self) {
        self.handle.trigger();
    }
}
