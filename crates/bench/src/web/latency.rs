//! W13: the latency of 99 in 100 requests at a rate that leaves the server idle most of the time.

use std::time::Duration;

use super::fleet::{Fleet, Member, WEBSERV};
use super::peers::Peer;
use super::rate::{CONNECTIONS, sample_time};
use super::sink::{Load, latency_p99};
use crate::rounds::{Comparison, Kit, Sample};

const PER_SECOND: u32 = 5_000;

/// W13.
pub(crate) fn w13(kit: &mut Kit, fleet: &Fleet<'_>) {
    let title = "1 KB file, p99 latency at 5,000 requests/s";
    let mut row = Comparison::new("W13", title, "us").in_microseconds();
    let time = sample_time(kit);
    let mut members = vec![Member::Webserv];
    members.extend(Peer::SMALL.map(Member::Peer));
    for server in fleet.start(kit, "W13", &members) {
        let load = Load {
            address: server.address(),
            path: "/1k.html",
            connections: CONNECTIONS,
            pipeline: 1,
            is_closing: false,
        };
        let name = server.name().to_owned();
        row.side(&name, move |_| {
            // Moved in with the closure: the server runs as long as it is measured.
            let _running = &server;
            let microseconds = latency_p99(&load, PER_SECOND, time)?;
            Ok(Sample {
                elapsed: Duration::from_secs_f64(microseconds / 1e6),
                units: 1,
            })
        });
    }
    row.alarm_ratio(WEBSERV, "nginx", 1.0);
    kit.run(row);
}
