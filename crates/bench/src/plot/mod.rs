//! Charts of a report, as SVG: which there are, and which rows they show.

mod bars;
mod lines;
mod svg;

use std::fs;
use std::io;
use std::path::Path;

use bars::{BarChart, Group};
use lines::{LineChart, Series};

use crate::report::{Report, Row};

/// A chart that there is.
struct Chart {
    /// The file's name without its end; rows name it in their place.
    name: &'static str,
    title: &'static str,
    form: Form,
}

enum Form {
    /// By x; the axis' name; only rows with this label, if it is not empty.
    Lines(&'static str, &'static str),
    Bars,
}

const CHARTS: &[Chart] = &[
    Chart {
        name: "table-63-9",
        title: "One random descriptor ready among N idle ones",
        form: Form::Lines("watched descriptors", ""),
    },
    Chart {
        name: "cost-per-event",
        title: "What an event costs",
        form: Form::Bars,
    },
    Chart {
        name: "changelist",
        title: "What a change costs",
        form: Form::Bars,
    },
    Chart {
        name: "timers-add",
        title: "Adding a timer",
        form: Form::Lines("live timers", "add"),
    },
    Chart {
        name: "timers-cancel",
        title: "Cancelling a timer",
        form: Form::Lines("live timers", "cancel"),
    },
    Chart {
        name: "server",
        title: "What a request costs the server",
        form: Form::Bars,
    },
];

/// Draws every chart that the report has figures for.
pub(crate) fn draw(report: &Report, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for chart in CHARTS {
        let rows = rows_of(report, chart);
        if let Some(text) = text_of(chart, &rows, source_of(report)) {
            fs::write(directory.join(format!("{}.svg", chart.name)), text)?;
        }
    }
    Ok(())
}

fn rows_of<'r>(report: &'r Report, chart: &Chart) -> Vec<&'r Row> {
    let belongs = |row: &&Row| {
        let Some(place) = &row.place else {
            return false;
        };
        match chart.form {
            Form::Bars => place.chart == chart.name,
            Form::Lines(_, label) => chart.name.starts_with(&place.chart) && place.label == label,
        }
    };
    report.rows.iter().filter(belongs).collect()
}

fn text_of(chart: &Chart, rows: &[&Row], source: String) -> Option<String> {
    let first = rows.first()?;
    match chart.form {
        Form::Lines(x_axis, _) => lines::draw(&LineChart {
            title: chart.title.to_owned(),
            x_axis: x_axis.to_owned(),
            y_axis: format!("{}, both axes logarithmic", unit_of(first)),
            series: series_of(rows),
            source,
        }),
        Form::Bars => bars::draw(&BarChart {
            title: chart.title.to_owned(),
            unit: unit_of(first),
            groups: groups_of(rows),
            source,
        }),
    }
}

/// The unit as print has it; the table keeps to ASCII.
fn unit_of(row: &Row) -> String {
    match row.unit.strip_prefix("us ") {
        Some(rest) => format!("\u{b5}s {rest}"),
        None => row.unit.clone(),
    }
}

/// Sides that have the same colour in every chart; the floor is the grey one.
const KNOWN: &[(&str, usize)] = &[
    ("epoll", 0),
    ("timerfd", 0),
    ("kevent", 1),
    ("libkqueue", 2),
    ("peer libkqueue", 3),
    ("kevent, with data", 4),
    ("kevent, by handle", 4),
    ("poll", 5),
    ("select", 6),
    ("floor: epoll", 0),
    ("webserv", 1),
    ("nginx", 2),
    ("nginx, deferred", 2),
    ("h2o", 3),
    ("lighttpd", 4),
    ("caddy", 5),
    ("step: kevent", 6),
    ("step: kevent-async", 7),
];

fn colour_of(name: &str) -> usize {
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    known.map_or(svg::SERIES_MAX - 1, |(_, colour)| *colour)
}

/// The names of all sides, in the order in which they first appear.
fn names_of(rows: &[&Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for side in rows.iter().flat_map(|row| &row.sides) {
        if !names.contains(&side.name) {
            names.push(side.name.clone());
        }
    }
    names
}

fn series_of(rows: &[&Row]) -> Vec<Series> {
    let point = |row: &Row, name: &str| {
        let x = row.place.as_ref()?.x?;
        Some((x, row.side(name)?.spread.median))
    };
    let series = |name: String| Series {
        points: rows.iter().filter_map(|row| point(row, &name)).collect(),
        colour: colour_of(&name),
        name,
    };
    names_of(rows).into_iter().map(series).collect()
}

fn groups_of(rows: &[&Row]) -> Vec<Group> {
    let group = |row: &&Row| Group {
        label: row
            .place
            .as_ref()
            .map_or_else(String::new, |place| place.label.clone()),
        bars: row
            .sides
            .iter()
            .map(|side| (side.name.clone(), colour_of(&side.name), side.spread))
            .collect(),
    };
    let measured = |row: &&&Row| !row.sides.is_empty();
    rows.iter().filter(measured).map(group).collect()
}

/// Where, when, and how often.
fn source_of(report: &Report) -> String {
    let machine = &report.machine;
    let day = machine.date.split('T').next().unwrap_or_default();
    format!(
        "{}, {}, {day}; median of {} interleaved rounds",
        machine.processor, machine.kernel, report.rounds
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Place, Side};

    fn row(chart: &str, label: &str, x: Option<f64>, sides: &[&str]) -> Row {
        let mut row = Row::new("T", "row", "ns");
        row.place = Some(Place {
            chart: chart.to_owned(),
            label: label.to_owned(),
            x,
        });
        let sides = sides
            .iter()
            .filter_map(|name| Side::new(name, vec![1.0, 2.0]));
        row.sides = sides.collect();
        row
    }

    #[test]
    fn no_two_sides_of_a_chart_have_one_colour() {
        let sides = [
            "poll",
            "select",
            "epoll",
            "kevent",
            "kevent, with data",
            "libkqueue",
        ];
        let servers = [
            "floor: epoll",
            "step: kevent",
            "step: kevent-async",
            "webserv",
            "nginx",
        ];
        for names in [sides.as_slice(), servers.as_slice()] {
            let rows = [row("server", "one", None, names)];
            let groups = groups_of(&rows.iter().collect::<Vec<&Row>>());
            let mut colours: Vec<usize> = groups[0].bars.iter().map(|bar| bar.1).collect();
            colours.sort_unstable();
            colours.dedup();
            assert_eq!(colours.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_line_has_a_point_for_each_row_that_has_its_side() {
        let rows = [
            row("table-63-9", "", Some(10.0), &["poll", "epoll"]),
            row("table-63-9", "", Some(100.0), &["epoll"]),
        ];
        let series = series_of(&rows.iter().collect::<Vec<&Row>>());
        let points: Vec<usize> = series.iter().map(|series| series.points.len()).collect();
        assert_eq!(points, [1, 2]);
    }

    #[test]
    fn every_place_a_row_can_have_is_a_chart() {
        for name in ["table-63-9", "cost-per-event", "changelist", "server"] {
            assert!(CHARTS.iter().any(|chart| chart.name == name), "{name}");
        }
    }
}
