//! The order of a listing, as its query asks: `?sort=size&order=desc`.

use std::cmp::Ordering;

use super::entry::Entry;

/// By what a listing is sorted, directories before files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) key: Key,
    pub(super) is_descending: bool,
}

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Size,
    Date,
}

impl Key {
    /// The columns of the page, in their order.
    pub(super) const ALL: [Key; 3] = [Key::Name, Key::Size, Key::Date];

    /// The word in the query.
    pub(super) fn word(self) -> &'static str {
        match self {
            Key::Name => "name",
            Key::Size => "size",
            Key::Date => "date",
        }
    }

    /// Large and new things are looked for more often than small and old ones.
    fn begins_descending(self) -> bool {
        self != Key::Name
    }
}

impl Order {
    /// The order that a query asks for; what is unknown in it does not count.
    pub(super) fn of_query(query: &str) -> Self {
        let mut order = Order {
            key: Key::Name,
            is_descending: false,
        };
        for parameter in query.split('&') {
            match parameter.split_once('=') {
                Some(("sort", word)) => {
                    if let Some(key) = Key::ALL.into_iter().find(|key| key.word() == word) {
                        order.key = key;
                    }
                }
                Some(("order", word)) => order.is_descending = word == "desc",
                _ => {}
            }
        }
        order
    }

    /// The order to which a click on a column's head leads.
    pub(super) fn after_click(self, key: Key) -> Order {
        Order {
            key,
            is_descending: if key == self.key {
                !self.is_descending
            } else {
                key.begins_descending()
            },
        }
    }

    /// The query that asks for this order.
    pub(super) fn query(self) -> String {
        let direction = if self.is_descending { "desc" } else { "asc" };
        format!("?sort={}&amp;order={direction}", self.key.word())
    }

    /// Directories come first in every order; among equals the name decides, from A to Z.
    pub(super) fn compare(self, this: &Entry, that: &Entry) -> Ordering {
        let names = compare_names(&this.name, &that.name);
        let ordering = match self.key {
            Key::Name => names,
            Key::Size => this.size.cmp(&that.size),
            Key::Date => this.modified.cmp(&that.modified),
        };
        let ordering = if self.is_descending {
            ordering.reverse()
        } else {
            ordering
        };
        (that.is_directory.cmp(&this.is_directory))
            .then(ordering)
            .then(names)
    }
}

/// As people sort: without regard to case where something else decides, and runs of digits by
/// their value, so that 9 comes before 10.
fn compare_names(this: &[u8], that: &[u8]) -> Ordering {
    let (mut left, mut right) = (this, that);
    loop {
        let ordering = match (left, right) {
            ([], []) => return this.cmp(that),
            ([], _) => return Ordering::Less,
            (_, []) => return Ordering::Greater,
            ([a, ..], [b, ..]) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (a, b) = (take_number(&mut left), take_number(&mut right));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            ([a, left_rest @ ..], [b, right_rest @ ..]) => {
                (left, right) = (left_rest, right_rest);
                a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// The digits at the start, without leading zeros.
fn take_number<'n>(name: &mut &'n [u8]) -> &'n [u8] {
    let end = name
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(name.len());
    let (digits, rest) = name.split_at_checked(end).unwrap_or_default();
    *name = rest;
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::date::HttpDate;

    fn entry(name: &str, size: u64, date: i64) -> Entry {
        Entry {
            is_directory: name.ends_with('/'),
            name: name.trim_end_matches('/').as_bytes().to_vec(),
            size,
            modified: HttpDate::from_unix_seconds(date),
        }
    }

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let mut entries = [
            entry("b10", 5, 1),
            entry("A", 1, 3),
            entry("b9", 5, 2),
            entry("z/", 0, 9),
            entry("c", 0, -1),
        ];
        let order = Order::of_query(query);
        entries.sort_by(|this, that| order.compare(this, that));
        let names: Vec<_> = entries
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.name))
            .collect();
        assert_eq!(names.join(" "), expected, "{query}");
    }

    #[test]
    fn the_query_decides_and_directories_come_first() {
        check("", "z A b9 b10 c");
        check("sort=name&order=desc", "z c b10 b9 A");
        check("sort=size&order=asc", "z c A b9 b10");
        check("order=desc&sort=size", "z b9 b10 A c");
        check("sort=date&order=desc", "z A b9 b10 c");
        check("sort=date&order=asc", "z c b10 b9 A");
        check("sort=<script>&order=\"&x", "z A b9 b10 c");
    }

    #[test]
    fn names_sort_as_people_sort() {
        for (this, that) in [
            ("a", "b"),
            ("A", "b"),
            ("a", "B"),
            ("a2", "a10"),
            ("a002", "a10"),
            ("a2b10", "a2b11"),
            ("a", "a1"),
            ("1", "a"),
            ("A", "a"),
            ("99999999999999999999998", "99999999999999999999999"),
            ("01", "1"),
        ] {
            let (this, that) = (this.as_bytes(), that.as_bytes());
            assert_eq!(compare_names(this, that), Ordering::Less);
            assert_eq!(compare_names(that, this), Ordering::Greater);
        }
        assert_eq!(compare_names(b"a1", b"a1"), Ordering::Equal);
    }

    #[test]
    fn a_click_turns_the_order_around() {
        let order = Order::of_query("");
        assert_eq!(
            order.after_click(Key::Name).query(),
            "?sort=name&amp;order=desc"
        );
        let order = order.after_click(Key::Size);
        assert_eq!(order.query(), "?sort=size&amp;order=desc");
        assert_eq!(
            order.after_click(Key::Size).query(),
            "?sort=size&amp;order=asc"
        );
    }
}
