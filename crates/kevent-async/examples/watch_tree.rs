//! Runs a shell command and tells of each process that it makes.
//!
//! Run it as root with `cargo run -p kevent-async --example watch_tree -- 'make | tail'`.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use kevent_async::{Child, ProcessEvent, ProcessTree, block_on};

fn main() -> io::Result<()> {
    let script = std::env::args().nth(1).unwrap_or_else(|| "date".into());
    block_on(async {
        // The shell waits for the end of its input, and so for the tree to be watched.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("read line; {script}")]);
        let mut child = Child::spawn(command.stdin(Stdio::piped()))?;
        let mut tree = match ProcessTree::new(child.id()) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return writeln!(io::stdout(), "this system does not tell of processes");
            }
            result => result?,
        };
        drop(child.stdin.take());
        while let Some(event) = tree.next().await? {
            match event {
                ProcessEvent::Born { pid, parent } => {
                    writeln!(io::stdout(), "{parent} made {pid}")?;
                }
                ProcessEvent::Executed { pid } => writeln!(io::stdout(), "{pid} runs a program")?,
                ProcessEvent::Exited { pid, status } => {
                    writeln!(io::stdout(), "{pid} ended: {status}")?;
                }
                other => writeln!(io::stdout(), "{other:?}")?,
            }
        }
        let status = child.status().await?;
        writeln!(io::stdout(), "all ended, the first with {status}")
    })
}
