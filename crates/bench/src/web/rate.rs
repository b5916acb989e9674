//! W1 to W5 and W12: processor time of the server for each request, or for each MiB.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::fleet::{BARE, EXECUTOR, Fleet, Member, QUEUE, WEBSERV};
use super::peers::{Nginx, Peer};
use super::server::Server;
use super::sink::{Load, Sink};
use crate::rounds::{Comparison, Kit, Sample};

/// With less of its processor in use, the generator is measured instead of the server.
const USE_MIN: f64 = 0.95;
/// Connections of a case, unless it says otherwise.
pub(crate) const CONNECTIONS: usize = 64;

/// The chart of all these cases.
const CHART: &str = "server";
const PER_REQUEST: &str = "us of processor time per request";

/// W1: 1 KB, persistent connections, in steps from the floor to the server.
pub(crate) fn w1(kit: &mut Kit, fleet: &Fleet<'_>) {
    let mut members = Member::STEPS.to_vec();
    members.extend(Peer::SMALL.map(Member::Peer));
    let case = Case {
        row: Comparison::new("W1", "1 KB file, 64 persistent connections", PER_REQUEST)
            .at(CHART, "1 KB", None),
        path: "/1k.html",
        connections: CONNECTIONS,
        pipeline: 1,
        is_closing: false,
        unit: Unit::Request,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_ratio(QUEUE, BARE, None);
        row.claim_ratio(EXECUTOR, BARE, None);
        row.claim_ratio(WEBSERV, BARE, 1.10);
        row.claim_ratio(WEBSERV, "nginx", None);
    });
}

/// W2: the same, 16 requests in one write.
pub(crate) fn w2(kit: &mut Kit, fleet: &Fleet<'_>) {
    let mut members = Member::STEPS.to_vec();
    members.extend(Peer::SMALL.map(Member::Peer));
    let case = Case {
        row: Comparison::new("W2", "1 KB file, 64 connections, 16 pipelined", PER_REQUEST).at(
            CHART,
            "1 KB, 16 pipelined",
            None,
        ),
        path: "/1k.html",
        connections: CONNECTIONS,
        pipeline: 16,
        is_closing: false,
        unit: Unit::Request,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_ratio(QUEUE, BARE, None);
        row.claim_ratio(EXECUTOR, BARE, None);
        row.claim_ratio(WEBSERV, BARE, 1.5);
        row.claim_ratio(WEBSERV, "nginx", None);
    });
}

/// W3: 100 KB.
pub(crate) fn w3(kit: &mut Kit, fleet: &Fleet<'_>) {
    let mut members = vec![Member::FileFloor("100k.bin"), Member::Webserv];
    members.extend(Peer::LARGE.map(Member::Peer));
    let case = Case {
        row: Comparison::new("W3", "100 KB file, 64 persistent connections", PER_REQUEST)
            .at(CHART, "100 KB", None),
        path: "/100k.bin",
        connections: CONNECTIONS,
        pipeline: 1,
        is_closing: false,
        unit: Unit::Request,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_ratio(WEBSERV, BARE, None);
        row.claim_ratio(WEBSERV, "nginx", 0.92);
    });
}

/// W4: a huge file.
pub(crate) fn w4(kit: &mut Kit, fleet: &Fleet<'_>) {
    let mut members = vec![Member::FileFloor("huge.bin"), Member::Webserv];
    members.extend(Peer::LARGE.map(Member::Peer));
    let title = if kit.is_quick {
        "16 MiB file (a trial; else 256), 4 connections"
    } else {
        "256 MiB file, 4 connections"
    };
    let case = Case {
        row: Comparison::new("W4", title, "us of processor time per MiB").at(
            CHART,
            "huge file, per MiB",
            None,
        ),
        path: "/huge.bin",
        connections: 4,
        pipeline: 1,
        is_closing: false,
        unit: Unit::Mebibyte,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_ratio(WEBSERV, BARE, None);
        row.claim_ratio(WEBSERV, "nginx", 1.0);
    });
}

/// W5: a connection for each request.
pub(crate) fn w5(kit: &mut Kit, fleet: &Fleet<'_>) {
    let nginx = Peer::Nginx(Nginx::Deferred);
    let members = [
        Member::ClosingFloor,
        Member::Webserv,
        Member::Peer(nginx),
        Member::Peer(Peer::H2o),
        Member::Peer(Peer::Lighttpd),
        Member::Peer(Peer::Caddy),
    ];
    let case = Case {
        row: Comparison::new("W5", "1 KB file, a connection per request", PER_REQUEST).at(
            CHART,
            "connection per request",
            None,
        ),
        path: "/1k.html",
        connections: CONNECTIONS,
        pipeline: 1,
        is_closing: true,
        unit: Unit::Request,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_ratio(WEBSERV, BARE, None);
        row.claim_ratio(WEBSERV, nginx.name(), 0.8);
    });
}

/// W12: what the access log costs.
pub(crate) fn w12(kit: &mut Kit, fleet: &Fleet<'_>) {
    let logging = Member::Peer(Peer::Nginx(Nginx::Logging));
    let members = [
        Member::Webserv,
        Member::WebservLogging,
        Member::Peer(Peer::Nginx(Nginx::Sendfile)),
        logging,
    ];
    let case = Case {
        row: Comparison::new("W12", "1 KB file, with and without access log", PER_REQUEST),
        path: "/1k.html",
        connections: CONNECTIONS,
        pipeline: 1,
        is_closing: false,
        unit: Unit::Request,
    };
    case.run(kit, fleet, &members, |row| {
        row.claim_difference(Member::WebservLogging.name(), WEBSERV, 0.4);
        row.claim_difference(logging.name(), "nginx", None);
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Request,
    Mebibyte,
}

struct Case {
    row: Comparison<'static>,
    path: &'static str,
    connections: usize,
    pipeline: u32,
    is_closing: bool,
    unit: Unit,
}

impl Case {
    fn run(
        self,
        kit: &mut Kit,
        fleet: &Fleet<'_>,
        members: &[Member],
        claims: impl FnOnce(&mut Comparison<'_>),
    ) {
        let mut row = self.row.in_microseconds();
        let usage = Usage::default();
        let time = sample_time(kit);
        for server in fleet.start(kit, row.case(), members) {
            let load = Load {
                address: server.address(),
                path: self.path,
                connections: self.connections,
                pipeline: self.pipeline,
                is_closing: self.is_closing,
            };
            let usage = usage.clone();
            let name = server.name().to_owned();
            row.side(&name, move |_| {
                let mut sink = Sink::open(&load)?;
                measure(&server, &mut sink, time, self.unit, &usage)
            });
        }
        claims(&mut row);
        kit.run(row);
        usage.note(kit);
    }
}

/// How long one side is under load in one round.
pub(crate) fn sample_time(kit: &Kit) -> Duration {
    Duration::from_millis(if kit.is_quick { 100 } else { 1_000 })
}

fn measure(
    server: &Server,
    sink: &mut Sink,
    time: Duration,
    unit: Unit,
    usage: &Usage,
) -> io::Result<Sample> {
    // The first requests open files and fill caches.
    sink.run(time / 10)?;
    let before = server.processor_time()?;
    let outcome = sink.run(time)?;
    let spent = server.processor_time()?.saturating_sub(before);
    usage.add(server.name(), spent, outcome.elapsed);
    let units = match unit {
        Unit::Request => outcome.requests,
        Unit::Mebibyte => outcome.bytes >> 20,
    };
    if units == 0 {
        return Err(io::Error::other("not one answer was complete"));
    }
    Ok(Sample {
        elapsed: spent,
        units,
    })
}

/// Processor time of a request under load, for the other cases.
pub(crate) fn per_request(
    server: &Server,
    sink: &mut Sink,
    time: Duration,
    usage: &Usage,
) -> io::Result<Sample> {
    measure(server, sink, time, Unit::Request, usage)
}

/// How much of its processor each server used.
#[derive(Clone, Default)]
pub(crate) struct Usage(Rc<RefCell<BTreeMap<String, (Duration, Duration)>>>);

impl Usage {
    fn add(&self, name: &str, spent: Duration, elapsed: Duration) {
        let mut all = self.0.borrow_mut();
        let sum = all.entry(name.to_owned()).or_default();
        sum.0 += spent;
        sum.1 += elapsed;
    }

    /// Adds a note to the last row for each that was not busy enough.
    pub(crate) fn note(&self, kit: &mut Kit) {
        let Some(row) = kit.rows.last_mut() else {
            return;
        };
        let mut idle = Vec::new();
        for (name, (spent, elapsed)) in self.0.borrow().iter() {
            let share = spent.as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
            if share < USE_MIN {
                idle.push(format!("{name} {:.0} %", 100.0 * share));
            }
        }
        if !idle.is_empty() {
            row.notes.push(format!(
                "held up by the generator, or by other work on this machine, and only so busy: {}",
                idle.join(", ")
            ));
        }
    }
}
