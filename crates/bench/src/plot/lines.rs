//! A chart of lines with logarithmic axes: one figure for each number of something.

use super::svg::{Anchor, SERIES_MAX, Svg};
use crate::table::{figure, grouped};

/// What is drawn.
pub(crate) struct LineChart {
    pub(crate) title: String,
    pub(crate) x_axis: String,
    pub(crate) y_axis: String,
    pub(crate) series: Vec<Series>,
    /// The small line below: where and when.
    pub(crate) source: String,
}

/// One line.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) colour: usize,
    /// By x; both are positive.
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 74.0;
/// Between two names at the right.
const NAME_HEIGHT: f64 = 17.0;

/// Draws it; `None` without two points of one series.
pub(crate) fn draw(chart: &LineChart) -> Option<String> {
    let all = || chart.series.iter().flat_map(|series| &series.points);
    let x = Scale::of(all().map(|point| point.0), LEFT, WIDTH - RIGHT)?;
    let y = Scale::of(all().map(|point| point.1), HEIGHT - BOTTOM, TOP)?.in_decades();
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.bar("page", (0.0, 0.0), WIDTH, HEIGHT);
    svg.text("title", (20.0, 26.0), Anchor::Start, &chart.title);
    svg.text("small", (20.0, 45.0), Anchor::Start, &chart.y_axis);
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    let below = HEIGHT - BOTTOM;
    svg.text(
        "pale",
        (middle, below + 38.0),
        Anchor::Middle,
        &chart.x_axis,
    );
    svg.text("small", (20.0, HEIGHT - 10.0), Anchor::Start, &chart.source);
    for value in y.decades() {
        let at = y.at(value);
        svg.line("grid", (LEFT, at), (WIDTH - RIGHT, at));
        svg.text("pale", (LEFT - 8.0, at + 4.0), Anchor::End, label(value));
    }
    for value in distinct(all().map(|point| point.0)) {
        let at = x.at(value);
        svg.line("axis", (at, below), (at, below + 5.0));
        svg.text("pale", (at, below + 20.0), Anchor::Middle, grouped(value));
    }
    svg.line("axis", (LEFT, below), (WIDTH - RIGHT, below));
    for series in &chart.series {
        let number = series.colour % SERIES_MAX;
        let points: Vec<(f64, f64)> = series
            .points
            .iter()
            .map(|point| (x.at(point.0), y.at(point.1)))
            .collect();
        svg.path(&format!("series l{number}"), &points);
        for &point in &points {
            svg.dot(&format!("f{number}"), point, 3.5);
        }
    }
    write_names(&mut svg, chart, &x, &y);
    Some(svg.finish(&chart.title))
}

/// Each line's name at its end, moved apart where lines end close together.
fn write_names(svg: &mut Svg, chart: &LineChart, x: &Scale, y: &Scale) {
    let mut names: Vec<(f64, f64, usize, &Series)> = Vec::new();
    for series in &chart.series {
        let Some(last) = series.points.last() else {
            continue;
        };
        let (left, top) = (x.at(last.0), y.at(last.1));
        let colour = series.colour % SERIES_MAX;
        if last.0 < x.high {
            // It ends early, and there is room behind it.
            let place = (left + 10.0, top + 12.0);
            svg.text(&format!("f{colour}"), place, Anchor::Start, name_of(series));
        } else {
            names.push((top, left, colour, series));
        }
    }
    names.sort_by(|one, other| one.0.total_cmp(&other.0));
    let places = spread_out(&names.iter().map(|name| name.0).collect::<Vec<f64>>());
    for ((end, from, number, series), place) in names.into_iter().zip(places) {
        let left = WIDTH - RIGHT + 14.0;
        svg.line(
            &format!("grid l{number}"),
            (from + 5.0, end),
            (left - 3.0, place),
        );
        let text = name_of(series);
        svg.text(
            &format!("f{number}"),
            (left, place + 4.0),
            Anchor::Start,
            text,
        );
    }
}

/// A series' name with its last figure.
fn name_of(series: &Series) -> String {
    let last = series.points.last().map_or(0.0, |point| point.1);
    format!("{}: {}", series.name, figure(last))
}

/// Places near the wanted ones, in order, at least a name's height apart, within the chart.
fn spread_out(wanted: &[f64]) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::with_capacity(wanted.len());
    for &want in wanted {
        let lowest = places.last().map_or(TOP, |last| last + NAME_HEIGHT);
        places.push(want.max(lowest));
    }
    let mut limit = HEIGHT - BOTTOM;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - NAME_HEIGHT;
    }
    places
}

fn label(value: f64) -> String {
    if value >= 1.0 {
        grouped(value)
    } else {
        value.to_string()
    }
}

fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    // Names of numbers closer than this would overlap.
    let mut kept: Vec<f64> = Vec::new();
    for value in values.into_iter().rev() {
        if kept.last().is_none_or(|last| last / value >= 1.8) {
            kept.push(value);
        }
    }
    kept
}

/// From numbers to pixels, by their logarithm.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let mut low = f64::INFINITY;
        let mut high = 0.0_f64;
        for value in values.filter(|value| *value > 0.0) {
            low = low.min(value);
            high = high.max(value);
        }
        (low <= high).then_some(Self {
            low,
            high,
            from,
            to,
        })
    }

    /// Whole powers of ten at both ends.
    fn in_decades(mut self) -> Self {
        self.low = 10.0_f64.powf(self.low.log10().floor());
        self.high = 10.0_f64.powf(self.high.log10().ceil());
        self
    }

    fn decades(&self) -> Vec<f64> {
        let mut values = vec![self.low];
        while let Some(last) = values.last().copied()
            && last * 1.5 < self.high
        {
            values.push(last * 10.0);
        }
        values
    }

    fn at(&self, value: f64) -> f64 {
        let span = self.high.ln() - self.low.ln();
        let share = if span == 0.0 {
            0.5
        } else {
            (value.max(self.low).ln() - self.low.ln()) / span
        };
        self.from + share * (self.to - self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::svg::is_well_formed;

    fn chart() -> LineChart {
        let series = |name: &str, factor: f64| Series {
            name: name.to_owned(),
            colour: 1,
            points: vec![(10.0, 100.0), (1_000.0, 100.0 * factor)],
        };
        LineChart {
            title: "cost & number".to_owned(),
            x_axis: "descriptors".to_owned(),
            y_axis: "ns".to_owned(),
            series: vec![
                series("flat", 1.0),
                series("also flat", 1.01),
                series("poll", 99.0),
            ],
            source: "here".to_owned(),
        }
    }

    #[test]
    fn a_chart_is_well_formed_and_names_every_series() {
        let text = draw(&chart()).unwrap();
        assert!(is_well_formed(&text), "{text}");
        for name in [
            "flat: 100",
            "also flat: 101",
            "poll: 9900",
            "cost &amp; number",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }

    #[test]
    fn without_points_there_is_no_chart() {
        let mut chart = chart();
        chart.series.clear();
        assert_eq!(draw(&chart), None);
    }

    #[test]
    fn names_never_overlap() {
        let places = spread_out(&[60.0, 61.0, 62.0, 405.0, 406.0]);
        let apart = places.windows(2).all(|two| two[1] - two[0] >= NAME_HEIGHT);
        assert!(apart, "{places:?}");
        assert!(
            places
                .iter()
                .all(|&place| (TOP..=HEIGHT - BOTTOM).contains(&place))
        );
    }

    #[test]
    fn a_scale_is_logarithmic() {
        let scale = Scale::of([10.0, 1_000.0].into_iter(), 0.0, 100.0).unwrap();
        assert!((scale.at(100.0) - 50.0).abs() < 1e-9);
        assert_eq!(scale.in_decades().decades(), [10.0, 100.0, 1_000.0]);
    }
}
