//! Forced fallbacks, so that each is tested on a kernel that would not need it.

/// Every name that `KEVENT_FORCE` understands.
#[cfg_attr(
    not(kevent_test),
    expect(dead_code, reason = "only test builds read it")
)]
pub(crate) const NAMES: &[&str] = &[
    "no_epoll_pwait2",
    "no_inotify_instance",
    "no_kcmp",
    "no_pidfd_hup",
    "no_pidfd_info",
    "no_process_events",
    "no_sock_diag",
];

/// Whether `KEVENT_FORCE` (names separated by commas) holds this name.
///
/// Only builds with `--cfg kevent_test` read the environment.
#[cfg(kevent_test)]
pub(crate) fn is_forced(name: &str) -> bool {
    debug_assert!(
        NAMES.contains(&name),
        "a forced fallback stands in the list"
    );
    let forced = std::env::var("KEVENT_FORCE").unwrap_or_default();
    for word in forced.split(',').filter(|word| !word.is_empty()) {
        assert!(
            NAMES.contains(&word),
            "KEVENT_FORCE names {word:?}; known are {NAMES:?}"
        );
    }
    forced.split(',').any(|word| word == name)
}

/// Never, in ordinary builds.
#[cfg(not(kevent_test))]
pub(crate) const fn is_forced(_name: &str) -> bool {
    false
}
