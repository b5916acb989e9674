//! W10 and W11: idle persistent connections, what each takes and what all of them cost the others.

use std::io;

use super::fleet::{BARE, Fleet, Member, WEBSERV};
use super::peers::Peer;
use super::rate::{CONNECTIONS, Usage, per_request, sample_time};
use super::server::Server;
use super::sink::{Idle, Load, Sink};
use crate::report::Row;
use crate::rounds::{Comparison, Kit};
use crate::table::grouped;

/// Idle connections of a full run; both ends need a descriptor, each in its process.
const IDLE: usize = 9_000;
const IDLE_QUICK: usize = 900;

fn load(server: &Server) -> Load {
    Load {
        address: server.address(),
        path: "/1k.html",
        connections: CONNECTIONS,
        pipeline: 1,
        is_closing: false,
    }
}

fn members() -> Vec<Member> {
    let floor = Member::Step(BARE, "bare");
    let peers = Peer::SMALL.map(Member::Peer);
    [floor, Member::Webserv].into_iter().chain(peers).collect()
}

/// W10: anonymous memory of each connection that has asked once, from the ninth part of them to
/// all, so that what a server sets aside at its start does not count.
pub(crate) fn w10(kit: &mut Kit, fleet: &Fleet<'_>) -> io::Result<()> {
    let count = if kit.is_quick { IDLE_QUICK } else { IDLE };
    let title = format!(
        "memory of each of {} idle connections",
        grouped(count as f64)
    );
    let mut row = Row::new("W10", title, "bytes");
    for member in members() {
        let servers = fleet.start(kit, "W10", &[member]);
        let Some(server) = servers.first() else {
            continue;
        };
        match memory(server, count) {
            Ok(bytes) => row.exact(server.name(), bytes),
            Err(error) => row.notes.push(format!("{}: {error}", server.name())),
        }
    }
    row.claim_figure(WEBSERV, 300.0);
    kit.rows.push(row);
    Ok(())
}

fn memory(server: &Server, count: usize) -> io::Result<f64> {
    let first = count / 9;
    let load = load(server);
    let _few = Idle::open(&load, first)?;
    let before = server.anonymous_bytes()?;
    let _many = Idle::open(&load, count - first)?;
    let after = server.anonymous_bytes()?;
    Ok((after as f64 - before as f64) / (count - first) as f64)
}

/// W11: W1 beside idle connections, each server against itself without them.
pub(crate) fn w11(kit: &mut Kit, fleet: &Fleet<'_>) {
    let count = if kit.is_quick { IDLE_QUICK } else { IDLE };
    for member in members() {
        let mut pair = fleet.start(kit, "W11", &[member, member]);
        let (Some(crowded), Some(alone)) = (pair.pop(), pair.pop()) else {
            continue;
        };
        kit.progress
            .say("W11", &format!("idle connections to {}", member.name()));
        let mut idle = match Idle::open(&load(&crowded), count) {
            Ok(idle) => idle,
            Err(error) => {
                kit.skip(format!("W11, {}: {error}", member.name()));
                continue;
            }
        };
        let title = format!(
            "{}: 1 KB beside {} idle connections",
            member.name(),
            grouped(count as f64)
        );
        let mut row =
            Comparison::new("W11", title, "us of processor time per request").in_microseconds();
        let (usage, time) = (Usage::default(), sample_time(kit));
        let of_alone = usage.clone();
        row.side("alone", move |_| {
            let mut sink = Sink::open(&load(&alone))?;
            per_request(&alone, &mut sink, time, &of_alone)
        });
        let of_crowded = usage.clone();
        row.side("beside them", move |_| {
            // Before the measurement, and proof that they are still there.
            idle.refresh()?;
            let mut sink = Sink::open(&load(&crowded))?;
            per_request(&crowded, &mut sink, time, &of_crowded)
        });
        let bound = (member == Member::Webserv).then_some(1.05);
        row.claim_ratio("beside them", "alone", bound);
        kit.run(row);
        usage.note(kit);
    }
}
