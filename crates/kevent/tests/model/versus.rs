//! The queue against the reference: the same steps for both, and every answer compared.
//!
//! Steps are decoded from bytes, so that random tests and fuzzing share them.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent, Kqueue, NoteIo, NoteUser};

use super::reference::{Found, LONG, Objects, Reference, Truth};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// One kevent() call with this much room.
    Call(Vec<Change>, usize),
    /// So many bytes into a channel.
    Write(usize, usize),
    /// As many bytes as a channel takes.
    Fill(usize),
    /// At most so many bytes out of it.
    Read(usize, usize),
    /// One end of a channel is closed.
    Close(usize, usize),
    /// A closed end is opened: a new channel, most likely under the old numbers.
    Open(usize),
}

/// A change whose `ident` is the user event, or the end of a channel: its number comes later.
#[derive(Clone)]
pub(crate) struct Change(Kevent);

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Kevent {
            ident,
            filter,
            flags,
            ..
        } = self.0;
        let Kevent { fflags, data, .. } = self.0;
        write!(f, "{ident} {filter:?} {flags:?} {fflags:#x} {data}")
    }
}

const CHANNELS: usize = 4;
const WRITES: usize = 16;
const ACTIONS: [Flags; 20] = [
    Flags::ADD,
    Flags::ADD,
    Flags::ADD,
    Flags::ADD,
    Flags::DELETE,
    Flags::ENABLE,
    Flags::ENABLE,
    Flags::DISABLE,
    Flags::empty(),
    Flags::KEEPUDATA,
    Flags::FORCEONESHOT,
    Flags::ADD.union(Flags::DISABLE),
    Flags::ADD.union(Flags::ENABLE),
    Flags::ADD.union(Flags::DELETE),
    Flags::ADD.union(Flags::FORCEONESHOT),
    Flags::ENABLE.union(Flags::KEEPUDATA),
    Flags::ENABLE.union(Flags::FORCEONESHOT),
    Flags::DISABLE.union(Flags::FORCEONESHOT),
    Flags::ADD.union(Flags::KEEPUDATA),
    Flags::ENABLE.union(Flags::DISABLE),
];

impl Step {
    /// Any bytes are a step; missing ones are zeros.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut bytes = bytes.iter().copied();
        let mut next = move || usize::from(bytes.next().unwrap_or(0));
        let channel = |byte: usize| byte % CHANNELS;
        match next() % 16 {
            0..7 => {
                let room = [LONG, 0, 1, 2, 3, 8, LONG, 1][next() % 8];
                let count = [1, 1, 1, 0, 2, 3][next() % 6];
                Self::Call(
                    (0..count).map(|_| Change::decode(&mut next)).collect(),
                    room,
                )
            }
            7..9 => Self::Call(Vec::new(), [LONG, 1, 2, 3][next() % 4]),
            9..12 => Self::Write(channel(next()), 1 + next() % 64),
            12 => Self::Read(channel(next()), 1 + next() % 64),
            13 => Self::Read(channel(next()), usize::MAX),
            14 if next() % 2 == 0 => Self::Fill(channel(next())),
            14 => Self::Close(channel(next()), next() % 2),
            _ => Self::Open(channel(next())),
        }
    }
}

impl Change {
    fn decode(next: &mut impl FnMut() -> usize) -> Self {
        let (target, action, attributes, notes, value) = (next(), next(), next(), next(), next());
        let filter = [Filter::READ, Filter::WRITE, Filter::USER, Filter::READ][target % 4];
        let mut change = Kevent::new(target / 4 % (2 * CHANNELS), filter, ACTIONS[action % 20]);
        for (bits, flag) in [
            (0x03, Flags::CLEAR),
            (0x0c, Flags::ONESHOT),
            (0x30, Flags::DISPATCH),
            (0xe0, Flags::RECEIPT),
        ] {
            // CLEAR in half of the changes, ONESHOT and DISPATCH in a quarter, RECEIPT rarely.
            let is_set = if bits == 0x03 {
                attributes & 1 != 0
            } else {
                attributes & bits == bits
            };
            change.flags.set(flag, is_set);
        }
        if filter == Filter::USER {
            change.ident %= 4;
            let control = [
                NoteUser::FFNOP,
                NoteUser::FFAND,
                NoteUser::FFOR,
                NoteUser::FFCOPY,
            ];
            let trigger = NoteUser::TRIGGER.bits() * u32::from(notes & 4 != 0);
            change.fflags = control[notes % 4].bits() | trigger | (notes as u32 >> 3);
            change.data = value as i64 / 16;
        } else if filter == Filter::READ && notes % 4 == 3 {
            change = change.fflags(NoteIo::LOWAT).data(1 + value as i64 % 48);
        }
        change.udata = value;
        change.ext[2] = u64::from(notes >= 128);
        Self(change)
    }
}

/// Bytes go from end 1 to end 0.
#[derive(Debug)]
struct Channel {
    ends: [Option<OwnedFd>; 2],
    numbers: [usize; 2],
    is_pipe: bool,
    queued: usize,
    /// Writes since it was empty; up to WRITES surely leave space for more.
    writes: usize,
    is_full: bool,
    /// End 0 was closed with bytes unread, which resets a socket.
    is_reset: bool,
}

impl Channel {
    fn new(is_pipe: bool) -> Self {
        let ends: [OwnedFd; 2] = if is_pipe {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            [reader.into(), writer.into()]
        } else {
            let (a, b) = UnixStream::pair().expect("a socket pair");
            [a.into(), b.into()]
        };
        for end in &ends {
            rustix::io::ioctl_fionbio(end, true).expect("non-blocking");
        }
        Self {
            numbers: [number(&ends[0]), number(&ends[1])],
            ends: ends.map(Some),
            is_pipe,
            queued: 0,
            writes: 0,
            is_full: false,
            is_reset: false,
        }
    }

    fn look(&self, end: usize, filter: Filter, low_water: i64) -> Found {
        let is_alone = self.ends[1 - end].is_none();
        let is_wrong_end = self.is_pipe && (end == 0) != (filter == Filter::READ);
        let queued = if end == 0 { self.queued as i64 } else { 0 };
        let low_water = if self.is_pipe { 1 } else { low_water.max(1) };
        let is_active = match (is_alone, is_wrong_end) {
            (false, true) => Truth::No,
            (true, true) => Truth::Maybe, // C1: systems differ.
            (true, false) => Truth::Yes,
            _ if filter == Filter::READ => truth(queued >= low_water),
            _ if end == 0 || self.queued == 0 => Truth::Yes,
            _ if self.is_full => Truth::No,
            _ if self.writes <= WRITES => Truth::Yes,
            _ => Truth::Maybe,
        };
        Found {
            is_active,
            is_eof: Some(is_alone),
            fflags: (!self.is_reset).then_some(0),
            data: (filter == Filter::READ).then_some(queued),
        }
    }
}

fn number(fd: &OwnedFd) -> usize {
    usize::try_from(fd.as_raw_fd()).expect("an open number")
}

fn truth(is_true: bool) -> Truth {
    if is_true { Truth::Yes } else { Truth::No }
}

#[derive(Debug)]
struct World {
    channels: Vec<Channel>,
}

impl World {
    fn find(&self, fd: usize) -> Option<(&Channel, usize)> {
        let is_it = |channel: &&Channel, end: usize| {
            channel.ends[end]
                .as_ref()
                .is_some_and(|open| number(open) == fd)
        };
        [0, 1].into_iter().find_map(|end| {
            let channel = self.channels.iter().find(|channel| is_it(channel, end))?;
            Some((channel, end))
        })
    }
}

impl Objects for World {
    fn is_open(&self, fd: usize) -> bool {
        self.find(fd).is_some()
    }

    fn look(&self, fd: usize, filter: Filter, low_water: i64) -> Found {
        let (channel, end) = self
            .find(fd)
            .expect("knotes go when their number is closed");
        channel.look(end, filter, low_water)
    }
}

/// Makes a queue open what it opens when first needed, so that it takes no number later that a
/// step has closed: the wake-up for user events, and the set for knotes of another kind.
fn open_all_of(queue: &Kqueue) {
    let (a, _b) = UnixStream::pair().expect("a socket pair");
    let knotes = [Kevent::user(0), Kevent::read(&a), Kevent::write(&a).clear()];
    queue.apply(&knotes).expect("three knotes");
    let trigger = queue.trigger_handle(0).expect("a handle");
    trigger.trigger();
    queue
        .apply(&knotes.map(Kevent::delete))
        .expect("three knotes deleted");
    queue.forget_fd(a.as_raw_fd());
}

/// Both queues, and what they watch.
pub(crate) struct Versus {
    queue: Kqueue,
    reference: Reference,
    world: World,
}

impl Versus {
    pub(crate) fn new() -> Self {
        let queue = Kqueue::new().expect("a queue");
        open_all_of(&queue);
        let channels = (0..CHANNELS).map(|i| Channel::new(i % 2 == 0));
        Self {
            queue,
            reference: Reference::default(),
            world: World {
                channels: channels.collect(),
            },
        }
    }

    /// Takes one step on both sides.
    ///
    /// # Panics
    ///
    /// Where the queue's answer is not one that the reference allows.
    pub(crate) fn step(&mut self, step: &Step) {
        match *step {
            Step::Call(ref changes, room) => self.call(changes, room),
            Step::Write(channel, bytes) if self.world.channels[channel].writes < WRITES => {
                self.write(channel, bytes);
            }
            Step::Write(..) => {}
            Step::Fill(channel) => while self.write(channel, 4096) {},
            Step::Read(channel, bytes) => self.read(channel, bytes),
            Step::Close(channel, end) => self.close(channel, end),
            Step::Open(channel) => {
                self.close(channel, 0);
                self.close(channel, 1);
                self.world.channels[channel] = Channel::new(channel.is_multiple_of(2));
            }
        }
    }

    fn call(&mut self, changes: &[Change], room: usize) {
        let changes: Vec<_> = changes
            .iter()
            .filter_map(|change| self.number(change))
            .collect();
        let mut list = [MaybeUninit::uninit(); LONG];
        let answer = self
            .queue
            .kevent(&changes, &mut list[..room], Some(Duration::ZERO));
        let mut entries = Vec::new();
        for change in &changes {
            let errno = match self.reference.change(change, &self.world) {
                Ok(true) if change.flags.contains(Flags::RECEIPT) => 0,
                Ok(_) => continue,
                Err(errno) => errno,
            };
            if entries.len() == room {
                let result = answer.map(|events| events.len());
                if errno == 0 {
                    assert_eq!(result.ok(), Some(room), "a receipt without room");
                } else {
                    let error = result.expect_err("an error without room");
                    assert_eq!(error.raw_os_error(), Some(errno), "{changes:?}");
                }
                return;
            }
            let entry = Kevent {
                data: i64::from(errno),
                ..*change
            };
            entries.push(Kevent {
                flags: Flags::ERROR,
                ..entry
            });
        }
        let events = answer.unwrap_or_else(|error| panic!("{error} for {changes:?}"));
        if entries.is_empty() {
            return self.reference.collected(events, room, &self.world);
        }
        // `fflags` of an entry is unspecified.
        let mut answers = events.to_vec();
        answers
            .iter_mut()
            .zip(&entries)
            .for_each(|(answer, entry)| answer.fflags = entry.fflags);
        assert_eq!(answers, entries, "answers to {changes:?}");
    }

    /// The change with its number; none where a closed number now belongs to the process.
    fn number(&self, change: &Change) -> Option<Kevent> {
        let mut kevent = change.0;
        if kevent.filter != Filter::USER {
            kevent.ident = self.world.channels[kevent.ident / 2].numbers[kevent.ident % 2];
            let path = format!("/proc/self/fd/{}", kevent.ident);
            let is_ours = self.world.is_open(kevent.ident) || Path::new(&path).exists();
            (self.world.is_open(kevent.ident) == is_ours).then_some(kevent)
        } else {
            Some(kevent)
        }
    }

    fn happened(&mut self, channel: usize, end: usize, filter: Filter, is_news: Truth) {
        let Some(fd) = self.world.channels[channel].ends[end].as_ref().map(number) else {
            return;
        };
        self.reference.happened(fd, filter, is_news, &self.world);
    }

    fn write(&mut self, index: usize, bytes: usize) -> bool {
        let channel = &mut self.world.channels[index];
        let ([Some(_), Some(writer)], false) = (&channel.ends, channel.is_full) else {
            return false;
        };
        let Ok(count) = rustix::io::write(writer, &[b'x'; 4096][..bytes]) else {
            channel.is_full = true;
            channel.writes = usize::MAX;
            // Linux wakes the reader of a full pipe, though nothing was written.
            self.happened(index, 0, Filter::READ, Truth::Maybe);
            return false;
        };
        channel.queued += count;
        channel.writes = channel.writes.saturating_add(1);
        self.happened(index, 0, Filter::READ, Truth::Yes);
        true
    }

    fn read(&mut self, index: usize, bytes: usize) {
        let channel = &mut self.world.channels[index];
        let Some(reader) = &channel.ends[0] else {
            return;
        };
        let mut buffer = vec![0; bytes.min(channel.queued)];
        let mut rest = &mut buffer[..];
        while !rest.is_empty() {
            let count = rustix::io::read(reader, &mut *rest).expect("what was written");
            rest = &mut rest[count..];
        }
        channel.queued -= buffer.len();
        let was_full = std::mem::take(&mut channel.is_full);
        let is_drained = channel.queued == 0;
        if is_drained {
            channel.writes = 0;
        }
        if was_full && buffer.is_empty() {
            channel.is_full = true;
            return;
        }
        let is_news = if was_full && is_drained {
            Truth::Yes
        } else {
            Truth::Maybe
        };
        self.happened(index, 1, Filter::WRITE, is_news);
    }

    fn close(&mut self, index: usize, end: usize) {
        let channel = &mut self.world.channels[index];
        let Some(fd) = channel.ends[end].take() else {
            return;
        };
        channel.is_reset |= end == 0 && channel.queued > 0 && !channel.is_pipe;
        self.reference.closed(number(&fd));
        self.queue.forget_fd(fd.as_raw_fd());
        drop(fd);
        self.happened(index, 1 - end, Filter::READ, Truth::Yes);
        self.happened(index, 1 - end, Filter::WRITE, Truth::Yes);
    }
}
