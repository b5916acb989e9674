//! `NetworkInterfaces`: links that come up, go down or are removed.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use kevent::{Kevent, NoteNetdev};

use crate::nested::Nested;

/// The network interfaces of this thread's network namespace: an `EVFILT_NETDEV` knote in a queue
/// of its own.
///
/// Changes are seen from the moment it is made, and kept until they are asked for.
///
/// # Differences
/// Linux only: elsewhere making one fails with `EINVAL`, since the system has no such filter.
///
/// # Examples
#[cfg_attr(target_os = "linux", doc = "```")]
#[cfg_attr(not(target_os = "linux"), doc = "```no_run")]
/// use kevent::NoteNetdev;
/// use kevent_async::{NetworkInterfaces, block_on, timeout};
/// use std::time::Duration;
///
/// block_on(async {
///     let mut interfaces = NetworkInterfaces::new()?;
///     match timeout(Duration::from_millis(1), interfaces.changed()).await {
///         Ok(notes) => assert!(NoteNetdev::all().contains(notes?)),
///         Err(_timed_out) => {}
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 9, `EVFILT_NETDEV`; [`Kevent::link`].
#[derive(Debug)]
pub struct NetworkInterfaces {
    queue: Nested,
    is_removed: bool,
}

impl NetworkInterfaces {
    /// Watches every interface, those to come too.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: no descriptor or memory left for a queue.
    /// - `EINVAL`: this system has no such filter.
    pub fn new() -> io::Result<Self> {
        Self::one(0)
    }

    /// Watches the interface with this index (if_nametoindex(3)); 0 is every one.
    ///
    /// # Errors
    /// As [`new`](Self::new), and `ENXIO`: there is no such interface.
    pub fn one(index: u32) -> io::Result<Self> {
        Ok(Self {
            queue: Nested::new(&[Kevent::link(index).clear()])?,
            is_removed: false,
        })
    }

    /// Waits for a change: all that has happened since the last time.
    ///
    /// [`NoteNetdev::LINKINV`] is the last word of a single interface. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// - `ENXIO`: the single interface was removed, and has been told of.
    /// - `EBADF`: the queue belongs to the parent of this process.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: the thread's queue cannot watch this one now.
    pub async fn changed(&mut self) -> io::Result<NoteNetdev> {
        poll_fn(|context| self.poll_changed(context)).await
    }

    /// [`changed`](Self::changed) for hand-written futures.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<NoteNetdev>> {
        if self.is_removed {
            return Poll::Ready(Err(rustix::io::Errno::NXIO.into()));
        }
        let event = ready!(self.queue.poll_next(context))?;
        self.is_removed = event.is_eof();
        Poll::Ready(Ok(NoteNetdev::from_bits_truncate(event.fflags)))
    }
}
