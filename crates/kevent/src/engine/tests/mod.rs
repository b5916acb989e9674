//! The engine's rules, tested on a model of the system: order, rotation, attributes, and how few
//! calls the system gets to see.

mod model;

use std::mem::MaybeUninit;
use std::time::Duration;

use self::model::Model;
use super::state::{Engine, Options};
use crate::flags::{Filter, Flags, NoteUser};
use crate::kevent::Kevent;

const IN: i32 = libc::EPOLLIN;
const OUT: i32 = libc::EPOLLOUT;
const HUP: i32 = libc::EPOLLHUP;

fn engine() -> Engine<Model> {
    let options = Options {
        own_fd: 200,
        without_data: true,
        ..Options::default()
    };
    Engine::new(Model::default(), options)
}

impl Engine<Model> {
    fn apply(&self, changes: &[Kevent]) {
        self.kevent(changes, &mut [], None).unwrap();
    }

    /// Applies the changes and looks, with room for `room` events.
    fn poll_with(&self, changes: &[Kevent], room: usize) -> Vec<Kevent> {
        let mut list = vec![MaybeUninit::uninit(); room];
        let count = self
            .kevent(changes, &mut list, Some(Duration::ZERO))
            .unwrap();
        crate::sys::assume_init(&mut list, count).to_vec()
    }

    fn poll(&self, room: usize) -> Vec<(usize, Filter)> {
        self.poll_with(&[], room)
            .iter()
            .map(|event| (event.ident, event.filter))
            .collect()
    }
}

fn read(fd: i32) -> Kevent {
    Kevent::read(fd)
}

#[test]
fn level_knotes_rotate_when_the_eventlist_is_short() {
    let queue = engine();
    queue.apply(&[read(3), read(4), read(5)]);
    for fd in [3, 4, 5] {
        queue.poller.set_ready(fd, IN);
    }
    let order: Vec<usize> = (0..4).map(|_| queue.poll(1)[0].0).collect();
    assert_eq!(order, [3, 4, 5, 3]);
}

#[test]
fn level_user_events_and_descriptors_take_turns() {
    let queue = engine();
    queue.apply(&[Kevent::user(1).fflags(NoteUser::TRIGGER), read(3)]);
    queue.poller.set_ready(3, IN);
    let seen: Vec<usize> = (0..8).map(|_| queue.poll(1)[0].0).collect();
    assert!(
        seen.contains(&1) && seen.contains(&3),
        "both are served: {seen:?}"
    );
}

#[test]
fn both_directions_of_a_descriptor_alternate_when_there_is_room_for_one() {
    for flags in [
        Flags::empty(),
        Flags::CLEAR,
        Flags::ONESHOT,
        Flags::DISPATCH,
    ] {
        let queue = engine();
        queue.apply(&[read(3).with(flags), Kevent::write(3).with(flags)]);
        queue.poller.set_ready(3, IN | OUT);
        let mut filters = vec![queue.poll(1)[0].1, queue.poll(1)[0].1];
        filters.sort();
        assert_eq!(filters, [Filter::WRITE, Filter::READ], "with {flags:?}");
    }
}

#[test]
fn knotes_of_different_modes_on_one_descriptor_keep_their_own() {
    let queue = engine();
    queue.apply(&[read(3), Kevent::write(3).clear()]);
    queue.poller.set_ready(3, IN | OUT);
    queue.poller.set_ready(3, IN | OUT);
    assert_eq!(
        queue.poll(8),
        [(3, Filter::READ)],
        "the inner set is a descriptor of the kernel's"
    );
    let inner = queue.hold().state.table.get(3).copied().unwrap();
    assert!(inner.halves[1].status.contains(super::knote::Status::INNER));
}

#[test]
fn oneshot_is_gone_after_its_event_and_can_be_added_again() {
    let queue = engine();
    queue.apply(&[read(3).oneshot()]);
    queue.poller.set_ready(3, IN);
    assert_eq!(queue.poll(8).len(), 1);
    assert_eq!(queue.poll(8), []);
    let entry = &queue.poll_with(&[read(3).delete()], 1)[0];
    assert_eq!(
        (entry.flags, entry.data),
        (Flags::ERROR, i64::from(libc::ENOENT))
    );
    queue.poller.calls();
    queue.apply(&[read(3).oneshot()]);
    assert_eq!(
        queue.poller.calls(),
        ["modify"],
        "the spent entry is found again"
    );
    assert_eq!(queue.poll(8).len(), 1);
}

#[test]
fn dispatch_waits_for_enable() {
    let queue = engine();
    queue.apply(&[read(3).dispatch()]);
    queue.poller.set_ready(3, IN);
    assert_eq!(queue.poll(8).len(), 1);
    queue.poller.set_ready(3, IN);
    assert_eq!(queue.poll(8), []);
    queue.apply(&[read(3).dispatch()]);
    assert_eq!(queue.poll(8), [], "EV_ADD does not enable");
    queue.apply(&[read(3).enable()]);
    assert_eq!(queue.poll(8).len(), 1);
}

#[test]
fn a_pair_of_changes_that_cancels_out_costs_no_call() {
    let queue = engine();
    queue.apply(&[read(3)]);
    queue.poller.calls();
    queue.apply(&[read(3).disable(), read(3).enable()]);
    assert_eq!(queue.poller.calls(), [""; 0]);
}

#[test]
fn an_add_is_one_call_and_so_is_the_last_delete() {
    let queue = engine();
    queue.apply(&[read(3)]);
    assert_eq!(queue.poller.calls(), ["add"]);
    queue.apply(&[read(3).delete()]);
    assert_eq!(queue.poller.calls(), ["delete"]);
}

#[test]
fn a_disabled_descriptor_that_hangs_up_does_not_spin() {
    let queue = engine();
    queue.apply(&[read(3).disabled()]);
    queue.poller.set_ready(3, HUP);
    for _ in 0..3 {
        assert_eq!(queue.poll(8), []);
    }
    assert!(!queue.poller.is_readable());
    queue.poller.set_ready(3, IN);
    queue.apply(&[read(3).enable()]);
    assert_eq!(queue.poll(8).len(), 1, "its entry is made anew");
}

#[test]
fn a_closed_number_is_refused_and_its_knotes_are_gone() {
    let queue = engine();
    queue.apply(&[read(3), Kevent::write(3)]);
    queue.poller.close(3);
    let entry = &queue.poll_with(&[read(3)], 1)[0];
    assert_eq!(entry.data, i64::from(libc::EBADF));
    assert!(!queue.hold().state.table.get(3).unwrap().has_knotes());
}

#[test]
fn a_deferred_change_reports_its_error_with_its_own_entry() {
    let queue = engine();
    queue.apply(&[read(3).disabled().udata(7)]);
    queue.poller.close(3);
    let entries = queue.poll_with(&[read(3).enable().udata(9), Kevent::user(1)], 4);
    let [entry] = &entries[..] else {
        panic!("one entry: {entries:?}")
    };
    assert_eq!((entry.udata, entry.data), (9, i64::from(libc::EBADF)));
}

#[test]
fn the_queue_is_readable_exactly_while_something_waits() {
    let queue = engine();
    queue.apply(&[Kevent::user(1).clear(), Kevent::user(2).clear()]);
    assert!(!queue.poller.is_readable());
    queue.apply(&[Kevent::trigger(1), Kevent::trigger(2)]);
    assert!(queue.poller.is_readable());
    assert_eq!(queue.poll(1).len(), 1);
    assert!(queue.poller.is_readable(), "one is left");
    assert_eq!(queue.poll(1).len(), 1);
    assert!(!queue.poller.is_readable());
    queue.apply(&[Kevent::trigger(1)]);
    queue.apply(&[Kevent::user(1).disable()]);
    assert!(
        !queue.poller.is_readable(),
        "a disabled knote leaves the queue at once"
    );
}

#[test]
fn a_trigger_and_its_event_in_one_call_ring_no_doorbell() {
    let queue = engine();
    queue.apply(&[Kevent::user(1).clear()]);
    queue.poller.calls();
    assert_eq!(queue.poll_with(&[Kevent::trigger(1)], 1).len(), 1);
    assert_eq!(queue.poller.calls(), ["wait"]);
}

#[test]
fn a_repeated_trigger_rings_once() {
    let queue = engine();
    queue.apply(&[Kevent::user(1).clear()]);
    queue.poller.calls();
    for _ in 0..3 {
        queue.apply(&[Kevent::trigger(1)]);
    }
    assert_eq!(queue.poller.calls(), ["arm"]);
}

#[test]
fn a_bell_triggers_its_knote() {
    let queue = engine();
    queue.apply(&[Kevent::user(1).clear()]);
    queue.hold().state.bells.push(Some(0));
    queue.poller.ring(0);
    assert_eq!(queue.poll(8), [(1, Filter::USER)]);
    assert_eq!(queue.poll(8), []);
}

#[test]
fn timers_come_in_the_order_of_their_deadlines_and_count_what_was_missed() {
    let queue = engine();
    let ms = Duration::from_millis;
    queue.apply(&[
        Kevent::timer(1, ms(30)),
        Kevent::timer(2, ms(10)),
        Kevent::timer(3, ms(20)),
    ]);
    queue.poller.pass(45_000_000);
    let events = queue.poll_with(&[], 8);
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.ident, event.data))
        .collect();
    assert_eq!(seen, [(2, 4), (3, 2), (1, 1)]);
    queue.poller.pass(5_000_000);
    let events = queue.poll_with(&[], 8);
    assert_eq!(events.len(), 1, "the phase is kept");
    assert_eq!((events[0].ident, events[0].data), (2, 1));
}

#[test]
fn only_an_earlier_deadline_sets_the_alarm() {
    let queue = engine();
    let timer = |ident, ms| Kevent::timer(ident, Duration::from_millis(ms));
    queue.apply(&[timer(1, 50)]);
    assert_eq!(queue.poller.calls(), ["alarm"]);
    queue.apply(&[timer(2, 60), timer(3, 70)]);
    assert_eq!(queue.poller.calls(), [""; 0]);
    queue.apply(&[timer(4, 10)]);
    assert_eq!(queue.poller.calls(), ["alarm"]);
    queue.apply(&[timer(4, 10).delete(), timer(1, 50).delete()]);
    assert_eq!(
        queue.poller.calls(),
        ["alarm"],
        "deleting the earliest keeps poll(2) exact"
    );
}

#[test]
fn a_postponed_timer_keeps_its_alarm_while_the_call_waits() {
    let queue = engine();
    let timer = |ms| Kevent::timer(1, Duration::from_millis(ms));
    queue.apply(&[timer(50)]);
    queue.poller.calls();
    let mut list = [MaybeUninit::uninit(); 4];
    let patience = Some(Duration::from_millis(1));
    assert_eq!(queue.kevent(&[timer(500)], &mut list, patience).unwrap(), 0);
    assert_eq!(queue.poller.calls(), ["wait", "alarm"]);
}

#[test]
fn timers_without_a_doorbell_keep_the_queue_readable() {
    let queue = engine();
    queue.apply(&[
        Kevent::timer(1, Duration::from_millis(1)).oneshot(),
        Kevent::timer(2, Duration::from_millis(1)).oneshot(),
    ]);
    queue.poller.pass(2_000_000);
    assert_eq!(queue.poll(1).len(), 1);
    assert!(queue.poller.is_readable(), "one is left");
    assert_eq!(queue.poll(1).len(), 1);
    assert!(!queue.poller.is_readable());
}

#[test]
fn errors_and_receipts_never_come_with_events() {
    let queue = engine();
    queue.apply(&[read(3)]);
    queue.poller.set_ready(3, IN);
    let entries = queue.poll_with(&[Kevent::user(1).receipt(), read(900)], 8);
    let answers: Vec<_> = entries
        .iter()
        .map(|entry| (entry.flags, entry.data))
        .collect();
    assert_eq!(
        answers,
        [(Flags::ERROR, 0), (Flags::ERROR, i64::from(libc::EBADF))]
    );
    assert_eq!(queue.poll(8).len(), 1);
}

#[test]
fn a_deadline_is_absolute_and_never_undercut() {
    let queue = engine();
    queue.apply(&[
        Kevent::timer(1, Duration::from_millis(5)),
        Kevent::timer(1, Duration::MAX),
    ]);
    let mut list = [MaybeUninit::uninit(); 1];
    let before = 0;
    queue
        .kevent(&[], &mut list, Some(Duration::from_millis(20)))
        .unwrap();
    let after = super::poller::Poller::now(&queue.poller, crate::sys::clock::Clock::Monotonic);
    assert_eq!(after - before, 20_000_000);
}

#[test]
fn add_and_delete_of_an_absent_knote_in_one_change_adds() {
    let queue = engine();
    queue.apply(&[
        read(3).with(Flags::DELETE),
        Kevent::user(1).with(Flags::DELETE),
    ]);
    queue.apply(&[Kevent::trigger(1)]);
    queue.poller.set_ready(3, IN);
    assert_eq!(queue.poll(8).len(), 2, "as FreeBSD (deviation G3)");
}

#[test]
fn a_closed_queue_answers_ebadf() {
    let queue = engine();
    queue.apply(&[read(3), Kevent::user(1)]);
    queue.close();
    let error = queue
        .kevent(&[], &mut [MaybeUninit::uninit()], None)
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}
