//! F4, EXCEPT: urgent data.

use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use kevent::{Filter, Flags, Kevent, NoteIo};
use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{ident, pipe, tcp_stream_pair, until_polled};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_x_01_an_urgent_byte_is_an_event",
        "EXCEPT NOTE_OOB, urgent byte | ev fflags NOTE_OOB",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            kq.apply(&[except(&pair.near)]);
            kq.expect_none();
            pair.far.send_out_of_band(b"!").expect("an urgent byte");
            until_polled(&pair.near, PollFlags::PRI);
            for _ in 0..2 {
                let event = kq.expect_one();
                assert_eq!(event.ident, ident(&pair.near));
                assert_eq!(event.fflags, u32::from(NoteIo::OOB));
                assert!(!event.is_eof());
            }
        },
    ),
    Case::new(
        "q_x_02_ordinary_data_is_not_urgent",
        "normal data only | none",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            kq.apply(&[except(&pair.near)]);
            pair.deliver(5, 5);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_x_03_the_urgent_byte_has_been_read",
        "urgent byte consumed | none",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            kq.apply(&[except(&pair.near)]);
            pair.far.send_out_of_band(b"!").expect("an urgent byte");
            until_polled(&pair.near, PollFlags::PRI);
            let mut byte = [MaybeUninit::uninit()];
            assert_eq!(pair.near.recv_out_of_band(&mut byte).expect("the byte"), 1);
            kq.expect_none();
            pair.far.send_out_of_band(b"!").expect("another");
            assert_eq!(kq.wait_one().fflags, u32::from(NoteIo::OOB));
        },
    ),
    Case::new(
        "q_x_04_a_pipe_has_nothing_urgent",
        "EXCEPT on pipe | EINVAL",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.expect_error(except(&r), Errno::INVAL);
            kq.expect_error(except(&w), Errno::INVAL);
        },
    ),
];

/// "add EXCEPT fd", for urgent data.
fn except(fd: &impl AsRawFd) -> Kevent {
    Kevent::new(ident(fd), Filter::EXCEPT, Flags::ADD).fflags(NoteIo::OOB)
}
