//! The command line, whose help is the documentation.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};
use rustix::process::Signal;

/// Events of the system, of any kind, from one queue.
#[derive(Debug, Parser)]
#[command(name = "kevent", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Watch(Request),
}

const EXAMPLES: &str = "\
Each line has the time (UTC), the filter, what it is about, the notes, and the number that comes
with them:

    2026-03-01T12:00:00.000123Z VNODE  notes.txt  WRITE|EXTEND  data=0

Examples:
  kevent watch --file src/*.rs --exec 'cargo check'    run a command when a file is saved
  kevent watch --dir inbox --count 1                   wait until a directory changes
  kevent watch --pid 4711                              wait for any process, child or not
  kevent watch --pid 4711 --tree --json                every fork, exec and exit under it
  kevent watch --link any --mounts                     cables and disks
  kevent watch --signal USR1 --timer 1s --fd 0         anything, in one queue

It ends with SIGINT (Ctrl-C) or SIGTERM, after --count events, or when nothing is left to watch:
all processes have exited, all descriptors are at their end, all directories and interfaces were
removed. A SIGINT that was ignored when it started stays ignored.

Exit codes: 0 it ended in one of these ways, 1 something cannot be watched or printed, 2 wrong
usage.";

/// Prints what happens, one line per event, and runs a command after it if you like.
#[derive(Debug, Args)]
#[command(
    after_long_help = EXAMPLES,
    after_help = "--help says more. Exit codes: 0 ended, 1 cannot watch or print, 2 wrong usage.",
    group = ArgGroup::new("subjects").required(true).multiple(true)
)]
pub(crate) struct Request {
    /// Watch these files: written, longer, shorter, attributes, names, renamed, removed.
    ///
    /// The path counts, not the file: when another file was renamed over it, which is how editors
    /// save, or when it was removed and made again, the new one is watched. Links are followed.
    /// It is not noticed when a link is made to point elsewhere, or a parent directory is renamed.
    #[arg(long, value_name = "PATH", num_args = 1.., group = "subjects")]
    pub(crate) file: Vec<PathBuf>,

    /// Watch these directories: a name came, went or was replaced. The names are not told, and
    /// neither are changes of a file's content.
    #[arg(long, value_name = "PATH", num_args = 1.., group = "subjects")]
    pub(crate) dir: Vec<PathBuf>,

    /// Watch these processes, children or not: the exit and its status.
    ///
    /// Before Linux 6.15 the status is known only while /proc shows it, to who may read it there;
    /// otherwise it reads as 0. With --tree it is always known.
    #[arg(long, value_name = "PID", num_args = 1.., group = "subjects",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub(crate) pid: Vec<u32>,

    /// Follow the processes' children, and theirs: each fork, exec and exit.
    ///
    /// Only those that start from now on. Where the system cannot tell of forks this is refused.
    #[arg(long, requires = "pid")]
    pub(crate) tree: bool,

    /// Count these signals when they are sent to this program: names, with or without SIG, or
    /// numbers. They do nothing else here; INT and TERM then no longer end it.
    #[arg(long, value_name = "SIGNAL", num_args = 1.., group = "subjects", value_parser = signal)]
    pub(crate) signal: Vec<NamedSignal>,

    /// Fire every so often: a number and one of ns, us, ms, s, m, h.
    #[arg(long, value_name = "PERIOD", num_args = 1.., group = "subjects", value_parser = period)]
    pub(crate) timer: Vec<Period>,

    /// Watch these open descriptors for data to read, and for their end. Nothing is read.
    #[arg(long, value_name = "FD", num_args = 1.., group = "subjects",
          value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) fd: Vec<i32>,

    /// Watch these network interfaces: up, down, removed. `any` stands for all.
    #[arg(long, value_name = "NAME", num_args = 1.., group = "subjects")]
    pub(crate) link: Vec<String>,

    /// Watch for file systems that are mounted or unmounted.
    #[arg(long, group = "subjects")]
    pub(crate) mounts: bool,

    /// Also tell when files and directories are opened, closed and read. Not together with --exec,
    /// whose command would start itself.
    #[arg(long, conflicts_with = "exec")]
    pub(crate) access: bool,

    /// Run this command with `sh -c` after events.
    ///
    /// Events that come together give one run, and those that come while it runs one more: there
    /// is always a run that starts after the last event. A command that changes what it is run
    /// for starts itself again. It inherits standard input; a run that fails is told on standard
    /// error. The end waits for a run under way; one more SIGINT or SIGTERM does not.
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: Option<String>,

    /// Print one JSON object per line: time, filter, ident, what, notes, data, flags, detail, and
    /// exit_code or exit_signal.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print no events, and not that the watch has begun.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,

    /// End after this many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// A signal's number, and its name with SIG, or the number where it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedSignal {
    pub(crate) number: i32,
    pub(crate) name: String,
}

/// A timer's period, as it was written and as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) text: String,
    pub(crate) period: Duration,
}

const SIGNALS: [(&str, Signal); 31] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::ILL),
    ("TRAP", Signal::TRAP),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("SEGV", Signal::SEGV),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("STKFLT", Signal::STKFLT),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("PWR", Signal::POWER),
    ("SYS", Signal::SYS),
];

fn signal(text: &str) -> Result<NamedSignal, String> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number = upper.parse::<i32>().ok();
    let known = SIGNALS
        .iter()
        .find(|(name, signal)| *name == short || Some(signal.as_raw()) == number);
    let named = match (known, number) {
        (Some((name, signal)), _) => NamedSignal {
            number: signal.as_raw(),
            name: format!("SIG{name}"),
        },
        (None, Some(number)) if (34..=64).contains(&number) => NamedSignal {
            number,
            name: number.to_string(),
        },
        _ => return Err("no such signal: give a name such as USR1, or a number".to_owned()),
    };
    if [Signal::KILL.as_raw(), Signal::STOP.as_raw()].contains(&named.number) {
        return Err("no program can see this signal: choose another".to_owned());
    }
    Ok(named)
}

fn period(text: &str) -> Result<Period, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let nanoseconds: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err("give a number and one of ns, us, ms, s, m, h, such as 500ms".to_owned()),
    };
    let count: u64 = number
        .parse()
        .map_err(|_| "give a whole number before the unit, such as 500ms".to_owned())?;
    match count.checked_mul(nanoseconds) {
        Some(0) => Err("a timer needs a period above zero".to_owned()),
        Some(total) if i64::try_from(total).is_ok() => Ok(Period {
            text: text.to_owned(),
            period: Duration::from_nanos(total),
        }),
        _ => Err("a period ends at 292 years".to_owned()),
    }
}
