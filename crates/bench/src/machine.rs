//! Where, when and of what the figures are: processor, kernel, versions.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Above this load average somebody else's work is measured as well.
const LOAD_QUIET: f64 = 2.0;

/// A description that goes with every figure. It names no host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// UTC, as in 2026-01-31T12:00:00Z.
    pub(crate) date: String,
    /// The processor's name.
    pub(crate) processor: String,
    /// How many of them this process may use.
    pub(crate) processors: usize,
    /// Name and release of the kernel.
    pub(crate) kernel: String,
    /// The load average of the last minute at the start.
    pub(crate) load: f64,
    /// Of our sources, the compiler, and each program that was started.
    pub(crate) versions: BTreeMap<String, String>,
}

impl Machine {
    /// This one, now.
    pub(crate) fn describe() -> Self {
        let mut versions = BTreeMap::new();
        let commit = first_line_of("git", &["describe", "--always", "--dirty"]);
        for (name, version) in [
            ("kevent", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("commit", commit),
            ("rustc", first_line_of("rustc", &["--version"])),
        ] {
            versions.insert(name.to_owned(), version.unwrap_or_else(unknown));
        }
        Self {
            date: first_line_of("date", &["-u", "+%FT%TZ"]).unwrap_or_else(unknown),
            processor: processor().unwrap_or_else(unknown),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: format!("Linux {}", kernel_release()),
            load: load(),
            versions,
        }
    }

    /// Why these figures deserve no trust, if they do not.
    pub(crate) fn distrust(&self) -> Option<String> {
        (self.load > LOAD_QUIET).then(|| {
            format!(
                "the load average is {:.1}: other work is measured as well; run it again when the \
                 machine is quiet (below {LOAD_QUIET:.0})",
                self.load
            )
        })
    }
}

/// The first line that a program prints, on whichever output.
pub(crate) fn first_line_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8_lossy(&text);
    text.lines().next().map(|line| line.trim().to_owned())
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The release without what a distribution or a provider appends to it.
fn kernel_release() -> String {
    let release = read_line("/proc/sys/kernel/osrelease");
    let number = release.split('-').next().unwrap_or_default();
    number.to_owned()
}

fn load() -> f64 {
    let line = read_line("/proc/loadavg");
    let first = line.split(' ').next().and_then(|word| word.parse().ok());
    first.unwrap_or_default()
}

fn read_line(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}
