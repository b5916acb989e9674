//! A service that signals control, as Apache's do: SIGURG reloads, SIGWINCH ends it in good order.
//!
//! Both do nothing by default. Run it with `cargo run -p kevent-async --example signals`, then
//! `kill -URG PID`.

use std::io::{self, Write};
use std::time::Duration;

use kevent_async::{Signals, block_on, sleep, spawn};

fn main() -> io::Result<()> {
    block_on(async {
        let mut signals = Signals::new([libc::SIGURG, libc::SIGWINCH])?;
        writeln!(
            io::stdout(),
            "{} waits for SIGURG and SIGWINCH",
            std::process::id()
        )?;
        // What the service does meanwhile.
        let work = spawn(async {
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        });
        loop {
            let (signal, count) = signals.recv().await?;
            if signal == libc::SIGWINCH {
                break;
            }
            writeln!(io::stdout(), "reloaded, asked {count} times")?;
        }
        drop(work);
        writeln!(io::stdout(), "ended")
    })
}
