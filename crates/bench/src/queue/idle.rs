//! Q3: table 63-9 of The Linux Programming Interface: one random descriptor ready among many.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::side::{
    CQueue, Data, EPOLL, Epoll, Job, KEVENT, OURS_IN_C, Poller, RustQueue, usual_claims,
};
use super::sockets::{send_byte, take_byte, unexpected, unix, watching};
use crate::report::{Claim, Row};
use crate::rounds::{Comparison, Kit, Sample};
use crate::statistics::{Spread, ratios};
use crate::sys::library::Library;
use crate::sys::select::Select;
use crate::table::grouped;

/// select(2) with FD_SETSIZE of the C library's headers ends here.
const SELECT_MAX: usize = 1_000;
/// Descriptors that this process needs for itself.
const RESERVE: usize = 1_000;
const WITH_DATA: &str = "kevent, with data";

/// The chart drawn of this case.
pub(crate) const CHART: &str = "table-63-9";

/// Q3: write to a random one, wait, read, for every number of watched descriptors.
pub(crate) fn q3(kit: &mut Kit, libraries: &[Library], limit: usize) -> io::Result<()> {
    let counts: &[usize] = if kit.is_quick {
        &[10, 100, 1_000]
    } else {
        &[10, 100, 1_000, 10_000, 19_000]
    };
    let most = limit.saturating_sub(RESERVE);
    let first = kit.rows.len();
    for &wanted in counts {
        let count = wanted.min(most);
        if count < wanted {
            kit.skip(format!(
                "Q3 with {wanted} descriptors: the limit of {limit} allows {count} (ulimit -n)"
            ));
        }
        one_of(kit, libraries, count)?;
    }
    let growth = growth(kit.rows.get(first..).unwrap_or_default());
    kit.rows.extend(growth);
    Ok(())
}

fn one_of(kit: &mut Kit, libraries: &[Library], count: usize) -> io::Result<()> {
    let sockets = unix(count)?;
    let sockets = sockets.as_slice();
    let job = OneOf { sockets };
    let title = format!(
        "write, wait, read: 1 random of {}, no data",
        grouped(count as f64)
    );
    let mut comparison =
        Comparison::new("Q3", title, "ns per round").at(CHART, "", Some(count as f64));
    comparison.side("poll", move |turns| {
        let mut polled: Vec<PollFd<'_>> = sockets
            .iter()
            .map(|socket| PollFd::new(socket, PollFlags::IN))
            .collect();
        job.turns(turns, 10, |each| wait_by_poll(&mut polled, each))
    });
    if count <= SELECT_MAX {
        let tokens = tokens_by_number(sockets);
        comparison.side("select", move |turns| {
            let mut select = Select::new(sockets);
            job.turns(turns, 10, |each| {
                for number in select.wait()? {
                    let token = usize::try_from(number).ok().and_then(|at| tokens.get(at));
                    each(*token.ok_or_else(|| unexpected("a number"))?)?;
                }
                Ok(())
            })
        });
    }
    comparison.side(EPOLL, move |turns| job.run(Epoll::new, turns));
    comparison.side(KEVENT, move |turns| {
        job.run(|| RustQueue::new(Data::Without), turns)
    });
    comparison.side(WITH_DATA, move |turns| {
        job.run(|| RustQueue::new(Data::With), turns)
    });
    for library in libraries {
        comparison.side(library.name(), move |turns| {
            job.run(|| CQueue::new(library), turns)
        });
    }
    usual_claims(&mut comparison, EPOLL, 1.08);
    comparison.claim_ratio(WITH_DATA, EPOLL, None);
    kit.run(comparison);
    Ok(())
}

fn wait_by_poll(
    polled: &mut [PollFd<'_>],
    each: &mut dyn FnMut(usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = poll(polled, None)?;
    for (token, fd) in polled.iter().enumerate() {
        if left == 0 {
            break;
        }
        if !fd.revents().is_empty() {
            left -= 1;
            each(token)?;
        }
    }
    Ok(())
}

fn tokens_by_number(sockets: &[UnixStream]) -> Vec<usize> {
    let mut tokens = Vec::new();
    for (token, socket) in sockets.iter().enumerate() {
        let number = usize::try_from(socket.as_raw_fd()).unwrap_or_default();
        if tokens.len() <= number {
            tokens.resize(number + 1, usize::MAX);
        }
        if let Some(place) = tokens.get_mut(number) {
            *place = token;
        }
    }
    tokens
}

#[derive(Clone, Copy)]
struct OneOf<'a> {
    sockets: &'a [UnixStream],
}

impl OneOf<'_> {
    /// Each turn writes to a random socket's partner, waits for the socket, and reads. Before
    /// them come turns for the first `warm_up` sockets.
    fn turns(
        self,
        turns: u32,
        warm_up: usize,
        mut wait: impl FnMut(&mut dyn FnMut(usize) -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<Sample> {
        let mut turn = |chosen: usize| -> io::Result<()> {
            let socket = |token: usize| {
                let socket = self.sockets.get(token);
                socket.ok_or_else(|| unexpected("a token")).map(AsFd::as_fd)
            };
            send_byte(socket(chosen ^ 1)?)?;
            let mut count = 0;
            wait(&mut |token| {
                count += 1;
                if token != chosen {
                    return Err(unexpected("another descriptor"));
                }
                take_byte(socket(token)?)
            })?;
            if count != 1 {
                return Err(unexpected("not exactly one event"));
            }
            Ok(())
        };
        (0..self.sockets.len().min(warm_up)).try_for_each(&mut turn)?;
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        Sample::of_turns(turns, || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            turn(usize::try_from(random % self.sockets.len() as u64).unwrap_or_default())
        })
    }
}

impl Job for OneOf<'_> {
    fn run<P: Poller>(self, make: impl Fn() -> io::Result<P>, turns: u32) -> io::Result<Sample> {
        let mut poller = watching(make, self.sockets)?;
        // Each socket once: what a queue learns about a descriptor it learns at its first event.
        self.turns(turns, usize::MAX, |each| poller.wait(each).map(drop))
    }
}

/// How much dearer the largest number is than the smallest, beside what epoll itself grows.
fn growth(rows: &[Row]) -> Option<Row> {
    let (first, last) = (rows.first()?, rows.last()?);
    let x = |row: &Row| {
        row.place
            .as_ref()
            .and_then(|place| place.x)
            .unwrap_or_default()
    };
    let title = format!(
        "growth from {} to {} descriptors",
        grouped(x(first)),
        grouped(x(last))
    );
    let mut row = Row::new("Q3", title, "times");
    let grown = |name: &str| {
        let (small, large) = (first.side(name)?, last.side(name)?);
        Some(ratios(&large.figures, &small.figures))
    };
    for side in &last.sides {
        let figures = grown(&side.name).unwrap_or_default();
        row.sides
            .extend(crate::report::Side::new(&side.name, figures));
    }
    let floor = grown(EPOLL)?;
    for (name, bound) in [(KEVENT, Some(1.15)), (OURS_IN_C, None)] {
        let spread = grown(name).and_then(|grown| Spread::of(&ratios(&grown, &floor)));
        let about = format!("{name} / epoll");
        row.claims
            .extend(spread.map(|spread| Claim::new(about, spread, bound)));
    }
    Some(row)
}
