//! Tells when network interfaces come up, go down or are removed; after as many changes as the
//! argument says it ends.
//!
//! Run it with `cargo run -p kevent-async --example watch_links`, then pull a cable.

use std::io::{self, Write};

use kevent_async::{NetworkInterfaces, block_on};

fn main() -> io::Result<()> {
    let count = std::env::args().nth(1).and_then(|word| word.parse().ok());
    block_on(async {
        let mut interfaces = NetworkInterfaces::new()?;
        writeln!(io::stdout(), "watching every network interface")?;
        for _ in 0..count.unwrap_or(usize::MAX) {
            let changes = interfaces.changed().await?;
            let names: Vec<_> = changes.iter_names().map(|(name, _)| name).collect();
            writeln!(io::stdout(), "{}", names.join(" "))?;
        }
        Ok(())
    })
}
