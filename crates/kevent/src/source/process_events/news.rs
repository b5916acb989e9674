//! What the service tells a queue, and the mailbox in which it lies until the queue looks.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::service::Subscription;
use crate::flags::Filter;

/// So many letters wait at most; what comes then is lost, and said to be.
const LETTERS_MAX: usize = 65_536;

/// Something happened to a process.
#[derive(Debug)]
pub(crate) enum News {
    /// It made a child, whose events are subscribed to already if it is followed.
    Forked {
        child: i32,
        /// When, in nanoseconds of the monotonic clock, if it was seen and not found later.
        time: Option<u64>,
        followed: Option<Subscription>,
    },
    /// It runs another program.
    Execed,
    /// Its first thread is gone, and perhaps all of it; with its status as wait(2) has it.
    Exited(Option<i32>),
    /// What happened in between is not known.
    Lost,
}

/// News for one knote.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) filter: Filter,
    pub(crate) ident: usize,
    /// The number of the subscription, which an earlier knote of that key did not have.
    pub(crate) subscription: u64,
    pub(crate) news: News,
}

/// The letters of one queue.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    /// There may be letters. Published by the lock; read without it as a hint.
    is_filled: AtomicBool,
    /// How many subscriptions the queue has; a queue without looks at nothing.
    subscribers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: Vec<Letter>,
    is_lossy: bool,
}

impl Mailbox {
    /// Leaves a letter; false if there is no room.
    pub(crate) fn post(&self, letter: Letter) -> bool {
        let mut letters = self.letters.lock();
        let has_room = letters.waiting.len() < LETTERS_MAX;
        if has_room {
            letters.waiting.push(letter);
        } else {
            letters.is_lossy = true;
        }
        self.is_filled.store(true, Ordering::Release);
        has_room
    }

    /// Whether a letter would find room.
    pub(crate) fn has_room(&self) -> bool {
        self.letters.lock().waiting.len() < LETTERS_MAX
    }

    /// Says that something was lost for want of room.
    pub(crate) fn lose(&self) {
        self.letters.lock().is_lossy = true;
        self.is_filled.store(true, Ordering::Release);
    }

    /// Takes what is there; and whether something was lost.
    pub(crate) fn take(&self) -> (Vec<Letter>, bool) {
        if !self.is_filled.load(Ordering::Acquire) {
            return (Vec::new(), false);
        }
        let mut letters = self.letters.lock();
        self.is_filled.store(false, Ordering::Release);
        let is_lossy = mem::take(&mut letters.is_lossy);
        (mem::take(&mut letters.waiting), is_lossy)
    }

    pub(super) fn count_subscriber(&self, is_more: bool) {
        if is_more {
            self.subscribers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.subscribers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether anything is subscribed to. Relaxed: asked by the queue, which subscribes itself.
    pub(crate) fn is_used(&self) -> bool {
        self.subscribers.load(Ordering::Relaxed) > 0
    }
}
