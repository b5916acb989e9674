//! Signals by name.

use std::fmt;

/// A signal's number, shown by its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal(pub(super) i32);

macro_rules! signals {
    ($($name:ident)*) => {
        const fn name(number: i32) -> Option<&'static str> {
            match number {
                $(libc::$name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

signals! {
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2
    SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU
    SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = self.0.checked_sub(libc::SIGRTMIN());
        match (name(self.0), above) {
            (Some(name), _) => f.write_str(name),
            (None, Some(0)) => f.write_str("SIGRTMIN"),
            (None, Some(above)) if above > 0 && self.0 <= libc::SIGRTMAX() => {
                write!(f, "SIGRTMIN+{above}")
            }
            _ => write!(f, "signal {}", self.0),
        }
    }
}
