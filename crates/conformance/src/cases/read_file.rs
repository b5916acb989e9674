//! F3, READ: regular files, directories, devices, and the descriptors that are only events.

use std::fs::{File, OpenOptions, rename};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use kevent::{Kevent, NoteIo};
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::case::Case;
use crate::fixture::{
    Queue, TempDirectory, TempFile, ident, read, receive, send, until_polled, while_waiting,
};
use crate::sys::readable_signalfd;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_r_41_data_is_what_is_left_of_the_file",
        "regular file size 100 offset 30 | data 70",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 30);
            kq.apply(&[read(&f.file)]);
            for _ in 0..2 {
                let event = kq.expect_one();
                assert_eq!((event.ident, event.data), (ident(&f.file), 70));
                assert!(!event.is_eof());
            }
        },
    ),
    Case::new(
        "q_r_42_nothing_at_the_end_of_a_file",
        "offset = size | none",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 100);
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_43_beyond_the_end_data_is_negative",
        "offset beyond size | ev, negative data",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 150);
            kq.apply(&[read(&f.file)]);
            assert_eq!(kq.expect_one().data, -50);
        },
    ),
    Case::new(
        "q_r_44_a_growing_file_wakes_the_waiter",
        "at EOF, another fd appends 5 while waiting | ev data 5",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 100);
            let appender = append_to(&f);
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
            let event = wait_for_append(&kq, appender);
            assert_eq!((event.ident, event.data), (ident(&f.file), 5));
        },
    ),
    Case::new(
        "q_r_45_reading_to_the_end_ends_the_event",
        "read to EOF after ev | none",
        |t| {
            let kq = t.queue();
            let mut f = file_of(100, 30);
            kq.apply(&[read(&f.file)]);
            assert_eq!(kq.expect_one().data, 70);
            f.file.read_to_end(&mut Vec::new()).expect("the rest");
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_46_note_file_poll_is_always_ready",
        "NOTE_FILE_POLL at EOF | ev data 0",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 100);
            kq.apply(&[read(&f.file).fflags(NoteIo::FILE_POLL)]);
            for _ in 0..2 {
                assert_eq!(kq.expect_one().data, 0);
            }
        },
    ),
    Case::new(
        "q_r_47_an_unlinked_file_still_grows",
        "file unlinked but open, more data | still fires",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 100);
            let appender = append_to(&f);
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
            std::fs::remove_file(f.path()).expect("unlink");
            kq.expect_none();
            assert_eq!(wait_for_append(&kq, appender).data, 5);
        },
    ),
    Case::new(
        "q_r_48_a_renamed_file_still_grows",
        "file renamed | still fires",
        |t| {
            let kq = t.queue();
            let f = file_of(100, 100);
            let appender = append_to(&f);
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
            rename(f.path(), f.path().with_file_name("g")).expect("rename");
            kq.expect_none();
            assert_eq!(wait_for_append(&kq, appender).data, 5);
        },
    ),
    Case::new(
        "q_r_49_data_has_more_than_32_bits",
        "file > 2 GiB sparse, offset 0 | data = full size",
        |t| {
            const SIZE: u64 = 5 << 30;
            let kq = t.queue();
            let f = TempFile::new();
            if let Err(error) = f.file.set_len(SIZE) {
                t.skip(format_args!("no file of 5 GiB here: {error}"));
            }
            kq.apply(&[read(&f.file)]);
            assert_eq!(u64::try_from(kq.expect_one().data), Ok(SIZE));
        },
    ),
    Case::new(
        "q_r_50_an_empty_file_is_at_its_end",
        "empty file | none",
        |t| {
            let kq = t.queue();
            let f = TempFile::new();
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_51_going_back_is_noticed",
        "lseek back to 0 between calls | ev",
        |t| {
            let kq = t.queue();
            let mut f = file_of(100, 100);
            kq.apply(&[read(&f.file)]);
            kq.expect_none();
            f.file.rewind().expect("lseek");
            assert_eq!(kq.expect_one().data, 100);
        },
    ),
    Case::new(
        "q_r_52_data_is_the_eventfds_counter",
        "eventfd written 7 | data 7",
        |t| {
            let kq = t.queue();
            let mut counter = eventfd_file();
            kq.apply(&[read(&counter)]);
            kq.expect_none();
            counter.write_all(&7_u64.to_ne_bytes()).expect("a write");
            let event = kq.expect_one();
            assert_eq!((event.ident, event.data), (ident(&counter), 7));
            assert!(!event.is_eof());
        },
    ),
    Case::new(
        "q_r_53_a_read_eventfd_is_empty",
        "eventfd read | none",
        |t| {
            let kq = t.queue();
            let mut counter = eventfd_file();
            kq.apply(&[read(&counter)]);
            counter.write_all(&7_u64.to_ne_bytes()).expect("a write");
            assert_eq!(kq.expect_one().data, 7);
            receive(&counter, 8);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_54_timerfd_signalfd_and_inotify",
        "timerfd/signalfd/inotify fd readable | ev, data ≥ 0",
        |t| {
            let directory = TempDirectory::new();
            let descriptors = [
                ("timerfd", expired_timerfd()),
                ("signalfd", readable_signalfd().expect("a signalfd")),
                ("inotify", readable_inotify(&directory)),
            ];
            for (kind, fd) in &descriptors {
                let kq = t.queue();
                kq.apply(&[read(fd)]);
                let event = kq.wait_one();
                assert_eq!(event.ident, ident(fd), "{kind}");
                assert!(event.data >= 0 && !event.is_eof(), "{kind}: {event:?}");
                receive_something(fd);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_r_55_the_pidfd_of_a_child_that_is_gone",
        "pidfd of exited child | ev (L; FB refuses READ on one)",
        |t| {
            let kq = t.queue();
            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .spawn()
                .expect("cat");
            let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("a pidfd");
            kq.apply(&[read(&pidfd)]);
            kq.expect_none();
            drop(child.stdin.take());
            assert_eq!(kq.wait_one().ident, ident(&pidfd));
            child.wait().expect("the child");
        },
    ),
    Case::new("q_r_56_dev_null_is_ready", "/dev/null | ev", |t| {
        let kq = t.queue();
        let null = File::open("/dev/null").expect("/dev/null");
        kq.apply(&[read(&null)]);
        for _ in 0..2 {
            let event = kq.expect_one();
            assert_eq!((event.ident, event.data), (ident(&null), 0));
        }
    }),
    Case::new(
        "q_r_57_a_directory_registers",
        "directory | registers, no crash",
        |t| {
            let kq = t.queue();
            let d = TempDirectory::new();
            kq.apply(&[read(&d.file)]);
            // What it answers is unspecified.
            t.note(format_args!("{:?}", kq.poll0()));
            kq.apply(&[read(&d.file).delete()]);
            kq.expect_none();
        },
    ),
];

/// `f` with so many bytes, and its offset there.
fn file_of(size: usize, offset: u64) -> TempFile {
    let mut f = TempFile::new();
    send(&f.file, size);
    f.file.seek(SeekFrom::Start(offset)).expect("lseek");
    f
}

/// Another descriptor of the file, with an offset of its own.
fn append_to(f: &TempFile) -> File {
    OpenOptions::new()
        .append(true)
        .open(f.path())
        .expect("the file opens")
}

/// What a waiter gets when five bytes are appended while it sleeps.
#[track_caller]
fn wait_for_append(kq: &Queue, mut appender: File) -> Kevent {
    let append = |_| appender.write_all(b"12345").expect("an append");
    while_waiting(|| kq.wait_one(), append).0
}

fn eventfd_file() -> File {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    eventfd(0, flags).expect("an eventfd").into()
}

/// One that has expired.
fn expired_timerfd() -> OwnedFd {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags).expect("a timerfd");
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec {
            tv_sec: 0,
            tv_nsec: 1,
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once).expect("timerfd_settime");
    until_polled(&timer, PollFlags::IN);
    timer
}

/// One that has something to tell about the directory.
fn readable_inotify(directory: &TempDirectory) -> OwnedFd {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let fd = inotify::init(flags).expect("an inotify descriptor");
    inotify::add_watch(&fd, directory.path(), inotify::WatchFlags::CREATE).expect("a watch");
    File::create(directory.path().join("new")).expect("a file");
    until_polled(&fd, PollFlags::IN);
    fd
}

/// Reads what is there, whatever it is.
fn receive_something(fd: &OwnedFd) {
    assert_ne!(rustix::io::read(fd, &mut [0_u8; 4096]), Ok(0));
}
