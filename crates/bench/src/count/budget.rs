//! `budgets.toml`: what each scenario may cost.
//!
//! The file is TOML, of which only this much is understood: comments, `key = number`,
//! `key = "text"`, and `[table]`. Anything else is refused with its line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// All budgets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Budgets {
    /// By how many percent a count of instructions may exceed its budget.
    pub(crate) instructions_tolerance_percent: f64,
    /// By how many instructions it may at any rate: the compiler's choices in a small one.
    pub(crate) instructions_tolerance_min: f64,
    /// By how much a count of system calls per turn may exceed its budget.
    pub(crate) calls_tolerance: f64,
    /// The compiler that the instructions were counted with; another one is not judged by them.
    pub(crate) rustc: String,
    /// By scenario.
    pub(crate) scenarios: BTreeMap<String, Budget>,
}

/// What one turn of a scenario may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Budget {
    /// System calls.
    pub(crate) calls: Option<f64>,
    /// Instructions in user space.
    pub(crate) instructions: Option<f64>,
}

const HEAD: &str = "\
# What one turn of each scenario may cost, counted by `cargo run --release -p bench -- guard`:
# system calls (strace -c), and instructions in user space (valgrind --tool=callgrind). Counts do
# not depend on the machine's load; they do on the compiler, so instructions are compared only when
# it is the same. `guard --write` counts anew; say in the commit why it became more.
";

/// Reads the file.
///
/// # Errors
/// The line that is not understood, and what would be.
pub(crate) fn parse(text: &str) -> Result<Budgets, String> {
    let mut budgets = Budgets::default();
    let mut table: Option<String> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let place = |message: &str| format!("line {number}: {message}: {line}");
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name
                .strip_suffix(']')
                .ok_or_else(|| place("[table] expected"))?;
            budgets.scenarios.entry(name.to_owned()).or_default();
            table = Some(name.to_owned());
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| place("key = value expected"))?;
        let (key, value) = (key.trim(), value.trim());
        let figure = || value.parse::<f64>().map_err(|_| place("a number expected"));
        match (table.as_deref(), key) {
            (None, "rustc") => value.trim_matches('"').clone_into(&mut budgets.rustc),
            (None, "instructions_tolerance_percent") => {
                budgets.instructions_tolerance_percent = figure()?;
            }
            (None, "instructions_tolerance_min") => {
                budgets.instructions_tolerance_min = figure()?;
            }
            (None, "calls_tolerance") => budgets.calls_tolerance = figure()?,
            (Some(table), "calls" | "instructions") => {
                let budget = budgets.scenarios.entry(table.to_owned()).or_default();
                let place = if key == "calls" {
                    &mut budget.calls
                } else {
                    &mut budget.instructions
                };
                *place = Some(figure()?);
            }
            _ => return Err(place("unknown key")),
        }
    }
    Ok(budgets)
}

/// The file's text.
pub(crate) fn write(budgets: &Budgets) -> String {
    let mut text = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "rustc = \"{}\"", budgets.rustc);
    let _ = writeln!(
        text,
        "instructions_tolerance_percent = {}\ninstructions_tolerance_min = {}\n\
         calls_tolerance = {}",
        budgets.instructions_tolerance_percent,
        budgets.instructions_tolerance_min,
        budgets.calls_tolerance
    );
    for (name, budget) in &budgets.scenarios {
        let _ = writeln!(text, "\n[{name}]");
        if let Some(calls) = budget.calls {
            let _ = writeln!(text, "calls = {calls:.2}");
        }
        if let Some(instructions) = budget.instructions {
            let _ = writeln!(text, "instructions = {instructions:.0}");
        }
    }
    text
}

/// What a count says beside its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Within it.
    Kept,
    /// Within it by so much that the budget should follow.
    Less,
    /// Beyond it.
    Exceeded,
}

/// Judges a count by its budget and the tolerance in the same unit.
pub(crate) fn judge(count: f64, budget: f64, tolerance: f64) -> Judgement {
    if count > budget + tolerance {
        Judgement::Exceeded
    } else if count < budget - tolerance {
        Judgement::Less
    } else {
        Judgement::Kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut budgets = Budgets {
            instructions_tolerance_percent: 3.5,
            instructions_tolerance_min: 30.0,
            calls_tolerance: 0.05,
            rustc: "rustc 1.95.0".to_owned(),
            ..Budgets::default()
        };
        let budget = Budget {
            calls: Some(1.25),
            instructions: Some(420.0),
        };
        budgets.scenarios.insert("wait-1".to_owned(), budget);
        budgets
            .scenarios
            .insert("empty".to_owned(), Budget::default());
        assert_eq!(parse(&write(&budgets)), Ok(budgets));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let table = [
            ("\nnonsense\n", "line 2: key = value expected: nonsense"),
            ("[wait\n", "line 1: [table] expected: [wait"),
            (
                "[a]\ncalls = many\n",
                "line 2: a number expected: calls = many",
            ),
            ("[a]\nrustc = \"x\"\n", "line 2: unknown key: rustc = \"x\""),
        ];
        for (text, message) in table {
            assert_eq!(parse(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn a_count_is_judged_with_its_tolerance() {
        assert_eq!(judge(103.0, 100.0, 3.0), Judgement::Kept);
        assert_eq!(judge(103.1, 100.0, 3.0), Judgement::Exceeded);
        assert_eq!(judge(96.9, 100.0, 3.0), Judgement::Less);
    }
}
