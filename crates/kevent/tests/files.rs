//! Watched files in numbers, at the limits, and behind the queue's back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kevent::{Events, Filter, Kevent, Kqueue, NoteVnode};
use parking_lot::{Mutex, MutexGuard};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const DEADLINE: Duration = Duration::from_secs(10);

const FILES: usize = 10_000;

/// The tests look at the descriptors of the whole process, so they take turns.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let turn = ALONE.lock();
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    turn
}

/// The numbers of this process's inotify descriptors.
fn inotify_numbers() -> Vec<RawFd> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_inotify = |path: &Path| {
        fs::read_link(path).is_ok_and(|link| link.as_os_str() == "anon_inode:inotify")
    };
    let numbers = entries.filter(|entry| is_inotify(&entry.path()));
    numbers
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap())
        .collect()
}

/// The masks of the watches that the kernel keeps for the one inotify descriptor there is.
fn masks() -> Vec<u32> {
    let numbers = inotify_numbers();
    let [number] = numbers[..] else {
        panic!("one inotify descriptor, not {numbers:?}")
    };
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let watches = info.lines().filter(|line| line.starts_with("inotify wd:"));
    watches
        .map(|line| {
            let mask = line.split(" mask:").nth(1).unwrap();
            u32::from_str_radix(mask.split(' ').next().unwrap(), 16).unwrap()
        })
        .collect()
}

fn is_readable(queue: &Kqueue) -> bool {
    let mut entries = [PollFd::from_borrowed_fd(queue.as_fd(), PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut entries, Some(&now)).unwrap() == 1
}

/// What is there now.
fn take(queue: &Kqueue) -> Vec<Kevent> {
    let mut events = Events::with_capacity(64);
    let mut all = Vec::new();
    while queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap() > 0 {
        all.extend(events.iter().copied());
    }
    all
}

fn make(directory: &Path, count: usize) -> Vec<File> {
    let name = |n: usize| directory.join(n.to_string());
    (0..count).map(|n| File::create(name(n)).unwrap()).collect()
}

fn errno(result: io::Result<()>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn ten_thousand_watched_files_use_one_descriptor() {
    let _turn = alone();
    let directory = tempfile::tempdir().unwrap();
    let files = make(directory.path(), FILES);
    let queue = Kqueue::new().unwrap();
    let changes: Vec<Kevent> = files
        .iter()
        .enumerate()
        .map(|(n, file)| {
            Kevent::vnode(file, NoteVnode::WRITE | NoteVnode::DELETE)
                .clear()
                .udata(n)
        })
        .collect();
    queue.apply(&changes).unwrap();
    assert_eq!(inotify_numbers().len(), 1);
    assert_eq!(masks().len(), FILES);

    for file in &files {
        file.write_all_at(b"1", 0).unwrap();
    }
    let mut told: Vec<usize> = take(&queue).iter().map(|event| event.udata).collect();
    told.sort_unstable();
    assert!(told.iter().copied().eq(0..FILES), "each file once");

    let deletes: Vec<Kevent> = changes.iter().map(|change| change.delete()).collect();
    queue.apply(&deletes).unwrap();
    assert_eq!(masks(), []);
    assert!(!is_readable(&queue), "nothing of the watches is left");
}

#[test]
fn a_slow_reader_ends_in_the_final_state() {
    const CHANGES: u64 = 100_000;
    const PART: u64 = 40_000;
    let _turn = alone();
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    assert!(
        limit.trim().parse::<u64>().unwrap() < PART,
        "the kernel's queue overflows in each part"
    );
    let directory = tempfile::tempdir().unwrap();
    let files = make(directory.path(), 50);
    let paths: Vec<_> = (0..50)
        .map(|n| directory.path().join(n.to_string()))
        .collect();
    let queue = Kqueue::new().unwrap();
    for (n, file) in files.iter().enumerate() {
        file.write_all_at(&0_u64.to_ne_bytes(), 0).unwrap();
        let change = Kevent::vnode(file, NoteVnode::WRITE).clear().udata(n);
        queue.apply(&[change]).unwrap();
    }
    let mut known = vec![0; files.len()];
    for number in 1..=CHANGES {
        // Ten of the files change only when the kernel's queue is full.
        let is_late = number % PART > PART / 2;
        let which = if is_late {
            40 + number % 10
        } else {
            number % 40
        };
        let which = usize::try_from(which).unwrap();
        files[which].write_all_at(&number.to_ne_bytes(), 0).unwrap();
        if number % PART == 0 || number == CHANGES {
            for event in take(&queue) {
                let content = fs::read(&paths[event.udata]).unwrap();
                known[event.udata] = u64::from_ne_bytes(content.try_into().unwrap());
            }
        }
    }
    let content = |path| u64::from_ne_bytes(fs::read(path).unwrap().try_into().unwrap());
    let actual: Vec<u64> = paths.iter().map(content).collect();
    assert_eq!(known, actual);
}

#[test]
fn a_shared_watch_is_as_narrow_as_those_who_share_it() {
    let _turn = alone();
    let file = tempfile::tempfile().unwrap();
    let other = file.try_clone().unwrap();
    let queue = Kqueue::new().unwrap();
    let attributes = Kevent::vnode(&file, NoteVnode::ATTRIB);
    let openings = Kevent::vnode(&other, NoteVnode::OPEN);
    queue.apply(&[openings.clear()]).unwrap();
    let narrow = masks();
    // The same file under READ, at its end.
    queue
        .apply(&[attributes.clear(), Kevent::read(&file)])
        .unwrap();
    let wide = masks();
    assert_eq!((narrow.len(), wide.len()), (1, 1));
    assert_eq!(wide[0] & narrow[0], narrow[0]);
    assert_ne!(wide, narrow);
    queue
        .apply(&[attributes.delete(), Kevent::read(&file).delete()])
        .unwrap();
    assert_eq!(masks(), narrow);
    queue.apply(&[openings.delete()]).unwrap();
    assert_eq!(masks(), []);
    assert!(!is_readable(&queue));
}

#[test]
fn a_number_closed_unannounced_takes_its_knote_along() {
    let _turn = alone();
    let directory = tempfile::tempdir().unwrap();
    let mut files = make(directory.path(), 2);
    let (second, first) = (files.pop().unwrap(), files.pop().unwrap());
    let queue = Kqueue::new().unwrap();
    let number = first.as_raw_fd();
    queue
        .apply(&[Kevent::vnode(&first, NoteVnode::ATTRIB).clear()])
        .unwrap();
    let survivor = first.try_clone().unwrap();
    drop(first);
    let reused = rustix::io::fcntl_dupfd_cloexec(&second, number).unwrap();
    assert_eq!(reused.as_raw_fd(), number);
    // The old file's news is no news of the new one.
    let permissions = survivor.metadata().unwrap().permissions();
    survivor.set_permissions(permissions.clone()).unwrap();
    assert_eq!(take(&queue), []);
    queue
        .apply(&[Kevent::vnode(&reused, NoteVnode::ATTRIB).clear()])
        .unwrap();
    survivor.set_permissions(permissions.clone()).unwrap();
    assert_eq!(take(&queue), []);
    second.set_permissions(permissions).unwrap();
    assert_eq!(take(&queue).len(), 1);
    assert_eq!(masks().len(), 1, "the old watch is gone");
}

#[test]
fn adding_and_deleting_leaves_nothing() {
    let _turn = alone();
    let directory = tempfile::tempdir().unwrap();
    let file = File::create(directory.path().join("f")).unwrap();
    let child = directory.path().join("d");
    fs::create_dir(&child).unwrap();
    let child = File::open(child).unwrap();
    let queue = Kqueue::new().unwrap();
    queue
        .apply(&[Kevent::vnode(&file, NoteVnode::all())])
        .unwrap();
    let before = fs::read_dir("/proc/self/fd").unwrap().count();
    for _ in 0..10_000 {
        for change in [
            Kevent::vnode(&file, NoteVnode::all()),
            Kevent::vnode(&child, NoteVnode::all()),
        ] {
            queue
                .apply(&[change, change.fflags(NoteVnode::WRITE), change.delete()])
                .unwrap();
        }
    }
    assert_eq!(fs::read_dir("/proc/self/fd").unwrap().count(), before);
    assert_eq!(masks(), []);
    assert!(!is_readable(&queue));
}

#[test]
fn unknown_notes_are_refused() {
    let _turn = alone();
    let file = tempfile::tempfile().unwrap();
    let queue = Kqueue::new().unwrap();
    let change = Kevent::vnode(&file, NoteVnode::WRITE);
    assert_eq!(
        errno(queue.apply(&[change.fflags(0x0800_u32)])),
        Some(libc::ENOTSUP)
    );
    assert_eq!(errno(queue.apply(&[change.delete()])), Some(libc::ENOENT));
    // Those of an existing knote stay as they were.
    queue.apply(&[change]).unwrap();
    assert_eq!(
        errno(queue.apply(&[change.fflags(0x0802_u32)])),
        Some(libc::ENOTSUP)
    );
    file.write_all_at(b"1", 0).unwrap();
    assert_eq!(take_one(&queue).filter, Filter::VNODE);
}

fn take_one(queue: &Kqueue) -> Kevent {
    let mut events = Events::with_capacity(1);
    assert_eq!(
        queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap(),
        1
    );
    events[0]
}

/// As a user who may not read everything.
fn as_nobody(act: impl FnOnce() + Send) {
    const NOBODY: u32 = 65_534;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(NOBODY);
                rustix::thread::set_thread_uid(nobody).unwrap();
            }
            act();
        });
        thread.join().unwrap();
    });
}

#[test]
fn what_may_not_be_read_may_not_be_watched() {
    let _turn = alone();
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("d");
    fs::create_dir(&directory).unwrap();
    let directory = File::open(&directory).unwrap();
    let path = above.path().join("f");
    let unreadable = File::options()
        .write(true)
        .create_new(true)
        .mode(0o200)
        .open(&path)
        .unwrap();
    // Search permission only.
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o311)).unwrap();
    as_nobody(|| {
        let queue = Kqueue::new().unwrap();
        let change = Kevent::vnode(&unreadable, NoteVnode::WRITE);
        assert_eq!(errno(queue.apply(&[change])), Some(libc::EACCES));
        // The removal of a directory is told by the one above.
        let change = Kevent::vnode(&directory, NoteVnode::DELETE);
        assert_eq!(errno(queue.apply(&[change])), Some(libc::ENOTSUP));
        queue
            .apply(&[Kevent::vnode(&directory, NoteVnode::WRITE)])
            .unwrap();
        assert_eq!(errno(queue.apply(&[change])), Some(libc::ENOTSUP));
    });
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

/// Runs one of the tests below in a user namespace where this limit of inotify's is `limit`.
/// Says so and does nothing where there are no such namespaces.
fn run_limited(name: &str, limit: &str, count: usize) {
    let script = format!("echo {count} > /proc/sys/user/{limit} && exec \"$0\" \"$@\"");
    let is_possible = Command::new("unshare")
        .args(["-U", "-r", "sh", "-c", &script, "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !is_possible {
        eprintln!("SKIPPED: no user namespaces here");
        return;
    }
    let status = Command::new("unshare")
        .args(["-U", "-r", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn no_watch_left_is_no_memory() {
    let _turn = alone();
    run_limited("limited_to_two_watches", "max_inotify_watches", 2);
}

#[test]
#[ignore = "runs where the number of watches is limited"]
fn limited_to_two_watches() {
    let directory = tempfile::tempdir().unwrap();
    let files = make(directory.path(), 3);
    let queue = Kqueue::new().unwrap();
    let changes: Vec<Kevent> = files
        .iter()
        .map(|file| Kevent::vnode(file, NoteVnode::WRITE).clear())
        .collect();
    queue.apply(&changes[..2]).unwrap();
    assert_eq!(errno(queue.apply(&changes[2..])), Some(libc::ENOMEM));
    assert_eq!(
        errno(queue.apply(&[changes[2].delete()])),
        Some(libc::ENOENT)
    );
    queue.apply(&[changes[0].delete(), changes[2]]).unwrap();
    files[2].write_all_at(b"1", 0).unwrap();
    assert_eq!(take(&queue).len(), 1);
}

#[test]
fn queues_share_the_last_instance() {
    let _turn = alone();
    run_limited("limited_to_one_instance", "max_inotify_instances", 1);
}

/// A queue that watches the shared file and one of its own.
fn watching_two(shared: &File, own: &File) -> Kqueue {
    let queue = Kqueue::new().unwrap();
    for file in [shared, own] {
        let change = Kevent::vnode(file, NoteVnode::WRITE).clear();
        queue.apply(&[change]).unwrap();
    }
    queue
}

#[test]
#[ignore = "runs where the number of instances is limited"]
fn limited_to_one_instance() {
    const ROUNDS: u64 = 2_000;
    let directory = tempfile::tempdir().unwrap();
    let mut own = make(directory.path(), 4);
    let shared = own.pop().unwrap();
    let mut queues: Vec<Kqueue> = own.iter().map(|own| watching_two(&shared, own)).collect();
    assert_eq!(inotify_numbers().len(), 1);
    assert_eq!(masks().len(), 4);
    // Each waiter is woken for its own file, whoever reads the instance.
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for (queue, file) in queues.iter().zip(&own) {
            let done = done.clone();
            scope.spawn(move || {
                let mut events = Events::with_capacity(4);
                for _ in 0..ROUNDS {
                    let count = queue.wait(&[], &mut events, Some(DEADLINE)).unwrap();
                    assert_eq!(count, 1, "an event was lost");
                    assert_eq!(events[0].ident, usize::try_from(file.as_raw_fd()).unwrap());
                    done.send(()).unwrap();
                }
            });
        }
        for round in 0..ROUNDS {
            for file in &own {
                file.write_all_at(&round.to_ne_bytes(), 0).unwrap();
            }
            for _ in &own {
                is_done.recv_timeout(DEADLINE).unwrap();
            }
        }
    });
    all_are_told_of(&shared, &queues);
    // The first one, whose instance it was, goes; the others stay.
    drop(queues.remove(0));
    assert_eq!(masks().len(), 3, "the watch that it alone had is gone");
    all_are_told_of(&shared, &queues);
    drop(queues);
    assert_eq!(inotify_numbers(), []);
}

fn all_are_told_of(file: &File, queues: &[Kqueue]) {
    for queue in queues {
        assert_eq!(take(queue), []);
    }
    assert!(!queues.iter().any(is_readable));
    file.write_all_at(b"1", 0).unwrap();
    for queue in queues {
        assert!(is_readable(queue));
        assert_eq!(take(queue).len(), 1);
    }
    assert!(!queues.iter().any(is_readable));
}

#[test]
fn a_memfd_and_a_device_have_a_vnode_and_other_descriptors_have_none() {
    use rustix::event::epoll;
    use rustix::fs::{MemfdFlags, memfd_create};
    use rustix::process::{PidfdFlags, getpid, pidfd_open};
    use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

    let _turn = alone();
    let queue = Kqueue::new().unwrap();
    let memfd = File::from(memfd_create("kevent", MemfdFlags::CLOEXEC).unwrap());
    let null = File::options().write(true).open("/dev/null").unwrap();
    let notes = NoteVnode::WRITE | NoteVnode::ATTRIB;
    for file in [&memfd, &null] {
        queue.apply(&[Kevent::vnode(file, notes).clear()]).unwrap();
    }
    let permissions = memfd.metadata().unwrap().permissions();
    memfd.set_permissions(permissions).unwrap();
    assert_eq!(take_one(&queue).vnode_notes(), Some(NoteVnode::ATTRIB));
    memfd.set_len(10).unwrap();
    let grown = NoteVnode::WRITE | NoteVnode::EXTEND;
    assert_eq!(take_one(&queue).vnode_notes(), Some(grown));

    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).unwrap();
    let process = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    for fd in [&set, &timer, &process] {
        let change = Kevent::vnode(fd, notes);
        assert_eq!(errno(queue.apply(&[change])), Some(libc::EINVAL));
    }
}
