//! Change lists of anything: no panic, no hang, documented errors only, and a queue that works
//! afterwards.
//!
//! An input is a sequence of changes of 16 bytes: ident (4, the first one its kind), filter (2),
//! flags (2), fflags (4), data (4, the first one its scale). A change whose flags say so ends a
//! call.
#![no_main]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent, Kqueue, NoteUser};
use libfuzzer_sys::fuzz_target;

const CHANGE_BYTES: usize = 16;
const ROOM: usize = 8;
const FILTERS: [Filter; 9] = [
    Filter::READ,
    Filter::WRITE,
    Filter::EXCEPT,
    Filter::TIMER,
    Filter::USER,
    Filter::AIO,
    Filter::LIO,
    Filter::SENDFILE,
    Filter::from_raw(0),
];
/// What docs/semantics.md A6 and the documentation of `Kqueue::kevent` promise for a change.
const ERRNOS: [i32; 6] = [9, 22, 2, 6, 12, 95]; // EBADF EINVAL ENOENT ENXIO ENOMEM EOPNOTSUPP

/// Descriptors of several kinds, the same in every run.
struct Descriptors(Vec<i32>);

fn descriptors() -> &'static Descriptors {
    static DESCRIPTORS: OnceLock<Descriptors> = OnceLock::new();
    DESCRIPTORS.get_or_init(|| {
        let (stream, peer) = UnixStream::pair().expect("a socket pair");
        let (reader, writer) = io::pipe().expect("a pipe");
        let (orphan, _) = UnixStream::pair().expect("a socket pair");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        let datagram = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let null = std::fs::File::open("/dev/null").expect("a device");
        let file = std::fs::File::open("/proc/self/exe").expect("a file");
        let directory = std::fs::File::open("/").expect("a directory");
        io::Write::write_all(&mut &peer, b"unread").expect("space");
        let numbers = [
            stream.as_raw_fd(),
            peer.as_raw_fd(),
            reader.as_raw_fd(),
            writer.as_raw_fd(),
            orphan.as_raw_fd(),
            listener.as_raw_fd(),
            datagram.as_raw_fd(),
            null.as_raw_fd(),
            file.as_raw_fd(),
            directory.as_raw_fd(),
        ];
        // They stay open for as long as the process lives.
        std::mem::forget((stream, peer, reader, writer, orphan));
        std::mem::forget((listener, datagram, null, file, directory));
        Descriptors(numbers.to_vec())
    })
}

fn decode(bytes: &[u8], queue: &Kqueue) -> Kevent {
    let mut whole = [0; CHANGE_BYTES];
    whole[..bytes.len()].copy_from_slice(bytes);
    let [
        kind,
        i0,
        i1,
        i2,
        f0,
        f1,
        g0,
        g1,
        n0,
        n1,
        n2,
        n3,
        scale,
        d0,
        d1,
        d2,
    ] = whole;
    let raw = u32::from_le_bytes([i0, i1, i2, 0]) as usize;
    let numbers = &descriptors().0;
    let (others, files) = numbers.split_at(numbers.len() - 2);
    let ident = match kind % 8 {
        // Rarely: the kernel takes milliseconds to end the watch that a queue puts on a file.
        3 if kind >= 192 => files[raw % files.len()] as usize,
        0..4 => others[raw % others.len()] as usize,
        4 => raw % 4,
        5 => queue.as_raw_fd() as usize,
        // All ones, the sign bit of an int, beyond any limit.
        6 => [
            usize::MAX,
            1 << 31,
            i32::MAX as usize,
            usize::MAX >> 1,
            1 << 20,
        ][raw % 5],
        _ => raw.rotate_right(u32::from(kind / 8)),
    };
    let filter = match f1 {
        0..240 => FILTERS[usize::from(f0) % FILTERS.len()],
        _ => Filter::from_raw(i16::from_le_bytes([f0, f1])),
    };
    let data = i64::from(i32::from_le_bytes([d0, d1, d2, 0]) << 8);
    let flags = Flags::from_bits_retain(u16::from_le_bytes([g0, g1]));
    Kevent::new(ident, filter, flags)
        .fflags(u32::from_le_bytes([n0, n1, n2, n3]))
        .data(data.rotate_left(u32::from(scale)))
        .udata(usize::from(d0))
}

/// Calls until every event that waits has come once, but not for ever.
fn call(queue: &Kqueue, changes: &[Kevent], room: usize) {
    let mut events = [MaybeUninit::uninit(); ROOM];
    match queue.kevent(changes, &mut events[..room], Some(Duration::ZERO)) {
        Ok(events) => {
            for event in events
                .iter()
                .filter(|event| event.flags.contains(Flags::ERROR))
            {
                let errno = i32::try_from(event.data).expect("an errno");
                assert!(errno == 0 || ERRNOS.contains(&errno), "{event:?}");
            }
        }
        Err(error) => {
            let errno = error.raw_os_error().expect("an errno");
            assert!(ERRNOS.contains(&errno), "{error} for {changes:?}");
        }
    }
}

/// A new user event comes, within as many calls as others may come before it.
fn still_works(queue: &Kqueue) {
    const IDENT: usize = 0x5ca1ab1e;
    let again = Kevent::user(IDENT).clear().fflags(NoteUser::TRIGGER);
    // It may be there from the input.
    let _ = queue.apply(&[again.delete()]);
    queue.apply(&[again]).expect("a user event can be added");
    let mut events = [MaybeUninit::uninit(); ROOM];
    for _ in 0..1000 {
        let events = queue
            .kevent(&[], &mut events, Some(Duration::ZERO))
            .expect("a usable queue");
        if events
            .iter()
            .any(|event| event.ident == IDENT && event.filter == Filter::USER)
        {
            return;
        }
    }
    panic!("the user event never came");
}

fuzz_target!(|bytes: &[u8]| {
    let queue = Kqueue::builder().timers_max(64).build().expect("a queue");
    let mut changes = Vec::new();
    for change in bytes.chunks(CHANGE_BYTES) {
        changes.push(decode(change, &queue));
        let end = change.last().copied().unwrap_or(0);
        if end % 4 == 0 {
            call(&queue, &changes, usize::from(end / 4) % (ROOM + 1));
            changes.clear();
        }
    }
    call(&queue, &changes, ROOM);
    still_works(&queue);
});
