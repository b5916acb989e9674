//! The conventions of each layout, and that translation loses no number.

use kevent::binding::Layout as _;
use kevent::{Filter, Flags, Kevent, NoteIo, NoteTimer, NoteVnode};
use proptest::prelude::*;

use super::constants::{Constant, TABLE};
use super::{FreebsdKevent, Layout, PortableKevent};

fn portable(filter: i16, flags: Flags, fflags: u32) -> PortableKevent {
    PortableKevent {
        ident: 3,
        filter,
        flags: flags.bits(),
        fflags,
        data: -5,
        udata: usize::MAX,
    }
}

fn freebsd(filter: i16, flags: Flags, fflags: u32) -> FreebsdKevent {
    FreebsdKevent {
        ident: 3,
        filter,
        flags: flags.bits(),
        fflags,
        data: -5,
        udata: usize::MAX,
        ext: [1, 2, 3, 4],
    }
}

fn row(name: &str) -> Constant {
    *TABLE
        .iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}

fn filter_of(number: Option<i64>) -> i16 {
    number.and_then(|n| i16::try_from(n).ok()).unwrap_or(0)
}

fn notes_of(number: Option<i64>) -> u32 {
    number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

#[test]
fn every_filter_that_both_abis_name_reaches_the_engine_as_the_same() {
    let filters = TABLE.iter().filter(|row| {
        row.name.starts_with("EVFILT_")
            && row.name != "EVFILT_SYSCOUNT"
            && row.portable.is_some()
            && row.freebsd.is_some()
    });
    let mut count = 0;
    for row in filters {
        let from_portable = portable(filter_of(row.portable), Flags::ADD, 0).change();
        let from_freebsd = freebsd(filter_of(row.freebsd), Flags::ADD, 0).change();
        assert_eq!(from_portable.filter, from_freebsd.filter, "{}", row.name);
        count += 1;
    }
    assert_eq!(count, 17);
}

#[test]
fn the_engines_filters_have_the_headers_names() {
    for (name, filter) in [
        ("EVFILT_READ", Filter::READ),
        ("EVFILT_WRITE", Filter::WRITE),
        ("EVFILT_AIO", Filter::AIO),
        ("EVFILT_VNODE", Filter::VNODE),
        ("EVFILT_PROC", Filter::PROC),
        ("EVFILT_SIGNAL", Filter::SIGNAL),
        ("EVFILT_TIMER", Filter::TIMER),
        ("EVFILT_NETDEV", Filter::NETDEV),
        ("EVFILT_PROCDESC", Filter::PROCDESC),
        ("EVFILT_FS", Filter::FS),
        ("EVFILT_LIO", Filter::LIO),
        ("EVFILT_USER", Filter::USER),
        ("EVFILT_SENDFILE", Filter::SENDFILE),
        ("EVFILT_EMPTY", Filter::EMPTY),
        ("EVFILT_EXCEPT", Filter::EXCEPT),
    ] {
        let row = row(name);
        assert_eq!(filter_of(row.freebsd), filter.as_raw(), "{name}");
        let change = portable(filter_of(row.portable), Flags::ADD, 0).change();
        assert_eq!(change.filter, filter, "{name}");
    }
}

#[test]
fn a_number_that_an_abi_does_not_know_is_not_one_the_engine_knows() {
    let known: Vec<i16> = TABLE
        .iter()
        .filter(|row| row.name.starts_with("EVFILT_") && row.name != "EVFILT_SYSCOUNT")
        .filter_map(|row| row.portable.map(|_| filter_of(row.portable)))
        .collect();
    let queue = kevent::Kqueue::new().unwrap();
    let unknown = (i16::MIN..=i16::MAX).filter(|number| *number != 0 && !known.contains(number));
    for number in unknown {
        let error = queue.apply(&[portable(number, Flags::ADD, 0).change()]);
        let errno = error.map_err(|error| error.raw_os_error());
        assert_eq!(errno, Err(Some(libc::EINVAL)), "filter {number}");
    }
}

#[test]
fn vnode_notes_change_places() {
    for (name, note) in [
        ("NOTE_DELETE", NoteVnode::DELETE),
        ("NOTE_WRITE", NoteVnode::WRITE),
        ("NOTE_EXTEND", NoteVnode::EXTEND),
        ("NOTE_ATTRIB", NoteVnode::ATTRIB),
        ("NOTE_LINK", NoteVnode::LINK),
        ("NOTE_RENAME", NoteVnode::RENAME),
        ("NOTE_REVOKE", NoteVnode::REVOKE),
        ("NOTE_OPEN", NoteVnode::OPEN),
        ("NOTE_CLOSE", NoteVnode::CLOSE),
        ("NOTE_CLOSE_WRITE", NoteVnode::CLOSE_WRITE),
        ("NOTE_READ", NoteVnode::READ),
        ("NOTE_TRUNCATE", NoteVnode::TRUNCATE),
    ] {
        let row = row(name);
        let change = portable(-4, Flags::ADD, notes_of(row.portable)).change();
        assert_eq!(change.fflags, u32::from(note), "{name}");
        let event = PortableKevent::event(&change);
        assert_eq!(event.fflags, notes_of(row.portable), "{name}");
        assert_eq!(notes_of(row.freebsd), u32::from(note), "{name}");
    }
    let change = portable(-4, Flags::ADD, u32::from(NoteVnode::TRUNCATE)).change();
    assert_eq!(NoteVnode::from_bits(change.fflags), None, "no such note");
}

#[test]
fn timer_units_are_translated_and_unknown_ones_stay_unknown() {
    let engine = |notes| portable(-7, Flags::ADD, notes).change().fflags;
    assert_eq!(engine(0), 0);
    assert_eq!(engine(0x1), u32::from(NoteTimer::SECONDS));
    assert_eq!(engine(0x2), u32::from(NoteTimer::USECONDS));
    assert_eq!(engine(0x4), u32::from(NoteTimer::NSECONDS));
    assert_eq!(engine(0x8), u32::from(NoteTimer::ABSTIME));
    assert_eq!(engine(0x10), u32::from(NoteTimer::ABSTIME));
    assert_eq!(engine(0x18), u32::from(NoteTimer::ABSTIME));
    for bit in 5..32 {
        assert_eq!(NoteTimer::from_bits(engine(1 << bit)), None, "bit {bit}");
    }
    let milliseconds = Kevent::new(1, Filter::TIMER, Flags::CLEAR).fflags(NoteTimer::MSECONDS);
    assert_eq!(PortableKevent::event(&milliseconds).fflags, 0);
}

#[test]
fn two_units_are_refused_whatever_their_numbers() {
    let queue = kevent::Kqueue::new().unwrap();
    for notes in [0x3, 0x5, 0x6, 0x7, 0x20, 0x8000_0000] {
        let mut change = portable(-7, Flags::ADD, notes);
        change.data = 1000;
        let error = queue.apply(&[change.change()]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{notes:#x}");
    }
}

#[test]
fn the_engines_private_notes_cannot_be_asked_for() {
    let private = u32::from(NoteIo::NO_DATA | NoteIo::WITH_DATA);
    for filter in [-1, -2, -101] {
        for given in [private, private | 1, u32::MAX] {
            let engine = [
                portable(filter, Flags::ADD, given).change().fflags,
                freebsd(filter, Flags::ADD, given).change().fflags,
            ];
            assert_eq!(engine, [given & !private; 2], "filter {filter}");
        }
    }
    let fork = portable(-5, Flags::ADD, 0x4000_0000).change();
    assert_eq!(fork.fflags, 0x4000_0000, "NOTE_FORK is another bit");
}

#[test]
fn events_say_ev_add_in_the_default_abi_only() {
    let event = Kevent::new(7, Filter::READ, Flags::CLEAR | Flags::EOF)
        .data(9)
        .udata(11);
    let seen = PortableKevent::event(&event);
    let flags = Flags::ADD | Flags::CLEAR | Flags::EOF;
    assert_eq!((seen.flags, seen.data, seen.udata), (flags.bits(), 9, 11));
    let seen = FreebsdKevent::event(&event);
    assert_eq!(seen.flags, (Flags::CLEAR | Flags::EOF).bits());
    assert_eq!((seen.data, seen.udata), (9, 11));
}

#[test]
fn an_answer_has_the_changes_own_flags_in_the_default_abi_only() {
    let flags = Flags::ADD | Flags::RECEIPT | Flags::EOF;
    let asked = portable(-102, flags, 0x8000_0000);
    let seen = PortableKevent::answer(&asked.change(), libc::EBADF);
    let expected = PortableKevent {
        flags: (Flags::ADD | Flags::RECEIPT | Flags::ERROR).bits(),
        data: libc::EBADF as isize,
        ..asked
    };
    assert_eq!(seen, expected);

    let asked = freebsd(-8, flags, 0x8000_0000);
    let seen = FreebsdKevent::answer(&asked.change(), 0);
    let expected = FreebsdKevent {
        flags: Flags::ERROR.bits(),
        data: 0,
        ..asked
    };
    assert_eq!(seen, expected);
}

#[test]
fn wild_idents_pass_as_they_are() {
    for ident in [usize::MAX, usize::MAX >> 1, 1 << 31] {
        let mut asked = portable(-1, Flags::ADD, 0);
        asked.ident = ident;
        assert_eq!(asked.change().ident, ident);
        assert_eq!(PortableKevent::answer(&asked.change(), 0).ident, ident);
    }
}

#[test]
fn questions_to_the_library_exist_in_the_default_abi_only() {
    assert!(portable(-12, Flags::ADD, 1).is_query());
    assert!(!portable(-103, Flags::ADD, 1).is_query());
    assert!(!freebsd(-12, Flags::ADD, 1).is_query());
    assert_eq!(
        freebsd(-12, Flags::ADD, 1).change().filter,
        Filter::SENDFILE
    );
}

proptest! {
    #[test]
    fn every_filter_comes_back_as_it_was_given(number: i16, fflags: u32) {
        let asked = portable(number, Flags::ADD, fflags);
        let seen = PortableKevent::answer(&asked.change(), 0);
        prop_assert_eq!((seen.filter, seen.ident, seen.udata), (number, 3, usize::MAX));
    }

    #[test]
    fn every_note_comes_back_as_it_was_given(
        filter in prop::sample::select(vec![-4_i16, -5, -6, -8, -9, -11, -13, -102]),
        fflags: u32,
    ) {
        let asked = portable(filter, Flags::ADD, fflags);
        prop_assert_eq!(PortableKevent::event(&asked.change()).fflags, fflags);
    }

    #[test]
    fn notes_without_a_private_meaning_come_back(
        filter in prop::sample::select(vec![-1_i16, -2, -101]),
        fflags in 0_u32..0x2000_0000,
    ) {
        let asked = portable(filter, Flags::ADD, fflags);
        prop_assert_eq!(PortableKevent::event(&asked.change()).fflags, fflags);
    }

    #[test]
    fn a_timers_notes_come_back_under_their_first_name(fflags: u32) {
        let asked = portable(-7, Flags::ADD, fflags);
        let first = if fflags & 0x10 == 0 { fflags } else { (fflags & !0x10) | 0x8 };
        prop_assert_eq!(PortableKevent::event(&asked.change()).fflags, first);
    }

    #[test]
    fn the_engines_events_keep_what_they_say(
        filter in prop::sample::select(vec![
            Filter::VNODE, Filter::NETDEV, Filter::PROCDESC, Filter::SENDFILE, Filter::USER,
        ]),
        fflags: u32,
        data: i32,
    ) {
        let event = Kevent { fflags, ..Kevent::new(1, filter, Flags::ADD) }.data(i64::from(data));
        prop_assert_eq!(PortableKevent::event(&event).change(), event);
        prop_assert_eq!(FreebsdKevent::event(&event).change(), event);
    }
}
