//! The queue's cases, Q1 to Q11.
//!
//! | file | case |
//! |---|---|
//! | `wait` | Q1, Q2: what an event costs |
//! | `idle` | Q3: one ready among many idle |
//! | `changelist` | Q4 |
//! | `user` | Q5 |
//! | `timer` | Q6 |
//! | `space` | Q7, Q8: descriptors and bytes |
//! | `threads` | Q9 |
//! | `calls` | Q10: system calls |
//! | `side`, `sockets` | who is measured, and on what |
//!
//! Q11, the C library against the peer, has no rows of its own: it is a claim in each of the
//! others, and a count at the end.

mod calls;
mod changelist;
mod idle;
pub(crate) mod side;
pub(crate) mod sockets;
mod space;
mod threads;
mod timer;
mod user;
mod wait;

use std::io;
use std::path::Path;

use crate::arguments::Run;
use crate::build;
use crate::report::{Claim, Row};
use crate::rounds::Kit;
use crate::statistics::{Spread, Verdict};
use crate::sys::library::Library;

/// Runs the cases that are wanted.
pub(crate) fn run(kit: &mut Kit, options: &Run) -> io::Result<()> {
    let limit = sockets::raise_descriptor_limit()?;
    let libraries = libraries(kit, options.peer.as_deref());
    let libraries = libraries.as_slice();
    let first = kit.rows.len();
    // One processor for what runs in one thread: the caches stay warm, and the scheduler out of it.
    let home = crate::processor::last()?;
    crate::processor::pin(&home)?;
    let outcome = on_one_processor(kit, options, libraries, limit);
    crate::processor::pin(&crate::processor::all()?)?;
    outcome?;
    if options.wants("Q9") {
        threads::q9(kit, libraries);
    }
    if options.wants("Q5") {
        user::across_threads(kit);
    }
    if options.wants("Q10") {
        calls::q10(kit, libraries)?;
    }
    let summary = against_peer(kit.rows.get(first..).unwrap_or_default());
    kit.rows.extend(summary);
    Ok(())
}

fn on_one_processor(
    kit: &mut Kit,
    options: &Run,
    libraries: &[Library],
    limit: usize,
) -> io::Result<()> {
    if options.wants("Q1") {
        wait::q1(kit, libraries)?;
    }
    if options.wants("Q2") {
        wait::q2(kit, libraries)?;
    }
    if options.wants("Q3") {
        idle::q3(kit, libraries, limit)?;
    }
    if options.wants("Q4") {
        changelist::q4(kit, libraries)?;
    }
    if options.wants("Q5") {
        user::q5(kit, libraries);
    }
    if options.wants("Q6") {
        timer::q6(kit, libraries)?;
    }
    if options.wants("Q7") {
        space::q7(kit, libraries, limit)?;
    }
    if options.wants("Q8") {
        space::q8(kit, libraries, limit)?;
    }
    Ok(())
}

/// Our C library, built if need be, and the peer's if it was given.
fn libraries(kit: &mut Kit, peer: Option<&Path>) -> Vec<Library> {
    let mut libraries = Vec::new();
    kit.progress.say("the C library", "cargo build");
    let ours = build::release("libkqueue", "libkqueue.so");
    match ours.and_then(|path| Library::open(side::OURS_IN_C, &path)) {
        Ok(library) => libraries.push(library),
        Err(error) => kit.skip(format!("{} (ours): {error}", side::OURS_IN_C)),
    }
    match peer.map(|path| Library::open(side::PEER, path)) {
        Some(Ok(library)) => libraries.push(library),
        Some(Err(error)) => kit.skip(format!("{}: {error}", side::PEER)),
        None => kit.skip(format!(
            "{}, and with it Q11: no --peer PATH to the .so of mheily/libkqueue",
            side::PEER
        )),
    }
    libraries
}

/// Q11: in how many rows our C library is faster than the peer.
fn against_peer(rows: &[Row]) -> Option<Row> {
    let about = format!("{} / {}", side::OURS_IN_C, side::PEER);
    let verdicts: Vec<Verdict> = rows
        .iter()
        .flat_map(|row| &row.claims)
        .filter(|claim| claim.about == about)
        .filter_map(|claim| claim.verdict)
        .collect();
    if verdicts.is_empty() {
        return None;
    }
    let of = |wanted: Verdict| verdicts.iter().filter(|&&one| one == wanted).count();
    let title = format!("our C library against the peer, {} rows", verdicts.len());
    let mut row = Row::new("Q11", title, "rows");
    row.exact("faster", of(Verdict::Met) as f64);
    row.exact("slower", of(Verdict::NotMet) as f64);
    row.exact("undecided", of(Verdict::Undecided) as f64);
    let not_slower = Spread::exact(of(Verdict::NotMet) as f64);
    row.claims
        .push(Claim::new("slower".to_owned(), not_slower, Some(0.0)));
    Some(row)
}
