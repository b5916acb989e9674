//! F4, WRITE: pipes, FIFOs, files, eventfds and queues.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::pipe::fcntl_getpipe_size;

use crate::case::Case;
use crate::fixture::{Fifo, TempFile, fill, ident, pipe, receive, send, write};

/// So many bytes are written at once or not at all; a pipe with less space is not writable.
const PIPE_BUF: usize = 4096;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_w_20_data_is_the_space_in_the_pipe",
        "pipe empty | data = capacity (≥ 4096)",
        |t| {
            let kq = t.queue();
            let (_r, w) = pipe();
            kq.apply(&[write(&w)]);
            let event = kq.expect_one();
            let capacity = fcntl_getpipe_size(&w).expect("F_GETPIPE_SZ");
            assert_eq!(usize::try_from(event.data), Ok(capacity));
            assert!(event.data >= 4096 && !event.is_eof());
        },
    ),
    Case::new("q_w_21_a_full_pipe_has_no_space", "pipe full | none", |t| {
        let kq = t.queue();
        let (_r, w) = nonblocking_pipe();
        kq.apply(&[write(&w)]);
        assert!(fill(&w) > 0);
        kq.expect_none();
        kq.expect_none();
    }),
    Case::new(
        "q_w_22_a_drained_pipe_has_space_again",
        "pipe drained by ≥ PIPE_BUF | ev",
        |t| {
            for is_edge in [false, true] {
                let kq = t.queue();
                let (r, w) = nonblocking_pipe();
                fill(&w);
                let add = write(&w);
                kq.apply(&[if is_edge { add.clear() } else { add }]);
                kq.expect_none();
                receive(&r, PIPE_BUF);
                let event = kq.expect_one();
                assert!(event.data > 0 && !event.is_eof(), "{event:?}");
            }
        },
    ),
    Case::new(
        "q_w_23_a_pipe_without_reader_is_at_its_end",
        "pipe reader closed, after or before EV_ADD | EV_EOF, data 0 (L: G21)",
        |t| {
            for is_added_first in [true, false] {
                let kq = t.queue();
                let (r, w) = pipe();
                if is_added_first {
                    kq.apply(&[write(&w)]);
                    assert!(!kq.expect_one().is_eof());
                }
                drop(r);
                if !is_added_first {
                    kq.apply(&[write(&w)]);
                }
                // The knote stays.
                for _ in 0..2 {
                    let event = kq.expect_one();
                    assert_eq!((event.is_eof(), event.data), (true, 0));
                }
            }
        },
    ),
    Case::new(
        "q_w_24_the_read_end_is_never_writable",
        "WRITE on read end | no ev while the writer is open (L; FB pipes are two-way: at once)",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[write(&r)]);
            kq.expect_none();
            send(&w, 5);
            kq.expect_none();
            receive(&r, 5);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_w_25_a_new_reader_takes_the_end_of_file_back",
        "FIFO: reader leaves, returns | EV_EOF, then cleared",
        |t| {
            let kq = t.queue();
            let fifo = Fifo::new();
            let r = fifo.reader();
            let w = fifo.writer();
            kq.apply(&[write(&w)]);
            assert!(!kq.expect_one().is_eof());
            drop(r);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (true, 0));
            let _r = fifo.reader();
            let event = kq.expect_one();
            assert!(event.data > 0 && !event.is_eof(), "{event:?}");
        },
    ),
    Case::new(
        "q_w_26_a_regular_file_is_always_writable",
        "regular file | ev always",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            kq.apply(&[write(&f.file)]);
            for _ in 0..3 {
                let event = kq.expect_one();
                assert_eq!((event.ident, event.data), (ident(&f.file), 0));
                send(&f.file, 100);
            }
        },
    ),
    Case::new(
        "q_w_27_an_eventfd_at_its_maximum",
        "eventfd at its maximum 2^64−2 | none; after read → ev",
        |t| {
            const MAXIMUM: u64 = u64::MAX - 1;
            let kq = t.queue();
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            let mut counter = File::from(eventfd(0, flags).expect("an eventfd"));
            kq.apply(&[write(&counter)]);
            assert!(kq.expect_one().data > 0);
            counter.write_all(&MAXIMUM.to_ne_bytes()).expect("a write");
            kq.expect_none();
            receive(&counter, 8);
            assert!(kq.expect_one().data > 0);
        },
    ),
    Case::new(
        "q_w_28_a_queue_cannot_be_written",
        "WRITE on kqueue fd | EINVAL",
        |t| {
            let kq = t.queue();
            let other = t.queue();
            kq.expect_error(write(&other), Errno::INVAL);
            kq.expect_error(write(&kq), Errno::INVAL);
        },
    ),
];

/// `r,w`, non-blocking.
fn nonblocking_pipe() -> (PipeReader, PipeWriter) {
    let (r, w) = pipe();
    ioctl_fionbio(&r, true).expect("a non-blocking pipe");
    ioctl_fionbio(&w, true).expect("a non-blocking pipe");
    (r, w)
}
