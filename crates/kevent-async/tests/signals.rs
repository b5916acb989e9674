//! Signals: each delivery counts, for everyone who asked, and none is consumed.

mod fixture;

use std::io;

use fixture::run;
use futures_lite::future::poll_once;
use kevent::signal::{Disposition, disposition, set_disposition};
use kevent_async::{Signals, spawn, yield_now};
use rustix::process::{Signal, getpid, kill_process};

// Each test has a signal of its own, since they share the process.

/// Says that this signal does nothing else.
fn ignore(signal: Signal) -> io::Result<()> {
    set_disposition(signal.as_raw(), Disposition::ignore()).map(drop)
}

fn send(signal: Signal) -> io::Result<()> {
    Ok(kill_process(getpid(), signal)?)
}

#[test]
fn what_came_before_the_first_wait_counts() {
    run(|| async {
        ignore(Signal::USR1)?;
        let mut signals = Signals::new([libc::SIGUSR1])?;
        for _ in 0..3 {
            send(Signal::USR1)?;
            assert_eq!(signals.recv().await?, (libc::SIGUSR1, 1));
        }
        assert!(poll_once(signals.recv()).await.is_none());
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_waiting_task_is_woken_and_a_dropped_wait_loses_nothing() {
    run(|| async {
        ignore(Signal::USR2)?;
        let mut signals = Signals::new([libc::SIGUSR2])?;
        assert!(poll_once(signals.recv()).await.is_none());
        let waiting = spawn(async move { signals.recv().await });
        yield_now().await;
        send(Signal::USR2)?;
        assert_eq!(waiting.await?, (libc::SIGUSR2, 1));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn two_sources_count_the_same_signal_each_on_its_own() {
    run(|| async {
        ignore(Signal::HUP)?;
        let mut first = Signals::new([libc::SIGHUP])?;
        let mut second = Signals::new([libc::SIGHUP, libc::SIGHUP])?;
        send(Signal::HUP)?;
        assert_eq!(first.recv().await?, (libc::SIGHUP, 1));
        drop(first);
        assert_eq!(second.recv().await?, (libc::SIGHUP, 1));
        send(Signal::HUP)?;
        assert_eq!(second.recv().await?, (libc::SIGHUP, 1));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn several_signals_are_told_apart() {
    run(|| async {
        ignore(Signal::TERM)?;
        ignore(Signal::INT)?;
        let mut signals = Signals::new([libc::SIGTERM, libc::SIGINT])?;
        send(Signal::INT)?;
        send(Signal::TERM)?;
        let mut seen = [signals.recv().await?, signals.recv().await?];
        seen.sort_unstable();
        assert_eq!(seen, [(libc::SIGINT, 1), (libc::SIGTERM, 1)]);
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn the_disposition_is_the_programs_own() {
    run(|| async {
        ignore(Signal::ALARM)?;
        let signals = Signals::new([libc::SIGALRM])?;
        assert!(disposition(libc::SIGALRM)?.is_ignore());
        drop(signals);
        // This would end the process, were the disposition not kept.
        send(Signal::ALARM)?;
        assert!(disposition(libc::SIGALRM)?.is_ignore());
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_number_that_is_no_signal_is_refused() {
    for number in [0, -1, 1000] {
        let errno = run(move || async move { Signals::new([number]).unwrap_err().raw_os_error() });
        assert_eq!(errno, Some(libc::EINVAL), "{number}");
    }
}
