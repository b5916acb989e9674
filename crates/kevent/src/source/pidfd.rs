//! What a descriptor of the program's says of itself: is it a pidfd, and whose?

use std::fs;
use std::os::fd::RawFd;

use crate::sys;

/// The process that a pidfd names; `None` if the descriptor is none. A process that was reaped
/// has the number -1 there, which no process has, and 0 stands for one of another namespace.
pub(crate) fn process_of(fd: RawFd) -> Option<i32> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    info.lines()
        .find_map(|line| line.strip_prefix("Pid:"))?
        .trim()
        .parse()
        .ok()
}

/// Whether `number` is still the file that `own` was duplicated from.
pub(crate) fn is_same(own: RawFd, number: RawFd) -> bool {
    sys::process::is_same_open_file(own, number).unwrap_or_else(|_| {
        // Without kcmp(2): the same process is as good as the same file.
        sys::descriptor::check_open(number).is_ok() && process_of(own) == process_of(number)
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn only_a_pidfd_names_a_process() {
        let own = i32::try_from(std::process::id()).unwrap();
        let pidfd = sys::process::open(own).unwrap();
        assert_eq!(process_of(pidfd.as_raw_fd()), Some(own));
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(process_of(reader.as_raw_fd()), None);
        assert!(!is_same(pidfd.as_raw_fd(), reader.as_raw_fd()));
        let again = sys::process::duplicate(pidfd.as_raw_fd()).unwrap();
        assert!(is_same(pidfd.as_raw_fd(), again.as_raw_fd()));
    }
}
