//! The server's cases, W1 to W5 and W10 to W13.
//!
//! | file | what |
//! |---|---|
//! | `rate` | W1 to W5, W12: processor time of a request |
//! | `crowd` | W10, W11: idle connections, their memory and their cost |
//! | `latency` | W13 |
//! | `fleet` | who is started for a case |
//! | `server`, `peers`, `site` | starting a server, its configuration, its files |
//! | `sink` | the load generator |
//!
//! Servers run on the first processor, the generator on the last. What is compared is processor
//! time of all the server's threads for each request: requests per second depend on the machine's
//! load much more.

mod crowd;
mod fleet;
mod latency;
mod peers;
mod rate;
mod server;
pub(crate) mod sink;
pub(crate) mod site;

use std::collections::BTreeMap;
use std::io;

use crate::arguments::Run;
use crate::rounds::Kit;

use fleet::Fleet;
use peers::Peer;
use site::Site;

/// Runs the cases that are wanted. Notes versions in `versions`.
pub(crate) fn run(
    kit: &mut Kit,
    options: &Run,
    versions: &mut BTreeMap<String, String>,
) -> io::Result<()> {
    crate::queue::sockets::raise_descriptor_limit()?;
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        kit.skip("web: a server and its client need a processor each, and there is but one");
        return Ok(());
    }
    for peer in Peer::SMALL {
        match peer.version() {
            Some(version) => _ = versions.insert(peer.program().to_owned(), version),
            None => kit.skip(format!(
                "{}: not installed (scripts/install-peers)",
                peer.program()
            )),
        }
    }
    let huge = if kit.is_quick { 16 << 20 } else { 256 << 20 };
    let site = Site::new(&[
        ("1k.html", 1_024),
        ("100k.bin", 100 * 1_024),
        ("huge.bin", huge),
    ])?;
    kit.progress.say("webserv", "cargo build");
    let fleet = Fleet::new(&site)?;
    crate::processor::pin(&crate::processor::last()?)?;
    let outcome = cases(kit, options, &fleet);
    crate::processor::pin(&crate::processor::all()?)?;
    outcome
}

fn cases(kit: &mut Kit, options: &Run, fleet: &Fleet<'_>) -> io::Result<()> {
    if options.wants("W1") {
        rate::w1(kit, fleet);
    }
    if options.wants("W2") {
        rate::w2(kit, fleet);
    }
    if options.wants("W3") {
        rate::w3(kit, fleet);
    }
    if options.wants("W4") {
        rate::w4(kit, fleet);
    }
    if options.wants("W5") {
        rate::w5(kit, fleet);
    }
    if options.wants("W10") {
        crowd::w10(kit, fleet)?;
    }
    if options.wants("W11") {
        crowd::w11(kit, fleet);
    }
    if options.wants("W12") {
        rate::w12(kit, fleet);
    }
    if options.wants("W13") {
        latency::w13(kit, fleet);
    }
    Ok(())
}
