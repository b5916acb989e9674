//! The name that somebody may have meant.

/// The known name with the fewest differences from `text`, if they are few enough for a slip.
pub(crate) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Nobody slips that often, and the work is bounded.
    if text.len() > 64 {
        return None;
    }
    names
        .map(|name| (distance(text, name), name))
        .min()
        .filter(|(differences, name)| *differences <= name.len().div_ceil(3))
        .map(|(_, name)| name)
}

/// How many signs must be put in, taken out or changed (the distance of Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (place, sign) in from.chars().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(to.chars()) {
            let replaced = diagonal + usize::from(sign != other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        let names = ["listen", "listing", "root", "timeouts", "path"];
        for (text, name) in [
            ("lisen", Some("listen")),
            ("listn", Some("listen")),
            ("rooot", Some("root")),
            ("time_outs", Some("timeouts")),
            ("Path", Some("path")),
            ("elephant", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, names.into_iter()), name, "{text}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
