//! Q5: EVFILT_USER beside an eventfd in epoll: within a thread, across threads, and a trigger that
//! finds the event still pending.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use kevent::{Kevent, TriggerHandle};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventFlags};

use super::side::{
    Data, EPOLL, Epoll, KEVENT, Poller, Queue, QueueJob, RustQueue, add_queues, epoll_data,
    usual_claims,
};
use super::sockets::{event_descriptor, take_byte, unexpected, watching};
use crate::rounds::{Comparison, Kit, Sample};
use crate::sys::library::Library;

const BY_HANDLE: &str = "kevent, by handle";
const IDENT: usize = 1;
/// A wake-up that has not come after this long never will.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// Q5, what one thread does.
pub(crate) fn q5(kit: &mut Kit, libraries: &[Library]) {
    same_thread(kit, libraries);
    repeated(kit, libraries);
}

fn same_thread(kit: &mut Kit, libraries: &[Library]) {
    let title = "user event: trigger and wait, same thread";
    let mut comparison =
        Comparison::new("Q5", title, "ns per event").at("cost-per-event", "user event", None);
    comparison.side(EPOLL, eventfd_turns);
    add_queues(&mut comparison, libraries, TriggerAndWait);
    comparison.side(BY_HANDLE, |turns| {
        let (mut side, handle) = with_handle()?;
        Sample::of_turns(turns, || {
            handle.trigger();
            expect_one(side.call(&[], None)?)
        })
    });
    usual_claims(&mut comparison, EPOLL, 0.6);
    comparison.claim_ratio(BY_HANDLE, EPOLL, 0.6);
    kit.run(comparison);
}

fn repeated(kit: &mut Kit, libraries: &[Library]) {
    let title = "user event: triggered again while pending";
    let mut comparison = Comparison::new("Q5", title, "ns per trigger");
    comparison.side(EPOLL, |turns| {
        let fd = event_descriptor()?;
        Sample::of_turns(turns, || write_one(&fd))
    });
    add_queues(&mut comparison, libraries, TriggerOnly);
    comparison.side(BY_HANDLE, |turns| {
        let (_side, handle) = with_handle()?;
        Sample::of_turns(turns, || {
            handle.trigger();
            Ok(())
        })
    });
    comparison.claim_figure(BY_HANDLE, 20.0);
    comparison.claim_figure(KEVENT, 60.0);
    usual_claims(&mut comparison, EPOLL, None);
    kit.run(comparison);
}

/// Q5, two threads that wake each other in turn; each hop is one wake-up of a sleeping thread.
pub(crate) fn across_threads(kit: &mut Kit) {
    let title = "user event: a thread wakes another one that sleeps";
    let mut comparison = Comparison::new("Q5", title, "ns per hop");
    comparison.side(EPOLL, |turns| {
        let (one, other) = (event_descriptor()?, event_descriptor()?);
        ping_pong(
            turns,
            eventfd_player(&one, &other)?,
            eventfd_player(&other, &one)?,
        )
    });
    comparison.side(KEVENT, |turns| {
        let (one, handle_of_one) = with_handle()?;
        let (other, handle_of_other) = with_handle()?;
        ping_pong(
            turns,
            player(one, handle_of_other),
            player(other, handle_of_one),
        )
    });
    comparison.claim_ratio(KEVENT, EPOLL, None);
    kit.run(comparison);
}

/// How a thread wakes the other, and how it sleeps.
struct Player<K, S> {
    wake: K,
    sleep: S,
}

fn eventfd_player<'a>(
    own: &'a OwnedFd,
    other: &'a OwnedFd,
) -> io::Result<Player<impl Turn + 'a, impl Turn + 'a>> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, own, epoll_data(0), EventFlags::IN)?;
    Ok(Player {
        wake: move || write_one(other),
        sleep: move || {
            let limit = Timespec::try_from(SLEEP_MAX).map_err(io::Error::other)?;
            let mut events = [MaybeUninit::uninit()];
            let (events, _) = epoll::wait(&epoll, &mut events, Some(&limit))?;
            expect_one(events.len())?;
            take_byte(own)
        },
    })
}

fn player(mut own: RustQueue, other: TriggerHandle) -> Player<impl Turn, impl Turn> {
    Player {
        wake: move || {
            other.trigger();
            Ok(())
        },
        sleep: move || expect_one(own.call(&[], Some(SLEEP_MAX))?),
    }
}

trait Turn: FnMut() -> io::Result<()> + Send {}
impl<F: FnMut() -> io::Result<()> + Send> Turn for F {}

fn ping_pong<A: Turn, B: Turn, C: Turn, D: Turn>(
    turns: u32,
    mut one: Player<A, B>,
    mut other: Player<C, D>,
) -> io::Result<Sample> {
    thread::scope(|scope| {
        let returner = scope.spawn(move || {
            (0..turns).try_for_each(|_| {
                (other.sleep)()?;
                (other.wake)()
            })
        });
        let sample = Sample::of_turns(turns, || {
            (one.wake)()?;
            (one.sleep)()
        })?;
        returner
            .join()
            .map_err(|_| io::Error::other("the other thread panicked"))??;
        Ok(Sample {
            units: 2 * sample.units,
            ..sample
        })
    })
}

/// epoll's way to wake itself: write, wait, read.
fn eventfd_turns(turns: u32) -> io::Result<Sample> {
    let fd = event_descriptor()?;
    let mut poller: Epoll = watching(Epoll::new, &[&fd])?;
    Sample::of_turns(turns, || {
        write_one(&fd)?;
        expect_one(poller.wait(|_| take_byte(&fd))?)
    })
}

#[derive(Clone, Copy)]
struct TriggerAndWait;

impl QueueJob for TriggerAndWait {
    fn run<Q: Queue>(self, make: impl Fn() -> io::Result<Q>, turns: u32) -> io::Result<Sample> {
        let mut queue = make()?;
        queue.apply(&[Q::change(Kevent::user(IDENT).clear())])?;
        let trigger = [Q::change(Kevent::trigger(IDENT))];
        Sample::of_turns(turns, || expect_one(queue.call(&trigger, None)?))
    }
}

#[derive(Clone, Copy)]
struct TriggerOnly;

impl QueueJob for TriggerOnly {
    fn run<Q: Queue>(self, make: impl Fn() -> io::Result<Q>, turns: u32) -> io::Result<Sample> {
        let mut queue = make()?;
        queue.apply(&[Q::change(Kevent::user(IDENT).clear())])?;
        let trigger = [Q::change(Kevent::trigger(IDENT))];
        queue.apply(&trigger)?;
        Sample::of_turns(turns, || queue.apply(&trigger))
    }
}

fn with_handle() -> io::Result<(RustQueue, TriggerHandle)> {
    let side = RustQueue::new(Data::Without)?;
    side.queue().apply(&[Kevent::user(IDENT).clear()])?;
    let handle = side.queue().trigger_handle(IDENT)?;
    Ok((side, handle))
}

fn write_one(fd: &OwnedFd) -> io::Result<()> {
    rustix::io::write(fd, &1_u64.to_ne_bytes())?;
    Ok(())
}

fn expect_one(count: usize) -> io::Result<()> {
    if count == 1 {
        Ok(())
    } else {
        Err(unexpected("not exactly one event"))
    }
}
