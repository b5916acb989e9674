//! Fixed jobs for a queue, whose system calls and instructions are counted from outside.
//!
//! A scenario is run as a program of its own, once with N turns and once with 2 N: the difference
//! is N turns and nothing else, neither the start of the process nor the setting up.
//!
//! The queue is the crate's or a C library's; both stand behind a trait object here, because
//! nothing is timed.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent, Kqueue};

use crate::queue::side::Queue;
use crate::queue::sockets::{send_byte, take_byte, tcp, unexpected};

/// A queue of either form.
pub(crate) trait Side {
    /// kevent() without an eventlist.
    fn apply(&mut self, changes: &[Kevent]) -> io::Result<()>;
    /// kevent() with room for 64 events; returns how many came.
    fn wait(&mut self, changes: &[Kevent], timeout: Option<Duration>) -> io::Result<usize>;
    /// `udata` of an event that came.
    fn token(&self, position: usize) -> usize;
}

impl<Q: Queue> Side for Q {
    fn apply(&mut self, changes: &[Kevent]) -> io::Result<()> {
        Queue::apply(self, &converted::<Q>(changes))
    }

    fn wait(&mut self, changes: &[Kevent], timeout: Option<Duration>) -> io::Result<usize> {
        self.call(&converted::<Q>(changes), timeout)
    }

    fn token(&self, position: usize) -> usize {
        Queue::token(self, position)
    }
}

fn converted<Q: Queue>(changes: &[Kevent]) -> Vec<Q::Change> {
    changes.iter().map(|&change| Q::change(change)).collect()
}

/// A job and what it may cost.
pub(crate) struct Scenario {
    /// Its name in the budgets.
    pub(crate) name: &'static str,
    /// What a turn is.
    pub(crate) turn: &'static str,
    /// System calls that a turn may make, by the design.
    pub(crate) calls_max: f64,
    /// Whether a C library can do it, too.
    pub(crate) is_for_c: bool,
    /// Does so many turns.
    pub(crate) run: fn(&mut dyn Side, u32) -> io::Result<()>,
}

/// All of them.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "wait-empty",
        turn: "a wait of zero that finds nothing",
        calls_max: 1.0,
        is_for_c: true,
        run: wait_empty,
    },
    Scenario {
        name: "wait-1",
        turn: "a wait that returns 1 event, no data",
        calls_max: 1.0,
        is_for_c: false,
        run: |queue, turns| wait(queue, turns, 1, Kevent::without_data),
    },
    Scenario {
        name: "wait-64",
        turn: "a wait that returns 64 events, no data",
        calls_max: 1.0,
        is_for_c: false,
        run: |queue, turns| wait(queue, turns, 64, Kevent::without_data),
    },
    Scenario {
        name: "wait-8-data",
        turn: "a wait that returns 8 events, each with data",
        calls_max: 9.0,
        is_for_c: true,
        run: |queue, turns| wait(queue, turns, 8, Kevent::with_data),
    },
    Scenario {
        name: "echo",
        turn: "wait with data, read, write",
        calls_max: 4.0,
        is_for_c: true,
        run: echo,
    },
    Scenario {
        name: "write-space",
        turn: "a wait for space to write, with data",
        calls_max: 2.0,
        is_for_c: true,
        run: write_space,
    },
    Scenario {
        name: "add-delete",
        turn: "EV_ADD of a descriptor that is not watched, EV_DELETE",
        calls_max: 2.0,
        is_for_c: true,
        run: add_delete,
    },
    Scenario {
        name: "add-known",
        // A number may have become another file meanwhile: only the kernel knows.
        turn: "EV_ADD of a descriptor that is watched already",
        calls_max: 1.0,
        is_for_c: true,
        run: |queue, turns| on_one(queue, turns, &[Flags::ADD]),
    },
    Scenario {
        name: "disable-enable",
        turn: "EV_DISABLE and EV_ENABLE in one call",
        calls_max: 0.0,
        is_for_c: true,
        run: |queue, turns| on_one(queue, turns, &[Flags::DISABLE, Flags::ENABLE]),
    },
    Scenario {
        name: "dispatch",
        turn: "an event of EV_DISPATCH with data, then EV_ENABLE",
        calls_max: 3.0,
        is_for_c: true,
        run: dispatch,
    },
    Scenario {
        name: "user",
        turn: "NOTE_TRIGGER and the wait, in one call",
        calls_max: 1.0,
        is_for_c: true,
        run: user,
    },
    Scenario {
        name: "user-pending",
        turn: "a trigger by handle of an event that is pending",
        calls_max: 0.0,
        is_for_c: false,
        run: user_pending,
    },
    Scenario {
        name: "timer-change",
        turn: "adding and cancelling a timer that is not the earliest",
        calls_max: 0.0,
        is_for_c: true,
        run: timer_change,
    },
    Scenario {
        name: "timer-expiry",
        turn: "a wait for the next millisecond of a periodic timer",
        calls_max: 2.0,
        is_for_c: true,
        run: timer_expiry,
    },
];

/// The scenario of this name.
pub(crate) fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

fn wait_empty(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let sockets = tcp(1)?;
    queue.apply(&[Kevent::read(one(&sockets)?)])?;
    for _ in 0..turns {
        queue.wait(&[], Some(Duration::ZERO))?;
    }
    Ok(())
}

/// `ready` sockets are ready, and stay so.
fn wait(
    queue: &mut dyn Side,
    turns: u32,
    ready: usize,
    form: fn(Kevent) -> Kevent,
) -> io::Result<()> {
    let sockets = tcp(ready)?;
    for pair in sockets.chunks(2) {
        if let [one, other] = pair {
            queue.apply(&[form(Kevent::read(one))])?;
            send_byte(other)?;
        }
    }
    // All have arrived, and what a queue learns at a first event it has learnt.
    while queue.wait(&[], None)? < ready {}
    for _ in 0..turns {
        expect(queue.wait(&[], None)?, ready)?;
    }
    Ok(())
}

/// A byte travels between the two ends of a connection.
fn echo(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let sockets = tcp(1)?;
    for (token, socket) in sockets.iter().enumerate() {
        queue.apply(&[Kevent::read(socket).udata(token)])?;
    }
    send_byte(one(&sockets)?)?;
    // A few more, so that each end has had its first event.
    for _ in 0..turns + 4 {
        for position in 0..queue.wait(&[], None)? {
            let socket = sockets.get(queue.token(position));
            let socket = socket.ok_or_else(|| unexpected("a token"))?;
            take_byte(socket)?;
            send_byte(socket)?;
        }
    }
    Ok(())
}

fn write_space(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let sockets = tcp(1)?;
    waits(queue, turns, &[Kevent::write(one(&sockets)?)], &[])
}

fn add_delete(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let sockets = tcp(1)?;
    let add = [Kevent::read(one(&sockets)?)];
    let delete = add.map(Kevent::delete);
    for _ in 0..turns {
        queue.apply(&add)?;
        queue.apply(&delete)?;
    }
    Ok(())
}

fn on_one(queue: &mut dyn Side, turns: u32, flags: &[Flags]) -> io::Result<()> {
    let sockets = tcp(1)?;
    let add = Kevent::read(one(&sockets)?);
    queue.apply(&[add])?;
    let change = |&flags| Kevent { flags, ..add };
    let changes: Vec<Kevent> = flags.iter().map(change).collect();
    for _ in 0..turns {
        queue.apply(&changes)?;
    }
    Ok(())
}

fn dispatch(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let sockets = tcp(1)?;
    send_byte(sockets.get(1).ok_or_else(|| unexpected("no pair"))?)?;
    let add = Kevent::read(one(&sockets)?).dispatch();
    waits(queue, turns, &[add], &[add.enable()])
}

fn user(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    waits(
        queue,
        turns,
        &[Kevent::user(1).clear(), Kevent::trigger(1)],
        &[Kevent::trigger(1)],
    )
}

/// By a queue of its own: only the crate has handles.
fn user_pending(_: &mut dyn Side, turns: u32) -> io::Result<()> {
    let queue = Kqueue::new()?;
    queue.apply(&[Kevent::user(1).clear()])?;
    let handle = queue.trigger_handle(1)?;
    handle.trigger();
    for _ in 0..turns {
        handle.trigger();
    }
    Ok(())
}

fn timer_change(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let hours = |count: u64| Duration::from_secs(3_600 * count);
    for ident in 0..1_000 {
        queue.apply(&[Kevent::timer(ident, hours(1))])?;
    }
    let last = Kevent::timer(1_000, hours(2));
    for _ in 0..turns {
        queue.apply(&[last])?;
        queue.apply(&[last.delete()])?;
    }
    Ok(())
}

fn timer_expiry(queue: &mut dyn Side, turns: u32) -> io::Result<()> {
    let timer = Kevent::new(1, Filter::TIMER, Flags::ADD).data(1);
    waits(queue, turns, &[timer], &[])
}

/// One wait after `first`, then `turns` waits that each bring one event; `again` comes before each.
fn waits(queue: &mut dyn Side, turns: u32, first: &[Kevent], again: &[Kevent]) -> io::Result<()> {
    queue.wait(first, None)?;
    for _ in 0..turns {
        expect(queue.wait(again, None)?, 1)?;
    }
    Ok(())
}

fn one(sockets: &[TcpStream]) -> io::Result<&TcpStream> {
    sockets.first().ok_or_else(|| unexpected("no socket"))
}

fn expect(count: usize, wanted: usize) -> io::Result<()> {
    if count == wanted {
        return Ok(());
    }
    Err(unexpected(&format!("{count} events instead of {wanted}")))
}
