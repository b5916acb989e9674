//! The service: who wants to hear of which process, and telling them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::message::Message;
use super::news::{Letter, News};
use super::{rescan, trust};
use crate::flags::{Filter, NoteProc};
use crate::source::wake::Doorbell;
use crate::sys::own::Own;
use crate::sys::per_process::PerProcess;
use crate::sys::{fork, process_events as connector};

/// One service of one process.
pub(super) struct Service {
    socket: Own,
    process: u32,
    core: Mutex<Core>,
    /// Subscriptions that were dropped, for whoever has the core next: they may be dropped where
    /// the core's lock is held. A leaf of the lock order.
    ended: Mutex<Vec<(i32, u64)>>,
}

struct Core {
    buffer: Box<[u8]>,
    interests: HashMap<i32, Vec<Interest>>,
    last_number: u64,
}

/// A knote's interest in one process.
#[derive(Clone)]
struct Interest {
    number: u64,
    filter: Filter,
    ident: usize,
    doorbell: Weak<Doorbell>,
    notes: NoteProc,
    has_exited: bool,
    /// Found in `/proc`; the event of its fork may still come.
    is_guessed: bool,
}

/// A place among those who hear of a process, until it is dropped.
pub(crate) struct Subscription {
    service: Arc<Service>,
    doorbell: Weak<Doorbell>,
    pid: i32,
    number: u64,
}

/// Where the service of a process is found.
#[derive(Default)]
struct Place {
    known: Mutex<Option<Result<Arc<Service>, i32>>>,
}

static PLACE: PerProcess<Place> = PerProcess::new();

/// This process's service, made where it is missing. That it cannot work is found out once.
fn service() -> io::Result<Arc<Service>> {
    let mut known = PLACE.here().known.lock();
    match &*known {
        Some(Ok(service)) => return Ok(Arc::clone(service)),
        Some(Err(errno)) => return Err(io::Error::from_raw_os_error(*errno)),
        None => {}
    }
    let made = trust::establish();
    match &made {
        Ok(service) => *known = Some(Ok(Arc::clone(service))),
        Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => {
            *known = Some(Err(libc::ENOTSUP));
        }
        // No descriptor or thread this time.
        Err(_) => {}
    }
    made
}

/// Subscribes a knote to what happens to a process from now on.
///
/// # Errors
/// `ENOTSUP`: there is no such news here. `EMFILE`, `ENFILE`, `ENOMEM`, `EAGAIN`.
pub(crate) fn subscribe(
    doorbell: &Arc<Doorbell>,
    (filter, ident): (Filter, usize),
    pid: i32,
    notes: NoteProc,
) -> io::Result<Subscription> {
    Ok(service()?.enter(doorbell, (filter, ident), pid, notes))
}

/// Posts everything that has happened until now.
pub(crate) fn catch_up() {
    let known = PLACE.here().known.lock().clone();
    if let Some(Ok(service)) = known {
        service.catch_up();
    }
}

impl Subscription {
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    pub(crate) const fn pid(&self) -> i32 {
        self.pid
    }

    /// Changes what is wanted.
    pub(crate) fn change(&self, notes: NoteProc) {
        let mut core = self.service.core.lock();
        let interests = core.interests.get_mut(&self.pid);
        for interest in interests.into_iter().flatten() {
            if interest.number == self.number {
                interest.notes = notes;
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // In a forked child the locks may be held by threads that do not exist there.
        if self.service.process != fork::epoch() {
            return;
        }
        if let Some(doorbell) = self.doorbell.upgrade() {
            doorbell.mailbox().count_subscriber(false);
        }
        self.service.ended.lock().push((self.pid, self.number));
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("pid", &self.pid)
            .field("number", &self.number)
            .finish()
    }
}

impl Service {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket: Own::from(socket),
            process: fork::epoch(),
            core: Mutex::new(Core {
                buffer: vec![0; 8192].into_boxed_slice(),
                interests: HashMap::new(),
                last_number: 0,
            }),
            ended: Mutex::default(),
        }
    }

    pub(super) const fn socket(&self) -> &Own {
        &self.socket
    }

    /// The service thread: tells for ever.
    pub(super) fn serve(self: &Arc<Self>) {
        loop {
            match connector::await_events(self.socket.as_fd(), -1) {
                Ok(()) => self.catch_up(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Out of memory: the next reader is a queue.
                Err(_) => return,
            }
        }
    }

    pub(super) fn enter(
        self: &Arc<Self>,
        doorbell: &Arc<Doorbell>,
        (filter, ident): (Filter, usize),
        pid: i32,
        notes: NoteProc,
    ) -> Subscription {
        let mut core = self.core.lock();
        // What happened before is not this knote's.
        self.read(&mut core);
        core.last_number += 1;
        let number = core.last_number;
        core.interests.entry(pid).or_default().push(Interest {
            number,
            filter,
            ident,
            doorbell: Arc::downgrade(doorbell),
            notes,
            has_exited: false,
            is_guessed: false,
        });
        drop(core);
        self.subscription(doorbell, pid, number)
    }

    fn subscription(
        self: &Arc<Self>,
        doorbell: &Arc<Doorbell>,
        pid: i32,
        number: u64,
    ) -> Subscription {
        doorbell.mailbox().count_subscriber(true);
        Subscription {
            service: Arc::clone(self),
            doorbell: Arc::downgrade(doorbell),
            pid,
            number,
        }
    }

    /// Reads all there is, and tells.
    pub(super) fn catch_up(self: &Arc<Self>) {
        self.read(&mut self.core.lock());
    }

    /// Reads all there is, in order, and tells whom it concerns.
    fn read(self: &Arc<Self>, core: &mut Core) {
        self.forget_ended(core);
        let mut was_lossy = false;
        loop {
            match connector::receive(self.socket.as_fd(), &mut core.buffer) {
                Ok(length) => {
                    let message = core.buffer.get(..length).and_then(Message::parse);
                    if let Some(message) = message {
                        self.tell(core, message);
                    }
                }
                // Some were lost after those that are still there.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => was_lossy = true,
                Err(_) => break,
            }
        }
        if was_lossy {
            self.make_good(core);
        }
    }

    fn forget_ended(&self, core: &mut Core) {
        let ended = std::mem::take(&mut *self.ended.lock());
        for (pid, number) in ended {
            if let Some(interests) = core.interests.get_mut(&pid) {
                interests.retain(|interest| interest.number != number);
                if interests.is_empty() {
                    core.interests.remove(&pid);
                }
            }
        }
    }

    fn tell(self: &Arc<Self>, core: &mut Core, message: Message) {
        match message {
            Message::Fork {
                parent,
                child_thread,
                child,
                time,
            } if child_thread == child => self.forked(core, parent, (child, time)),
            Message::Exec { process } => {
                for interest in core.interests.get(&process).into_iter().flatten() {
                    if interest.notes.contains(NoteProc::EXEC) {
                        interest.post(News::Execed);
                    }
                }
            }
            Message::Exit {
                thread,
                process,
                status,
            } if thread == process => {
                for interest in core.interests.get_mut(&process).into_iter().flatten() {
                    interest.has_exited = true;
                    interest.post(News::Exited(Some(status)));
                }
            }
            Message::Answer { .. } | Message::Fork { .. } | Message::Exit { .. } => {}
        }
    }

    fn forked(self: &Arc<Self>, core: &mut Core, parent: i32, (child, time): (i32, u64)) {
        let mut guessed = Vec::new();
        for mut old in core.interests.remove(&child).into_iter().flatten() {
            if old.is_guessed {
                old.is_guessed = false;
                guessed.push(old);
            } else if !old.has_exited {
                // The number has a new owner, so the old one is gone.
                old.post(News::Exited(None));
            }
        }
        let parents = core.interests.get(&parent).cloned().unwrap_or_default();
        for interest in parents {
            let is_known = |old: &Interest| old.doorbell.ptr_eq(&interest.doorbell);
            if !guessed.iter().any(is_known) {
                self.follow(core, &interest, child, Some(time));
            }
        }
        if !guessed.is_empty() {
            core.interests.entry(child).or_default().extend(guessed);
        }
    }

    /// Tells of a child that was made at `time`, or found in `/proc`, and subscribes to it in the same breath if its parent is followed.
    fn follow(self: &Arc<Self>, core: &mut Core, parent: &Interest, child: i32, time: Option<u64>) {
        if !parent.notes.intersects(NoteProc::FORK | NoteProc::TRACK) {
            return;
        }
        let Some(doorbell) = parent.doorbell.upgrade() else {
            return;
        };
        if !doorbell.mailbox().has_room() {
            doorbell.mailbox().lose();
            doorbell.arm();
            return;
        }
        let followed = parent.notes.contains(NoteProc::TRACK).then(|| {
            core.last_number += 1;
            core.interests.entry(child).or_default().push(Interest {
                number: core.last_number,
                ident: usize::try_from(child).unwrap_or(usize::MAX),
                has_exited: false,
                is_guessed: time.is_none(),
                ..parent.clone()
            });
            self.subscription(&doorbell, child, core.last_number)
        });
        parent.post(News::Forked {
            child,
            time,
            followed,
        });
    }

    /// Events were lost: everybody is told, and the children that can still be found are.
    fn make_good(self: &Arc<Self>, core: &mut Core) {
        for interest in core.interests.values().flatten() {
            interest.post(News::Lost);
        }
        let children = rescan::children();
        let mut parents: Vec<i32> = core.interests.keys().copied().collect();
        while let Some(parent) = parents.pop() {
            let interests = core.interests.get(&parent).cloned().unwrap_or_default();
            let followers = |interest: &&Interest| {
                interest.notes.contains(NoteProc::TRACK) && !interest.has_exited
            };
            for interest in interests.iter().filter(followers) {
                for &child in children.get(&parent).into_iter().flatten() {
                    let known = core.interests.get(&child);
                    let is_known = known.into_iter().flatten().any(|known| {
                        known.doorbell.ptr_eq(&interest.doorbell) && !known.has_exited
                    });
                    if !is_known {
                        self.follow(core, interest, child, None);
                        parents.push(child);
                    }
                }
            }
        }
    }
}

impl Interest {
    fn post(&self, news: News) {
        if let Some(doorbell) = self.doorbell.upgrade() {
            doorbell.mailbox().post(Letter {
                filter: self.filter,
                ident: self.ident,
                subscription: self.number,
                news,
            });
            doorbell.arm();
        }
    }
}
