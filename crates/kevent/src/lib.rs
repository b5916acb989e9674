//! kqueue(2) and kevent(2) for every kernel.
//!
//! The event queue of the BSDs and macOS: one call registers interest and returns events, for
//! sockets, pipes, terminals, files, processes, signals, timers and events of the program's own, and its cost depends
//! on the events that happen, never on the descriptors watched. On Linux this crate brings it
//! with FreeBSD's semantics; on the BSDs and macOS the same types go straight to the kernel's own
//! queue, and the items say under "Differences" what it does otherwise.
//!
//! ```
//! use kevent::{Events, Filter, Kevent, Kqueue};
//! use std::io::Write;
//! use std::time::Duration;
//!
//! let (reader, mut writer) = std::io::pipe()?;
//! let queue = Kqueue::new()?;
//! queue.apply(&[
//!     Kevent::read(&reader).udata(1),
//!     Kevent::timer(2, Duration::from_millis(1)).oneshot(),
//! ])?;
//! writer.write_all(b"hello")?;
//!
//! let mut events = Events::with_capacity(8);
//! let mut seen = Vec::new();
//! while seen.len() < 2 {
//!     queue.wait(&[], &mut events, None)?;
//!     for event in &events {
//!         seen.push((event.filter, event.data));
//!         queue.apply(&[Kevent::read(&reader).delete()]).ok();
//!     }
//! }
//! assert!(seen.contains(&(Filter::READ, 5)) && seen.contains(&(Filter::TIMER, 1)));
//! # Ok::<(), std::io::Error>(())
//! ```

// Everywhere.
mod constants;
mod events;
mod flags;
mod kevent;
mod kqueue;
mod reading;
mod sys;
mod trigger;

// Linux: an engine of our own.
#[cfg(target_os = "linux")]
pub mod binding;
#[cfg(target_os = "linux")]
mod closing;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod queue;
#[cfg(target_os = "linux")]
mod registry;
#[cfg(target_os = "linux")]
pub mod signal;
#[cfg(target_os = "linux")]
mod source;

// BSD and macOS: the kernel's. What is testable of it without such a kernel is tested on Linux.
#[cfg(any(test, not(target_os = "linux")))]
mod native;
#[cfg(not(target_os = "linux"))]
use native as queue;

pub use events::Events;
pub use flags::{
    Filter, Flags, NoteFs, NoteIo, NoteNetdev, NoteProc, NoteTimer, NoteUser, NoteVnode,
};
pub use kevent::{Kevent, ToRawFd};
pub use kqueue::{Builder, Kqueue};
pub use trigger::TriggerHandle;

/// The README's Rust code runs as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The guide's programs run as documentation tests, page by page.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide.md")]
struct Guide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/filters.md")]
struct GuideFilters;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/web-server.md")]
struct GuideWebServer;
