//! Which descriptor numbers of this process are queues.
//!
//! A queue that is watched by another one answers with its count, and takes its knote along when
//! it is closed. A forked child inherits none of the parent's queues, and perhaps a lock that
//! nobody there will ever release, so each process has a registry of its own.

use std::os::fd::RawFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::engine::state::Engine;
use crate::source::epoll::EpollPoller;
use crate::source::inotify::Instances;
use crate::sys::per_process::PerProcess;

type Queue = Engine<EpollPoller>;

/// The queues of one process.
#[derive(Default)]
struct Registry {
    queues: RwLock<HashMap<RawFd, Weak<Queue>>>,
    file_instances: Instances,
}

static REGISTRY: PerProcess<Registry> = PerProcess::new();

/// The registry of this process.
fn here() -> &'static Registry {
    REGISTRY.here()
}

/// A queue was made.
pub(crate) fn enter(fd: RawFd, queue: &Arc<Queue>) {
    here().queues.write().insert(fd, Arc::downgrade(queue));
}

/// A queue goes by another number: queues that watch the old one forget it.
pub(crate) fn moved(queue: &Arc<Queue>, old: RawFd, new: RawFd) {
    let mut queues = here().queues.write();
    queues.remove(&old);
    queues.insert(new, Arc::downgrade(queue));
}

/// A queue is closed: queues that watch it forget it. Called with no queue's lock held.
pub(crate) fn leave(queue: &Queue) {
    let fd = queue.own_fd();
    here().queues.write().remove(&fd);
    if queue.is_nested.load(Ordering::Acquire) {
        for other in others(fd) {
            other.forget_fd(fd);
        }
    }
}

/// A queue's set was renewed under its number: queues that watch it take it up again. Called
/// with no queue's lock held.
pub(crate) fn renewed(queue: &Queue) {
    let fd = queue.own_fd();
    for other in others(fd) {
        other.rewatch(fd);
    }
}

/// The inotify instances of this process's queues.
pub(crate) fn file_instances() -> &'static Instances {
    &here().file_instances
}

fn others(fd: RawFd) -> Vec<Arc<Queue>> {
    let queues = here().queues.read();
    queues
        .iter()
        .filter(|(other, _)| **other != fd)
        .filter_map(|(_, q)| q.upgrade())
        .collect()
}

fn find(fd: RawFd) -> Option<Arc<Queue>> {
    here().queues.read().get(&fd)?.upgrade()
}

/// Whether this number is a queue.
pub(crate) fn is_queue(fd: RawFd) -> bool {
    here().queues.read().contains_key(&fd)
}

/// A queue is about to watch this number; if it is a queue, it is nested from now on.
pub(crate) fn mark_nested(fd: RawFd) {
    if let Some(queue) = find(fd) {
        queue.is_nested.store(true, Ordering::Release);
    }
}

/// How many events of user space wait in the queue with this number. Takes its lock.
pub(crate) fn ready_count(fd: RawFd) -> Option<usize> {
    let queue = find(fd)?;
    let mut held = queue.hold();
    held.answer_bells();
    Some(held.state.ready.len())
}
