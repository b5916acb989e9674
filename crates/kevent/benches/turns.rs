//! One case, so many turns and nothing else: for tools that count instructions or system calls.
//!
//! ```sh
//! cargo bench -p kevent --bench turns --no-run
//! valgrind --tool=callgrind target/release/deps/turns-* queue wait 8 1000
//! strace -cf target/release/deps/turns-* queue handle 1 1000
//! ```
//!
//! The difference between two numbers of turns, divided by theirs, is what one turn costs; `epoll`
//! in place of `queue` is the same job without us, and `both` compares their times. With no
//! arguments every case runs once.
#![expect(clippy::print_stdout, reason = "the comparison is the result")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run says why and stops"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "a wrong index is a fault of the benchmark"
)]

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use kevent::{Events, Kevent, Kqueue};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};

/// Room for events in one wait, on both sides.
const ROOM: usize = 64;

/// Sets one side of a case up, with so many descriptors ready.
type Side = fn(usize) -> Turns;

/// A case: its name and its sides, epoll's and ours.
const CASES: [(&str, Side, Side); 4] = [
    ("wait", epoll_wait, |ready| queue_wait(ready, false)),
    ("data", epoll_wait, |ready| queue_wait(ready, true)),
    ("call", epoll_eventfd, |_| user_turns(false)),
    ("handle", epoll_eventfd, |_| user_turns(true)),
];

/// Makes so many turns.
type Turns = Box<dyn FnMut(usize)>;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let [side, name, ready, turns] = &words[..] else {
        for (_, epoll, queue) in CASES {
            epoll(2)(2);
            queue(2)(2);
        }
        return;
    };
    let (ready, turns) = (ready.parse().unwrap(), turns.parse().unwrap());
    let case = CASES.iter().find(|(case, ..)| case == name);
    let (_, epoll, queue) = case.unwrap();
    match side.as_str() {
        "epoll" => epoll(ready)(turns),
        "queue" => queue(ready)(turns),
        "both" => compare(&mut epoll(ready), &mut queue(ready), turns),
        other => panic!("epoll, queue or both, not {other}"),
    }
}

/// Makes the turns in short stretches, in turns, so that what disturbs one side disturbs the
/// other; prints the middle of the stretches, in nanoseconds a turn, and of their ratios.
fn compare(epoll: &mut Turns, queue: &mut Turns, turns: usize) {
    let time = |side: &mut Turns| {
        let start = Instant::now();
        side(STRETCH);
        start.elapsed().as_nanos() as f64 / STRETCH as f64
    };
    let pairs: Vec<(f64, f64)> = (0..turns / STRETCH)
        .map(|number| {
            if number % 2 == 0 {
                let epoll = time(epoll);
                (epoll, time(queue))
            } else {
                let queue = time(queue);
                (time(epoll), queue)
            }
        })
        .collect();
    let epoll = middle(pairs.iter().map(|pair| pair.0));
    let queue = middle(pairs.iter().map(|pair| pair.1));
    let ratio = middle(pairs.iter().map(|pair| pair.1 / pair.0));
    println!("epoll {epoll:.0} ns, queue {queue:.0} ns, ratio {ratio:.3}");
}

/// Turns in a stretch: short beside what a scheduler gives.
const STRETCH: usize = 100;

fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// So many sockets with a byte to read, and their peers.
fn readable(count: usize) -> Vec<(UnixStream, UnixStream)> {
    let pair = |_| {
        let (one, other) = UnixStream::pair().unwrap();
        rustix::io::write(&other, b"x").unwrap();
        (one, other)
    };
    (0..count).map(pair).collect()
}

/// A set with room for its events.
fn epoll_set() -> (OwnedFd, Vec<epoll::Event>) {
    let set = epoll::create(CreateFlags::CLOEXEC).unwrap();
    (set, Vec::with_capacity(ROOM))
}

fn epoll_wait(ready: usize) -> Turns {
    let sockets = readable(ready);
    let (set, mut events) = epoll_set();
    for (token, (socket, _)) in sockets.iter().enumerate() {
        let data = EventData::new_u64(token as u64);
        epoll::add(&set, socket, data, EventFlags::IN).unwrap();
    }
    Box::new(move |turns| {
        for _ in 0..turns {
            events.clear();
            epoll::wait(&set, spare_capacity(&mut events), None).unwrap();
            for event in &events {
                let data = event.data;
                black_box(data.u64());
            }
            assert_eq!(events.len(), sockets.len());
        }
    })
}

fn queue_wait(ready: usize, with_data: bool) -> Turns {
    let sockets = readable(ready);
    let queue = Kqueue::new().unwrap();
    let mut events = Events::with_capacity(ROOM);
    for (token, (socket, _)) in sockets.iter().enumerate() {
        let change = Kevent::read(socket).udata(token);
        let change = if with_data {
            change
        } else {
            change.without_data()
        };
        queue.apply(&[change]).unwrap();
    }
    Box::new(move |turns| {
        for _ in 0..turns {
            queue.wait(&[], &mut events, None).unwrap();
            for event in &events {
                black_box(event.udata);
            }
            assert_eq!(events.len(), sockets.len());
        }
    })
}

/// A thread wakes itself: epoll's way.
fn epoll_eventfd(_ready: usize) -> Turns {
    let bell = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let (set, mut events) = epoll_set();
    epoll::add(&set, &bell, EventData::new_u64(1), EventFlags::IN).unwrap();
    Box::new(move |turns| {
        for _ in 0..turns {
            rustix::io::write(&bell, &1_u64.to_ne_bytes()).unwrap();
            events.clear();
            epoll::wait(&set, spare_capacity(&mut events), None).unwrap();
            rustix::io::read(&bell, &mut [0_u8; 8]).unwrap();
            assert_eq!(events.len(), 1);
        }
    })
}

fn user_turns(by_handle: bool) -> Turns {
    let queue = Kqueue::new().unwrap();
    let mut events = Events::with_capacity(ROOM);
    queue.apply(&[Kevent::user(1).clear()]).unwrap();
    let handle = queue.trigger_handle(1).unwrap();
    Box::new(move |turns| {
        for _ in 0..turns {
            if by_handle {
                handle.trigger();
                queue.wait(&[], &mut events, None).unwrap();
            } else {
                let change = Kevent::trigger(1);
                queue.wait(&[change], &mut events, None).unwrap();
            }
            assert_eq!(events.len(), 1);
        }
    })
}
