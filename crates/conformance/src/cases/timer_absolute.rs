//! F8: EVFILT_TIMER: NOTE_ABSTIME, and the order of many deadlines.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kevent::{Filter, Flags, Kevent, NoteTimer};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{DEADLINE, Queue};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_t_14_an_absolute_time_is_not_anticipated",
        "NOTE_ABSTIME now+50 ms (NSECONDS) | not before the time",
        |t| {
            let kq = t.queue();
            let time = since_epoch() + Duration::from_millis(50);
            kq.apply(&[at(1, time)]);
            let event = kq.wait_one();
            let late = since_epoch()
                .checked_sub(time)
                .expect("not before the time");
            t.note(format_args!("{late:?} late"));
            assert_eq!((event.ident, event.data, event.fflags), (1, 1, 0));
        },
    ),
    Case::new(
        "q_t_15_a_past_time_fires_at_once",
        "NOTE_ABSTIME past | at once (wait, not poll0), data 1",
        |t| {
            let kq = t.queue();
            kq.apply(&[at(1, since_epoch() - Duration::from_secs(3600))]);
            assert_eq!(kq.wait_one().data, 1);
            kq.apply(&[at(1, Duration::ZERO)]);
            assert_eq!(kq.wait_one().data, 1);
            kq.apply(&[Kevent::timer_at(1, UNIX_EPOCH + Duration::from_secs(1))]);
            assert_eq!(kq.wait_one().data, 1);
        },
    ),
    Case::new(
        "q_t_16_an_absolute_timer_stays_active",
        "NOTE_ABSTIME level: poll0 twice | ev both times",
        |t| {
            let kq = t.queue();
            kq.apply(&[at(1, since_epoch() + Duration::from_millis(5))]);
            let event = kq.wait_one();
            assert_eq!((event.data, event.flags), (1, Flags::empty()));
            for _ in 0..2 {
                assert_eq!(kq.expect_one(), event);
            }
        },
    ),
    Case::new(
        "q_t_17_clear_or_oneshot_delivers_an_absolute_time_once",
        "NOTE_ABSTIME+EV_CLEAR / +ONESHOT | once",
        |t| {
            let kq = t.queue();
            let time = since_epoch() + Duration::from_millis(20);
            kq.apply(&[at(1, time).clear(), at(2, time).oneshot()]);
            let mut idents = Vec::new();
            while idents.len() < 2 {
                idents.extend(kq.wait(8).iter().map(|event| event.ident));
            }
            idents.sort_unstable();
            assert_eq!(idents, [1, 2]);
            let silence = kq
                .kevent(&[], 8, Some(Duration::from_millis(60)))
                .expect("a wait");
            assert_eq!(silence, []);
            assert!(kq.has(at(1, time)), "EV_CLEAR leaves the knote");
            kq.expect_error(at(2, time).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_t_18_an_absolute_time_does_not_repeat",
        "NOTE_ABSTIME does not repeat | data 1 after 3× time",
        |t| {
            let kq = t.queue();
            kq.apply(&[at(1, since_epoch() + Duration::from_millis(20))]);
            thread::sleep(Duration::from_millis(60));
            assert_eq!(kq.wait_one().data, 1);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_t_32_timers_fire_in_order_of_their_deadlines",
        "1,000 timers random deadlines | delivered in deadline order",
        |t| {
            expect_order_of_absolute_times(t);
            expect_order_of_periods(t);
        },
    ),
];

/// "add TIMER ident" for a point in time, in nanoseconds since 1970.
fn at(ident: usize, since_epoch: Duration) -> Kevent {
    let nanoseconds = i64::try_from(since_epoch.as_nanos()).expect("a time before 2262");
    Kevent::new(ident, Filter::TIMER, Flags::ADD)
        .data(nanoseconds)
        .fflags(NoteTimer::NSECONDS | NoteTimer::ABSTIME)
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock past 1970")
}

/// How many timers the order is tried with.
const MANY: u64 = 1_000;

/// The first deadline lies this far ahead, so that all timers are started before it; where a slow
/// machine does not make it, the second figure is tried, and so on.
const LEADS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

#[track_caller]
fn expect_order_of_absolute_times(t: &Run<'_>) {
    for lead in LEADS {
        let kq = t.queue();
        let first = since_epoch() + lead;
        let changes = shuffled(MANY).map(|rank| {
            let time = first + Duration::from_micros(50 * rank);
            at(position(rank), time).oneshot()
        });
        kq.apply(&changes.collect::<Vec<_>>());
        if since_epoch() < first {
            let ranks = collect(&kq).into_iter().map(|event| event.ident);
            assert!(ranks.is_sorted(), "absolute times");
            return;
        }
    }
    panic!("{MANY} timers are not started within {LEADS:?}");
}

#[track_caller]
fn expect_order_of_periods(t: &Run<'_>) {
    for lead in LEADS {
        let kq = t.queue();
        let started = Instant::now();
        // The instants between which each timer's deadline lies.
        let mut deadlines = Vec::new();
        for (ident, rank) in shuffled(MANY).enumerate() {
            let period = lead + Duration::from_micros(50 * rank);
            let before = Instant::now();
            kq.apply(&[Kevent::timer(ident, period).oneshot()]);
            deadlines.push((before + period, Instant::now() + period));
        }
        if started.elapsed() < lead {
            let mut passed = started;
            for event in collect(&kq) {
                let (earliest, latest) = deadlines[event.ident];
                assert!(
                    latest >= passed,
                    "{event:?} after one that is certainly later"
                );
                passed = passed.max(earliest);
            }
            return;
        }
    }
    panic!("{MANY} timers are not started within {LEADS:?}");
}

/// The numbers 1 to `count` in an order that looks random and is the same each time.
fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    // The powers of 5 modulo the prime 10,007 are all the numbers below it.
    std::iter::successors(Some(5), |power| Some(power * 5 % 10_007))
        .filter(move |number| *number <= count)
        .take(position(count))
}

fn position(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

/// Waits, a few at a time, until all of the many timers have fired.
#[track_caller]
fn collect(kq: &Queue) -> Vec<Kevent> {
    let started = Instant::now();
    let mut events = Vec::new();
    while events.len() < position(MANY) {
        assert!(
            started.elapsed() < DEADLINE,
            "{} of {MANY} events",
            events.len()
        );
        events.extend(kq.wait(7));
    }
    kq.expect_none();
    events
}
