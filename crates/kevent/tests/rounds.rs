//! Adding and deleting a knote again and again leaves nothing behind: no descriptor, no handler.

use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime};

use conformance::fixture::descriptor_count;
use conformance::sys::{block_signal, installed_handler, unblock_signal};
use kevent::{Kevent, Kqueue, NoteProc, NoteVnode};

/// Of each filter.
const ROUNDS: usize = 100_000;

#[test]
fn a_hundred_thousand_rounds_leave_no_descriptor_behind() {
    let (near, _far) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let own = std::process::id();
    let pid = rustix::process::getpid();
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    let changes = [
        Kevent::read(&near),
        Kevent::read(&file),
        Kevent::write(&near).clear(),
        Kevent::except(&near),
        Kevent::vnode(&file, NoteVnode::all()),
        Kevent::proc(own, NoteProc::EXIT),
        Kevent::procdesc(&pidfd, NoteProc::EXIT),
        Kevent::timer(1, Duration::from_secs(3600)),
        Kevent::timer_at(2, SystemTime::now() + Duration::from_secs(3600)),
        Kevent::user(1),
        Kevent::signal(libc::SIGUSR2),
        Kevent::empty(&near),
        Kevent::mounts(),
        Kevent::link(0),
        Kevent::link(1),
    ];
    let before = installed_handler(libc::SIGWINCH);
    let queue = Kqueue::new().unwrap();
    queue.apply(&changes).unwrap();
    let in_use = descriptor_count();
    for change in changes {
        for _ in 0..ROUNDS {
            queue.apply(&[change.delete()]).unwrap();
            queue.apply(&[change]).unwrap();
        }
        assert_eq!(descriptor_count(), in_use, "{change:?}");
    }
    drop(queue);
    // What a queue made for itself goes with it; what is left is the socket pair, and the
    // process's own bell.
    let left = descriptor_count();
    block_signal(libc::SIGWINCH);
    for _ in 0..1_000 {
        let queue = Kqueue::new().unwrap();
        queue.apply(&changes).unwrap();
        queue.apply(&[Kevent::signal(libc::SIGWINCH)]).unwrap();
        drop(queue);
        assert_eq!(descriptor_count(), left);
    }
    unblock_signal(libc::SIGWINCH);
    assert_eq!(installed_handler(libc::SIGWINCH), before);
}
