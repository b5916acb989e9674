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
    pub(crate) fn after(timeout: Option<Duration>, poller: &impl Poller) -> Self {
        match timeout {
            None => Self::Never,
            Some(Duration::ZERO) => Self::Now,
            Some(timeout) if timeout.as_secs() > TIMEOUT_SECONDS_MAX => Self::Never,
            Some(timeout) => {
                let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
                Self::At(poller.now(Clock::Monotonic).saturating_add(nanos))
            }
        }
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
