//! How a process ended, asked of whatever knows it (`docs/semantics.md`, D6). Nothing here reaps.
//!
//! | whose process | who tells |
//! |---|---|
//! | our child, a zombie | waitid(2) with WNOWAIT |
//! | anybody's, reaped | PIDFD_GET_INFO, Linux 6.15 |
//! | anybody's, and its events are followed | the process events connector |
//! | anybody's, a zombie | `/proc/PID/stat`, to who may read it there |

use std::fs;
use std::os::fd::BorrowedFd;

use crate::sys;

/// The status, as wait(2) has it, of a process that has exited. `told` is what the connector
/// said. `None`: nobody tells; or `/proc` said 0, which it also says to who may not know.
pub(crate) fn ask(pidfd: BorrowedFd<'_>, pid: i32, told: Option<i32>) -> Option<i32> {
    if let Ok(Some(status)) = sys::process::child_status(pidfd) {
        return Some(status);
    }
    sys::process::reaped_status(pidfd)
        .or(told)
        .or_else(|| zombie_status(pidfd, pid))
        // It may have been reaped since it was first asked.
        .or_else(|| sys::process::reaped_status(pidfd))
}

fn zombie_status(pidfd: BorrowedFd<'_>, pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // While it is not reaped the number was its own.
    if sys::process::is_reaped(pidfd) {
        return None;
    }
    parse_stat(&stat).filter(|status| *status != 0)
}

/// The last field of a zombie's `/proc/PID/stat`.
fn parse_stat(stat: &str) -> Option<i32> {
    // The state follows the name, which stands in parentheses and may hold any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace();
    let is_zombie = matches!(fields.next(), Some("Z" | "X"));
    fields.last()?.parse().ok().filter(|_| is_zombie)
}

#[cfg(test)]
mod tests {
    use super::parse_stat;

    #[test]
    fn the_last_field_counts_and_only_of_a_zombie() {
        assert_eq!(parse_stat("7 (a) b) Z 1 7 7 0 1792\n"), Some(1792));
        assert_eq!(parse_stat("7 (a) b) S 1 7 7 0 1792\n"), None);
        assert_eq!(parse_stat("7 (a"), None);
    }
}
