//! F3, READ: pipes, FIFOs and terminals.

use std::io::{Read, Write};

use crate::case::Case;
use crate::fixture::{Fifo, Terminal, arrived, ident, pipe, read, receive, send};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_r_30_data_is_the_bytes_in_the_pipe",
        "pipe 15 bytes | data 15",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r)]);
            kq.expect_none();
            send(&w, 15);
            let event = kq.expect_one();
            assert_eq!((event.ident, event.data), (ident(&r), 15));
            assert!(!event.is_eof());
        },
    ),
    Case::new(
        "q_r_31_the_last_writer_leaves_with_data_behind",
        "pipe writer closes with data | EV_EOF data 15",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r)]);
            send(&w, 15);
            drop(w);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (true, 15));
        },
    ),
    Case::new(
        "q_r_32_a_drained_pipe_without_writer",
        "pipe drained, writer closed | EV_EOF data 0",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r)]);
            send(&w, 15);
            drop(w);
            receive(&r, 15);
            for _ in 0..3 {
                let event = kq.expect_one();
                assert_eq!((event.is_eof(), event.data), (true, 0));
            }
        },
    ),
    Case::new(
        "q_r_33_end_of_file_waits_for_the_last_writer",
        "two write ends (dup), one closed | no EOF",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            let second = w.try_clone().expect("a duplicate");
            kq.apply(&[read(&r)]);
            drop(w);
            kq.expect_none();
            send(&second, 1);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (false, 1));
            drop(second);
            assert!(kq.expect_one().is_eof());
        },
    ),
    Case::new(
        "q_r_34_the_write_end_is_never_readable",
        "READ on write end of pipe | registers; no ev while the reader is open (later not tested: \
         C1)",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&w)]);
            kq.expect_none();
            send(&w, 15);
            kq.expect_none();
            receive(&r, 15);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_35_a_fifo_that_never_had_a_writer",
        "FIFO opened r/o nonblock, no writer yet | none, no EOF",
        |t| {
            let kq = t.queue();
            let fifo = Fifo::new();
            let r = fifo.reader();
            kq.apply(&[read(&r)]);
            kq.expect_none();
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_36_a_fifo_ends_when_its_writer_leaves",
        "FIFO writer opens, writes, closes | data, then EV_EOF",
        |t| {
            let kq = t.queue();
            let fifo = Fifo::new();
            let r = fifo.reader();
            kq.apply(&[read(&r)]);
            let w = fifo.writer();
            kq.expect_none();
            send(&w, 4);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (false, 4));
            drop(w);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (true, 4));
            receive(&r, 4);
            let event = kq.expect_one();
            assert_eq!((event.is_eof(), event.data), (true, 0));
        },
    ),
    Case::new(
        "q_r_37_a_new_writer_takes_the_end_of_file_back",
        "FIFO: new writer opens after EOF | EOF cleared, none until data",
        |t| {
            for is_edge in [false, true] {
                let kq = t.queue();
                let fifo = Fifo::new();
                let r = fifo.reader();
                let add = read(&r);
                kq.apply(&[if is_edge { add.clear() } else { add }]);
                drop(fifo.writer());
                assert!(kq.expect_one().is_eof());
                let w = fifo.writer();
                kq.expect_none();
                send(&w, 4);
                let event = kq.expect_one();
                assert_eq!((event.is_eof(), event.data), (false, 4));
            }
        },
    ),
    Case::new(
        "q_r_38_a_line_typed_on_a_terminal",
        "tty slave, line typed on master | data = line length",
        |t| {
            let kq = t.queue();
            let mut tty = Terminal::new();
            kq.apply(&[read(&tty.slave)]);
            kq.expect_none();
            tty.master.write_all(b"hello\n").expect("typing");
            let event = kq.wait_one();
            assert_eq!((event.ident, event.data), (ident(&tty.slave), 6));
            assert!(!event.is_eof());
            assert_eq!(tty.slave.read(&mut [0; 64]).expect("the line"), 6);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_39_half_a_line_is_nothing",
        "tty canonical, partial line | none",
        |t| {
            let kq = t.queue();
            let mut tty = Terminal::new();
            kq.apply(&[read(&tty.slave)]);
            tty.master.write_all(b"hel").expect("typing");
            // The echo says that the terminal has taken the characters.
            arrived(&tty.master, 3);
            kq.expect_none();
            tty.master.write_all(b"lo\n").expect("typing");
            assert_eq!(kq.wait_one().data, 6);
        },
    ),
    Case::new(
        "q_r_40_the_terminal_is_gone",
        "pty master closed | EV_EOF",
        |t| {
            let kq = t.queue();
            let Terminal { master, slave } = Terminal::new();
            kq.apply(&[read(&slave)]);
            kq.expect_none();
            drop(master);
            let event = kq.wait_one();
            assert_eq!((event.ident, event.is_eof()), (ident(&slave), true));
        },
    ),
];
