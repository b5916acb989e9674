//! Q10: system calls of each kind of kevent() call.

use std::collections::BTreeMap;
use std::io;

use super::side::{KEVENT, OURS_IN_C, PEER};
use crate::count::{program, scenario};
use crate::report::Row;
use crate::rounds::Kit;
use crate::sys::library::Library;

/// Q10, by strace.
pub(crate) fn q10(kit: &mut Kit, libraries: &[Library]) -> io::Result<()> {
    if let Err(reason) = program::check_strace() {
        kit.skip(format!("Q10: {reason}"));
        return Ok(());
    }
    for scenario in scenario::ALL {
        kit.progress.say("Q10 system calls", scenario.name);
        let mut row = Row::new("Q10", scenario.turn, "system calls");
        let calls = program::calls_per_turn(scenario, None)?;
        add(&mut row, KEVENT, &calls);
        for library in libraries {
            if !scenario.is_for_c {
                continue;
            }
            match program::calls_per_turn(scenario, Some(library.path())) {
                Ok(calls) => add(&mut row, library.name(), &calls),
                Err(error) => row.notes.push(format!("{}: {error}", library.name())),
            }
        }
        row.claim_figure(KEVENT, scenario.calls_max);
        row.claim_figure(OURS_IN_C, scenario.calls_max);
        row.claim_difference(OURS_IN_C, PEER, Some(0.0));
        kit.rows.push(row);
    }
    Ok(())
}

fn add(row: &mut Row, name: &str, calls: &BTreeMap<String, f64>) {
    // Zero, and not the negative zero that an empty sum is.
    row.exact(name, calls.values().sum::<f64>() + 0.0);
    let of_each: Vec<String> = calls
        .iter()
        .map(|(name, count)| format!("{name} {count:.2}"))
        .collect();
    if !of_each.is_empty() {
        row.notes.push(format!("{name}: {}", of_each.join(", ")));
    }
}
