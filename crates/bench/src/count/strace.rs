//! The table that `strace -c` writes.

use std::collections::BTreeMap;

/// Calls by name, without the total.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Reads the table:
///
/// ```text
/// % time     seconds  usecs/call     calls    errors syscall
/// ------ ----------- ----------- --------- --------- ----------------
///  61.11    0.000011           1        10         2 epoll_wait
///  38.89    0.000007           0         8           read
/// ------ ----------- ----------- --------- --------- ----------------
/// 100.00    0.000018           1        18         2 total
/// ```
///
/// Lines that are no rows of it are passed over: strace may write about processes, too.
pub(crate) fn parse(text: &str) -> Calls {
    let mut calls = Calls::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        // The column of errors is empty where there were none.
        let (share, count, name) = match words.as_slice() {
            [share, _, _, count, name] | [share, _, _, count, _, name] => (share, count, name),
            _ => continue,
        };
        if share.parse::<f64>().is_ok()
            && let Ok(count) = count.parse::<u64>()
            && *name != "total"
        {
            *calls.entry((*name).to_owned()).or_default() += count;
        }
    }
    calls
}

/// All of them together.
pub(crate) fn total(calls: &Calls) -> u64 {
    calls.values().sum()
}

/// What the second table has more, for each of `turns` turns.
pub(crate) fn per_turn(fewer: &Calls, more: &Calls, turns: u32) -> BTreeMap<String, f64> {
    let mut result = BTreeMap::new();
    for (name, &count) in more {
        let before = fewer.get(name).copied().unwrap_or_default();
        let difference = (count as f64 - before as f64) / f64::from(turns);
        if difference != 0.0 {
            result.insert(name.clone(), difference);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
strace: Process 4242 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.11    0.000011           1        10         2 epoll_wait
 38.89    0.000007           0         8           read
  0.00    0.000000           0         1           ioctl
------ ----------- ----------- --------- --------- ----------------
100.00    0.000018           1        19         2 total
";

    #[test]
    fn the_table_is_read_with_and_without_errors() {
        let calls = parse(TABLE);
        assert_eq!(calls.len(), 3, "{calls:?}");
        assert_eq!((calls["epoll_wait"], calls["read"]), (10, 8));
        assert_eq!(total(&calls), 19);
    }

    #[test]
    fn an_older_total_without_the_middle_column_is_no_call() {
        let text = "100.00    0.000018                    19         2 total\n";
        assert!(parse(text).is_empty());
        assert!(parse("").is_empty());
    }

    #[test]
    fn turns_are_the_difference_of_two_tables() {
        let more = TABLE.replace(
            "        10         2 epoll_wait",
            "        30         2 epoll_wait",
        );
        let turns = per_turn(&parse(TABLE), &parse(&more), 10);
        assert_eq!(turns.len(), 1);
        assert_eq!(turns["epoll_wait"], 2.0);
    }
}
