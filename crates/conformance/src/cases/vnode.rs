//! F5, VNODE: how its events are delivered, whatever has happened.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::Command;

use kevent::{Filter, Flags, Kevent, NoteVnode};
use rustix::io::Errno;

use crate::case::{Case, Gate, Run};
use crate::fixture::{Queue, TempDirectory, TempFile, ident, limit_descriptors, send};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_v_20_what_has_happened_adds_up",
        "two operations before poll0 | one ev, fflags ORed",
        |t| {
            let (kq, f) = watching(t, NoteVnode::WRITE | NoteVnode::ATTRIB);
            send(&f.file, 5);
            touch(&f);
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND | NoteVnode::ATTRIB;
            assert_eq!(happened(&kq, &f.file), notes);
        },
    ),
    Case::new(
        "q_v_21_without_ev_clear_it_stays",
        "without EV_CLEAR, poll0 twice | same fflags both times",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            kq.apply(&[Kevent::vnode(&f.file, NoteVnode::ATTRIB)]);
            touch(&f);
            for _ in 0..2 {
                assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            }
        },
    ),
    Case::new(
        "q_v_22_with_ev_clear_it_is_told_once",
        "EV_CLEAR, poll0 twice | second none",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            touch(&f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_23_oneshot_is_gone_after_one_event",
        "EV_ONESHOT | once; delete → ENOENT",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            let change = Kevent::vnode(&f.file, NoteVnode::ATTRIB).oneshot();
            kq.apply(&[change]);
            touch(&f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            touch(&f);
            kq.expect_none();
            kq.expect_error(change.delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_v_24_dispatch_remembers_while_disabled",
        "EV_DISPATCH; change while disabled; ENABLE | ev for it",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            let notes = NoteVnode::ATTRIB | NoteVnode::WRITE;
            let change = wanting(&f.file, notes).dispatch();
            kq.apply(&[change]);
            touch(&f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            send(&f.file, 5);
            kq.expect_none();
            kq.apply(&[change.enable()]);
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &f.file), notes);
        },
    ),
    Case::new(
        "q_v_25_disabled_it_remembers",
        "EV_DISABLE; change; poll0; ENABLE | none, then ev",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            let change = wanting(&f.file, NoteVnode::ATTRIB);
            kq.apply(&[change.disable()]);
            touch(&f);
            kq.expect_none();
            kq.apply(&[change.enable()]);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
        },
    ),
    Case::new(
        "q_v_26_another_interest_replaces_the_first",
        "re-EV_ADD with other fflags | new interest only",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            kq.apply(&[wanting(&f.file, NoteVnode::WRITE)]);
            touch(&f);
            kq.expect_none();
            send(&f.file, 5);
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &f.file), notes);
        },
    ),
    Case::new(
        "q_v_27_no_interest_is_deaf",
        "re-EV_ADD with fflags 0 | deaf",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            kq.apply(&[wanting(&f.file, NoteVnode::empty())]);
            touch(&f);
            send(&f.file, 5);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_28_a_bare_enable_keeps_the_interest",
        "EV_ENABLE with fflags 0 | interest kept (G18)",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            kq.apply(&[Kevent::new(ident(&f.file), Filter::VNODE, Flags::ENABLE)]);
            touch(&f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
        },
    ),
    Case::new(
        "q_v_29_two_descriptors_of_one_file",
        "two fds of one file, different interests | each gets its own",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            let other = File::open(f.path()).expect("the file opens");
            kq.apply(&[wanting(&other, NoteVnode::WRITE)]);
            touch(&f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            send(&f.file, 5);
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &other), notes);
            // The one goes on without the other.
            kq.apply(&[wanting(&f.file, NoteVnode::ATTRIB).delete()]);
            send(&f.file, 5);
            assert_eq!(happened(&kq, &other), notes);
        },
    ),
    Case::new(
        "q_v_30_two_queues_on_one_file",
        "two kqueues on one fd | both",
        |t| {
            let (one, f) = watching(t, NoteVnode::ATTRIB);
            let other = t.queue();
            other.apply(&[wanting(&f.file, NoteVnode::ATTRIB)]);
            touch(&f);
            assert_eq!(happened(&one, &f.file), NoteVnode::ATTRIB);
            assert_eq!(happened(&other, &f.file), NoteVnode::ATTRIB);
        },
    ),
    Case::new(
        "q_v_31_another_process_changes_it",
        "change made by another process | ev",
        |t| {
            let (kq, f) = watching(t, NoteVnode::WRITE);
            let script = Command::new("sh")
                .args(["-c", "echo more >> \"$0\""])
                .arg(f.path())
                .status();
            assert!(script.expect("sh").success());
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &f.file), notes);
        },
    ),
    Case::new(
        "q_v_32_others_open_read_and_close_it",
        "NOTE_OPEN / CLOSE / CLOSE_WRITE / READ by another opener | respective bit",
        |t| {
            let uses =
                NoteVnode::OPEN | NoteVnode::CLOSE | NoteVnode::CLOSE_WRITE | NoteVnode::READ;
            let (kq, f) = watching(t, uses);
            send(&f.file, 5);
            let mut reader = File::open(f.path()).expect("the file opens");
            assert_eq!(happened(&kq, &f.file), NoteVnode::OPEN);
            reader.read_exact(&mut [0; 5]).expect("a read");
            assert_eq!(happened(&kq, &f.file), NoteVnode::READ);
            drop(reader);
            assert_eq!(happened(&kq, &f.file), NoteVnode::CLOSE);
            let writer = OpenOptions::new().append(true).open(f.path());
            drop(writer.expect("the file opens"));
            let notes = NoteVnode::OPEN | NoteVnode::CLOSE_WRITE;
            assert_eq!(happened(&kq, &f.file), notes);
        },
    ),
    Case::new(
        "q_v_33_watching_is_not_using",
        "own registration must not cause OPEN/CLOSE events | none",
        |t| {
            let (kq, f) = watching(t, NoteVnode::all());
            let d = TempDirectory::new();
            kq.apply(&[wanting(&d.file, NoteVnode::all())]);
            let other = t.queue();
            for file in [&f.file, &d.file] {
                other.apply(&[wanting(file, NoteVnode::all())]);
                other.apply(&[wanting(file, NoteVnode::RENAME)]);
                other.apply(&[wanting(file, NoteVnode::RENAME).delete()]);
            }
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_49_a_deleted_knote_is_silent",
        "EV_DELETE then change | none",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            kq.apply(&[wanting(&f.file, NoteVnode::ATTRIB).delete()]);
            touch(&f);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_50_a_thousand_files",
        "1,000 files watched, all touched | 1,000 events",
        |t| {
            const COUNT: usize = 1_000;
            limit_descriptors(None);
            let kq = t.queue();
            let d = TempDirectory::new();
            let create = |n: usize| File::create(d.path().join(n.to_string())).expect("a file");
            let files: Vec<File> = (0..COUNT).map(create).collect();
            let changes: Vec<Kevent> = files
                .iter()
                .map(|file| wanting(file, NoteVnode::WRITE))
                .collect();
            kq.apply(&changes);
            for file in &files {
                send(file, 1);
            }
            let mut told: Vec<usize> = kq.poll(2 * COUNT).iter().map(|e| e.ident).collect();
            told.sort_unstable();
            told.dedup();
            assert_eq!(told.len(), COUNT);
            kq.expect_none();
        },
    )
    .needs(Gate::Descriptors(1_100)),
    Case::new(
        "q_v_52_a_closed_descriptor_is_silent",
        "fd closed after registration (API path), file changed | no ev, no crash",
        |t| {
            let (kq, f) = watching(t, NoteVnode::all());
            let mut other = OpenOptions::new()
                .append(true)
                .open(f.path())
                .expect("the file opens");
            let path = f.path().to_owned();
            assert_eq!(happened(&kq, &f.file), NoteVnode::OPEN);
            let number = f.file.as_raw_fd();
            kq.front().forget_fd(number);
            drop(f);
            other.write_all(b"12345").expect("a write");
            kq.expect_none();
            assert!(!path.exists());
        },
    ),
    Case::new(
        "q_v_53_what_overflows_is_still_told",
        "inotify queue overflow simulated | differences still reported",
        |t| {
            let (kq, noisy) = watching(t, NoteVnode::OPEN | NoteVnode::CLOSE);
            let (written, changed, unlinked) = (TempFile::new(), TempFile::new(), TempFile::new());
            let (renamed, quiet) = (TempFile::new(), TempFile::new());
            let d = TempDirectory::new();
            let notes = NoteVnode::all() - NoteVnode::OPEN;
            let calm = [&written, &changed, &unlinked, &renamed, &quiet];
            for file in calm.map(|f| &f.file).into_iter().chain([&d.file]) {
                kq.apply(&[wanting(file, notes)]);
            }
            overflow(&noisy);
            send(&written.file, 5);
            touch(&changed);
            std::fs::remove_file(unlinked.path()).expect("unlink");
            let elsewhere = renamed.path().with_file_name("g");
            std::fs::rename(renamed.path(), elsewhere).expect("rename");
            File::create(d.path().join("new")).expect("a file");
            let events = kq.poll(16);
            let told = |file: &File| {
                let event = events.iter().find(|event| event.ident == ident(file));
                event.and_then(Kevent::vnode_notes)
            };
            let extended = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(told(&written.file), Some(extended));
            assert_eq!(told(&changed.file), Some(NoteVnode::ATTRIB));
            assert_eq!(told(&unlinked.file), Some(NoteVnode::DELETE));
            let rename = told(&renamed.file).expect("news of the rename");
            assert!(rename.contains(NoteVnode::RENAME), "{rename:?}");
            let names = told(&d.file).expect("news of the directory");
            assert!(names.contains(NoteVnode::WRITE), "{names:?}");
            assert_eq!(told(&quiet.file), None);
            // And then as ever.
            kq.expect_none();
            touch(&quiet);
            assert_eq!(happened(&kq, &quiet.file), NoteVnode::ATTRIB);
        },
    ),
];

/// "add VNODE fd" with EV_CLEAR and these notes.
pub(super) fn wanting(fd: &impl AsRawFd, notes: NoteVnode) -> Kevent {
    Kevent::vnode(fd, notes).clear()
}

/// What the one event that is there now says has happened to this file.
#[track_caller]
pub(super) fn happened(kq: &Queue, fd: &impl AsRawFd) -> NoteVnode {
    let event = kq.expect_one();
    assert_eq!((event.ident, event.filter), (ident(fd), Filter::VNODE));
    assert_eq!(event.data, 0);
    assert!(!event.is_eof());
    event.vnode_notes().expect("an event, not an error")
}

/// A queue that watches an empty file, with EV_CLEAR.
#[track_caller]
fn watching(t: &Run<'_>, notes: NoteVnode) -> (Queue, TempFile) {
    let kq = t.queue();
    let f = TempFile::new();
    kq.apply(&[wanting(&f.file, notes)]);
    kq.expect_none();
    (kq, f)
}

/// fchmod, to the mode it has.
fn touch(f: &TempFile) {
    let permissions = f.file.metadata().expect("fstat").permissions();
    f.file.set_permissions(permissions).expect("fchmod");
}

/// Opens and closes the file more often than the kernel keeps count of.
fn overflow(f: &TempFile) {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    let limit: usize = limit
        .expect("inotify's limit")
        .trim()
        .parse()
        .expect("a number");
    for _ in 0..limit {
        drop(File::open(f.path()).expect("the file opens"));
    }
}
