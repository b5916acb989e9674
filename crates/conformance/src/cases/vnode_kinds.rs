//! F5, VNODE: what can be watched, and what cannot.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::process::{Command, Stdio};

use kevent::NoteVnode;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::vnode::{happened, wanting};
use crate::case::{Case, Gate};
use crate::fixture::{Fifo, TempDirectory, TempFile, pipe, send, unix_pair};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_v_44_what_has_no_vnode",
        "VNODE on anonymous pipe, socket, kqueue, eventfd | EINVAL each",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            let (a, _b) = unix_pair();
            let other = t.queue();
            let counter = eventfd(0, EventfdFlags::CLOEXEC).expect("an eventfd");
            let numbers = [
                r.as_raw_fd(),
                w.as_raw_fd(),
                a.as_raw_fd(),
                other.as_raw_fd(),
                kq.as_raw_fd(),
                counter.as_raw_fd(),
            ];
            for number in numbers {
                let change = kevent::Kevent::vnode(number, NoteVnode::WRITE);
                kq.expect_error(change, Errno::INVAL);
            }
        },
    ),
    Case::new(
        "q_v_45_a_fifo_is_unlinked",
        "VNODE on FIFO; unlink | DELETE",
        |t| {
            let kq = t.queue();
            let fifo = Fifo::new();
            let reader = fifo.reader();
            kq.apply(&[wanting(&reader, NoteVnode::DELETE)]);
            kq.expect_none();
            remove_file(fifo.path()).expect("unlink");
            assert_eq!(happened(&kq, &reader), NoteVnode::DELETE);
        },
    ),
    Case::new(
        "q_v_46_descriptors_that_are_only_paths",
        "O_PATH fd; symlink fd (O_PATH+O_NOFOLLOW) | registers; unlink of the symlink → DELETE",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            let link = f.path().with_file_name("link");
            symlink(f.path(), &link).expect("symlink");
            let by_path = |flags: i32, path| {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(libc::O_PATH | flags);
                options.open(path).expect("a path descriptor")
            };
            let plain = by_path(0, f.path());
            let symbolic = by_path(libc::O_NOFOLLOW, &link);
            let notes = NoteVnode::DELETE | NoteVnode::WRITE;
            kq.apply(&[wanting(&plain, notes), wanting(&symbolic, notes)]);
            kq.expect_none();
            remove_file(&link).expect("unlink");
            assert_eq!(happened(&kq, &symbolic), NoteVnode::DELETE);
            send(&f.file, 5);
            let notes = NoteVnode::WRITE | NoteVnode::EXTEND;
            assert_eq!(happened(&kq, &plain), notes);
        },
    ),
    Case::new(
        "q_v_47_a_file_without_a_name",
        "file already unlinked, then EV_ADD, write | WRITE",
        |t| {
            let kq = t.queue();
            let mut f = TempFile::new();
            remove_file(f.path()).expect("unlink");
            kq.apply(&[wanting(&f.file, NoteVnode::WRITE)]);
            kq.expect_none();
            f.file.write_all(b"12345").expect("a write");
            assert!(happened(&kq, &f.file).contains(NoteVnode::WRITE));
        },
    ),
    Case::new(
        "q_v_48_an_unmounting_is_refused",
        "unmount (forced) of file system (priv) \
         | REVOKE + EV_EOF (L: unmount fails with EBUSY, no ev, no crash)",
        |t| {
            // Another process mounts, in a mount namespace of its own, which goes with it.
            const SCRIPT: &str =
                "mount -t tmpfs none \"$0\" && : > \"$0/f\" && echo mounted && read -r _ \
                 && ! umount -f \"$0\" && echo refused && read -r _; umount -l \"$0\"";
            let d = TempDirectory::new();
            let child = Command::new("unshare")
                .args(["-m", "sh", "-c", SCRIPT])
                .arg(d.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut child) = child else {
                t.skip("no unshare(1) here");
            };
            let mut orders = child.stdin.take().expect("a pipe");
            let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
            let mut answer = || {
                let mut line = String::new();
                answers.read_line(&mut line).expect("an answer");
                line
            };
            if answer() != "mounted\n" {
                t.skip("no mount namespace here");
            }
            let root = format!("/proc/{}/root{}", child.id(), d.path().display());
            let f = File::open(format!("{root}/f")).expect("the file opens");
            let kq = t.queue();
            kq.apply(&[wanting(&f, NoteVnode::all())]);
            orders.write_all(b"unmount\n").expect("an order");
            assert_eq!(answer(), "refused\n");
            kq.expect_none();
            drop(orders);
            child.wait().expect("the child");
            t.note(format_args!("afterwards: {:?}", kq.poll0()));
            let mut content = Vec::new();
            (&f).read_to_end(&mut content).expect("the file is still there");
        },
    )
    .needs(Gate::Root),
];
