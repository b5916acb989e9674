//! What is wrong with a configuration: where, what was found, what was expected, what to do.

use std::fmt;
use std::ops::Range;

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            line,
            column,
            found,
            expected,
            remedy,
        } = self;
        write!(
            formatter,
            "{line}:{column}: {found}; expected {expected}; {remedy}"
        )
    }
}

/// What is wrong with a value, told by who knows its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// What is wrong; empty: the value itself is named.
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) remedy: String,
}

impl Complaint {
    /// The value is not what was expected.
    pub(crate) fn new(expected: impl Into<String>, remedy: impl Into<String>) -> Self {
        Complaint {
            found: String::new(),
            expected: expected.into(),
            remedy: remedy.into(),
        }
    }

    /// With words for what was found.
    pub(crate) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }
}

/// The faults of one text, gathered.
#[derive(Debug)]
pub(crate) struct Faults<'t> {
    text: &'t str,
    found: Vec<(Range<usize>, Complaint)>,
}

impl<'t> Faults<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Faults {
            text,
            found: Vec::new(),
        }
    }

    /// Adds a fault at a place in the text.
    pub(crate) fn add(&mut self, place: &Range<usize>, complaint: Complaint) {
        self.found.push((place.clone(), complaint));
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All faults in the order of their places. The text is gone through once.
    pub(crate) fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|(place, _)| place.start);
        self.found.dedup();
        let mut line = 1;
        let mut line_start = 0;
        let mut position = 0;
        let mut sorted = Vec::with_capacity(self.found.len());
        for (place, complaint) in &self.found {
            let between = self.text.get(position..place.start).unwrap_or_default();
            line += between.bytes().filter(|&byte| byte == b'\n').count();
            if let Some(end) = between.rfind('\n') {
                line_start = position + end + 1;
            }
            position += between.len();
            let before = self.text.get(line_start..position).unwrap_or_default();
            let found = if complaint.found.is_empty() {
                excerpt(self.text, place)
            } else {
                complaint.found.clone()
            };
            sorted.push(Fault {
                line,
                column: before.chars().count() + 1,
                found,
                expected: complaint.expected.clone(),
                remedy: complaint.remedy.clone(),
            });
        }
        sorted
    }
}

/// What stands at a place, as far as one line of it fits.
fn excerpt(text: &str, place: &Range<usize>) -> String {
    let text = text.get(place.clone()).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let shown: String = line
        .chars()
        .filter(|sign| !sign.is_control())
        .take(60)
        .collect();
    if shown.is_empty() {
        "nothing".to_owned()
    } else if shown.len() < text.len() {
        format!("{shown}...")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_lines_and_characters() {
        let text = "é = 1\nab = \"ü\" 5";
        let mut faults = Faults::new(text);
        faults.add(&(13..15), Complaint::new("x", "y"));
        faults.add(&(0..2), Complaint::new("x", "y"));
        faults.add(&(900..901), Complaint::new("x", "y"));
        let places: Vec<_> = faults
            .into_sorted()
            .iter()
            .map(|fault| (fault.line, fault.column, fault.found.clone()))
            .collect();
        assert_eq!(
            places,
            [
                (1, 1, "é".to_owned()),
                (2, 7, "ü".to_owned()),
                (2, 7, "nothing".to_owned())
            ]
        );
    }
}
