//! F10: EVFILT_FS and EVFILT_NETDEV, each in a namespace of the case's own, and filter numbers
//! that mean something else on macOS.

use std::path::Path;

use kevent::{Filter, Flags, Kevent, NoteFs, NoteNetdev};
use rustix::io::Errno;

use crate::case::{Case, Gate, Run};
use crate::fixture::{Queue, is_readable, pipe};
use crate::sys::{Interface, mount_tmpfs, own_mounts, own_network, unmount};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_fs_01_a_mount_is_seen",
        "kqueue made in an own mount namespace, mount tmpfs there (priv) | VQ_MOUNT",
        |t| {
            let (kq, directory) = with_mounts(t, Flags::empty());
            mount_tmpfs(directory.path()).expect("a mount");
            let event = kq.expect_one();
            assert_eq!((event.ident, event.filter), (0, Filter::FS));
            assert_eq!(event.fflags, u32::from(NoteFs::MOUNT));
        },
    )
    .needs(Gate::Root),
    Case::new("q_fs_02_an_unmount_is_seen", "umount | VQ_UNMOUNT", |t| {
        let (kq, directory) = with_mounts(t, Flags::empty());
        mount_tmpfs(directory.path()).expect("a mount");
        assert_eq!(kq.expect_one().fflags, u32::from(NoteFs::MOUNT));
        unmount(directory.path()).expect("no mount");
        // Somebody looks at the queue first; that takes nothing away.
        assert!(is_readable(&kq));
        assert_eq!(kq.expect_one().fflags, u32::from(NoteFs::UNMOUNT));
    })
    .needs(Gate::Root),
    Case::new(
        "q_fs_03_without_a_mount_there_is_none",
        "nothing mounted | none",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::mounts()]);
            kq.expect_none();
            kq.expect_none();
            assert!(!is_readable(&kq));
        },
    ),
    Case::new(
        "q_fs_04_a_change_is_told_once",
        "auto EV_CLEAR | once per change",
        |t| {
            let (kq, directory) = with_mounts(t, Flags::DISABLE);
            mount_tmpfs(directory.path()).expect("a mount");
            kq.expect_none();
            unmount(directory.path()).expect("no mount");
            kq.expect_none();
            kq.apply(&[Kevent::mounts().enable()]);
            let event = kq.expect_one();
            assert_eq!(event.flags, Flags::CLEAR);
            assert_eq!(event.fflags, u32::from(NoteFs::MOUNT | NoteFs::UNMOUNT));
            kq.expect_none();
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_n_01_an_interface_comes_up",
        "link up (own netns, priv) | LINKUP, data 1",
        |t| {
            let kq = with_network(t);
            let loopback = Interface::loopback();
            let any = t.queue();
            any.apply(&[Kevent::link(0).clear()]);
            kq.apply(&[Kevent::link(loopback.index())]);
            kq.expect_none();
            loopback.set_up(true).expect("up");
            for _ in 0..2 {
                let event = kq.wait_one();
                assert_eq!((event.ident, event.filter), (1, Filter::NETDEV));
                assert_eq!((event.fflags, event.data), (1, 1));
                assert_eq!(event.flags, Flags::empty(), "level until deleted");
            }
            assert_eq!(any.wait_one().fflags, u32::from(NoteNetdev::LINKUP));
            any.expect_none();
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_n_02_an_interface_goes_down",
        "link down | LINKDOWN, data 2",
        |t| {
            let kq = with_network(t);
            let loopback = Interface::loopback();
            loopback.set_up(true).expect("up");
            let down = Kevent::link(loopback.index()).fflags(NoteNetdev::LINKDOWN);
            kq.apply(&[down]);
            kq.expect_none();
            loopback.set_up(false).expect("down");
            let event = kq.wait_one();
            assert_eq!((event.fflags, event.data), (2, 2));
            loopback.set_up(true).expect("up");
            // The bit that was not asked for is not there; the state is.
            kq.kevent(&[down.enable().fflags(0_u32)], 1, None)
                .expect("an event");
            let event = kq.expect_one();
            assert_eq!((event.fflags, event.data), (2, 1));
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_n_03_an_interface_is_removed",
        "interface removed | data LINKINV, EOF+ONESHOT",
        |t| {
            let kq = with_network(t);
            let any = t.queue();
            any.apply(&[Kevent::link(0).clear()]);
            let tap = Interface::tap().unwrap_or_else(|error| t.skip(format!("no tap: {error}")));
            let change = Kevent::link(tap.index());
            kq.apply(&[change]);
            kq.expect_none();
            tap.remove();
            let event = kq.wait_one();
            assert_eq!(event.data, i64::from(NoteNetdev::LINKINV.bits()));
            assert!(
                event.flags.contains(Flags::EOF | Flags::ONESHOT),
                "{event:?}"
            );
            kq.expect_none();
            kq.expect_error(change, Errno::NXIO);
            let event = any.wait_one();
            assert_eq!(event.data, i64::from(NoteNetdev::LINKINV.bits()));
            assert!(!event.is_eof(), "others may come: {event:?}");
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_n_04_an_unknown_interface_is_enxio",
        "unknown index | ENXIO",
        |t| {
            let kq = t.queue();
            kq.expect_error(Kevent::link(0x7fff_0000), Errno::NXIO);
            let huge = Kevent::new(usize::MAX, Filter::NETDEV, Flags::ADD);
            kq.expect_error(huge, Errno::NXIO);
            kq.expect_error(Kevent::link(0).fflags(0x80_u32), Errno::INVAL);
        },
    ),
    Case::new(
        "q_z_01_numbers_of_other_systems_keep_our_meaning",
        "Rust: mac's numbers −8 (MACHPORT) on a pipe, −12 (VM), −14 (MEMORYSTATUS) | EINVAL, ENXIO, EINVAL (C15)",
        |t| {
            let kq = t.queue();
            let (r, _w) = pipe();
            for (number, errno) in [(-8, Errno::INVAL), (-12, Errno::NXIO), (-14, Errno::INVAL)] {
                let change = Kevent {
                    filter: Filter::from_raw(number),
                    ..Kevent::read(&r)
                };
                kq.expect_error(change, errno);
            }
        },
    ),
];

/// A queue with an FS knote in a mount namespace of its own, and a directory to mount on.
fn with_mounts(t: &Run<'_>, flags: Flags) -> (Queue, MountPoint) {
    own_mounts().unwrap_or_else(|error| t.skip(format!("no mount namespace: {error}")));
    let directory = MountPoint(tempfile::tempdir().expect("a temporary directory"));
    let kq = t.queue();
    kq.apply(&[Kevent::mounts().with(flags)]);
    kq.expect_none();
    (kq, directory)
}

struct MountPoint(tempfile::TempDir);

impl MountPoint {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        // Where it is still mounted, so that the directory can be removed.
        let _ = unmount(self.path());
    }
}

/// A queue in a network namespace of its own.
fn with_network(t: &Run<'_>) -> Queue {
    own_network().unwrap_or_else(|error| t.skip(format!("no network namespace: {error}")));
    t.queue()
}
