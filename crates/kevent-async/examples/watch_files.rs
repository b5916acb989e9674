//! Tells what happens to files and directories, until the last of them is removed.
//!
//! Run it with `cargo run -p kevent-async --example watch_files -- PATH...`.

use std::io::{self, Write};

use kevent::NoteVnode;
use kevent_async::{FileWatch, block_on, spawn};

fn main() -> io::Result<()> {
    let notes = NoteVnode::DELETE
        | NoteVnode::WRITE
        | NoteVnode::EXTEND
        | NoteVnode::ATTRIB
        | NoteVnode::LINK
        | NoteVnode::RENAME;
    block_on(async {
        let mut tasks = Vec::new();
        for path in std::env::args().skip(1) {
            let watch = FileWatch::open(&path, notes)?;
            writeln!(io::stdout(), "watching {path}")?;
            tasks.push(spawn(async move {
                loop {
                    let changes = watch.changed().await;
                    let names: Vec<_> = changes.iter_names().map(|(name, _)| name).collect();
                    writeln!(io::stdout(), "{path}: {}", names.join(" "))?;
                    if changes.contains(NoteVnode::DELETE) {
                        return Ok::<(), io::Error>(());
                    }
                }
            }));
        }
        for task in tasks {
            task.await?;
        }
        Ok(())
    })
}
