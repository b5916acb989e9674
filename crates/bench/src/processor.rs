//! Which processor a thread runs on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that this process was started with; later calls to [`pin`] do not narrow them.
pub(crate) fn all() -> io::Result<CpuSet> {
    static ALL: std::sync::OnceLock<CpuSet> = std::sync::OnceLock::new();
    if let Some(all) = ALL.get() {
        return Ok(*all);
    }
    let all = sched_getaffinity(None)?;
    Ok(*ALL.get_or_init(|| all))
}

/// The first of them, for a server.
pub(crate) fn first() -> io::Result<CpuSet> {
    let all = all()?;
    Ok(one((0..CpuSet::MAX_CPU).find(|&number| all.is_set(number))))
}

/// The last of them, for whoever measures; with two or more processors it is not the first.
pub(crate) fn last() -> io::Result<CpuSet> {
    let all = all()?;
    let mut numbers = (0..CpuSet::MAX_CPU).rev();
    Ok(one(numbers.find(|&number| all.is_set(number))))
}

/// Keeps this thread, and what it starts from now on, on these processors.
pub(crate) fn pin(processors: &CpuSet) -> io::Result<()> {
    Ok(sched_setaffinity(None, processors)?)
}

fn one(number: Option<usize>) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(number.unwrap_or_default());
    set
}
