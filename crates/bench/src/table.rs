//! The report as text: figures of every side, then what is claimed and how it came out.

use std::fmt::{self, Write as _};

use crate::report::{Claim, Report, Row};
use crate::statistics::Verdict;

/// The whole report.
pub(crate) fn text_of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut text, report);
    text
}

fn write_report(text: &mut String, report: &Report) -> fmt::Result {
    let machine = &report.machine;
    writeln!(text, "{} on {}", report.command, machine.date)?;
    writeln!(
        text,
        "{}, {} usable; {}; load average {:.2}",
        machine.processor, machine.processors, machine.kernel, machine.load
    )?;
    for (name, version) in &machine.versions {
        writeln!(text, "  {name}: {version}")?;
    }
    if let Some(warning) = machine.distrust() {
        writeln!(text, "WARNING: {warning}")?;
    }
    let rounds = report.rounds;
    writeln!(
        text,
        "Figures and ratios: median [95 % interval] of {rounds} interleaved rounds."
    )?;
    for row in &report.rows {
        write_row(text, row)?;
    }
    for skipped in &report.skipped {
        writeln!(text, "SKIPPED  {skipped}")?;
    }
    write_summary(text, report)
}

fn write_row(text: &mut String, row: &Row) -> fmt::Result {
    writeln!(text, "\n{:<4} {} ({})", row.case, row.title, row.unit)?;
    for side in &row.sides {
        let (low, high) = (figure(side.spread.low), figure(side.spread.high));
        let median = figure(side.spread.median);
        if side.figures.len() == 1 {
            writeln!(text, "     {:<34} {median:>11}", side.name)?;
        } else {
            writeln!(text, "     {:<34} {median:>11}  [{low}, {high}]", side.name)?;
        }
    }
    for claim in &row.claims {
        write_claim(text, claim)?;
    }
    for note in &row.notes {
        writeln!(text, "     note: {note}")?;
    }
    Ok(())
}

fn write_claim(text: &mut String, claim: &Claim) -> fmt::Result {
    let (low, high) = (figure(claim.spread.low), figure(claim.spread.high));
    let median = figure(claim.spread.median);
    write!(
        text,
        "   > {:<34} {median:>11}  [{low}, {high}]",
        claim.about
    )?;
    if let (Some(bound), Some(verdict)) = (claim.bound, claim.verdict) {
        write!(text, "  <= {}: {}", figure(bound), verdict.words())?;
        if claim.is_alarm_only && verdict != Verdict::Met {
            write!(text, " (alarm only)")?;
        }
    }
    writeln!(text)
}

fn write_summary(text: &mut String, report: &Report) -> fmt::Result {
    let count = |wanted: Verdict| {
        let claims = report.rows.iter().flat_map(|row| &row.claims);
        claims.filter(|claim| claim.verdict == Some(wanted)).count()
    };
    writeln!(
        text,
        "\n{} met, {} not met, {} undecided; {} skipped",
        count(Verdict::Met),
        count(Verdict::NotMet),
        count(Verdict::Undecided),
        report.skipped.len()
    )
}

/// Four digits that count, whatever the size.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 10_000.0 {
        grouped(value)
    } else if size >= 1_000.0 || value == value.trunc() {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// A large number with a comma for every thousand.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_that_count() {
        let table = [
            (0.5, "0.500"),
            (1.0844, "1.084"),
            (12.345, "12.35"),
            (123.45, "123.5"),
            (1234.5, "1234"),
            (3.0, "3"),
            (1_234_567.0, "1,234,567"),
            (-12_345.0, "-12,345"),
        ];
        for (value, text) in table {
            assert_eq!(figure(value), text);
        }
    }
}
