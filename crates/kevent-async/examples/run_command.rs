//! Runs a shell command for at most five seconds, and tells what it wrote and how it ended.
//!
//! Run it with `cargo run -p kevent-async --example run_command -- 'ls; exit 3'`.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_lite::io::{AsyncBufReadExt, BufReader};
use futures_lite::stream::StreamExt;
use kevent_async::{Child, block_on, spawn, timeout};

fn main() -> io::Result<()> {
    let script = std::env::args().nth(1).unwrap_or_else(|| "date".into());
    block_on(async {
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = Child::spawn(&mut command)?;
        child.set_kill_on_drop(true);
        // In a task of its own, so that a full pipe does not keep the command from ending.
        let printing = child.stdout.take().map(|stdout| {
            spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Some(line) = lines.next().await {
                    writeln!(io::stdout(), "| {}", line?)?;
                }
                Ok::<(), io::Error>(())
            })
        });
        let Ok(status) = timeout(Duration::from_secs(5), child.status()).await else {
            return writeln!(io::stdout(), "killed after five seconds");
        };
        let status = status?;
        if let Some(printing) = printing {
            printing.await?;
        }
        writeln!(io::stdout(), "{status}")
    })
}
