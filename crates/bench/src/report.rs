//! What was measured, as values: rows of figures with claims about them. Printed by `table`,
//! written as JSON, drawn by `plot`.

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::statistics::{Spread, Verdict, ratios};

/// All of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// How it was started.
    pub(crate) command: String,
    /// Where, when and of what.
    pub(crate) machine: Machine,
    /// How many pairs each ratio is the median of.
    pub(crate) rounds: usize,
    /// The rows, in the order of the cases.
    pub(crate) rows: Vec<Row>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

/// One line of the table: several sides doing one job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The case, such as `Q3`.
    pub(crate) case: String,
    /// What the sides do.
    pub(crate) title: String,
    /// The unit of every figure.
    pub(crate) unit: String,
    /// Who was measured, the floor first.
    pub(crate) sides: Vec<Side>,
    /// What is claimed of it.
    pub(crate) claims: Vec<Claim>,
    /// What a reader must know to judge the figures.
    pub(crate) notes: Vec<String>,
    /// The place in a chart, if it has one.
    pub(crate) place: Option<Place>,
}

/// Where a row stands in a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The chart's file name without its end.
    pub(crate) chart: String,
    /// The row's label in a bar chart.
    pub(crate) label: String,
    /// Its position in a chart of lines.
    pub(crate) x: Option<f64>,
}

/// One side's figures, one for each round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Side {
    /// `epoll`, `kevent`, `nginx`...
    pub(crate) name: String,
    /// Their middle and its interval.
    pub(crate) spread: Spread,
    /// By round.
    pub(crate) figures: Vec<f64>,
}

/// What is claimed of one side: its ratio to another one, or its figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// `kevent / epoll`, or `kevent`.
    pub(crate) about: String,
    /// The ratio, or the figure.
    pub(crate) spread: Spread,
    /// What it is to be at most; without it the claim only informs.
    pub(crate) bound: Option<f64>,
    /// How that came out.
    pub(crate) verdict: Option<Verdict>,
    /// Whether a failure calls for a look and no more, because the figure is noisy by nature.
    pub(crate) is_alarm_only: bool,
}

impl Side {
    /// `None` without figures.
    pub(crate) fn new(name: &str, figures: Vec<f64>) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            spread: Spread::of(&figures)?,
            figures,
        })
    }
}

impl Claim {
    /// About a figure or ratio that has this spread.
    pub(crate) fn new(about: String, spread: Spread, bound: Option<f64>) -> Self {
        Self {
            about,
            spread,
            bound,
            verdict: bound.map(|bound| Verdict::at_most(spread, bound)),
            is_alarm_only: false,
        }
    }
}

impl Row {
    /// A row without figures so far.
    pub(crate) fn new(case: &str, title: impl Into<String>, unit: &str) -> Self {
        Self {
            case: case.to_owned(),
            title: title.into(),
            unit: unit.to_owned(),
            sides: Vec::new(),
            claims: Vec::new(),
            notes: Vec::new(),
            place: None,
        }
    }

    /// Adds a side that has one exact figure.
    pub(crate) fn exact(&mut self, name: &str, figure: f64) {
        self.sides.extend(Side::new(name, vec![figure]));
    }

    /// The side of this name.
    pub(crate) fn side(&self, name: &str) -> Option<&Side> {
        self.sides.iter().find(|side| side.name == name)
    }

    /// Claims that the ratio of two sides, taken round by round, is at most `bound`. Nothing is
    /// claimed if one of them is missing; who is missing stands in the notes.
    pub(crate) fn claim_ratio(&mut self, of: &str, to: &str, bound: Option<f64>) {
        let (Some(above), Some(below)) = (self.side(of), self.side(to)) else {
            return;
        };
        if let Some(spread) = Spread::of(&ratios(&above.figures, &below.figures)) {
            let claim = Claim::new(format!("{of} / {to}"), spread, bound);
            self.claims.push(claim);
        }
    }

    /// Claims that one side's figure exceeds another's, round by round, by at most `bound`.
    pub(crate) fn claim_difference(&mut self, of: &str, to: &str, bound: Option<f64>) {
        let (Some(above), Some(below)) = (self.side(of), self.side(to)) else {
            return;
        };
        let pairs = above.figures.iter().zip(&below.figures);
        let differences: Vec<f64> = pairs.map(|(above, below)| above - below).collect();
        if let Some(spread) = Spread::of(&differences) {
            let claim = Claim::new(format!("{of} - {to}"), spread, bound);
            self.claims.push(claim);
        }
    }

    /// Claims that one side's figure is at most `bound`.
    pub(crate) fn claim_figure(&mut self, of: &str, bound: f64) {
        if let Some(side) = self.side(of) {
            let claim = Claim::new(of.to_owned(), side.spread, Some(bound));
            self.claims.push(claim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let mut row = Row::new("Q1", "wait", "ns");
        row.sides
            .extend(Side::new("epoll", vec![100.0, 200.0, 300.0]));
        row.sides
            .extend(Side::new("kevent", vec![110.0, 210.0, 300.0]));
        row
    }

    #[test]
    fn a_ratio_is_of_pairs_and_not_of_medians() {
        let mut row = row();
        row.claim_ratio("kevent", "epoll", Some(1.2));
        let claim = &row.claims[0];
        assert_eq!(claim.spread.median, 210.0 / 200.0);
        assert_eq!((claim.spread.low, claim.spread.high), (1.0, 1.1));
        assert_eq!(claim.verdict, Some(Verdict::Met));
    }

    #[test]
    fn nothing_is_claimed_of_a_missing_side() {
        let mut row = row();
        row.claim_ratio("kevent", "peer", Some(1.0));
        row.claim_figure("peer", 1.0);
        assert!(row.claims.is_empty());
    }

    #[test]
    fn a_report_survives_json() {
        let mut row = row();
        row.claim_figure("kevent", 100.0);
        let text = serde_json::to_string(&row).unwrap();
        let back: Row = serde_json::from_str(&text).unwrap();
        assert_eq!(back.claims[0].verdict, Some(Verdict::NotMet));
        assert_eq!(back.sides[1].figures, row.sides[1].figures);
    }
}
