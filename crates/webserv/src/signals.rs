//! Runs a server until a signal says otherwise: the first SIGINT or SIGTERM stops it gracefully,
//! the second ends the process at once.
//!
//! `signal-hook` writes a byte per signal into a socket pair, which the main thread watches with a
//! READ knote of its own queue.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::process::ExitCode;
use std::thread;

use futures_lite::{AsyncReadExt, future};
use kevent_async::{Notify, UnixStream, block_on};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::server::{Error, Server};

/// SIGINT and SIGTERM, caught for this process from [`Signals::catch`] on.
#[derive(Debug)]
pub struct Signals {
    /// Has a byte for each signal.
    stream: UnixStream,
    /// The server has ended.
    ended: Notify,
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
            let (reader, writer) = StdStream::pair()?;
            pipe::register(SIGINT, writer.try_clone()?)?;
            pipe::register(SIGTERM, writer)?;
            Ok(Signals {
                stream: UnixStream::from_std(reader)?,
                ended: Notify::new()?,
            })
        };
        catch().map_err(Error::Signals)
    }

    /// Serves until the server has stopped. The exit code is 0 after a graceful stop and 1 when a
    /// second signal cut it short.
    ///
    /// # Errors
    ///
    /// [`Error::Worker`] if a worker failed.
    pub fn serve(self, server: Server) -> Result<ExitCode, Error> {
        let Signals { mut stream, ended } = self;
        let stopper = server.stopper();
        let notifier = ended.notifier();
        let waiter = thread::spawn(move || {
            let outcome = server.wait();
            notifier.notify();
            outcome
        });
        let is_cut_short = block_on(async {
            if next_signal(&mut stream, &ended).await {
                tracing::info!("stopping; running answers may finish");
                stopper.stop();
                return next_signal(&mut stream, &ended).await;
            }
            false
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

/// Waits for a signal (true) or the end of the server (false).
async fn next_signal(stream: &mut UnixStream, ended: &Notify) -> bool {
    let has_ended = async {
        ended.notified().await;
        false
    };
    let has_signal = async {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            // The writers live as long as the process, so this does not happen; to hear no signal
            // is the answer that harms least.
            future::pending::<()>().await;
        }
        true
    };
    future::or(has_ended, has_signal).await
}
