//! What a queue costs beside bare epoll doing the same job.
//!
//! ```sh
//! cargo bench -p kevent            # all cases
//! cargo bench -p kevent -- echo    # the cases with this word in their name
//! cargo bench -p kevent -- --test  # each case once and briefly, to see that it runs
//! ```
//!
//! Each case is measured in pairs, epoll and ours one after the other with the order reversed
//! each time, on the same descriptors, registered on one side only while it is measured. The
//! table shows the medians, the median of the pairs' ratios, and the interval that holds the true
//! median ratio with 95 % (4th to 12th of 15). Nothing here is a gate: a shared machine moves
//! every figure.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run says why and stops"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "a wrong index is a fault of the benchmark"
)]

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use kevent::{Events, Kevent, Kqueue};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Room for events in one wait, on both sides.
const ROOM: usize = 64;

fn main() {
    let mut table = Table::from_arguments();
    let limit = raise_descriptor_limit();
    wait_and_echo(&mut table);
    one_among_idle(&mut table, limit);
    user_events(&mut table);
    timers(&mut table);
}

/// 1, 8 and 64 of 1,000 TCP sockets ready.
fn wait_and_echo(table: &mut Table) {
    let sockets = tcp_sockets(500);
    for ready in [1, 8, 64] {
        table.compare(
            &format!("wait, {ready} ready of 1,000, no data, per event"),
            20_000 / ready,
            Some(&mut |turns| wait::<Bare>(&sockets, ready, turns)),
            &mut |turns| wait::<Queue<false>>(&sockets, ready, turns),
        );
    }
    for ready in [1, 8, 64] {
        table.compare(
            &format!("echo turn, {ready} ready of 1,000, with data, per event"),
            8_000 / ready,
            Some(&mut |turns| echo::<Bare>(&sockets, ready, turns)),
            &mut |turns| echo::<Queue<true>>(&sockets, ready, turns),
        );
    }
}

/// One random descriptor becomes ready among many idle ones.
fn one_among_idle(table: &mut Table, limit: usize) {
    let most = limit.saturating_sub(1_000).min(19_000);
    if most < 19_000 {
        println!("(the limit of {limit} descriptors allows {most} instead of 19,000)");
    }
    for count in [10, most] {
        let fds: Vec<UnixStream> = (0..count / 2).flat_map(|_| unix_pair()).collect();
        table.compare(
            &format!("write, wait, read: 1 random of {count}, no data"),
            10_000,
            Some(&mut |turns| random_one::<Bare>(&fds, turns)),
            &mut |turns| random_one::<Queue<false>>(&fds, turns),
        );
        table.compare(
            &format!("write, wait, read: 1 random of {count}, with data"),
            10_000,
            Some(&mut |turns| random_one::<Bare>(&fds, turns)),
            &mut |turns| random_one::<Queue<true>>(&fds, turns),
        );
    }
}

/// EVFILT_USER against an eventfd in epoll: write, wait, read.
fn user_events(table: &mut Table) {
    table.compare(
        "user event: trigger and wait in one call",
        20_000,
        Some(&mut eventfd_turn),
        &mut |turns| user_turn(turns, false),
    );
    table.compare(
        "user event: trigger by handle, then wait",
        20_000,
        Some(&mut eventfd_turn),
        &mut |turns| user_turn(turns, true),
    );
    table.compare(
        "user event: trigger by handle, already pending",
        100_000,
        Some(&mut |turns| {
            let fd = event_descriptor();
            per_turn(turns, || write_one(fd.as_fd()))
        }),
        &mut |turns| {
            let queue = Kqueue::new().unwrap();
            queue.apply(&[Kevent::user(1).clear()]).unwrap();
            let handle = queue.trigger_handle(1).unwrap();
            per_turn(turns, || handle.trigger())
        },
    );
}

/// Adding a timer and cancelling it, among many; epoll's way is a timerfd for each.
fn timers(table: &mut Table) {
    table.compare(
        "timer: add and cancel, 9,000 live",
        5_000,
        Some(&mut |turns| timerfd_turn(9_000, turns)),
        &mut |turns| timer_turn(9_000, turns),
    );
    for live in [100_000, 1_000_000] {
        let name = format!("timer: add and cancel, {live} live");
        table.compare(&name, 20_000, None, &mut |turns| timer_turn(live, turns));
    }
}

// The two sides.

/// What both sides can do: watch descriptors for reading, level-triggered, and wait.
trait Poller {
    fn new() -> Self;
    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize);
    /// Waits without limit and hands each ready token to `each`; returns how many there were.
    fn wait(&mut self, each: impl FnMut(usize)) -> usize;
}

/// Bare epoll.
struct Bare {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller for Bare {
    fn new() -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        Self {
            epoll,
            events: Vec::with_capacity(ROOM),
        }
    }

    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) {
        let data = EventData::new_u64(token as u64);
        epoll::add(&self.epoll, fd, data, EventFlags::IN).unwrap();
    }

    fn wait(&mut self, mut each: impl FnMut(usize)) -> usize {
        self.events.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), None).unwrap();
        for event in &self.events {
            let data = event.data;
            each(usize::try_from(data.u64()).unwrap());
        }
        self.events.len()
    }
}

/// Our queue, with or without `data`.
struct Queue<const DATA: bool> {
    queue: Kqueue,
    events: Events,
}

impl<const DATA: bool> Poller for Queue<DATA> {
    fn new() -> Self {
        Self {
            queue: Kqueue::new().unwrap(),
            events: Events::with_capacity(ROOM),
        }
    }

    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) {
        let change = Kevent::read(fd).udata(token);
        let change = if DATA { change } else { change.without_data() };
        self.queue.apply(&[change]).unwrap();
    }

    fn wait(&mut self, mut each: impl FnMut(usize)) -> usize {
        self.queue.wait(&[], &mut self.events, None).unwrap();
        for event in &self.events {
            each(event.udata);
        }
        self.events.len()
    }
}

// One measurement each: sets up, warms up, and returns nanoseconds per event or turn.

fn poller_of<P: Poller>(fds: &[impl AsFd]) -> P {
    let mut poller = P::new();
    for (token, fd) in fds.iter().enumerate() {
        poller.watch(fd.as_fd(), token);
    }
    poller
}

/// Waits over and over for the same events, which nobody consumes.
fn wait<P: Poller>(sockets: &[TcpStream], ready: u32, turns: u32) -> f64 {
    let mut poller: P = poller_of(sockets);
    let written = sockets.iter().step_by(2).take(ready as usize);
    written.for_each(send_byte);
    let mut sum = 0;
    while poller.wait(|_| ()) < ready as usize {}
    let elapsed = per_turn(turns, || {
        sum += poller.wait(|token| _ = std::hint::black_box(token))
    });
    assert_eq!(
        sum,
        ready as usize * turns as usize,
        "every wait returns every ready socket"
    );
    drain(sockets);
    elapsed / f64::from(ready)
}

/// `ready` bytes travel between the two ends of as many connections: each turn waits, and for
/// each event reads the byte and writes it back. Both ends are watched, so no client is needed.
fn echo<P: Poller>(sockets: &[TcpStream], ready: u32, turns: u32) -> f64 {
    let mut poller: P = poller_of(sockets);
    let mut turn = || {
        poller.wait(|token| {
            let mut buffer = [0_u8; 64];
            let count = rustix::io::read(&sockets[token], &mut buffer).unwrap();
            rustix::io::write(&sockets[token], &buffer[..count]).unwrap();
        })
    };
    let written = sockets.iter().step_by(2).take(ready as usize);
    written.for_each(send_byte);
    for _ in 0..10 {
        turn();
    }
    let mut events = 0;
    let elapsed = per_turn(turns, || events += turn()) * f64::from(turns) / events as f64;
    drain(sockets);
    elapsed
}

/// Writes to a random socket's peer, which stands beside it, waits for the socket, reads it.
fn random_one<P: Poller>(sockets: &[UnixStream], turns: u32) -> f64 {
    let mut poller: P = poller_of(sockets);
    let mut turn = |chosen: usize| {
        rustix::io::write(&sockets[chosen ^ 1], b"x").unwrap();
        let count = poller.wait(|token| {
            assert_eq!(token, chosen);
            rustix::io::read(&sockets[token], &mut [0_u8; 8]).unwrap();
        });
        assert_eq!(count, 1);
    };
    // Once each first: what a queue learns about a descriptor it learns at its first event.
    (0..sockets.len()).for_each(&mut turn);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    per_turn(turns, || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        turn(usize::try_from(random % sockets.len() as u64).unwrap());
    })
}

/// epoll's way to wake itself.
fn eventfd_turn(turns: u32) -> f64 {
    let fd = event_descriptor();
    let mut poller: Bare = poller_of(&[&fd]);
    per_turn(turns, || {
        write_one(fd.as_fd());
        let count = poller.wait(|_| _ = rustix::io::read(&fd, &mut [0_u8; 8]).unwrap());
        assert_eq!(count, 1);
    })
}

fn user_turn(turns: u32, by_handle: bool) -> f64 {
    let queue = Kqueue::new().unwrap();
    let mut events = Events::with_capacity(ROOM);
    queue.apply(&[Kevent::user(1).clear()]).unwrap();
    let handle = queue.trigger_handle(1).unwrap();
    per_turn(turns, || {
        if by_handle {
            handle.trigger();
            queue.wait(&[], &mut events, None).unwrap();
        } else {
            queue
                .wait(&[Kevent::trigger(1)], &mut events, None)
                .unwrap();
        }
        assert_eq!(events.len(), 1);
    })
}

/// A timer later than all others is added and deleted, in two calls.
fn timer_turn(live: usize, turns: u32) -> f64 {
    let queue = Kqueue::new().unwrap();
    let hours = |ident: usize| Duration::from_secs(3_600) + Duration::from_micros(ident as u64);
    for ident in 0..live {
        queue.apply(&[Kevent::timer(ident, hours(ident))]).unwrap();
    }
    let last = Kevent::timer(live, hours(live));
    per_turn(turns, || {
        queue.apply(&[last]).unwrap();
        queue.apply(&[last.delete()]).unwrap();
    })
}

fn timerfd_turn(live: usize, turns: u32) -> f64 {
    let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let add = || {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).unwrap();
        let hour = Timespec {
            tv_sec: 3_600,
            tv_nsec: 0,
        };
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: hour,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once).unwrap();
        let data = EventData::new_u64(u64::try_from(timer.as_raw_fd()).unwrap());
        epoll::add(&epoll, &timer, data, EventFlags::IN).unwrap();
        timer
    };
    let _timers: Vec<OwnedFd> = (0..live).map(|_| add()).collect();
    per_turn(turns, || drop(add()))
}

fn per_turn(turns: u32, mut turn: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..turns {
        turn();
    }
    start.elapsed().as_nanos() as f64 / f64::from(turns)
}

// Descriptors.

fn raise_descriptor_limit() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: hard,
            maximum: hard,
        },
    )
    .unwrap();
    hard.map_or(usize::MAX, |hard| usize::try_from(hard).unwrap())
}

fn event_descriptor() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC).unwrap()
}

fn unix_pair() -> [UnixStream; 2] {
    let (one, other) = UnixStream::pair().unwrap();
    [one, other]
}

fn write_one(fd: BorrowedFd<'_>) {
    rustix::io::write(fd, &1_u64.to_ne_bytes()).unwrap();
}

/// Connections over loopback; the two ends of one stand beside each other.
fn tcp_sockets(connections: usize) -> Vec<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut sockets = Vec::with_capacity(2 * connections);
    for _ in 0..connections {
        sockets.push(TcpStream::connect(address).unwrap());
        sockets.push(listener.accept().unwrap().0);
    }
    for socket in &sockets {
        socket.set_nodelay(true).unwrap();
        socket.set_nonblocking(true).unwrap();
    }
    sockets
}

fn send_byte(socket: &TcpStream) {
    rustix::io::write(socket, b"x").unwrap();
}

fn drain(sockets: &[TcpStream]) {
    for socket in sockets {
        while rustix::io::read(socket, &mut [0_u8; 64]).is_ok() {}
    }
}

// The table.

struct Table {
    words: Vec<String>,
    is_test: bool,
}

impl Table {
    fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        // cargo bench says --bench; without it this is a trial run.
        let is_test = arguments.iter().any(|word| word == "--test")
            || !arguments.iter().any(|word| word == "--bench");
        let words = arguments
            .into_iter()
            .filter(|word| !word.starts_with("--"))
            .collect();
        println!(
            "{:<58} {:>10} {:>10} {:>6}  95 % interval",
            "case", "epoll ns", "kevent ns", "ratio"
        );
        Self { words, is_test }
    }

    /// Measures both sides and prints the row; without an epoll side, ours alone.
    fn compare(
        &mut self,
        name: &str,
        turns: u32,
        mut epoll: Option<Measurement<'_>>,
        kevent: Measurement<'_>,
    ) {
        if !self.words.is_empty() && !self.words.iter().any(|word| name.contains(word.as_str())) {
            return;
        }
        let (pairs, turns) = if self.is_test { (1, 10) } else { (15, turns) };
        let mut pair = |epoll_first: bool| {
            let before = if epoll_first {
                epoll.as_mut().map(|epoll| epoll(turns))
            } else {
                None
            };
            let ours = kevent(turns);
            let bare = before.or_else(|| epoll.as_mut().map(|epoll| epoll(turns)));
            (bare.unwrap_or(f64::NAN), ours)
        };
        let pairs: Vec<(f64, f64)> = (0..pairs).map(|number| pair(number % 2 == 0)).collect();
        let epoll = sorted(pairs.iter().map(|&(epoll, _)| epoll));
        let ours = sorted(pairs.iter().map(|&(_, ours)| ours));
        let ratios = sorted(pairs.iter().map(|&(epoll, ours)| ours / epoll));
        let (middle, edge) = (pairs.len() / 2, pairs.len() / 5);
        if ratios[middle].is_nan() {
            println!("{name:<58} {:>10} {:>10.1} {:>6}", "-", ours[middle], "-");
            return;
        }
        let (low, high) = (ratios[edge], ratios[pairs.len() - 1 - edge]);
        print!("{name:<58} {:>10.1} {:>10.1} ", epoll[middle], ours[middle]);
        println!("{:>6.3}  {low:.3} to {high:.3}", ratios[middle]);
    }
}

/// Nanoseconds per event or turn, over so many turns.
type Measurement<'a> = &'a mut dyn FnMut(u32) -> f64;

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures
}
