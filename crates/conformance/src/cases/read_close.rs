//! F3, READ: descriptors that are closed while they are watched, and waking.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{ident, pipe, read, send, while_waiting};
use crate::sys::duplicate_onto;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_r_58_a_closed_descriptor_is_forgotten",
        "close watched fd (API path) while data queued | no ev; re-use of the number by a new \
         pipe: no stale ev",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r).udata(1)]);
            send(&w, 5);
            let number = r.as_raw_fd();
            kq.close_watched(r);
            kq.expect_none();

            let (r, w) = pipe();
            assert_eq!(
                r.as_raw_fd(),
                number,
                "the lowest free number is given again"
            );
            send(&w, 7);
            kq.expect_none();
            kq.expect_error(read(&r).delete(), Errno::NOENT);
            kq.apply(&[read(&r).udata(2)]);
            let event = kq.expect_one();
            assert_eq!((event.udata, event.data), (2, 7));
        },
    ),
    Case::new(
        "q_r_59_a_duplicate_does_not_speak_for_the_closed_number",
        "close fd with dup alive, write | no ev for the old ident (L: API path or lazy check)",
        |t| {
            for is_told in [true, false] {
                let kq = t.queue();
                let (r, w) = pipe();
                let duplicate = r.try_clone().expect("a duplicate");
                kq.apply(&[read(&r).udata(1)]);
                if is_told {
                    kq.close_watched(r);
                } else {
                    drop(r);
                }
                send(&w, 5);
                for _ in 0..3 {
                    kq.expect_none();
                }
                kq.apply(&[read(&duplicate).udata(2)]);
                for _ in 0..3 {
                    let event = kq.expect_one();
                    assert_eq!((event.ident, event.udata), (ident(&duplicate), 2));
                }
            }
        },
    ),
    Case::new(
        "q_r_60_another_object_takes_the_number",
        "dup2 another object onto the watched number | old knote gone",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            let (other_r, other_w) = pipe();
            // The old object lives on, and has something to say.
            let _duplicate = r.try_clone().expect("a duplicate");
            let mut watched = OwnedFd::from(r);
            kq.apply(&[read(&watched)]);
            send(&w, 5);
            kq.front().forget_fd(watched.as_raw_fd());
            duplicate_onto(&other_r, &mut watched).expect("dup2");
            send(&other_w, 7);
            kq.expect_none();
            kq.expect_error(read(&watched).delete(), Errno::NOENT);
            kq.apply(&[read(&watched)]);
            assert_eq!(kq.expect_one().data, 7);
        },
    ),
    Case::new(
        "q_r_61_data_from_another_thread_wakes",
        "100 ms later data from another thread (thr) | wakes the waiter",
        |t| {
            // "100 ms later" means: when the waiter sleeps. The kernel says when it does.
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r)]);
            let (event, ()) = while_waiting(|| kq.wait_one(), |_| send(&w, 5));
            assert_eq!((event.ident, event.data), (ident(&r), 5));
        },
    ),
];
