//! Reused slots and descriptor numbers: an event of what was there before reaches nobody.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream as StdUnixStream;

use fixture::run;
use futures_lite::AsyncReadExt;
use futures_lite::future::poll_once;
use kevent_async::{Direction, Io, Notify, Timer, UnixStream, yield_now};

/// Turns of the queue, so that all that is on the way arrives.
async fn settle() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// Moves a descriptor to the lowest free number from `least` on. Each test takes a range of its
/// own, so that it sees numbers reused although other tests open files at the same time.
fn at_number(stream: StdUnixStream, least: i32) -> StdUnixStream {
    rustix::io::fcntl_dupfd_cloexec(&stream, least)
        .unwrap()
        .into()
}

#[test]
fn a_number_reused_in_the_same_slot_starts_fresh() {
    run(|| async {
        for _ in 0..200 {
            let (a, mut b) = StdUnixStream::pair().unwrap();
            let a = at_number(a, 400);
            assert_eq!(a.as_raw_fd(), 400);
            let stream = UnixStream::from_std(a).unwrap();
            assert!(poll_once(stream.readable()).await.is_none());
            settle().await;
            assert!(
                !stream.is_ready(Direction::Read),
                "an event of the former stream"
            );
            // Leaves an event on the way when the stream goes.
            b.write_all(b"x").unwrap();
        }
    });
}

#[test]
fn a_closed_number_whose_file_lives_on_reports_to_nobody() {
    run(|| async {
        for _ in 0..50 {
            let (a, mut b) = StdUnixStream::pair().unwrap();
            let survivor = a.as_fd().try_clone_to_owned().unwrap();
            let a = at_number(a, 500);
            assert_eq!(a.as_raw_fd(), 500);
            let former = Io::new(a).unwrap();
            assert!(poll_once(former.readable()).await.is_none());
            settle().await;
            drop(former);

            let (c, mut d) = StdUnixStream::pair().unwrap();
            let c = at_number(c, 500);
            assert_eq!(c.as_raw_fd(), 500);
            let mut present = UnixStream::from_std(c).unwrap();
            assert!(poll_once(present.readable()).await.is_none());
            b.write_all(b"to the file without its number").unwrap();
            settle().await;
            assert!(
                !present.is_ready(Direction::Read),
                "an event of the former file"
            );

            d.write_all(b"ok").unwrap();
            assert_eq!(present.read(&mut [0; 16]).await.unwrap(), 2);
            drop(survivor);
        }
    });
}

#[test]
fn slots_are_shared_by_all_kinds_of_sources() {
    run(|| async {
        for _ in 0..100 {
            let (a, mut b) = StdUnixStream::pair().unwrap();
            let stream = UnixStream::from_std(a).unwrap();
            assert!(poll_once(stream.readable()).await.is_none());
            settle().await;
            b.write_all(b"x").unwrap();
            drop(stream);

            let notify = Notify::new().unwrap();
            settle().await;
            assert!(!notify.try_notified());
            let notifier = notify.notifier();
            notifier.notify();
            drop(notify);

            let mut timer = Timer::after(std::time::Duration::from_secs(3600));
            assert_eq!(poll_once(&mut timer).await, None);
            settle().await;
            assert_eq!(poll_once(&mut timer).await, None);
        }
    });
}

#[test]
fn a_refused_registration_is_told_and_may_be_tried_again() {
    run(|| async {
        // Writing to a queue is nothing that can be watched.
        let queue = Io::from_nonblocking(kevent::Kqueue::new().unwrap()).unwrap();
        queue.clear_ready(Direction::Write);
        for _ in 0..2 {
            let refused = queue.writable().await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
        }
        // The other direction is not affected.
        assert!(poll_once(queue.readable()).await.is_none());
        settle().await;
        let ring = kevent::Kevent::user(1);
        queue
            .get_ref()
            .apply(&[ring, kevent::Kevent::trigger(1)])
            .unwrap();
        queue.readable().await.unwrap();
    });
}
