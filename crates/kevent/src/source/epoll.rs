//! epoll(7) and its companions as the engine's `Poller`: what one queue holds in descriptors.
//!
//! | descriptor | made |
//! |---|---|
//! | the main set, which is the queue | with the queue |
//! | the doorbell (eventfd) | with the first user event, unpollable descriptor, or surplus |
//! | an alarm (timerfd) for each of two clocks | with the first timer of that clock |
//! | the file watch (inotify) | with the first VNODE knote, or regular file under READ; may be shared (`inotify`) |
//! | the process's signal bell (an eventfd shared by all queues), watched | with the first signal |
//! | the pending signals (signalfd) | with the first signal that is blocked |
//! | the list of mounts | with the first FS knote |
//! | the interfaces (rtnetlink) | with the first NETDEV knote |
//! | two inner sets | with the first pair of odd knotes on a descriptor; with the first EXCEPT |

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::inotify::{FileWatch, Instances};
use super::links::{LinkState, Links};
use super::mounts::{MountNews, Mounts};
use super::process_events::{self, Letter};
use super::wake::{Doorbell, Home};
use crate::engine::poller::{Poller, Set, Source, Token};
use crate::sys;
use crate::sys::clock::Clock;
use crate::sys::epoll::{Event, Patience};
use crate::sys::inotify::{Mask, Notice, Place};
use crate::sys::number::Movable;
use crate::sys::own::Own;

const IN: u32 = libc::EPOLLIN.cast_unsigned();
const ET: u32 = libc::EPOLLET.cast_unsigned();

/// The kernel facilities of one queue.
#[derive(Debug)]
pub(crate) struct EpollPoller {
    main: Movable,
    inner: OnceLock<Own>,
    urgent: OnceLock<Own>,
    doorbell: OnceLock<Arc<Doorbell>>,
    home: Arc<Home>,
    monotonic: OnceLock<Own>,
    realtime: OnceLock<Own>,
    files: OnceLock<FileWatch>,
    /// Those of this process.
    instances: &'static Instances,
    signals: OnceLock<RawFd>,
    pending: OnceLock<Own>,
    /// The signals that `pending` stands for, one bit each.
    pending_signals: AtomicU64,
    mounts: OnceLock<Mutex<Mounts>>,
    link_socket: OnceLock<Own>,
    links: Mutex<Links>,
    /// Wakes the threads that slept in the main set when it was renewed.
    rouser: Mutex<Option<Own>>,
    /// Wakes whoever waits in a queue that is closed.
    last_rouser: OnceLock<Own>,
}

impl EpollPoller {
    /// A queue's descriptors: to begin with, one.
    pub(crate) fn new(instances: &'static Instances) -> io::Result<Self> {
        Ok(Self {
            main: Movable::new(sys::epoll::create()?),
            inner: OnceLock::new(),
            urgent: OnceLock::new(),
            doorbell: OnceLock::new(),
            home: Arc::new(Home::new()),
            monotonic: OnceLock::new(),
            realtime: OnceLock::new(),
            files: OnceLock::new(),
            instances,
            signals: OnceLock::new(),
            pending: OnceLock::new(),
            pending_signals: AtomicU64::new(0),
            mounts: OnceLock::new(),
            link_socket: OnceLock::new(),
            links: Mutex::default(),
            rouser: Mutex::new(None),
            last_rouser: OnceLock::new(),
        })
    }

    /// The number of the main set, which is the queue's.
    pub(crate) fn number(&self) -> RawFd {
        self.main.as_fd().as_raw_fd()
    }

    /// The main set's number is somebody else's to close.
    pub(crate) fn give_up_number(&self) {
        self.main.give_up();
    }

    /// Lets the main set go by another number of the same open file. Under the queue's lock.
    pub(crate) fn move_to(&self, number: OwnedFd) -> OwnedFd {
        let old = self.main.move_to(number);
        if let Some(doorbell) = self.doorbell.get() {
            doorbell.moved(self.number());
        }
        old
    }

    /// Wakes everybody who sleeps in the main set, and whoever comes to, for good. Makes system
    /// calls only; where no descriptor is left for it, sleepers return when next woken.
    pub(crate) fn rouse_for_good(&self) {
        if let Ok(rouser) = sys::wake::readable_eventfd() {
            let set = self.main.as_fd();
            let rouser = Own::from(rouser);
            let number = rouser.as_raw_fd();
            let _ = sys::epoll::add(set, number, IN, Token::Nothing.encode());
            let _ = self.last_rouser.set(rouser);
        }
    }

    /// Takes a number that is about to be closed out of every set, as far as it is in one. Makes
    /// system calls only, so a signal handler may call it.
    pub(crate) fn number_closes(&self, fd: RawFd) {
        let inner = [&self.inner, &self.urgent];
        let inner = inner
            .into_iter()
            .filter_map(|place| place.get().map(AsFd::as_fd));
        for set in inner.chain([self.main.as_fd()]) {
            // Most numbers are in one set only.
            let _ = sys::epoll::delete(set, fd);
        }
    }

    /// Whose home the queue is.
    #[inline]
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Somebody may look at the queue's descriptor from now on.
    #[inline]
    pub(crate) fn open(&self) {
        if self.home.open()
            && let Some(doorbell) = self.doorbell.get()
        {
            doorbell.arm();
        }
    }

    /// The doorbell, which exists.
    pub(crate) fn doorbell(&self) -> Option<&Arc<Doorbell>> {
        self.doorbell.get()
    }

    const fn alarm(&self, clock: Clock) -> &OnceLock<Own> {
        match clock {
            Clock::Monotonic => &self.monotonic,
            Clock::Realtime => &self.realtime,
        }
    }

    const fn inner_set(&self, set: Set) -> Option<&OnceLock<Own>> {
        match set {
            Set::Main => None,
            Set::Inner => Some(&self.inner),
            Set::Urgent => Some(&self.urgent),
        }
    }

    /// The descriptor of a set that exists.
    fn set(&self, set: Set) -> io::Result<BorrowedFd<'_>> {
        match self.inner_set(set) {
            None => Ok(self.main.as_fd()),
            Some(place) => place.get().map(AsFd::as_fd).ok_or_else(missing),
        }
    }

    /// The descriptor of a set, which is made where it is missing.
    fn make_set(&self, set: Set) -> io::Result<BorrowedFd<'_>> {
        match self.inner_set(set) {
            None => Ok(self.main.as_fd()),
            Some(place) => self.companion(place, Token::Set(set), sys::epoll::create),
        }
    }

    /// A descriptor of the queue's own, made where it is missing and watched.
    fn companion<'a>(
        &'a self,
        place: &'a OnceLock<Own>,
        token: Token,
        make: impl FnOnce() -> io::Result<OwnedFd>,
    ) -> io::Result<BorrowedFd<'a>> {
        if place.get().is_none() {
            let fd = Own::from(make()?);
            let bits = companion_bits(token);
            sys::epoll::add(self.main.as_fd(), fd.as_raw_fd(), bits, token.encode())?;
            // The queue's lock is held, so nobody else has filled the place.
            let _ = place.set(fd);
        }
        place.get().map(AsFd::as_fd).ok_or_else(missing)
    }

    /// Puts another set in the place of the main one.
    ///
    /// Threads that sleep in the old set would sleep on in it, so it gets an entry that is
    /// always ready and wakes one after the other. The entry must outlive their stay; when the
    /// last has left, the old set is gone, and all that remains is one descriptor until the
    /// queue is renewed again.
    fn replace_main(&self, fresh: BorrowedFd<'_>) -> io::Result<()> {
        let rouser = Own::from(sys::wake::readable_eventfd()?);
        sys::epoll::add(
            self.main.as_fd(),
            rouser.as_raw_fd(),
            IN,
            Token::Nothing.encode(),
        )?;
        sys::number::replace(self.main.as_fd(), fresh)?;
        *self.rouser.lock() = Some(rouser);
        Ok(())
    }

    /// The companions that exist, each with its token.
    fn companions(&self) -> impl Iterator<Item = (RawFd, Token)> {
        [
            (&self.inner, Token::Set(Set::Inner)),
            (&self.urgent, Token::Set(Set::Urgent)),
            (&self.monotonic, Token::Alarm(Clock::Monotonic)),
            (&self.realtime, Token::Alarm(Clock::Realtime)),
            (&self.pending, Token::Source(Source::Signals)),
            (&self.link_socket, Token::Source(Source::Links)),
        ]
        .into_iter()
        .filter_map(|(place, token)| place.get().map(|fd| (fd.as_raw_fd(), token)))
        .chain(self.files.get().map(|files| {
            let number = files.as_fd().as_raw_fd();
            (number, Token::Source(Source::Files))
        }))
        .chain(
            self.signals
                .get()
                .map(|&fd| (fd, Token::Source(Source::Signals))),
        )
        .chain(
            self.mounts
                .get()
                .map(|mounts| (mounts.lock().number(), Token::Source(Source::Mounts))),
        )
    }
}

/// How a companion is watched: level-triggered if its reports are taken away by reading or
/// setting it, edge-triggered if nobody does that.
const fn companion_bits(token: Token) -> u32 {
    match token {
        Token::Source(Source::Signals | Source::Mounts) => IN | ET,
        _ => IN,
    }
}

fn missing() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

impl AsFd for EpollPoller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.main.as_fd()
    }
}

impl Poller for EpollPoller {
    fn add(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
        sys::epoll::add(self.make_set(set)?, fd, bits, token)
    }

    fn modify(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()> {
        sys::epoll::modify(self.set(set)?, fd, bits, token)
    }

    fn delete(&self, set: Set, fd: RawFd) -> io::Result<()> {
        sys::epoll::delete(self.set(set)?, fd)
    }

    #[inline]
    fn wait<'a>(
        &self,
        batch: &'a mut [MaybeUninit<Event>],
        patience: Patience,
    ) -> io::Result<&'a [Event]> {
        let mark = sys::signal::waiting::Wait::begin();
        match sys::epoll::wait(self.main.as_fd(), batch, patience) {
            // On BSD a signal that the program ignores interrupts nobody.
            Err(error) if error.kind() == io::ErrorKind::Interrupted && mark.was_for_nothing() => {
                Ok(&[])
            }
            result => result,
        }
    }

    fn collect<'a>(
        &self,
        set: Set,
        batch: &'a mut [MaybeUninit<Event>],
    ) -> io::Result<&'a [Event]> {
        sys::epoll::wait(self.set(set)?, batch, Patience::None)
    }

    fn is_open(&self, fd: RawFd) -> bool {
        super::descriptor::is_open(fd)
    }

    fn ready_now(&self, fd: RawFd) -> u32 {
        super::descriptor::ready_now(fd)
    }

    fn need_doorbell(&self) -> io::Result<()> {
        if self.doorbell.get().is_none() {
            let doorbell = Doorbell::new(
                self.number(),
                Token::Doorbell.encode(),
                Arc::clone(&self.home),
            )?;
            let _ = self.doorbell.set(Arc::new(doorbell));
        }
        Ok(())
    }

    fn has_doorbell(&self) -> bool {
        self.doorbell.get().is_some()
    }

    fn arm_doorbell(&self) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.arm_for_others());
    }

    #[inline]
    fn has_unheard(&self) -> bool {
        self.home.is_unheard()
    }

    fn disarm_doorbell(&self) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.disarm());
    }

    fn is_doorbell_armed(&self) -> bool {
        self.doorbell
            .get()
            .is_some_and(|doorbell| doorbell.is_armed())
    }

    fn doorbell_reported(&self) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.harvested());
    }

    fn new_bell(&self) -> Option<(u32, u32)> {
        self.doorbell.get()?.new_bell()
    }

    fn free_bell(&self, bell: u32) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.free_bell(bell));
    }

    fn rung_bells(&self, each: &mut dyn FnMut(u32)) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.drain(&mut *each));
    }

    fn shared_doorbell(&self) -> Option<Arc<Doorbell>> {
        self.doorbell.get().cloned()
    }

    fn expects_mail(&self) -> bool {
        let doorbell = self.doorbell.get();
        doorbell.is_some_and(|doorbell| doorbell.mailbox().is_used())
    }

    fn fetch_mail(&self) {
        process_events::catch_up();
    }

    fn take_mail(&self) -> (Vec<Letter>, bool) {
        let doorbell = self.doorbell.get();
        doorbell.map_or_else(Default::default, |doorbell| doorbell.mailbox().take())
    }

    fn need_alarm(&self, clock: Clock) -> io::Result<()> {
        let make = || sys::timerfd::create(clock);
        self.companion(self.alarm(clock), Token::Alarm(clock), make)
            .map(drop)
    }

    fn set_alarm(&self, clock: Clock, deadline: Option<u64>) -> io::Result<()> {
        let alarm = self.alarm(clock).get().ok_or_else(missing)?;
        sys::timerfd::set(alarm.as_fd(), deadline)
    }

    fn now(&self, clock: Clock) -> u64 {
        sys::clock::now(clock)
    }

    fn watch_file(&self, place: Place, mask: Mask) -> io::Result<i32> {
        if self.files.get().is_none() {
            self.need_doorbell()?;
            let files = FileWatch::open(self.doorbell().ok_or_else(missing)?, self.instances)?;
            let token = Token::Source(Source::Files).encode();
            sys::epoll::add(self.main.as_fd(), files.as_fd().as_raw_fd(), IN, token)?;
            // The queue's lock is held, so nobody else has filled the place.
            let _ = self.files.set(files);
        }
        self.files.get().ok_or_else(missing)?.watch(place, mask)
    }

    fn unwatch_file(&self, watch: i32) {
        self.files
            .get()
            .into_iter()
            .for_each(|files| files.unwatch(watch));
    }

    fn take_notices(&self, notices: &mut Vec<Notice>) {
        self.files
            .get()
            .into_iter()
            .for_each(|files| files.take(notices));
    }

    fn files_bell(&self) -> Option<u32> {
        self.files.get().map(FileWatch::bell)
    }

    fn need_source(&self, source: Source) -> io::Result<()> {
        let token = Token::Source(source);
        let bits = companion_bits(token);
        match source {
            Source::Signals if self.signals.get().is_none() => {
                let bell = sys::signal::bell()?;
                sys::epoll::add(self.main.as_fd(), bell, bits, token.encode())?;
                let _ = self.signals.set(bell);
            }
            Source::Mounts if self.mounts.get().is_none() => {
                let mounts = Mounts::open()?;
                sys::epoll::add(self.main.as_fd(), mounts.number(), bits, token.encode())?;
                let _ = self.mounts.set(Mutex::new(mounts));
            }
            Source::Links if self.link_socket.get().is_none() => {
                self.companion(&self.link_socket, token, || sys::link::open(true))?;
                *self.links.lock() = Links::all()?;
            }
            Source::Files | Source::Signals | Source::Mounts | Source::Links => {}
        }
        Ok(())
    }

    fn refresh(&self, source: Source) {
        match source {
            Source::Mounts => {
                if let Some(mounts) = self.mounts.get() {
                    mounts.lock().refresh();
                }
            }
            Source::Links => {
                if let Some(socket) = self.link_socket.get() {
                    self.links.lock().refresh(socket);
                }
            }
            Source::Files | Source::Signals => {}
        }
    }

    fn mount_news(&self) -> MountNews {
        let mounts = self.mounts.get();
        mounts.map_or_else(MountNews::default, |mounts| mounts.lock().news())
    }

    fn link_news(&self, each: &mut dyn FnMut(u32, LinkState)) {
        for &(index, state) in self.links.lock().news() {
            each(index, state);
        }
    }

    fn watch_pending(&self, signal: i32) -> io::Result<()> {
        let bit = 1 << (signal.cast_unsigned().wrapping_sub(1) & 63);
        let signals = self.pending_signals.fetch_or(bit, Ordering::Relaxed) | bit;
        let token = Token::Source(Source::Signals);
        let make = || sys::signal::pending::create(signals);
        let pending = self.companion(&self.pending, token, make)?;
        sys::signal::pending::set(pending, signals)
    }

    fn sound_doorbell(&self) {
        self.doorbell
            .get()
            .into_iter()
            .for_each(|doorbell| doorbell.arm_level());
    }

    fn remove_ghost(&self, set: Set, fd: RawFd) -> bool {
        let Ok(set) = self.set(set) else { return false };
        // More than one entry may carry the number: the file that has it now, and ghosts.
        for nth in 0.. {
            match sys::number::is_watched_file(set, fd, nth, fd) {
                Ok(true) => {}
                // There is no further entry: the report was one of a change under way.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => break,
                Ok(false) => return remove_nth_ghost(set, fd, nth),
                Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
                    return remove_nth_ghost(set, fd, nth);
                }
                Err(_) => return false,
            }
        }
        true
    }

    fn renew(&self, set: Set) -> io::Result<()> {
        let fresh = sys::epoll::create()?;
        if set == Set::Main {
            for (fd, token) in self.companions() {
                sys::epoll::add(fresh.as_fd(), fd, companion_bits(token), token.encode())?;
            }
            if let Some(doorbell) = self.doorbell.get() {
                doorbell.join(fresh.as_fd())?;
            }
            return self.replace_main(fresh.as_fd());
        }
        let old = self.set(set)?;
        sys::number::replace(old, fresh.as_fd())?;
        // The new file under the old number is not yet in the main set; the old one left it.
        sys::epoll::add(
            self.main.as_fd(),
            old.as_raw_fd(),
            IN,
            Token::Set(set).encode(),
        )
    }
}

/// Removes the `nth` entry of a number that it is not the file of, by way of another descriptor
/// of the file. Fails where there is none.
fn remove_nth_ghost(set: BorrowedFd<'_>, fd: RawFd, nth: u32) -> bool {
    // About a descriptor that is surely open, the answer to "is there an entry" is certain.
    let about_itself = sys::number::is_watched_file(set, fd, nth, set.as_raw_fd());
    if about_itself.is_err_and(|error| error.raw_os_error() == Some(libc::ENOENT)) {
        return true;
    }
    let is_survivor =
        |&other: &RawFd| matches!(sys::number::is_watched_file(set, fd, nth, other), Ok(true));
    let survivor = sys::number::open_numbers().into_iter().find(is_survivor);
    survivor.is_some_and(|file| sys::number::unwatch_in_a_copy(set, fd, file))
}
