//! `guard`: every scenario's counts beside its budget.

use std::fmt::Write as _;
use std::fs;
use std::io;

use super::budget::{self, Budget, Budgets, Judgement};
use super::{program, scenario, server};
use crate::arguments;
use crate::machine::first_line_of;
use crate::progress::Progress;

/// Counts, and compares or writes. Returns the text to print and whether all budgets are kept.
pub(crate) fn run(options: &arguments::Guard) -> io::Result<(String, bool)> {
    let text = fs::read_to_string(&options.budgets).map_err(|error| {
        let path = options.budgets.display();
        io::Error::new(error.kind(), format!("{path}: {error}"))
    })?;
    let mut budgets = budget::parse(&text).map_err(|message| {
        let path = options.budgets.display();
        io::Error::new(io::ErrorKind::InvalidData, format!("{path}: {message}"))
    })?;
    let mut tools = Tools::find();
    let rustc = first_line_of("rustc", &["--version"]).unwrap_or_default();
    if !options.write && rustc != budgets.rustc && tools.has_valgrind {
        tools.has_valgrind = false;
        let reason = format!(
            "SKIPPED  instructions: the budgets are of {}, this is {rustc}\n",
            budgets.rustc
        );
        tools.skipped.push_str(&reason);
    }
    let counted = count_all(&tools)?;
    if options.write {
        budgets.rustc = rustc;
        budgets.scenarios = counted.into_iter().collect();
        fs::write(&options.budgets, budget::write(&budgets))?;
        let text = format!("wrote {}\n{}", options.budgets.display(), tools.skipped);
        return Ok((text, true));
    }
    let (mut text, is_kept) = compare(&budgets, &counted);
    text.push_str(&tools.skipped);
    Ok((text, is_kept))
}

struct Tools {
    has_strace: bool,
    has_valgrind: bool,
    skipped: String,
}

impl Tools {
    fn find() -> Self {
        let (strace, valgrind) = (program::check_strace(), program::check_valgrind());
        let mut skipped = String::new();
        for (what, check) in [("system calls", &strace), ("instructions", &valgrind)] {
            if let Err(reason) = check {
                // Writing to a string cannot fail.
                let _ = writeln!(skipped, "SKIPPED  {what}: {reason}");
            }
        }
        Self {
            has_strace: strace.is_ok(),
            has_valgrind: valgrind.is_ok(),
            skipped,
        }
    }
}

fn count_all(tools: &Tools) -> io::Result<Vec<(String, Budget)>> {
    let mut progress = Progress::start();
    let mut counted = Vec::new();
    for scenario in scenario::ALL {
        progress.say("scenario", scenario.name);
        let mut budget = Budget::default();
        if tools.has_strace {
            let calls = program::calls_per_turn(scenario, None)?;
            budget.calls = Some(calls.values().sum::<f64>() + 0.0);
        }
        if tools.has_valgrind {
            budget.instructions = Some(program::instructions_per_turn(scenario)?);
        }
        counted.push((scenario.name.to_owned(), budget));
    }
    for server in server::all()? {
        progress.say("server", &server.name);
        let mut budget = Budget::default();
        if tools.has_strace {
            budget.calls = Some(server.calls_per_request()?);
        }
        if tools.has_valgrind {
            budget.instructions = Some(server.instructions_per_request()?);
        }
        counted.push((server.name, budget));
    }
    progress.clear();
    Ok(counted)
}

/// One line for each count; and whether none is beyond its budget.
fn compare(budgets: &Budgets, counted: &[(String, Budget)]) -> (String, bool) {
    let mut text = String::new();
    let mut is_kept = true;
    for (name, count) in counted {
        let budget = budgets.scenarios.get(name).copied().unwrap_or_default();
        let instructions_tolerance = |budget: Option<f64>| {
            let share = budgets.instructions_tolerance_percent / 100.0;
            (budget.unwrap_or_default() * share).max(budgets.instructions_tolerance_min)
        };
        let kinds = [
            (
                "system calls",
                count.calls,
                budget.calls,
                budgets.calls_tolerance,
            ),
            (
                "instructions",
                count.instructions,
                budget.instructions,
                instructions_tolerance(budget.instructions),
            ),
        ];
        for (kind, count, budget, tolerance) in kinds {
            let Some(count) = count else { continue };
            let words = match budget.map(|budget| budget::judge(count, budget, tolerance)) {
                Some(Judgement::Kept) => "kept",
                Some(Judgement::Less) => "kept; it is less now, see guard --write",
                Some(Judgement::Exceeded) => "EXCEEDED",
                None => "NO BUDGET: see guard --write",
            };
            is_kept &= words.starts_with("kept");
            let budget = budget.unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:<20} {kind:<13} {count:>10.2}  budget {budget:>10.2}  {words}"
            );
        }
    }
    (text, is_kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(calls: f64, instructions: f64) -> Vec<(String, Budget)> {
        let budget = Budget {
            calls: Some(calls),
            instructions: Some(instructions),
        };
        vec![("wait-1".to_owned(), budget)]
    }

    #[test]
    fn a_count_beyond_its_budget_fails_the_guard() {
        let budgets = Budgets {
            instructions_tolerance_percent: 3.0,
            instructions_tolerance_min: 2.0,
            calls_tolerance: 0.05,
            rustc: String::new(),
            scenarios: counted(1.0, 100.0).into_iter().collect(),
        };
        assert!(compare(&budgets, &counted(1.04, 102.0)).1);
        assert!(compare(&budgets, &counted(0.0, 50.0)).1);
        let (text, is_kept) = compare(&budgets, &counted(2.0, 100.0));
        assert!(!is_kept && text.contains("EXCEEDED"), "{text}");
        assert!(!compare(&budgets, &counted(1.0, 104.0)).1);
    }

    #[test]
    fn a_scenario_without_a_budget_fails_the_guard() {
        let (text, is_kept) = compare(&Budgets::default(), &counted(1.0, 1.0));
        assert!(!is_kept && text.contains("NO BUDGET"), "{text}");
    }
}
