//! The table of `docs/notes.md` against the crate: every filter and note has a row, and every
//! case that a row names exists.

use std::collections::BTreeSet;

use conformance::cases;
use kevent::{Filter, NoteFs, NoteIo, NoteNetdev, NoteProc, NoteTimer, NoteUser, NoteVnode};

const TABLE: &str = include_str!("../../../docs/notes.md");

/// Notes that are private to the crate, or masks.
const NO_NOTES: &[&str] = &[
    "NO_DATA",
    "WITH_DATA",
    "FFCTRLMASK",
    "FFLAGSMASK",
    "EXITSTATUS",
];

/// Filter, note and cases of each row.
fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let named = cells.filter_map(|cells| match cells[..] {
        [filter, note, _status, cases, ..] if filter != "filter" => Some((filter, note, cases)),
        _ => None,
    });
    named.collect()
}

#[test]
fn every_case_of_the_table_exists() {
    let known: BTreeSet<String> = cases::all().map(|case| case.id()).collect();
    for (filter, note, named) in rows() {
        assert!(!named.is_empty(), "{filter} {note} names no case");
        for case in named.split(", ") {
            assert!(
                known.contains(case),
                "{filter} {note}: there is no case {case}"
            );
        }
    }
}

#[test]
fn every_filter_and_note_has_a_row() {
    let names = |notes: &mut dyn Iterator<Item = &'static str>| -> Vec<String> {
        let real = notes.filter(|name| !NO_NOTES.contains(name));
        real.map(|name| format!("NOTE_{name}")).collect()
    };
    let io = |wanted: &[&str]| wanted.iter().map(|name| format!("NOTE_{name}")).collect();
    let mounts = NoteFs::all()
        .iter_names()
        .map(|(name, _)| format!("VQ_{name}"))
        .collect();
    // `NoteIo` belongs to three filters, none of which has all of it.
    assert_eq!(
        names(&mut NoteIo::all().iter_names().map(|(name, _)| name)).len(),
        3
    );
    let wanted: Vec<(Filter, Vec<String>)> = vec![
        (Filter::READ, io(&["LOWAT", "FILE_POLL"])),
        (Filter::WRITE, io(&["LOWAT"])),
        (Filter::EXCEPT, io(&["OOB"])),
        (Filter::EMPTY, Vec::new()),
        (
            Filter::VNODE,
            names(&mut NoteVnode::all().iter_names().map(|(name, _)| name)),
        ),
        (
            Filter::PROC,
            names(&mut NoteProc::all().iter_names().map(|(name, _)| name)),
        ),
        (Filter::PROCDESC, io(&["EXIT"])),
        (Filter::SIGNAL, Vec::new()),
        (
            Filter::TIMER,
            names(&mut NoteTimer::all().iter_names().map(|(name, _)| name)),
        ),
        (Filter::USER, io(&["TRIGGER", "FFAND", "FFOR", "FFCOPY"])),
        (Filter::FS, mounts),
        (
            Filter::NETDEV,
            names(&mut NoteNetdev::all().iter_names().map(|(name, _)| name)),
        ),
        (Filter::AIO, Vec::new()),
        (Filter::LIO, Vec::new()),
        (Filter::SENDFILE, Vec::new()),
    ];
    assert!(
        NoteUser::TRIGGER.bits() != 0,
        "USER's notes overlap, so they are named above"
    );
    let rows = rows();
    for (filter, notes) in wanted {
        let name = format!("{filter:?}");
        let name = name.trim_start_matches("EVFILT_");
        assert!(rows.iter().any(|row| row.0 == name), "{name} has no row");
        for note in notes {
            let found = rows.iter().any(|row| row.0 == name && row.1 == note);
            assert!(found, "{name} {note} has no row");
        }
    }
}
