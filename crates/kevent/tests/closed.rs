//! Descriptors closed behind the queue's back, while their file lives on through a duplicate.
//!
//! BSD drops the knotes of a number at close(2). A library is not told, so the kernel's entry
//! survives as a ghost until the queue finds out: by way of a duplicate among our own
//! descriptors, or by renewing its set where only another process holds the file.
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use kevent::{Events, Kevent, Kqueue};
use rustix::event::{PollFd, PollFlags, poll};

/// Descriptor numbers belong to the process, and these tests are about their reuse: one at a time.
static NUMBERS: Mutex<()> = Mutex::new(());

fn numbers() -> MutexGuard<'static, ()> {
    NUMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Events of a look that does not wait.
fn poll0(queue: &Kqueue) -> Vec<Kevent> {
    let mut events = Events::with_capacity(8);
    queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap();
    events.to_vec()
}

fn is_readable(queue: &Kqueue) -> bool {
    let mut fds = [PollFd::new(queue, PollFlags::IN)];
    poll(
        &mut fds,
        Some(&rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )
    .unwrap()
        == 1
}

/// Looks until the queue's descriptor is quiet; every look must be without an event.
#[track_caller]
fn settles_without_an_event(queue: &Kqueue) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_readable(queue) {
        assert_eq!(poll0(queue), [], "an event of a closed number");
        assert!(Instant::now() < deadline, "the ghost goes on reporting");
    }
}

/// A child that holds a file and nothing else, and ends when this side lets go of its output.
fn holder_of(file: UnixStream) -> std::process::Child {
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::os::fd::OwnedFd::from(file))
        .spawn()
        .unwrap();
    // Once it echoes a byte it has been executed, and holds the file as its standard error.
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child
}

#[test]
fn a_ghost_with_a_duplicate_of_our_own_is_removed() {
    let _one_at_a_time = numbers();
    let queue = Kqueue::new().unwrap();
    let (mut a, b) = UnixStream::pair().unwrap();
    let duplicate = b.try_clone().unwrap();
    queue.apply(&[Kevent::read(&b)]).unwrap();
    drop(b);
    a.write_all(b"late").unwrap();
    settles_without_an_event(&queue);
    queue.apply(&[Kevent::read(&duplicate)]).unwrap();
    assert_eq!(
        poll0(&queue).len(),
        1,
        "the duplicate is watched on its own account"
    );
}

#[test]
fn a_ghost_whose_number_is_another_file_by_now_does_not_report_for_it() {
    let _one_at_a_time = numbers();
    let queue = Kqueue::new().unwrap();
    let (mut a, b) = UnixStream::pair().unwrap();
    let _duplicate = b.try_clone().unwrap();
    queue.apply(&[Kevent::read(&b)]).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&b);
    drop(b);
    let (mut c, d) = UnixStream::pair().unwrap();
    let c_or_d = [&c, &d].map(std::os::fd::AsRawFd::as_raw_fd);
    assert!(
        c_or_d.contains(&number),
        "the lowest free number is used again"
    );
    queue.apply(&[Kevent::read(&c), Kevent::read(&d)]).unwrap();
    a.write_all(b"late").unwrap();
    settles_without_an_event(&queue);
    (&c).write_all(b"to d").unwrap();
    (&d).write_all(b"to c").unwrap();
    assert_eq!(poll0(&queue).len(), 2, "the new file reports");
    c.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(poll0(&queue).len(), 1);
}

#[test]
fn a_ghost_that_only_a_child_holds_is_removed_and_nobody_notices() {
    let _one_at_a_time = numbers();
    let (queue, outer) = (Kqueue::new().unwrap(), Kqueue::new().unwrap());
    let (mut a, b) = UnixStream::pair().unwrap();
    let (mut other, watched) = UnixStream::pair().unwrap();
    queue
        .apply(&[Kevent::read(&b), Kevent::read(&watched).udata(1)])
        .unwrap();
    queue
        .apply(&[
            Kevent::user(2).clear(),
            Kevent::timer(3, Duration::from_secs(3600)),
        ])
        .unwrap();
    outer.apply(&[Kevent::read(&queue)]).unwrap();
    let trigger = queue.trigger_handle(2).unwrap();
    let mut child = holder_of(b);

    // A thread sleeps in the queue while its set is renewed.
    let sleeper = queue.try_clone().unwrap();
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut events = Events::with_capacity(1);
        sleeper.wait(&[], &mut events, None).unwrap();
        send.send(events[0]).unwrap();
    });
    a.write_all(b"late").unwrap();
    settles_without_an_event(&queue);
    other.write_all(b"now").unwrap();
    let event = receive
        .recv_timeout(Duration::from_secs(10))
        .expect("the sleeper sees the event");
    assert_eq!((event.udata, event.data), (1, 3));
    thread.join().unwrap();

    assert_eq!(poll0(&queue).len(), 1, "level-triggered as before");
    assert_eq!(poll0(&outer).len(), 1, "the outer queue watches it still");
    queue.apply(&[Kevent::read(&watched).delete()]).unwrap();
    assert_eq!(poll0(&outer), []);
    trigger.trigger();
    assert_eq!(poll0(&outer).len(), 1);
    let mut events = Events::with_capacity(8);
    queue
        .wait(&[Kevent::timer(3, Duration::ZERO)], &mut events, None)
        .unwrap();
    assert!(
        events
            .iter()
            .any(|event| event.ident == 2 || event.ident == 3)
    );
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_number_that_is_closed_and_opened_again_is_watched_anew() {
    let _one_at_a_time = numbers();
    let queue = Kqueue::new().unwrap();
    for flags in [
        kevent::Flags::empty(),
        kevent::Flags::CLEAR,
        kevent::Flags::DISPATCH,
    ] {
        let (_a, b) = UnixStream::pair().unwrap();
        queue
            .apply(&[Kevent::read(&b).with(flags), Kevent::write(&b).with(flags)])
            .unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&b);
        drop(b);
        let (mut c, d) = UnixStream::pair().unwrap();
        let taken = [&c, &d]
            .map(std::os::fd::AsRawFd::as_raw_fd)
            .contains(&number);
        assert!(taken, "the lowest free number is used again");
        queue
            .apply(&[Kevent::read(&d).with(flags), Kevent::read(&c).with(flags)])
            .unwrap();
        c.write_all(b"new").unwrap();
        let events = poll0(&queue);
        assert_eq!(
            events.len(),
            1,
            "{flags:?}: READ of d, and no WRITE of the old file"
        );
        assert_eq!(events[0].data, 3);
        queue.forget_fd(std::os::fd::AsRawFd::as_raw_fd(&c.as_fd()));
        queue.forget_fd(std::os::fd::AsRawFd::as_raw_fd(&d));
    }
}
