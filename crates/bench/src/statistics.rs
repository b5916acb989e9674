//! Median, its interval, and the verdict: all the statistics there are.
//!
//! Figures of a shared machine have no distribution worth a formula, so nothing is assumed about
//! it: the interval of the median is read off the sorted figures (order statistics), and the
//! verdict looks at the interval, never at the median alone.

use serde::{Deserialize, Serialize};

/// The chance, in percent, that the true median lies outside the interval, at most.
const DOUBT_PERCENT: f64 = 5.0;

/// The middle of some figures, and between which of them the true median lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// Lower end of the 95 % interval; with fewer than six figures, the smallest.
    pub(crate) low: f64,
    /// Upper end of the 95 % interval; with fewer than six figures, the largest.
    pub(crate) high: f64,
}

impl Spread {
    /// Of at least one figure; `None` without any, or if one is not a number.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        if figures.iter().any(|figure| !figure.is_finite()) {
            return None;
        }
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let rank = interval_rank(count);
        Some(Self {
            median: (sorted.get((count.max(1) - 1) / 2)? + sorted.get(count / 2)?) / 2.0,
            low: *sorted.get(rank - 1)?,
            high: *sorted.get(count - rank)?,
        })
    }

    /// One figure that is exact, such as a count.
    pub(crate) const fn exact(figure: f64) -> Self {
        Self {
            median: figure,
            low: figure,
            high: figure,
        }
    }
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// The whole interval keeps the bound.
    Met,
    /// The whole interval is beyond the bound.
    NotMet,
    /// The bound lies in the interval.
    Undecided,
}

impl Verdict {
    /// Of figures that are to be at most `bound`.
    pub(crate) fn at_most(spread: Spread, bound: f64) -> Self {
        if spread.high <= bound {
            Self::Met
        } else if spread.low > bound {
            Self::NotMet
        } else {
            Self::Undecided
        }
    }

    /// The words of the table.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "NOT MET",
            Self::Undecided => "undecided",
        }
    }
}

/// The rank from either end, counted from 1, at which the interval ends: the largest one that
/// leaves the true median outside with at most 5 %. Each figure is above the true median with one
/// half, so the number of figures below it is binomial.
fn interval_rank(count: usize) -> usize {
    let mut rank = 1;
    // The terms of the binomial distribution, as fractions of all 2^count outcomes.
    let mut term = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    let mut outside = term;
    while rank < count / 2 {
        term *= (count - rank + 1) as f64 / rank as f64;
        outside += term;
        if 2.0 * outside * 100.0 > DOUBT_PERCENT {
            break;
        }
        rank += 1;
    }
    rank
}

/// Each figure divided by its partner of the same round.
pub(crate) fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    of.iter().zip(to).map(|(of, to)| of / to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_fifteen_runs_from_the_fourth_to_the_twelfth() {
        let figures: Vec<f64> = (1..=15).rev().map(f64::from).collect();
        let spread = Spread::of(&figures).unwrap();
        assert_eq!((spread.low, spread.median, spread.high), (4.0, 8.0, 12.0));
    }

    #[test]
    fn the_ranks_are_those_of_the_published_tables() {
        // Confidence intervals of the median by order statistics, 95 %.
        let table = [
            (6, 1),
            (8, 1),
            (9, 2),
            (11, 2),
            (12, 3),
            (15, 4),
            (20, 6),
            (25, 8),
        ];
        for (count, rank) in table {
            assert_eq!(interval_rank(count), rank, "of {count} figures");
        }
    }

    #[test]
    fn few_figures_have_their_range_as_interval() {
        let spread = Spread::of(&[3.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((spread.low, spread.median, spread.high), (1.0, 2.5, 10.0));
        assert_eq!(Spread::of(&[7.0]), Some(Spread::exact(7.0)));
    }

    #[test]
    fn what_is_no_number_has_no_spread() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
        assert_eq!(Spread::of(&[f64::INFINITY]), None);
    }

    #[test]
    fn the_verdict_looks_at_the_interval() {
        let spread = Spread {
            median: 1.05,
            low: 1.02,
            high: 1.08,
        };
        assert_eq!(Verdict::at_most(spread, 1.08), Verdict::Met);
        assert_eq!(Verdict::at_most(spread, 1.07), Verdict::Undecided);
        assert_eq!(Verdict::at_most(spread, 1.02), Verdict::Undecided);
        assert_eq!(Verdict::at_most(spread, 1.01), Verdict::NotMet);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        assert_eq!(ratios(&[2.0, 9.0], &[1.0, 3.0]), [2.0, 3.0]);
    }
}
