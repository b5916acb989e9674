//! A kevent() call from the program's arrays and back, in the parts before and after its wait.

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use kevent::binding::{self, InterruptionMark, Patience, SetEvent, Step};
use kevent::{Filter, Flags, Kevent};

use crate::abi::Layout;
use crate::seat::{self, Pin};
use crate::sys::kevent::EventlistOf;
use crate::{query, sys};

/// What the exported function does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// It returns this; errno is set.
    Return(c_int),
    /// It waits.
    Wait(Sleep),
}

/// A wait: epoll_wait(2) with these arguments. The batch is the call's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleep {
    pub(crate) set: c_int,
    pub(crate) batch: *mut SetEvent,
    pub(crate) room: c_int,
    pub(crate) patience: Patience,
}

/// So many entries of the kernel fit into the exported function's frame; for a larger eventlist
/// they are allocated.
pub(crate) const SMALL: usize = 128;
/// More are never taken at once.
const LARGE: usize = 16_384;
/// So many changes are translated without an allocation.
const FEW: usize = 16;

/// A call under way. Dropping it gives it up: the queue is left, the changes stay.
#[derive(Debug)]
pub(crate) struct Call<L: 'static> {
    // Dropped before the pin, which keeps the queue alive.
    call: binding::Call<'static, L>,
    mark: InterruptionMark,
    batch: Batch,
    pin: Pin,
}

/// Room for what the kernel reports.
#[derive(Debug)]
enum Batch {
    /// In the exported function's frame.
    Small(*mut SetEvent),
    Large(Vec<SetEvent>),
}

/// What a program hands to kevent(2), as far as it can be made sense of.
#[derive(Debug)]
pub(crate) struct Arguments<'a, L: 'static> {
    pub(crate) kq: c_int,
    pub(crate) changelist: Result<&'a [L], i32>,
    /// Made after the changes were read, because it may be the same array.
    pub(crate) eventlist: EventlistOf<L>,
    pub(crate) timeout: Option<&'a libc::timespec>,
    /// Room for [`SMALL`] entries.
    pub(crate) batch: *mut SetEvent,
}

impl<L: Layout> Call<L> {
    /// Applies the changes and looks whether there is something to return. Where the call waits,
    /// it is in its place.
    ///
    /// # Errors
    /// As kevent(2).
    pub(crate) fn begin(
        place: &mut MaybeUninit<Self>,
        arguments: Arguments<'_, L>,
    ) -> io::Result<Next> {
        let pin = seat::enter(arguments.kq).or_else(|| seat::adopt(arguments.kq));
        let pin = pin.ok_or_else(|| no_queue(arguments.kq))?;
        let changelist = arguments.changelist.map_err(errno)?;
        // The program's changelist is not read any more once the changes are.
        match changelist {
            [] => Self::start(place, pin, arguments, &[], &[]),
            [change] if !change.is_query() => {
                Self::start(place, pin, arguments, &[change.change()], &[])
            }
            _ => {
                let changes = Changes::read(changelist);
                Self::start(place, pin, arguments, changes.list(), &changes.queries)
            }
        }
    }

    fn start(
        place: &mut MaybeUninit<Self>,
        pin: Pin,
        arguments: Arguments<'_, L>,
        changes: &[Kevent],
        queries: &[Kevent],
    ) -> io::Result<Next> {
        let queue = &pin.shared().ok_or_else(|| errno(libc::EBADF))?.queue;
        let (eventlist, complaint) = match arguments.eventlist.slots() {
            Ok(eventlist) => (eventlist, None),
            Err(complaint) => (&mut [][..], Some(complaint)),
        };
        let (answered, eventlist) = answer_queries(queries, eventlist)?;
        let mut call = queue.call(eventlist)?;
        if let Step::Done(count) = call.apply(changes)? {
            return match complaint {
                Some(complaint) => Err(errno(complaint)),
                None => Ok(Next::Return(result(answered + count))),
            };
        }
        if answered > 0 {
            return Ok(Next::Return(result(answered)));
        }
        match call.begin(duration(arguments.timeout)?)? {
            Step::Done(count) => Ok(Next::Return(result(count))),
            Step::Wait(patience) => {
                let call = Self::put(place, pin, call, arguments.batch);
                Ok(Next::Wait(call.sleep(patience)))
            }
        }
    }

    /// [`begin`](Self::begin) of a call with no changes to a queue in which nothing is to be done
    /// before the wait: no more than looking. Nothing where it is not so; the call then begins
    /// anew.
    #[inline]
    pub(crate) fn begin_at_once(
        place: &mut MaybeUninit<Self>,
        arguments: Arguments<'_, L>,
    ) -> Option<Sleep> {
        let pin = seat::enter(arguments.kq)?;
        let queue = &pin.shared()?.queue;
        let mut call = queue.call(arguments.eventlist.slots().ok()?).ok()?;
        let timeout = duration(arguments.timeout).ok()?;
        if call.is_pending() || call.room() == 0 || call.apply(&[]).is_err() {
            return None;
        }
        match call.begin(timeout) {
            Ok(Step::Wait(patience)) => {
                let call = Self::put(place, pin, call, arguments.batch);
                Some(call.sleep(patience))
            }
            _ => None,
        }
    }

    #[inline]
    fn put<'a>(
        place: &'a mut MaybeUninit<Self>,
        pin: Pin,
        call: binding::Call<'static, L>,
        small: *mut SetEvent,
    ) -> &'a mut Self {
        let batch = Batch::new(call.room(), small);
        place.write(Self {
            call,
            mark: InterruptionMark::begin(),
            batch,
            pin,
        })
    }

    /// Goes on with so many entries of the batch.
    ///
    /// # Errors
    /// As kevent(2).
    #[inline]
    pub(crate) fn resume(&mut self, woken_by: io::Result<usize>) -> io::Result<Next> {
        let woken_by = match woken_by {
            Ok(count) => Ok(count),
            // On BSD a signal that the program ignores interrupts nobody.
            Err(error)
                if error.kind() == io::ErrorKind::Interrupted && self.mark.was_for_nothing() =>
            {
                Ok(0)
            }
            Err(error) => Err(error),
        };
        if self.pin.is_stale() {
            return Err(errno(libc::EBADF));
        }
        let entries = woken_by.map(|count| sys::kevent::entries(self.batch.first(), count));
        match self.call.resume(entries)? {
            Step::Done(count) => Ok(Next::Return(result(count))),
            Step::Wait(patience) => {
                self.mark = InterruptionMark::begin();
                Ok(Next::Wait(self.sleep(patience)))
            }
        }
    }

    /// The number that the program called it by.
    pub(crate) const fn kq(&self) -> c_int {
        self.pin.number()
    }

    fn sleep(&mut self, patience: Patience) -> Sleep {
        Sleep {
            // The number that the program knows is open as long as the pin is held.
            set: self.pin.number(),
            room: c_int::try_from(self.call.room().min(self.batch.size())).unwrap_or(c_int::MAX),
            batch: self.batch.first(),
            patience,
        }
    }
}

impl Batch {
    #[inline]
    fn new(room: usize, small: *mut SetEvent) -> Self {
        if room <= SMALL {
            Self::Small(small)
        } else {
            Self::Large(Vec::with_capacity(room.min(LARGE)))
        }
    }

    const fn size(&self) -> usize {
        match self {
            Self::Small(_) => SMALL,
            Self::Large(entries) => entries.capacity(),
        }
    }

    const fn first(&mut self) -> *mut SetEvent {
        match self {
            Self::Small(first) => *first,
            Self::Large(entries) => entries.as_mut_ptr(),
        }
    }
}

/// Several changes in the engine's terms.
struct Changes {
    few: [Kevent; FEW],
    count: usize,
    many: Vec<Kevent>,
    queries: Vec<Kevent>,
}

impl Changes {
    fn read<L: Layout>(changelist: &[L]) -> Self {
        let mut changes = Self {
            few: [const { Kevent::new(0, Filter::from_raw(0), Flags::empty()) }; FEW],
            count: 0,
            many: Vec::new(),
            queries: Vec::new(),
        };
        if changelist.len() > FEW {
            changes.many.reserve(changelist.len());
        }
        for change in changelist {
            if change.is_query() {
                changes.queries.push(change.change());
            } else if changelist.len() > FEW {
                changes.many.push(change.change());
            } else if let Some(place) = changes.few.get_mut(changes.count) {
                *place = change.change();
                changes.count += 1;
            }
        }
        changes
    }

    fn list(&self) -> &[Kevent] {
        if self.many.is_empty() {
            self.few.get(..self.count).unwrap_or_default()
        } else {
            &self.many
        }
    }
}

/// Answers the questions to the library in front of the eventlist; returns how many, and what is
/// left of it.
fn answer_queries<'e, L: Layout>(
    queries: &[Kevent],
    mut eventlist: &'e mut [MaybeUninit<L>],
) -> io::Result<(usize, &'e mut [MaybeUninit<L>])> {
    let mut answered = 0;
    for question in queries {
        let answer = match query::answer(question) {
            Ok(None) => continue,
            Ok(Some(answer)) => Ok(L::event(&answer)),
            Err(errno) => Err(errno),
        };
        match std::mem::take(&mut eventlist).split_first_mut() {
            Some((place, rest)) => {
                eventlist = rest;
                answered += 1;
                place.write(answer.unwrap_or_else(|errno| L::answer(question, errno)));
            }
            None => answer.map(drop).map_err(errno)?,
        }
    }
    Ok((answered, eventlist))
}

fn no_queue(kq: c_int) -> io::Error {
    // In this order: a number that is closed after the first look is closed at the second.
    let is_open = !seat::is_closing(kq) && sys::number::is_open(kq);
    errno(if is_open { libc::EINVAL } else { libc::EBADF })
}

/// `None`: without limit.
#[inline]
fn duration(timeout: Option<&libc::timespec>) -> io::Result<Option<Duration>> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    let nanos = u32::try_from(timeout.tv_nsec).ok();
    let nanos = nanos.filter(|&nanos| nanos < 1_000_000_000);
    match (u64::try_from(timeout.tv_sec), nanos) {
        (Ok(seconds), Some(nanos)) => Ok(Some(Duration::new(seconds, nanos))),
        _ => Err(errno(libc::EINVAL)),
    }
}

fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

fn result(count: usize) -> c_int {
    c_int::try_from(count).unwrap_or(c_int::MAX)
}
