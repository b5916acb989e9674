//! Errors by name and in words. The C library's own words may allocate, and depend on the locale.

use std::fmt;

/// An errno, shown as `EBADF (Bad file descriptor)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Error(pub(super) i32);

macro_rules! errors {
    ($($name:ident: $words:literal;)*) => {
        const fn name(errno: i32) -> Option<&'static str> {
            match errno {
                $(libc::$name => Some(concat!(stringify!($name), " (", $words, ")")),)*
                _ => None,
            }
        }
    };
}

// Those that a kernel gives for a queue, a process, a file or a socket.
errors! {
    EPERM: "Operation not permitted";
    ENOENT: "No such file or directory";
    ESRCH: "No such process";
    EINTR: "Interrupted system call";
    EIO: "Input/output error";
    ENXIO: "No such device or address";
    E2BIG: "Argument list too long";
    EBADF: "Bad file descriptor";
    EAGAIN: "Resource temporarily unavailable";
    ENOMEM: "Cannot allocate memory";
    EACCES: "Permission denied";
    EFAULT: "Bad address";
    EBUSY: "Device or resource busy";
    EEXIST: "File exists";
    ENODEV: "No such device";
    ENOTDIR: "Not a directory";
    EISDIR: "Is a directory";
    EINVAL: "Invalid argument";
    ENFILE: "Too many open files in system";
    EMFILE: "Too many open files";
    ENOSPC: "No space left on device";
    EPIPE: "Broken pipe";
    ERANGE: "Numerical result out of range";
    ENOSYS: "Function not implemented";
    ELOOP: "Too many levels of symbolic links";
    EOVERFLOW: "Value too large for defined data type";
    EPROTO: "Protocol error";
    EMSGSIZE: "Message too long";
    ENOPROTOOPT: "Protocol not available";
    EOPNOTSUPP: "Operation not supported";
    EADDRINUSE: "Address already in use";
    EADDRNOTAVAIL: "Cannot assign requested address";
    ENETDOWN: "Network is down";
    ENETUNREACH: "Network is unreachable";
    ENETRESET: "Network dropped connection on reset";
    ECONNABORTED: "Software caused connection abort";
    ECONNRESET: "Connection reset by peer";
    ENOBUFS: "No buffer space available";
    EISCONN: "Transport endpoint is already connected";
    ENOTCONN: "Transport endpoint is not connected";
    ESHUTDOWN: "Cannot send after transport endpoint shutdown";
    ETIMEDOUT: "Connection timed out";
    ECONNREFUSED: "Connection refused";
    EHOSTDOWN: "Host is down";
    EHOSTUNREACH: "No route to host";
    ECANCELED: "Operation canceled";
    ENOTRECOVERABLE: "State not recoverable";
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}
