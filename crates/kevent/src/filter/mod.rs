//! The table of filters, and the small record that each of them is.
//!
//! Filters on descriptors (`read`, `write`, `except`) answer one question: given what the kernel
//! reported, is it true, and what is there to say? They are called through a match, because they
//! are called for every event. All other filters are a `FilterOps`, after the BSD kernels'
//! `struct filterops`.

use std::os::fd::RawFd;

use crate::engine::files::Files;
use crate::engine::knote::Knote;
use crate::engine::poller::{Poller, Set, Source, Token};
use crate::engine::state::{Alarms, Options};
use crate::engine::table::Direction;
use crate::flags::{Filter, Flags, NoteIo};
use crate::kevent::Kevent;
use crate::source::descriptor::{Interest, Kind, Verdict};
use crate::source::process_events::News;

mod empty;
mod except;
mod fs;
mod netdev;
mod proc;
mod procdesc;
mod process;
mod read;
mod signal;
#[cfg(test)]
mod tests;
mod timer;
mod user;
pub(crate) mod vnode;
mod write;

/// An error number.
pub(crate) type Errno = i32;

/// What a filter number stands for.
pub(crate) enum Entry {
    /// Watches one readiness of a descriptor.
    Descriptor(Direction),
    /// Watches something else; `ident` is a plain number.
    Plain(&'static dyn FilterOps),
    /// Known, but its knotes are made by other calls; EV_ADD is refused.
    Refused(Errno),
}

impl Entry {
    /// Whether `ident` is a descriptor number.
    pub(crate) fn watches_descriptor(&self) -> bool {
        match self {
            Self::Descriptor(_) => true,
            Self::Plain(ops) => ops.watches_descriptor(),
            Self::Refused(_) => false,
        }
    }
}

/// One line per filter.
static TABLE: &[(Filter, Entry)] = &[
    (Filter::READ, Entry::Descriptor(Direction::In)),
    (Filter::WRITE, Entry::Descriptor(Direction::Out)),
    (Filter::EXCEPT, Entry::Descriptor(Direction::Urgent)),
    (Filter::NETDEV, Entry::Plain(&netdev::Netdev)),
    (Filter::FS, Entry::Plain(&fs::Fs)),
    (Filter::EMPTY, Entry::Plain(&empty::Empty)),
    (Filter::SIGNAL, Entry::Plain(&signal::Signal)),
    (Filter::PROC, Entry::Plain(&proc::Proc)),
    (Filter::PROCDESC, Entry::Plain(&procdesc::Procdesc)),
    (Filter::TIMER, Entry::Plain(&timer::Timer)),
    (Filter::USER, Entry::Plain(&user::User)),
    (Filter::VNODE, Entry::Plain(&vnode::Vnode)),
    (Filter::AIO, Entry::Refused(libc::ENXIO)),
    (Filter::LIO, Entry::Refused(libc::ENXIO)),
    (Filter::SENDFILE, Entry::Refused(libc::ENXIO)),
];

/// The entry of a filter number.
pub(crate) fn lookup(filter: Filter) -> Option<&'static Entry> {
    TABLE
        .iter()
        .find(|(number, _)| *number == filter)
        .map(|(_, entry)| entry)
}

/// What a filter may use.
pub(crate) struct Context<'a> {
    /// The knote's key and generation.
    pub(crate) key: u32,
    pub(crate) generation: u32,
    pub(crate) files: &'a mut Files,
    pub(crate) alarms: &'a mut Alarms,
    pub(crate) bells: &'a mut Vec<Option<u32>>,
    pub(crate) asking: &'a mut Vec<u32>,
    /// Knotes that the filter makes, for the engine to take in.
    pub(crate) born: &'a mut Vec<Born>,
    pub(crate) options: &'a Options,
    pub(crate) poller: &'a dyn Poller,
}

impl Context<'_> {
    /// Watches a descriptor on the knote's own account: what it reports comes as
    /// [`Happening::Ready`]. `bits` are epoll's, edge-triggered or one-shot.
    pub(crate) fn watch(&self, fd: RawFd, bits: u32) -> Result<(), Errno> {
        let token = Token::Knote {
            key: self.key,
            generation: self.generation,
        };
        self.poller
            .add(Set::Main, fd, bits, token.encode())
            .map_err(|error| errno(&error))
    }
}

impl Context<'_> {
    /// Has the knote looked at before each wait ([`Happening::Asked`]), or no longer.
    pub(crate) fn ask(&mut self, is_asking: bool) {
        let key = self.key;
        if !is_asking {
            self.asking.retain(|&other| other != key);
        } else if !self.asking.contains(&key) {
            self.asking.push(key);
        }
    }
}

/// A knote that a filter has made on its own account.
#[derive(Debug)]
pub(crate) struct Born {
    pub(crate) knote: Knote,
    /// Whether a change can name it; it then takes the key from the knote that has it.
    pub(crate) is_indexed: bool,
}

/// What happened to what a knote watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Its deadline has passed.
    Expired,
    /// A trigger handle rang.
    Rung,
    /// The descriptor it watches on its own account is ready: epoll's bits.
    Ready(u32),
    /// Its source has news.
    News,
    /// The file it watches has changed.
    File(FileNews),
    /// A wait is about to begin, and the knote asked to be looked at first.
    Asked,
}

/// What is known of a change to a watched file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileNews {
    /// `IN_` bits, and whether a rename stays within the directory.
    Notice { mask: u32, is_inside: bool },
    /// The directory that holds it lost a directory.
    InParent,
    /// Notices were lost: anything may have happened.
    Unknown,
}

/// What a modification did to what was pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modified {
    /// A pending event is kept.
    Kept,
    /// The knote starts anew: a pending event is forgotten.
    Restarted,
}

/// What the caller sees of a delivered knote.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) fflags: u32,
    pub(crate) data: i64,
}

/// One filter that does not watch a descriptor.
pub(crate) trait FilterOps: Sync {
    /// Starts watching; the knote is as EV_ADD made it. BSD: f_attach.
    ///
    /// May add attributes to `knote.flags` (EV_CLEAR). After an error nothing is left behind.
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno>;

    /// Stops watching. Cannot fail. BSD: f_detach.
    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>);

    /// Is it true now? BSD: f_event with hint 0.
    fn event(&self, knote: &Knote, context: &Context<'_>) -> bool;

    /// Something happened to what the knote watches; is the knote active now? BSD: f_event with
    /// a hint.
    fn happened(&self, _knote: &mut Knote, _what: Happening, _context: &mut Context<'_>) -> bool {
        true
    }

    /// The source that reports for this filter's knotes, if one does.
    fn source(&self) -> Option<Source> {
        None
    }

    /// Whether `ident` is a descriptor number, whose knotes go when it is closed.
    fn watches_descriptor(&self) -> bool {
        false
    }

    /// Whether `ident` still names what the knote watches. Asked at EV_ADD.
    fn is_same_object(&self, _knote: &Knote) -> bool {
        true
    }

    /// A letter has come: for this subscription, or for all. Is the knote active now?
    fn mail(
        &self,
        _knote: &mut Knote,
        _subscription: Option<u64>,
        _news: News,
        _context: &mut Context<'_>,
    ) -> bool {
        false
    }

    /// The engine has taken in a knote of [`Context::born`]. Is it active?
    fn born(&self, _knote: &mut Knote, _context: &mut Context<'_>) -> bool {
        false
    }

    /// The main set was renewed: watches again what [`Context::watch`] watched.
    fn rewatch(&self, _knote: &Knote, _context: &Context<'_>) {}

    /// A change names the existing knote. BSD: f_touch at registration.
    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno>;

    /// The knote is delivered: what the caller sees; with EV_CLEAR, resets. BSD: f_touch at
    /// delivery.
    fn copyout(&self, knote: &mut Knote, context: &mut Context<'_>) -> Report;
}

/// The filters, beside those of [`Direction`], whose knotes go with a descriptor number.
pub(crate) fn bound() -> impl Iterator<Item = Filter> {
    TABLE.iter().filter_map(|(filter, entry)| match entry {
        Entry::Plain(ops) => ops.watches_descriptor().then_some(*filter),
        _ => None,
    })
}

/// The filter of a direction.
pub(crate) const fn of(direction: Direction) -> Filter {
    match direction {
        Direction::In => Filter::READ,
        Direction::Out => Filter::WRITE,
        Direction::Urgent => Filter::EXCEPT,
    }
}

/// `NO_DATA` as it is kept in a half-knote.
const KEPT_NO_DATA: u8 = 0x80;

/// The notes of a change as a half-knote keeps them.
pub(crate) fn keep_interest(fflags: u32, options: &Options) -> u8 {
    let notes = NoteIo::from_bits_truncate(fflags);
    let no_data = notes.contains(NoteIo::NO_DATA)
        || (options.without_data && !notes.contains(NoteIo::WITH_DATA));
    let plain = notes & (NoteIo::LOWAT | NoteIo::FILE_POLL | NoteIo::OOB);
    let low = u8::try_from(plain.bits()).unwrap_or(0);
    if no_data { low | KEPT_NO_DATA } else { low }
}

/// Whether the notes a half-knote keeps give its change's `data` a meaning.
pub(crate) fn has_low_water(interest: u8) -> bool {
    NoteIo::from_bits_truncate(u32::from(interest)).contains(NoteIo::LOWAT)
}

/// Whether a knote on an unpollable descriptor depends on what nobody reports, so that it must
/// be looked at before each wait; and whether writes to the file decide about it.
pub(crate) fn depends_on_file(direction: Direction, kind: Kind, interest: u8) -> bool {
    let notes = NoteIo::from_bits_truncate(u32::from(interest));
    direction == Direction::In && kind.is_file() && !notes.contains(NoteIo::FILE_POLL)
}

/// Refuses what a kind of descriptor does not have. Costs no system call for READ and WRITE.
pub(crate) fn attach_check(direction: Direction, fd: RawFd) -> Result<(), Errno> {
    match direction {
        Direction::In => {
            crate::registry::mark_nested(fd);
            Ok(())
        }
        // A queue cannot be written to. A number that was closed where nobody saw it may be
        // another file by now.
        Direction::Out if crate::registry::is_queue(fd) && is_set(fd) => Err(libc::EINVAL),
        Direction::Out => Ok(()),
        Direction::Urgent => except::attach_check(fd).map_err(|error| errno(&error)),
    }
}

fn is_set(fd: RawFd) -> bool {
    Kind::learn(fd).is_ok_and(Kind::is_queue)
}

/// Is it true, and what is there to say? `ready` is what the kernel reported (`EPOLL` bits).
pub(crate) fn event(
    direction: Direction,
    fd: RawFd,
    kind: &mut Kind,
    ready: u32,
    (interest, low_water): (u8, i64),
    options: &Options,
) -> Verdict {
    at_once(direction, ready, interest)
        .unwrap_or_else(|| ask(direction, fd, kind, ready, (interest, low_water), options))
}

/// The answer where no data is wanted and the kernel reported nothing but the plain bit: it has
/// said it all.
#[inline]
pub(crate) const fn at_once(direction: Direction, ready: u32, interest: u8) -> Option<Verdict> {
    if interest == KEPT_NO_DATA && is_plain(direction, ready) {
        return Some(Verdict::Active {
            data: 0,
            fflags: 0,
            eof: false,
        });
    }
    None
}

#[inline]
const fn is_plain(direction: Direction, ready: u32) -> bool {
    match direction {
        Direction::In => ready == libc::EPOLLIN.cast_unsigned(),
        Direction::Out | Direction::Urgent => false,
    }
}

/// Asks the filter.
pub(crate) fn ask(
    direction: Direction,
    fd: RawFd,
    kind: &mut Kind,
    ready: u32,
    (interest, low_water): (u8, i64),
    options: &Options,
) -> Verdict {
    let full = || full_interest((interest, low_water), options);
    match direction {
        Direction::In => {
            if interest == 0 && is_plain(direction, ready) && kind.counts_bytes() {
                return read::plain_event(fd, *kind, full);
            }
            let verdict = read::event(fd, kind, ready, &full());
            if kind.is_queue() {
                with_queue_count(fd, verdict)
            } else {
                verdict
            }
        }
        Direction::Out => write::event(fd, kind, ready, &full()),
        Direction::Urgent => except::event(fd, kind, ready, &full()),
    }
}

/// What a half-knote wants to know, from how it is kept.
fn full_interest((interest, low_water): (u8, i64), options: &Options) -> Interest {
    Interest {
        notes: NoteIo::from_bits_truncate(u32::from(interest & !KEPT_NO_DATA)),
        low_water,
        want_data: interest & KEPT_NO_DATA == 0,
        exact_errors: options.exact_socket_errors,
    }
}

/// A queue in a queue: `data` is the number of events that wait in it.
fn with_queue_count(fd: RawFd, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Active { data, fflags, eof } => {
            let count = crate::registry::ready_count(fd);
            let count = count
                .and_then(|count| i64::try_from(count).ok())
                .unwrap_or(0);
            Verdict::Active {
                data: data.max(count),
                fflags,
                eof,
            }
        }
        verdict => verdict,
    }
}

/// The flags a verdict adds to an event.
pub(crate) const fn eof_flag(eof: bool) -> Flags {
    if eof { Flags::EOF } else { Flags::empty() }
}

/// The error number of a failed call.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
