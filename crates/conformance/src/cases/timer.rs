//! F8: EVFILT_TIMER: periods, units, counts, and what a second EV_ADD does.

use std::process::Command;
use std::time::{Duration, Instant};

use kevent::{Filter, Flags, Kevent, NoteTimer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{DEADLINE, PeriodicTimer, Queue};
use crate::front::Options;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_t_01_a_timer_fires_after_its_period",
        "50 ms periodic | ev ≥ 50 ms, data 1, fflags 0, EV_CLEAR",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 50);
            // On a machine so slow that two periods have passed, `data` says so.
            let event = timer.expect_event(&kq);
            t.note(format_args!(
                "data {} after {:?}",
                event.data,
                timer.elapsed()
            ));
            assert_eq!(
                (event.ident, event.fflags, event.flags),
                (1, 0, Flags::CLEAR)
            );
            assert_eq!(event.timer_expirations(), Some(timer.seen()));
        },
    ),
    Case::new(
        "q_t_02_unread_expirations_are_counted",
        "wait 3 periods without reading | data = whole periods elapsed (≥ 3)",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 20);
            timer.sleep_periods(3);
            timer.expect_event(&kq);
            assert!(timer.seen() >= 3);
        },
    ),
    Case::new(
        "q_t_03_a_periodic_timer_does_not_drift",
        "ten periods read one by one | mean period within 5 %, no drift",
        |t| {
            // Each event must have told all whole periods since the start: then neither the mean
            // nor the phase can be off, on however slow a machine.
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 20);
            while timer.seen() < 10 {
                timer.expect_event(&kq);
            }
            let mean = timer.elapsed().as_secs_f64() * 1e3 / timer.seen() as f64;
            t.note(format_args!("{} periods of {mean:.3} ms", timer.seen()));
        },
    ),
    Case::new(
        "q_t_04_a_oneshot_timer_fires_once",
        "EV_ONESHOT | once; delete ENOENT",
        |t| {
            let kq = t.queue();
            let started = Instant::now();
            kq.apply(&[timer(1, 20, NoteTimer::empty()).oneshot()]);
            let event = kq.wait_one();
            assert!(started.elapsed() >= Duration::from_millis(20));
            assert_eq!(
                (event.data, event.flags),
                (1, Flags::CLEAR | Flags::ONESHOT)
            );
            kq.expect_error(Kevent::new(1, Filter::TIMER, Flags::DELETE), Errno::NOENT);
            expect_silence(&kq, Duration::from_millis(60));

            kq.apply(&[timer(1, 5, NoteTimer::empty()).oneshot()]);
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(kq.wait_one().data, 1, "once, however late it is retrieved");
        },
    ),
    Case::new(
        "q_t_05_a_period_in_seconds",
        "NOTE_SECONDS 1 (slow) | ≥ 1 s",
        |t| {
            expect_period(t, 1, NoteTimer::SECONDS, Duration::from_secs(1));
        },
    ),
    Case::new(
        "q_t_06_a_period_in_milliseconds",
        "NOTE_MSECONDS 20 | ≥ 20 ms",
        |t| {
            expect_period(t, 20, NoteTimer::MSECONDS, Duration::from_millis(20));
            expect_period(t, 20, NoteTimer::empty(), Duration::from_millis(20));
        },
    ),
    Case::new(
        "q_t_07_a_period_in_microseconds",
        "NOTE_USECONDS 2000 | ≥ 2 ms",
        |t| {
            expect_period(t, 2000, NoteTimer::USECONDS, Duration::from_millis(2));
        },
    ),
    Case::new(
        "q_t_08_a_period_in_nanoseconds",
        "NOTE_NSECONDS 2,000,000 | ≥ 2 ms",
        |t| {
            expect_period(t, 2_000_000, NoteTimer::NSECONDS, Duration::from_millis(2));
        },
    ),
    Case::new("q_t_09_two_units_are_einval", "two units | EINVAL", |t| {
        let kq = t.queue();
        for (first, second) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let units = UNITS[first] | UNITS[second];
            kq.expect_error(timer(1, 1, units), Errno::INVAL);
            kq.expect_error(timer(1, 1, units | NoteTimer::ABSTIME), Errno::INVAL);
        }
        assert!(
            !kq.has(timer(1, 1, NoteTimer::empty())),
            "nothing was added"
        );
    }),
    Case::new(
        "q_t_10_an_unknown_note_is_einval",
        "unknown fflags bit | EINVAL",
        |t| {
            let kq = t.queue();
            for bit in 5..32 {
                let change = timer(1, 1, NoteTimer::empty()).fflags(1_u32 << bit);
                kq.expect_error(change, Errno::INVAL);
            }
        },
    ),
    Case::new(
        "q_t_11_a_negative_period_is_einval",
        "data -1 | EINVAL",
        |t| {
            let kq = t.queue();
            for unit in [NoteTimer::empty(), NoteTimer::NSECONDS, NoteTimer::ABSTIME] {
                kq.expect_error(timer(1, -1, unit), Errno::INVAL);
                kq.expect_error(timer(1, i64::MIN, unit).oneshot(), Errno::INVAL);
            }
        },
    ),
    Case::new(
        "q_t_12_a_period_of_0_is_one_unit",
        "data 0 periodic | period 1 unit (counts grow)",
        |t| {
            let kq = t.queue();
            let period = Duration::from_millis(1);
            let change = timer(1, 0, NoteTimer::MSECONDS);
            let mut timer = PeriodicTimer::start(&kq, change, period);
            timer.expect_event(&kq);
            timer.sleep_periods(20);
            timer.expect_event(&kq);
            assert!(timer.seen() >= 20);
        },
    ),
    Case::new(
        "q_t_13_a_oneshot_period_of_0_fires_at_once",
        "data 0 ONESHOT | fires at once (wait, not poll0)",
        |t| {
            let kq = t.queue();
            for unit in UNITS {
                kq.apply(&[timer(1, 0, unit).oneshot()]);
                assert_eq!(kq.wait_one().data, 1);
                kq.expect_error(Kevent::new(1, Filter::TIMER, Flags::DELETE), Errno::NOENT);
            }
        },
    ),
    Case::new(
        "q_t_19_a_second_add_shortens_the_period",
        "re-EV_ADD shorter | new period from now",
        |t| {
            let kq = t.queue();
            kq.apply(&[timer(1, 1000, NoteTimer::SECONDS)]);
            let mut timer = start_ms(&kq, 1, 30);
            timer.expect_event(&kq);
            timer.expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_20_a_second_add_postpones_the_deadline",
        "re-EV_ADD longer before expiry | old deadline does not fire",
        |t| {
            let kq = t.queue();
            kq.apply(&[timer(1, 30, NoteTimer::empty())]);
            start_ms(&kq, 1, 200).expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_21_a_second_add_forgets_old_expirations",
        "expired, unread, re-EV_ADD | old expiration forgotten",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 5);
            timer.expect_event(&kq);
            timer.sleep_periods(8);
            start_ms(&kq, 1, 200).expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_22_a_second_add_of_the_same_period_restarts",
        "re-EV_ADD equal values | restarts from now",
        |t| {
            let kq = t.queue();
            kq.apply(&[timer(1, 100, NoteTimer::empty())]);
            std::thread::sleep(Duration::from_millis(60));
            start_ms(&kq, 1, 100).expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_23_a_second_add_replaces_the_unit",
        "re-EV_ADD other unit | replaced, not ORed",
        |t| {
            let kq = t.queue();
            kq.apply(&[timer(1, 20_000, NoteTimer::SECONDS)]);
            let change = timer(1, 20_000, NoteTimer::USECONDS);
            let mut timer = PeriodicTimer::start(&kq, change, Duration::from_millis(20));
            timer.expect_event(&kq);
            timer.expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_24_enable_does_not_change_the_period",
        "EV_ENABLE with other data | period unchanged",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 50);
            for (data, unit) in [(1, NoteTimer::empty()), (1000, NoteTimer::SECONDS)] {
                let change = Kevent::new(1, Filter::TIMER, Flags::ENABLE)
                    .data(data)
                    .fflags(unit);
                kq.apply(&[change]);
                timer.expect_event(&kq);
                timer.expect_event(&kq);
            }
        },
    ),
    Case::new(
        "q_t_25_a_refused_second_add_changes_nothing",
        "re-EV_ADD -1 | EINVAL, old timer goes on (G8)",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 30);
            kq.expect_error(self::timer(1, -1, NoteTimer::empty()), Errno::INVAL);
            kq.expect_error(self::timer(1, 1, NoteTimer::all()), Errno::INVAL);
            timer.expect_event(&kq);
            timer.expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_26_a_disabled_timer_goes_on_counting",
        "EV_DISABLE 3 periods, ENABLE | data = whole periods elapsed (≥ 3)",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 20);
            let knote = Kevent::new(1, Filter::TIMER, Flags::empty());
            kq.apply(&[knote.disable()]);
            timer.sleep_periods(3);
            kq.expect_none();
            kq.apply(&[knote.enable()]);
            timer.expect_event(&kq);
            assert!(timer.seen() >= 3);
        },
    ),
    Case::new(
        "q_t_27_delete_drops_an_expiration",
        "EV_DELETE queued | none",
        |t| {
            let kq = t.queue();
            let timer = start_ms(&kq, 1, 10);
            timer.sleep_periods(2);
            kq.apply(&[Kevent::new(1, Filter::TIMER, Flags::DELETE)]);
            expect_silence(&kq, Duration::from_millis(50));
        },
    ),
    Case::new(
        "q_t_28_a_dispatched_timer_accumulates_until_enabled",
        "EV_DISPATCH | one ev; after ENABLE accumulated count",
        |t| {
            let kq = t.queue();
            let period = Duration::from_millis(20);
            let change = timer(1, 20, NoteTimer::empty()).dispatch();
            let mut timer = PeriodicTimer::start(&kq, change, period);
            timer.expect_event(&kq);
            timer.sleep_periods(4);
            kq.expect_none();
            kq.apply(&[Kevent::new(1, Filter::TIMER, Flags::ENABLE)]);
            timer.expect_event(&kq);
            assert!(timer.seen() >= 4);
        },
    ),
    Case::new(
        "q_t_29_any_number_names_a_timer",
        "ident 0 and all-ones | fine, distinct",
        |t| {
            let kq = t.queue();
            kq.apply(&[0, usize::MAX].map(|ident| timer(ident, 10, NoteTimer::empty()).oneshot()));
            let mut idents = Vec::new();
            while idents.len() < 2 {
                idents.extend(kq.wait(8).iter().map(|event| event.ident));
            }
            idents.sort_unstable();
            assert_eq!(idents, [0, usize::MAX]);
        },
    ),
    Case::new(
        "q_t_30_the_same_ident_in_two_queues",
        "same ident in two kqueues | independent",
        |t| {
            let (first, second) = (t.queue(), t.queue());
            let mut short = start_ms(&first, 1, 20);
            let mut long = start_ms(&second, 1, 100);
            short.expect_event(&first);
            first.apply(&[Kevent::new(1, Filter::TIMER, Flags::DELETE)]);
            long.expect_event(&second);
        },
    ),
    Case::new(
        "q_t_31_a_huge_period_never_fires",
        "data 2^62 NSECONDS / SECONDS | accepted, does not fire (L; FB's sum can wrap)",
        |t| {
            let kq = t.queue();
            for (ident, unit) in UNITS.into_iter().enumerate() {
                kq.apply(&[
                    timer(ident, 1 << 62, unit),
                    timer(ident + 10, i64::MAX, unit),
                ]);
                kq.apply(&[timer(ident + 20, i64::MAX, unit).oneshot()]);
            }
            expect_silence(&kq, Duration::from_millis(50));
        },
    ),
    Case::new(
        "q_t_33_a_timer_makes_the_queue_readable",
        "timer makes kq fd readable to poll() | POLLIN at expiry",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 50);
            let deadline = Timespec::try_from(DEADLINE).expect("10 s");
            let mut polled = [PollFd::new(&kq, PollFlags::IN)];
            assert_eq!(poll(&mut polled, Some(&deadline)).expect("poll"), 1);
            assert!(
                timer.elapsed() >= Duration::from_millis(50),
                "not before it expires"
            );
            assert_eq!(polled[0].revents(), PollFlags::IN);
            timer.expect_event(&kq);
        },
    ),
    Case::new(
        "q_t_34_a_timeout_comes_before_a_later_timer",
        "kevent timeout 10 ms, timer 100 ms | 0 first",
        |t| {
            let kq = t.queue();
            let started = Instant::now();
            while started.elapsed() < DEADLINE {
                let mut timer = start_ms(&kq, 1, 100);
                let called = Instant::now();
                let events = kq
                    .kevent(&[], 8, Some(Duration::from_millis(10)))
                    .expect("a wait");
                assert!(called.elapsed() >= Duration::from_millis(10));
                if timer.elapsed() < Duration::from_millis(100) {
                    assert_eq!(events, []);
                    timer.expect_event(&kq);
                    return;
                }
                // This machine was asleep for so long that either may come first: again.
            }
            panic!("a wait of 10 ms took 100 ms every time");
        },
    ),
    Case::new(
        "q_t_35_the_limit_of_timers_is_enomem",
        "limit reached (configured) | ENOMEM",
        |t| {
            let kq = t.queue_with(Options {
                timers_max: Some(2),
                ..Options::default()
            });
            let timers = [1, 2, 3].map(|ident| timer(ident, 1000, NoteTimer::SECONDS));
            kq.apply(&timers[..2]);
            kq.expect_error(timers[2], Errno::NOMEM);
            kq.apply(&timers[..2]);
            assert!(!kq.has(timers[2]), "nothing was added");
            kq.apply(&[timers[0].delete(), timers[2]]);
            kq.expect_error(timers[0], Errno::NOMEM);
        },
    ),
    Case::new(
        "q_t_36_periods_missed_while_stopped_are_counted",
        "process stopped 3 periods, continued (slow) | data ≥ 3",
        |t| {
            let kq = t.queue();
            let mut timer = start_ms(&kq, 1, 100);
            // The shell stops this very process, sees it stopped, and continues it.
            let script = "kill -STOP $PPID && until grep -q '^State:.T' /proc/$PPID/status; \
                          do :; done; sleep 0.4; grep -q '^State:.T' /proc/$PPID/status; \
                          stopped=$?; kill -CONT $PPID; exit $stopped";
            let status = Command::new("sh")
                .args(["-c", script])
                .status()
                .expect("a shell");
            assert!(status.success(), "this process was stopped");
            timer.expect_event(&kq);
            assert!(timer.seen() >= 3);
            timer.expect_event(&kq);
        },
    ),
];

const UNITS: [NoteTimer; 4] = [
    NoteTimer::SECONDS,
    NoteTimer::MSECONDS,
    NoteTimer::USECONDS,
    NoteTimer::NSECONDS,
];

/// "add TIMER ident" with `data` in this unit.
fn timer(ident: usize, data: i64, notes: NoteTimer) -> Kevent {
    Kevent::new(ident, Filter::TIMER, Flags::ADD)
        .data(data)
        .fflags(notes)
}

/// Starts a periodic timer of so many milliseconds, the default unit.
#[track_caller]
fn start_ms(kq: &Queue, ident: usize, milliseconds: u32) -> PeriodicTimer {
    let change = timer(ident, i64::from(milliseconds), NoteTimer::empty());
    PeriodicTimer::start(kq, change, Duration::from_millis(milliseconds.into()))
}

/// A timer of `data` units has this period.
#[track_caller]
fn expect_period(t: &Run<'_>, data: i64, unit: NoteTimer, period: Duration) {
    let kq = t.queue();
    let mut timer = PeriodicTimer::start(&kq, timer(1, data, unit), period);
    let event = timer.expect_event(&kq);
    t.note(format_args!(
        "data {} after {:?}",
        event.data,
        timer.elapsed()
    ));
    assert!(timer.elapsed() >= period);
    assert_eq!(event.fflags, 0);
}

/// Nothing happens for `time`.
#[track_caller]
fn expect_silence(kq: &Queue, time: Duration) {
    assert_eq!(
        kq.kevent(&[], 8, Some(time)).expect("a wait"),
        [],
        "silence"
    );
}
