//! How long a call may wait.

use std::time::Duration;

use super::poller::Poller;
use crate::limits::TIMEOUT_SECONDS_MAX;
use crate::sys::clock::Clock;
use crate::sys::epoll::Patience;

/// When a call gives up. Absolute, so that a wake-up that yields nothing does not prolong it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// Before it sleeps at all.
    Now,
    /// At this time of the monotonic clock, in nanoseconds.
    At(u64),
    /// Never.
    Never,
}

impl Deadline {
    /// So long from now, and what is left of it now.
    #[inline]
    pub(crate) fn after(timeout: Option<Duration>, poller: &impl Poller) -> (Self, Patience) {
        match timeout {
            None => (Self::Never, Patience::Forever),
            Some(Duration::ZERO) => (Self::Now, Patience::None),
            Some(timeout) => Self::later(timeout, poller),
        }
    }

    fn later(timeout: Duration, poller: &impl Poller) -> (Self, Patience) {
        if timeout.as_secs() > TIMEOUT_SECONDS_MAX {
            return (Self::Never, Patience::Forever);
        }
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let time = poller.now(Clock::Monotonic).saturating_add(nanos);
        (Self::At(time), Patience::Nanos(nanos))
    }

    /// What is left of it.
    pub(crate) fn patience(self, poller: &impl Poller) -> Patience {
        match self {
            Self::Now => Patience::None,
            Self::Never => Patience::Forever,
            Self::At(time) => match time.saturating_sub(poller.now(Clock::Monotonic)) {
                0 => Patience::None,
                nanos => Patience::Nanos(nanos),
            },
        }
    }
}
