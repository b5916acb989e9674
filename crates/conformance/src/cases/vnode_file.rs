//! F5, VNODE: what happens to a file.

use std::fs::{File, Permissions, hard_link, remove_file, rename};
use std::io::{Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::PathBuf;
use std::time::SystemTime;

use kevent::{Kevent, NoteVnode};

use super::vnode::{happened, wanting};
use crate::case::{Case, Run};
use crate::fixture::{Queue, TempFile, ident, send};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_v_01_overwriting_is_a_write",
        "NOTE_WRITE; overwrite in place | fflags WRITE only",
        |t| {
            let (kq, mut f) = watching(t, NoteVnode::WRITE);
            overwrite(&mut f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::WRITE);
        },
    ),
    Case::new(
        "q_v_02_appending_also_extends",
        "NOTE_WRITE; append | WRITE+EXTEND",
        |t| {
            let (kq, f) = watching(t, NoteVnode::WRITE);
            send(&f.file, 5);
            let notes = happened(&kq, &f.file);
            assert_eq!(notes, NoteVnode::WRITE | NoteVnode::EXTEND);
        },
    ),
    Case::new(
        "q_v_03_appending_extends",
        "NOTE_EXTEND; append | EXTEND set",
        |t| {
            let (kq, f) = watching(t, NoteVnode::EXTEND);
            send(&f.file, 5);
            assert!(happened(&kq, &f.file).contains(NoteVnode::EXTEND));
        },
    ),
    Case::new(
        "q_v_04_overwriting_does_not_extend",
        "NOTE_EXTEND; overwrite in place | none",
        |t| {
            let (kq, mut f) = watching(t, NoteVnode::EXTEND);
            overwrite(&mut f);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_05_fchmod_changes_attributes",
        "NOTE_ATTRIB; fchmod | ATTRIB",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            chmod(&f.file);
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
        },
    ),
    Case::new(
        "q_v_06_owner_times_and_extended_attributes",
        "NOTE_ATTRIB; fchown, utimes, setxattr | ATTRIB each",
        |t| {
            let (kq, f) = watching(t, NoteVnode::ATTRIB);
            let owner = f.file.metadata().expect("fstat");
            fchown(&f.file, Some(owner.uid()), Some(owner.gid())).expect("fchown");
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            let times = std::fs::FileTimes::new()
                .set_accessed(SystemTime::UNIX_EPOCH)
                .set_modified(SystemTime::UNIX_EPOCH);
            f.file.set_times(times).expect("futimens");
            assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB);
            let flags = rustix::fs::XattrFlags::empty();
            match rustix::fs::fsetxattr(&f.file, "user.kevent", b"1", flags) {
                Ok(()) => assert_eq!(happened(&kq, &f.file), NoteVnode::ATTRIB),
                Err(error) => t.note(format_args!("no extended attributes here: {error}")),
            }
        },
    ),
    Case::new(
        "q_v_07_a_write_changes_no_attributes",
        "NOTE_ATTRIB; plain write | none",
        |t| {
            let (kq, mut f) = watching(t, NoteVnode::ATTRIB);
            overwrite(&mut f);
            send(&f.file, 200);
            kq.expect_none();
        },
    ),
    Case::new("q_v_08_one_more_name", "NOTE_LINK; link() | LINK", |t| {
        let (kq, f) = watching(t, NoteVnode::LINK);
        link_to(&f);
        assert_eq!(happened(&kq, &f.file), NoteVnode::LINK);
    }),
    Case::new(
        "q_v_09_one_name_less",
        "NOTE_LINK; unlink of the other name | LINK (G13)",
        |t| {
            let (kq, f) = watching_linked(t, NoteVnode::LINK);
            remove_file(other_name(&f)).expect("unlink");
            assert_eq!(happened(&kq, &f.file), NoteVnode::LINK);
        },
    ),
    Case::new(
        "q_v_10_the_last_name_is_gone",
        "NOTE_DELETE; unlink last name | DELETE while the fd is open",
        |t| {
            let (kq, f) = watching(t, NoteVnode::DELETE);
            remove_file(f.path()).expect("unlink");
            assert_eq!(happened(&kq, &f.file), NoteVnode::DELETE);
        },
    ),
    Case::new(
        "q_v_11_one_of_two_names_is_gone",
        "NOTE_DELETE; unlink one of two names | DELETE (G13)",
        |t| {
            let (kq, f) = watching_linked(t, NoteVnode::DELETE);
            remove_file(other_name(&f)).expect("unlink");
            assert_eq!(happened(&kq, &f.file), NoteVnode::DELETE);
            // To whoever wants both, both.
            let (kq, f) = watching_linked(t, NoteVnode::DELETE | NoteVnode::LINK);
            remove_file(other_name(&f)).expect("unlink");
            let notes = happened(&kq, &f.file);
            assert_eq!(notes, NoteVnode::DELETE | NoteVnode::LINK);
        },
    ),
    Case::new(
        "q_v_12_renamed_over_is_deleted",
        "NOTE_DELETE; rename another file over it | DELETE",
        |t| {
            let (kq, f) = watching(t, NoteVnode::DELETE);
            File::create(other_name(&f)).expect("a file");
            rename(other_name(&f), f.path()).expect("rename");
            assert_eq!(happened(&kq, &f.file), NoteVnode::DELETE);
        },
    ),
    Case::new("q_v_13_a_rename", "NOTE_RENAME; rename | RENAME", |t| {
        let (kq, f) = watching(t, NoteVnode::RENAME);
        rename(f.path(), other_name(&f)).expect("rename");
        assert_eq!(happened(&kq, &f.file), NoteVnode::RENAME);
    }),
    Case::new(
        "q_v_14_a_renamed_file_is_still_watched",
        "after V-13 write | still watched",
        |t| {
            let (kq, mut f) = watching(t, NoteVnode::RENAME | NoteVnode::WRITE);
            rename(f.path(), other_name(&f)).expect("rename");
            assert_eq!(happened(&kq, &f.file), NoteVnode::RENAME);
            overwrite(&mut f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::WRITE);
        },
    ),
    Case::new(
        "q_v_15_an_unlinked_file_is_still_watched",
        "after V-10 write through the fd | WRITE still reported",
        |t| {
            let (kq, mut f) = watching(t, NoteVnode::DELETE | NoteVnode::WRITE);
            remove_file(f.path()).expect("unlink");
            assert_eq!(happened(&kq, &f.file), NoteVnode::DELETE);
            overwrite(&mut f);
            assert_eq!(happened(&kq, &f.file), NoteVnode::WRITE);
        },
    ),
    Case::new(
        "q_v_16_the_renamed_and_the_replaced",
        "A renamed over B, both watched | RENAME on A, DELETE on B",
        |t| {
            let kq = t.queue();
            let b = file_of(100);
            let a = File::create(other_name(&b)).expect("a file");
            let notes = NoteVnode::RENAME | NoteVnode::DELETE;
            kq.apply(&[wanting(&a, notes), wanting(&b.file, notes)]);
            rename(other_name(&b), b.path()).expect("rename");
            let mut events = kq.poll0();
            events.sort_by_key(|event| event.ident != ident(&a));
            let told: Vec<_> = events.iter().map(|e| (e.ident, e.vnode_notes())).collect();
            let expected = [
                (ident(&a), Some(NoteVnode::RENAME)),
                (ident(&b.file), Some(NoteVnode::DELETE)),
            ];
            assert_eq!(told, expected);
        },
    ),
    Case::new(
        "q_v_17_a_file_is_cut",
        "ftruncate shrink, interest ATTRIB / TRUNCATE | ATTRIB / TRUNCATE",
        |t| {
            for note in [NoteVnode::ATTRIB, NoteVnode::TRUNCATE] {
                let (kq, f) = watching(t, note);
                f.file.set_len(10).expect("ftruncate");
                assert_eq!(happened(&kq, &f.file), note);
            }
        },
    ),
    Case::new(
        "q_v_18_growing_by_truncation_extends",
        "ftruncate grow, interest EXTEND | EXTEND (L; FB none)",
        |t| {
            let (kq, f) = watching(t, NoteVnode::EXTEND);
            f.file.set_len(1_000).expect("ftruncate");
            assert!(happened(&kq, &f.file).contains(NoteVnode::EXTEND));
        },
    ),
    Case::new(
        "q_v_19_chmod_is_no_write",
        "interest WRITE; chmod | none",
        |t| {
            let (kq, f) = watching(t, NoteVnode::WRITE);
            chmod(&f.file);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_51_an_atomic_save",
        "atomic save (write temp, rename over) | DELETE on the old inode's knote",
        |t| {
            let (kq, f) = watching(t, NoteVnode::all() - NoteVnode::OPEN);
            let mut saved = File::create(other_name(&f)).expect("a file");
            saved.write_all(b"new").expect("a write");
            drop(saved);
            rename(other_name(&f), f.path()).expect("rename");
            assert_eq!(happened(&kq, &f.file), NoteVnode::DELETE);
        },
    ),
];

/// A queue that watches `f` of 100 bytes, with EV_CLEAR.
#[track_caller]
fn watching(t: &Run<'_>, notes: NoteVnode) -> (Queue, TempFile) {
    let kq = t.queue();
    let f = file_of(100);
    kq.apply(&[wanting(&f.file, notes)]);
    kq.expect_none();
    (kq, f)
}

/// The same of a file with two names.
#[track_caller]
fn watching_linked(t: &Run<'_>, notes: NoteVnode) -> (Queue, TempFile) {
    let kq = t.queue();
    let f = file_of(100);
    link_to(&f);
    let change: Kevent = wanting(&f.file, notes);
    kq.apply(&[change]);
    kq.expect_none();
    (kq, f)
}

fn file_of(size: usize) -> TempFile {
    let f = TempFile::new();
    send(&f.file, size);
    f
}

fn other_name(f: &TempFile) -> PathBuf {
    f.path().with_file_name("g")
}

fn link_to(f: &TempFile) {
    hard_link(f.path(), other_name(f)).expect("link");
}

fn overwrite(f: &mut TempFile) {
    f.file.rewind().expect("lseek");
    f.file.write_all(b"12345").expect("a write");
}

fn chmod(file: &File) {
    let permissions = Permissions::from_mode(0o640);
    file.set_permissions(permissions).expect("fchmod");
}
