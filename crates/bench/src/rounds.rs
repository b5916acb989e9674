//! The method: sides measured in interleaved rounds, the order reversed in each.
//!
//! Every ratio is taken within one round, where both sides met the same machine. How many turns a
//! sample has is found out once for each side, so that a sample takes the same time whatever is
//! measured. A side that fails is left out and its error noted; the others go on.

use std::io;
use std::time::{Duration, Instant};

use crate::progress::Progress;
use crate::report::{Place, Row, Side};

/// What one sample took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The measured part, without what prepared it.
    pub(crate) elapsed: Duration,
    /// Events, changes or turns in that time.
    pub(crate) units: u64,
}

impl Sample {
    /// Times so many turns of one unit each.
    pub(crate) fn of_turns(
        turns: u32,
        mut turn: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Self> {
        let start = Instant::now();
        for _ in 0..turns {
            turn()?;
        }
        Ok(Self {
            elapsed: start.elapsed(),
            units: turns.into(),
        })
    }

    fn nanoseconds_per_unit(self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.units.max(1) as f64
    }
}

/// Sets up, warms up, and takes a sample of so many turns.
type Measurement<'a> = Box<dyn FnMut(u32) -> io::Result<Sample> + 'a>;

/// How a run is to be made, and what came of it.
pub(crate) struct Kit {
    /// Pairs for each ratio.
    pub(crate) rounds: usize,
    /// How long a sample is to take.
    pub(crate) sample: Duration,
    /// Whether it is a trial, with fewer rounds of smaller size.
    pub(crate) is_quick: bool,
    /// The line on standard error.
    pub(crate) progress: Progress,
    /// The rows so far.
    pub(crate) rows: Vec<Row>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

/// Pairs in a full run; the interval of the median is then the 4th to the 12th.
const ROUNDS: usize = 15;
/// Pairs in a trial: the fewest whose range is an interval of 95 %.
const ROUNDS_QUICK: usize = 6;

impl Kit {
    /// For a full run, or for a trial.
    pub(crate) fn new(is_quick: bool) -> Self {
        Self {
            rounds: if is_quick { ROUNDS_QUICK } else { ROUNDS },
            sample: Duration::from_millis(if is_quick { 2 } else { 20 }),
            is_quick,
            progress: Progress::start(),
            rows: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Measures all sides and adds the row.
    pub(crate) fn run(&mut self, comparison: Comparison<'_>) {
        let row = comparison.run(self);
        self.rows.push(row);
    }

    /// Notes what was left out.
    pub(crate) fn skip(&mut self, what: impl Into<String>) {
        self.skipped.push(what.into());
    }
}

/// One row to be measured.
pub(crate) struct Comparison<'a> {
    row: Row,
    runners: Vec<Runner<'a>>,
    claims: Vec<Demand>,
    /// Units of the table in a nanosecond.
    scale: f64,
    /// Whether the number of turns is found out; else a measurement has a time of its own.
    calibrates: bool,
}

struct Runner<'a> {
    name: String,
    measurement: Measurement<'a>,
    turns: u32,
    figures: Vec<f64>,
    failure: Option<io::Error>,
}

enum Demand {
    Ratio(String, String, Option<f64>),
    Alarm(String, String, f64),
    Difference(String, String, Option<f64>),
    Figure(String, f64),
}

impl<'a> Comparison<'a> {
    /// A row without sides so far.
    pub(crate) fn new(case: &str, title: impl Into<String>, unit: &str) -> Self {
        Self {
            row: Row::new(case, title, unit),
            runners: Vec::new(),
            claims: Vec::new(),
            scale: 1.0,
            calibrates: true,
        }
    }

    /// Takes figures in microseconds, and leaves to each measurement how long it takes.
    pub(crate) fn in_microseconds(mut self) -> Self {
        self.scale = 1e-3;
        self.calibrates = false;
        self
    }

    /// Gives the row a place in a chart.
    pub(crate) fn at(mut self, chart: &str, label: impl Into<String>, x: Option<f64>) -> Self {
        self.row.place = Some(Place {
            chart: chart.to_owned(),
            label: label.into(),
            x,
        });
        self
    }

    /// Adds a side.
    pub(crate) fn side(
        &mut self,
        name: &str,
        measurement: impl FnMut(u32) -> io::Result<Sample> + 'a,
    ) {
        self.runners.push(Runner {
            name: name.to_owned(),
            measurement: Box::new(measurement),
            turns: 1,
            figures: Vec::new(),
            failure: None,
        });
    }

    /// Claims that the ratio of two sides is at most `bound`; without it, shows the ratio.
    pub(crate) fn claim_ratio(&mut self, of: &str, to: &str, bound: impl Into<Option<f64>>) {
        let bound = bound.into();
        let demand = Demand::Ratio(of.to_owned(), to.to_owned(), bound);
        self.claims.push(demand);
    }

    /// Like [`claim_ratio`](Self::claim_ratio) for what is too noisy to be more than an alarm.
    pub(crate) fn alarm_ratio(&mut self, of: &str, to: &str, bound: f64) {
        let demand = Demand::Alarm(of.to_owned(), to.to_owned(), bound);
        self.claims.push(demand);
    }

    /// Claims that one side's figure exceeds another's by at most `bound`.
    pub(crate) fn claim_difference(&mut self, of: &str, to: &str, bound: impl Into<Option<f64>>) {
        let demand = Demand::Difference(of.to_owned(), to.to_owned(), bound.into());
        self.claims.push(demand);
    }

    /// The case's name.
    pub(crate) fn case(&self) -> &str {
        &self.row.case
    }

    /// Claims that one side's figure is at most `bound`.
    pub(crate) fn claim_figure(&mut self, of: &str, bound: f64) {
        self.claims.push(Demand::Figure(of.to_owned(), bound));
    }

    fn run(mut self, kit: &mut Kit) -> Row {
        let what = format!("{} {}", self.row.case, self.row.title);
        for runner in &mut self.runners {
            kit.progress
                .say(&what, &format!("how fast is {}", runner.name));
            runner.attempt(|runner| {
                if self.calibrates {
                    runner.calibrate(kit.sample)
                } else {
                    // The first sample meets cold caches, and is thrown away.
                    (runner.measurement)(1).map(drop)
                }
            });
        }
        for round in 0..kit.rounds {
            kit.progress
                .say(&what, &format!("round {} of {}", round + 1, kit.rounds));
            let mut order: Vec<&mut Runner<'_>> = self.runners.iter_mut().collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for runner in order {
                runner.attempt(Runner::measure);
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Row {
        for runner in self.runners {
            match runner.failure {
                None => {
                    let figures = runner.figures.iter().map(|figure| figure * self.scale);
                    let side = Side::new(&runner.name, figures.collect());
                    self.row.sides.extend(side);
                }
                Some(failure) => self.row.notes.push(format!("{}: {failure}", runner.name)),
            }
        }
        for demand in self.claims {
            match demand {
                Demand::Ratio(of, to, bound) => self.row.claim_ratio(&of, &to, bound),
                Demand::Difference(of, to, bound) => self.row.claim_difference(&of, &to, bound),
                Demand::Alarm(of, to, bound) => {
                    let before = self.row.claims.len();
                    self.row.claim_ratio(&of, &to, Some(bound));
                    if let Some(claim) = self.row.claims.get_mut(before) {
                        claim.is_alarm_only = true;
                    }
                }
                Demand::Figure(of, bound) => self.row.claim_figure(&of, bound),
            }
        }
        self.row
    }
}

impl Runner<'_> {
    fn attempt(&mut self, step: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failure.is_none() {
            self.failure = step(self).err();
        }
    }

    fn measure(&mut self) -> io::Result<()> {
        let sample = (self.measurement)(self.turns)?;
        self.figures.push(sample.nanoseconds_per_unit());
        Ok(())
    }

    /// Doubles and more until a sample takes a tenth of `time`, then extrapolates.
    fn calibrate(&mut self, time: Duration) -> io::Result<()> {
        loop {
            let elapsed = (self.measurement)(self.turns)?
                .elapsed
                .max(Duration::from_nanos(1));
            if elapsed * 10 >= time || self.turns == u32::MAX {
                let factor = time.as_nanos() / elapsed.as_nanos();
                let turns = u128::from(self.turns) * factor;
                self.turns = u32::try_from(turns).unwrap_or(u32::MAX).max(1);
                return Ok(());
            }
            self.turns = self.turns.saturating_mul(8);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn kit() -> Kit {
        Kit::new(true)
    }

    #[test]
    fn the_order_is_reversed_in_every_other_round() {
        let calls = RefCell::new(Vec::new());
        let mut comparison = Comparison::new("T", "order", "ns");
        for name in ["a", "b"] {
            let calls = &calls;
            comparison.side(name, move |turns| {
                calls.borrow_mut().push(name);
                Ok(Sample {
                    elapsed: Duration::from_secs(1),
                    units: turns.into(),
                })
            });
        }
        comparison.claim_ratio("a", "b", 1.0);
        let row = comparison.run(&mut kit());
        // Two calls to calibrate, then the rounds.
        let calls = calls.borrow();
        assert_eq!(calls[2..8], ["a", "b", "b", "a", "a", "b"]);
        assert_eq!(row.claims.len(), 1);
        assert_eq!(row.sides[0].figures.len(), ROUNDS_QUICK);
    }

    #[test]
    fn a_side_that_fails_is_noted_and_the_others_go_on() {
        let mut comparison = Comparison::new("T", "failure", "ns");
        comparison.side("good", |turns| Sample::of_turns(turns, || Ok(())));
        comparison.side("bad", |_| Err(io::Error::other("no such thing")));
        comparison.claim_ratio("bad", "good", 1.0);
        let row = comparison.run(&mut kit());
        assert_eq!(row.sides.len(), 1);
        assert_eq!(row.notes, ["bad: no such thing"]);
        assert!(row.claims.is_empty());
    }

    #[test]
    fn a_sample_gets_as_many_turns_as_fill_its_time() {
        let mut comparison = Comparison::new("T", "calibration", "ns");
        comparison.side("side", |turns| {
            Ok(Sample {
                elapsed: Duration::from_nanos(100) * turns,
                units: turns.into(),
            })
        });
        comparison.run(&mut kit());
        let mut runner = Runner {
            name: String::new(),
            measurement: Box::new(|turns| {
                Ok(Sample {
                    elapsed: Duration::from_nanos(100) * turns,
                    units: turns.into(),
                })
            }),
            turns: 1,
            figures: Vec::new(),
            failure: None,
        };
        runner.calibrate(Duration::from_millis(2)).unwrap();
        assert!(
            (10_000..=20_000).contains(&runner.turns),
            "{}",
            runner.turns
        );
    }
}
