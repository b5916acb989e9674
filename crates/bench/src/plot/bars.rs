//! A chart of horizontal bars in groups: one group for each row, one bar for each side, with the
//! interval of its median.

use super::svg::{Anchor, SERIES_MAX, Svg};
use crate::statistics::Spread;
use crate::table::figure;

/// What is drawn.
pub(crate) struct BarChart {
    pub(crate) title: String,
    pub(crate) unit: String,
    pub(crate) groups: Vec<Group>,
    /// The small line below: where and when.
    pub(crate) source: String,
}

/// A row's sides.
pub(crate) struct Group {
    pub(crate) label: String,
    /// Name, series, figure.
    pub(crate) bars: Vec<(String, usize, Spread)>,
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 310.0;
const RIGHT: f64 = 100.0;
const TOP: f64 = 66.0;
const BAR: f64 = 15.0;
const STEP: f64 = 19.0;
const GAP: f64 = 16.0;

/// Draws it, each group to its own largest figure: groups have sizes of their own, and only bars
/// of one group compare. `None` without bars.
pub(crate) fn draw(chart: &BarChart) -> Option<String> {
    let bars: usize = chart.groups.iter().map(|group| group.bars.len()).sum();
    if bars == 0 {
        return None;
    }
    let height = TOP + STEP * bars as f64 + GAP * chart.groups.len() as f64 + 28.0;
    let mut svg = Svg::new(WIDTH, height);
    svg.bar("page", (0.0, 0.0), WIDTH, height);
    svg.text("title", (20.0, 26.0), Anchor::Start, &chart.title);
    let explanation = format!(
        "{}; shorter is better; each group has a scale of its own; whiskers: 95 % interval",
        chart.unit
    );
    svg.text("small", (20.0, 45.0), Anchor::Start, explanation);
    let mut top = TOP;
    for group in &chart.groups {
        top = draw_group(&mut svg, group, top) + GAP;
    }
    svg.text("small", (20.0, height - 10.0), Anchor::Start, &chart.source);
    Some(svg.finish(&chart.title))
}

fn draw_group(svg: &mut Svg, group: &Group, mut top: f64) -> f64 {
    let largest = group.bars.iter().map(|bar| bar.2.high).fold(0.0, f64::max);
    let at = |value: f64| {
        let share = if largest > 0.0 { value / largest } else { 0.0 };
        LEFT + share * (WIDTH - LEFT - RIGHT)
    };
    svg.text("", (20.0, top + 12.0), Anchor::Start, &group.label);
    for (name, series, spread) in &group.bars {
        let series = series % SERIES_MAX;
        let middle = top + BAR / 2.0;
        svg.text("pale", (LEFT - 8.0, top + 12.0), Anchor::End, name);
        let end = at(spread.median);
        svg.bar(&format!("f{series}"), (LEFT, top), end - LEFT, BAR);
        if spread.low < spread.high {
            let (low, high) = (at(spread.low), at(spread.high));
            // Twice, the first time broad and in the page's colour: it shows on any bar.
            for class in ["halo", "spread"] {
                svg.line(class, (low, middle), (high, middle));
                for x in [low, high] {
                    svg.line(class, (x, middle - 4.0), (x, middle + 4.0));
                }
            }
        }
        let value = (at(spread.high).max(end) + 8.0, top + 12.0);
        svg.text("", value, Anchor::Start, figure(spread.median));
        top += STEP;
    }
    svg.line(
        "axis",
        (LEFT, top - STEP * group.bars.len() as f64 - 2.0),
        (LEFT, top - 1.0),
    );
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::svg::is_well_formed;

    #[test]
    fn a_chart_is_well_formed_and_shows_every_bar() {
        let spread = Spread {
            median: 5.5,
            low: 5.0,
            high: 6.0,
        };
        let chart = BarChart {
            title: "servers".to_owned(),
            unit: "us".to_owned(),
            groups: vec![Group {
                label: "1 KB & more".to_owned(),
                bars: vec![
                    ("floor".to_owned(), 0, Spread::exact(3.25)),
                    ("webserv".to_owned(), 1, spread),
                ],
            }],
            source: "here".to_owned(),
        };
        let text = draw(&chart).unwrap();
        assert!(is_well_formed(&text), "{text}");
        for wanted in [
            "1 KB &amp; more",
            ">floor<",
            ">3.250<",
            ">webserv<",
            ">5.500<",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert_eq!(text.matches("class=\"spread\"").count(), 3, "one interval");
    }

    #[test]
    fn without_bars_there_is_no_chart() {
        let chart = BarChart {
            title: String::new(),
            unit: String::new(),
            groups: Vec::new(),
            source: String::new(),
        };
        assert_eq!(draw(&chart), None);
    }
}
