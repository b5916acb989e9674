//! Runs a server until a signal says otherwise: EVFILT_SIGNAL knotes in the main thread's queue.
//!
//! | signal | what happens |
//! |---|---|
//! | SIGHUP | the configuration is read again; a bad one changes nothing and is told of |
//! | SIGUSR1 | the logs are opened anew, under their names |
//! | SIGTERM | graceful stop: running answers finish; a second one ends at once |
//! | SIGINT | fast stop: running answers are cut off; a second one ends the process itself |

use std::io;
use std::process::ExitCode;
use std::thread;

use futures_lite::future;
use kevent_async::{Notify, block_on};
use rustix::process::Signal;

use crate::error::Error;
use crate::platform;
use crate::server::{Handle, Server};

/// The signals that the server knows, caught for this process from [`Signals::catch`] on.
#[derive(Debug)]
pub struct Signals {
    signals: kevent_async::Signals,
    /// The server has ended.
    ended: Notify,
}

/// What a server does with the signals that are not about its end.
pub trait Operator {
    /// SIGHUP: serve what the configuration says now.
    fn reload(&mut self, server: &Handle);

    /// SIGUSR1: open the logs anew.
    fn reopen_logs(&mut self, server: &Handle);

    /// Waits until the configuration has changed by itself.
    fn changed(&mut self) -> impl Future<Output = ()>;
}

/// What happened.
enum Event {
    Signal(i32),
    Changed,
    Ended,
}

impl Signals {
    /// Catches the signals. Call it before the server is announced, so that a signal which comes
    /// early is not the end.
    ///
    /// # Errors
    ///
    /// [`Error::Signals`] when there is no descriptor left, or the signals cannot be caught.
    pub fn catch() -> Result<Self, Error> {
        let catch = || -> io::Result<Self> {
            let numbers =
                [Signal::HUP, Signal::USR1, Signal::TERM, Signal::INT].map(Signal::as_raw);
            for signal in numbers {
                platform::take_signal(signal)?;
            }
            Ok(Signals {
                signals: kevent_async::Signals::new(numbers)?,
                ended: Notify::new()?,
            })
        };
        catch().map_err(Error::Signals)
    }

    /// Serves until the server has stopped. The exit code is 0 after a stop and 1 when a second
    /// signal cut it short.
    ///
    /// # Errors
    ///
    /// [`Error::Worker`] if a worker failed.
    pub fn serve(self, server: Server, mut operator: impl Operator) -> Result<ExitCode, Error> {
        let Signals { mut signals, ended } = self;
        let handle = server.handle();
        let notifier = ended.notifier();
        let waiter = thread::spawn(move || {
            let outcome = server.wait();
            notifier.notify();
            outcome
        });
        let is_cut_short = block_on(async {
            let mut is_stopping = false;
            loop {
                match next(&mut signals, &ended, &mut operator).await {
                    Event::Ended => return false,
                    Event::Changed => operator.reload(&handle),
                    Event::Signal(signal) if signal == Signal::HUP.as_raw() => {
                        operator.reload(&handle);
                    }
                    Event::Signal(signal) if signal == Signal::USR1.as_raw() => {
                        operator.reopen_logs(&handle);
                    }
                    Event::Signal(_) if is_stopping => return true,
                    Event::Signal(signal) => {
                        is_stopping = true;
                        if signal == Signal::INT.as_raw() {
                            tracing::info!("stopping at once");
                            handle.stop_now();
                        } else {
                            tracing::info!("stopping; running answers may finish");
                            handle.stop();
                        }
                    }
                }
            }
        });
        if is_cut_short {
            tracing::warn!("stopped by a second signal");
            return Ok(ExitCode::FAILURE);
        }
        waiter
            .join()
            .unwrap_or_else(|_| Err(Error::Worker(io::Error::other("the wait panicked"))))
            .map(|()| ExitCode::SUCCESS)
    }
}

async fn next(
    signals: &mut kevent_async::Signals,
    ended: &Notify,
    operator: &mut impl Operator,
) -> Event {
    let has_ended = async {
        ended.notified().await;
        Event::Ended
    };
    let has_signal = async {
        match signals.recv().await {
            Ok((signal, _)) => Event::Signal(signal),
            Err(error) => {
                tracing::error!(%error, "signals are not heard any more");
                future::pending().await
            }
        }
    };
    let has_changed = async {
        operator.changed().await;
        Event::Changed
    };
    future::or(future::or(has_ended, has_signal), has_changed).await
}
