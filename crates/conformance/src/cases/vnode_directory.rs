//! F5, VNODE: what happens in a directory, and to it.

use std::fs::{File, create_dir, hard_link, remove_dir, remove_file, rename};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

use kevent::NoteVnode;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::vnode::{happened, wanting};
use crate::case::{Case, Run};
use crate::fixture::{Queue, TempDirectory, send};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_v_34_a_new_name_is_a_write",
        "directory NOTE_WRITE; create file | WRITE",
        |t| {
            let (kq, d) = watching(t, NoteVnode::WRITE, &[]);
            File::create(d.path().join("new")).expect("a file");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
        },
    ),
    Case::new(
        "q_v_35_every_way_to_change_the_names",
        "…unlink child, symlink, link, mkfifo in it | WRITE each",
        |t| {
            let (kq, d) = watching(t, NoteVnode::WRITE, &["a", "b"]);
            remove_file(d.path().join("a")).expect("unlink");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
            symlink("b", d.path().join("s")).expect("symlink");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
            hard_link(d.path().join("b"), d.path().join("c")).expect("link");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
            mknodat(CWD, d.path().join("p"), FileType::Fifo, Mode::RUSR, 0).expect("mkfifo");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
        },
    ),
    Case::new(
        "q_v_36_directories_count_as_links",
        "directory NOTE_LINK; mkdir, rmdir child | LINK(+WRITE)",
        |t| {
            let (kq, d) = watching(t, NoteVnode::LINK, &[]);
            let child = d.path().join("child");
            create_dir(&child).expect("mkdir");
            let both = NoteVnode::LINK | NoteVnode::WRITE;
            assert_eq!(happened(&kq, &d.file), both);
            remove_dir(&child).expect("rmdir");
            assert_eq!(happened(&kq, &d.file), both);
        },
    ),
    Case::new(
        "q_v_37_files_do_not_count_as_links",
        "directory NOTE_LINK; create plain file | none",
        |t| {
            let (kq, d) = watching(t, NoteVnode::LINK, &[]);
            File::create(d.path().join("new")).expect("a file");
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_38_a_rename_within_does_not_extend",
        "rename inside d | WRITE, no EXTEND",
        |t| {
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND | NoteVnode::LINK;
            let (kq, d) = watching(t, notes, &["a", "b"]);
            rename(d.path().join("a"), d.path().join("b")).expect("rename");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
            create_dir(d.path().join("x")).expect("mkdir");
            let both = NoteVnode::LINK | NoteVnode::WRITE;
            assert_eq!(happened(&kq, &d.file), both);
            rename(d.path().join("x"), d.path().join("y")).expect("rename");
            assert_eq!(happened(&kq, &d.file), NoteVnode::WRITE);
            // A directory that is replaced is one less, where directories count them.
            let before = d.file.metadata().expect("fstat").nlink();
            create_dir(d.path().join("z")).expect("mkdir");
            assert_eq!(happened(&kq, &d.file), both);
            if d.file.metadata().expect("fstat").nlink() == before {
                t.note("directories are not counted here");
            } else {
                rename(d.path().join("z"), d.path().join("y")).expect("rename");
                assert_eq!(happened(&kq, &d.file), both);
            }
        },
    ),
    Case::new(
        "q_v_39_a_rename_out_or_in_extends",
        "rename out of / into d, interest EXTEND | EXTEND",
        |t| {
            let (kq, d) = watching(t, NoteVnode::EXTEND, &["a"]);
            let elsewhere = TempDirectory::new();
            let (here, there) = (d.path().join("a"), elsewhere.path().join("a"));
            rename(&here, &there).expect("rename out");
            let both = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &d.file), both);
            rename(&there, &here).expect("rename in");
            assert_eq!(happened(&kq, &d.file), both);
        },
    ),
    Case::new(
        "q_v_40_a_childs_content_is_its_own_affair",
        "child content written | none on d",
        |t| {
            // The child is opened and read as well.
            let (kq, d) = watching(t, NoteVnode::all(), &["a"]);
            let child = File::options()
                .append(true)
                .open(d.path().join("a"))
                .expect("the child");
            send(&child, 5);
            child.set_len(0).expect("ftruncate");
            child
                .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("fchmod");
            drop(child);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_v_41_the_directory_is_renamed",
        "d renamed | RENAME",
        |t| {
            let (kq, _above, d) = watching_child(t, NoteVnode::RENAME);
            rename(&d.path, d.path.with_file_name("e")).expect("rename");
            assert_eq!(happened(&kq, &d.file), NoteVnode::RENAME);
        },
    ),
    Case::new(
        "q_v_42_an_open_directory_is_removed",
        "d removed with fd open | DELETE",
        |t| {
            let (kq, _above, d) = watching_child(t, NoteVnode::DELETE);
            remove_dir(&d.path).expect("rmdir");
            assert_eq!(happened(&kq, &d.file), NoteVnode::DELETE);
            kq.expect_none();
            // Neither is a directory that another one is renamed over.
            let (kq, above, d) = watching_child(t, NoteVnode::DELETE);
            let other = above.path().join("other");
            create_dir(&other).expect("mkdir");
            kq.expect_none();
            rename(&other, &d.path).expect("rename");
            assert_eq!(happened(&kq, &d.file), NoteVnode::DELETE);
        },
    ),
    Case::new(
        "q_v_43_renamed_then_removed",
        "d renamed, then removed | both, DELETE included",
        |t| {
            let both = NoteVnode::RENAME | NoteVnode::DELETE;
            // At once; then with the news of the rename taken in between; then under DELETE alone.
            for (is_polled, interest) in [(false, both), (true, both), (true, NoteVnode::DELETE)] {
                let (kq, _above, d) = watching_child(t, interest);
                let elsewhere = TempDirectory::new();
                let moved = elsewhere.path().join("e");
                rename(&d.path, &moved).expect("rename");
                let mut notes = NoteVnode::empty();
                if is_polled && interest == both {
                    notes = happened(&kq, &d.file);
                    assert_eq!(notes, NoteVnode::RENAME);
                } else if is_polled {
                    kq.expect_none();
                }
                remove_dir(&moved).expect("rmdir");
                notes |= happened(&kq, &d.file);
                assert_eq!(notes, interest, "polled in between: {is_polled}");
            }
        },
    ),
];

/// A queue that watches `d`, in which these names are files, with EV_CLEAR.
#[track_caller]
fn watching(t: &Run<'_>, notes: NoteVnode, names: &[&str]) -> (Queue, TempDirectory) {
    let kq = t.queue();
    let d = TempDirectory::new();
    for name in names {
        File::create(d.path().join(name)).expect("a file");
    }
    kq.apply(&[wanting(&d.file, notes)]);
    kq.expect_none();
    (kq, d)
}

/// A directory in a directory.
struct Child {
    path: PathBuf,
    file: File,
}

/// A queue that watches a directory in a temporary one.
#[track_caller]
fn watching_child(t: &Run<'_>, notes: NoteVnode) -> (Queue, TempDirectory, Child) {
    let kq = t.queue();
    let above = TempDirectory::new();
    let path = above.path().join("d");
    create_dir(&path).expect("mkdir");
    let file = File::open(&path).expect("the directory opens");
    kq.apply(&[wanting(&file, notes)]);
    kq.expect_none();
    (kq, above, Child { path, file })
}
