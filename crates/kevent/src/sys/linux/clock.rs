//! The two clocks of EVFILT_TIMER, in nanoseconds.

/// Which clock a deadline belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Time since some point in the past that is never set.
    Monotonic,
    /// Time since 1970, which may be set.
    Realtime,
}

impl Clock {
    pub(super) const fn id(self) -> libc::clockid_t {
        match self {
            Self::Monotonic => libc::CLOCK_MONOTONIC,
            Self::Realtime => libc::CLOCK_REALTIME,
        }
    }
}

/// clock_gettime(2), in nanoseconds.
pub(crate) fn now(clock: Clock) -> u64 {
    read(clock.id())
}

/// For how long the system was suspended since it was started, in nanoseconds: what separates
/// the times of processes from the monotonic clock.
pub(crate) fn suspended() -> u64 {
    read(libc::CLOCK_BOOTTIME).saturating_sub(read(libc::CLOCK_MONOTONIC))
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is valid for the duration of the call, which cannot fail for these clocks.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Nanoseconds as seconds and nanoseconds.
pub(super) fn timespec(ns: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ns % 1_000_000_000).unwrap_or(0),
    }
}
