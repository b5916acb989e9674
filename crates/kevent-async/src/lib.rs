//! Futures over one [`kevent::Kqueue`] per thread.
//!
//! A thread that calls [`block_on`] has an executor and a reactor of its own: the executor runs
//! the tasks that [`spawn`] made, and the reactor sleeps in `kevent()` while none of them can go
//! on. Nothing is shared between threads, so futures need not be `Send`; what crosses threads are
//! wakers, [`Notifier`]s and the results of [`spawn_blocking`].
//!
//! ```
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//! use kevent_async::{TcpListener, TcpStream, block_on, spawn};
//!
//! block_on(async {
//!     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(async move {
//!         let (mut stream, _peer) = listener.accept().await?;
//!         let mut request = [0; 4];
//!         stream.read_exact(&mut request).await?;
//!         stream.write_all(&request).await
//!     });
//!     let mut client = TcpStream::connect(address).await?;
//!     client.write_all(b"ping").await?;
//!     let mut reply = String::new();
//!     client.read_to_string(&mut reply).await?;
//!     assert_eq!(reply, "ping");
//!     server.await
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Concepts
//! - **Descriptors** ([`Io`], and [`TcpStream`], [`TcpListener`], [`UnixStream`],
//!   [`UnixListener`] on it) are non-blocking and registered once, edge-like (`EV_CLEAR`), when a
//!   task first has to wait for them. The reactor remembers whether a direction is ready, so an
//!   operation that would only answer `EWOULDBLOCK` is not tried, and a request on a persistent
//!   connection costs no change of the registration.
//! - **Time** ([`Timer`], [`sleep`], [`timeout`]) is one `EVFILT_TIMER` knote per timer in use.
//!   Postponing a timer costs nothing but a store.
//! - **Other threads** reach a thread through [`Notify`] (`EVFILT_USER`), also from a signal
//!   handler, or by waking a task's waker. [`spawn_blocking`] takes work away that would block.
//! - **The system** reports through [`Signals`], [`Child`], [`ProcessTree`], [`FileWatch`] and
//!   [`NetworkInterfaces`]. Each watches from the moment it is made, and keeps what happens until
//!   it is asked.
//! - **Cancellation** is dropping: a dropped future no longer waits, a dropped source leaves the
//!   queue before its descriptor is closed, a dropped timer deletes its knote, a dropped
//!   [`Task`] cancels its future. What still runs when [`block_on`] returns is cancelled.
//!
//! # Features
//! - `hyper`: the adapters that let the `hyper` crate run on this executor, in the module
//!   `hyper`.
//!
//! # What it does not do
//! No work stealing, no task moves to another thread: start a thread per core and call
//! [`block_on`] in each. The executor does not preempt: a task that computes for long, or blocks,
//! stops its thread.
//!
//! # References
//! kqueue(2), FreeBSD 15; `docs/semantics.md`; `docs/design.md`, section 4.

#![forbid(unsafe_code)]

mod blocking;
mod child;
mod executor;
mod file_watch;
#[cfg(feature = "hyper")]
pub mod hyper;
mod io;
mod limits;
mod local;
mod nested;
mod net;
mod network_interfaces;
mod notify;
mod platform;
mod process_tree;
mod reactor;
mod signals;
mod source;
mod timeout;
mod timer;

/// A spawned task: a handle that cancels the task when it is dropped, and a future of its
/// output.
///
/// - `.await` gives the output. If the task panicked, the panic goes on in the task that waits.
/// - `drop` cancels the task: its future is dropped at the executor's next turn.
/// - `detach()` lets it run by itself.
/// - `cancel().await` cancels it, and waits until its future is gone.
///
/// Waiting for a task that was cancelled panics; `fallible()` gives `None` instead.
pub use async_task::Task;
pub use blocking::{Blocking, spawn_blocking};
pub use child::Child;
pub use executor::{YieldNow, block_on, prepare, spawn, yield_now};
pub use file_watch::FileWatch;
pub use io::Io;
pub use net::{TcpListener, TcpStream, UnixListener, UnixStream};
pub use network_interfaces::NetworkInterfaces;
pub use notify::{Notifier, Notify};
pub use process_tree::{ProcessEvent, ProcessTree};
pub use signals::Signals;
pub use source::Direction;
pub use timeout::{TimedOut, Timeout, timeout};
pub use timer::{Timer, sleep};
