//! What differs between Linux and the systems with a kqueue of their own: the one place where this
//! crate asks which system it is on.
//!
//! Both variants have the same items. The portable one does without openat2(2), `O_PATH`,
//! sendfile(2), `MSG_MORE` and `TCP_NOTSENT_LOWAT`; its parts are tested on Linux,
//! the whole is only ever type-checked.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::*;
