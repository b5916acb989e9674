//! `KQUEUE_DEBUG`: what `tests/c/trace.c` calls is told, line by line.
//!
//! The program is linked to the library that stands beside this test. Process numbers and times
//! are taken off the lines, which must have them.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::env;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program, and the library as its loader looks for it.
struct Program(TempDir);

impl Program {
    fn build(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let library = env::current_exe().unwrap().with_file_name("libkqueue.so");
        symlink(&library, directory.path().join("libkqueue.so.0")).unwrap();
        let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(env::var_os("CC").unwrap_or_else(|| "gcc".into()))
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
            .arg(crate_directory.join("include"))
            .args(options)
            .arg(crate_directory.join("tests/c/trace.c"))
            .arg("-L")
            .arg(directory.path())
            .arg("-l:libkqueue.so.0")
            .arg("-o")
            .arg(directory.path().join("program"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self(directory)
    }

    fn run(&self, group: &str, debug: Option<&str>) -> Output {
        self.run_with(group, debug, &[])
    }

    fn run_with(&self, group: &str, debug: Option<&str>, more: &[(&str, &str)]) -> Output {
        let mut command = Command::new(self.0.path().join("program"));
        command.arg(group).env("LD_LIBRARY_PATH", self.0.path());
        command.env_remove("KQUEUE_DEBUG");
        command.env_remove("KQUEUE_INTERPOSE");
        command.envs(more.iter().copied());
        command.envs(debug.map(|debug| ("KQUEUE_DEBUG", debug)));
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{group}: {}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        output
    }

    /// What stderr says with `KQUEUE_DEBUG=1`.
    #[track_caller]
    fn trace(&self, group: &str) -> Vec<String> {
        told(&self.run(group, Some("1")).stderr, "KQ")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whole lines, without prefix, process, thread and time.
#[track_caller]
fn told(bytes: &[u8], prefix: &str) -> Vec<String> {
    let text = text(bytes);
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| what(line, prefix)).collect()
}

#[track_caller]
fn what(line: &str, prefix: &str) -> String {
    let parts = || {
        let rest = line.strip_prefix(prefix)?.strip_prefix(" [")?;
        let (who, rest) = rest.split_once("] +")?;
        let (time, what) = rest.split_once(' ')?;
        let (process, thread) = who.split_once('/').unwrap_or((who, "1"));
        let (seconds, micros) = time.split_once('.')?;
        let _: u32 = process.parse().ok()?;
        let _: u32 = thread.parse().ok()?;
        let _: u64 = seconds.parse().ok()?;
        let _: u32 = micros.parse().ok()?;
        (micros.len() == 6).then(|| what.to_owned())
    };
    parts().unwrap_or_else(|| panic!("no line of the trace: {line}"))
}

#[test]
fn calls_changes_events_and_closes_are_told() {
    let expected = [
        "kqueue() = 5",
        "kqueue1(O_CLOEXEC|0x3) = -1 EINVAL (Invalid argument)",
        "kqueuex(KQUEUE_CLOEXEC) = 6",
        "kevent(5, nchanges=4, nevents=0, timeout=NULL)",
        "  change {ident=3, filter=EVFILT_READ, flags=EV_ADD|EV_CLEAR, fflags=NOTE_LOWAT, data=3, udata=0x1234}",
        "  change {ident=7, filter=EVFILT_TIMER, flags=EV_ADD|EV_ONESHOT, fflags=NOTE_USECONDS, data=2000 /* us */, udata=NULL}",
        "  change {ident=10 /* SIGUSR1 */, filter=EVFILT_SIGNAL, flags=EV_ADD|EV_DISABLE, fflags=0, data=0, udata=NULL}",
        "  change {ident=18446744073709551615, filter=EVFILT_USER, flags=EV_ADD, fflags=NOTE_FFCOPY|0x21, data=0, udata=NULL}",
        "kevent(5) = 0",
        "kevent(5, nchanges=0, nevents=4, timeout={tv_sec=10, tv_nsec=500})",
        "kevent(5) = 1",
        "  event {ident=7, filter=EVFILT_TIMER, flags=EV_ADD|EV_ONESHOT|EV_CLEAR, fflags=0, data=1, udata=NULL}",
        "kevent(5, nchanges=0, nevents=4, timeout=NULL)",
        "kevent(5) = 1",
        "  event {ident=3, filter=EVFILT_READ, flags=EV_ADD|EV_CLEAR, fflags=0, data=5, udata=0x1234}",
        "kevent(5, nchanges=0, nevents=4, timeout=NULL)",
        "kevent(5) = 1",
        "  event {ident=3, filter=EVFILT_READ, flags=EV_ADD|EV_CLEAR|EV_EOF, fflags=0, data=5, udata=0x1234}",
        "3 closes: its knotes in kqueue 5 go",
        "kevent(5, nchanges=0, nevents=4, timeout={tv_sec=0, tv_nsec=0})",
        "kevent(5) = 0",
        "5 closes: it is a kqueue",
        "kevent(5, nchanges=0, nevents=4, timeout={tv_sec=0, tv_nsec=0})",
        "kevent(5) = -1 EBADF (Bad file descriptor)",
    ];
    assert_eq!(Program::build(&[]).trace("several"), expected);
}

#[test]
fn answers_and_errors_have_names() {
    let expected = [
        "kqueue() = 3",
        "kevent(3, nchanges=3, nevents=3, timeout=NULL)",
        "  change {ident=99, filter=EVFILT_VNODE, flags=EV_ADD, fflags=NOTE_WRITE|NOTE_TRUNCATE|NOTE_OPEN|0x80000, data=0, udata=NULL}",
        "  change {ident=1, filter=-77, flags=EV_ADD|0x800, fflags=0x55, data=-1, udata=NULL}",
        "  change {ident=1, filter=EVFILT_USER, flags=EV_ADD|EV_RECEIPT, fflags=0, data=0, udata=NULL}",
        "kevent(3) = 3",
        "  answer {ident=99, filter=EVFILT_VNODE, flags=EV_ADD|EV_ERROR, fflags=NOTE_WRITE|NOTE_TRUNCATE|NOTE_OPEN|0x80000, data=9 /* EBADF (Bad file descriptor) */, udata=NULL}",
        "  answer {ident=1, filter=-77, flags=EV_ADD|EV_ERROR|0x800, fflags=0x55, data=22 /* EINVAL (Invalid argument) */, udata=NULL}",
        "  answer {ident=1, filter=EVFILT_USER, flags=EV_ADD|EV_RECEIPT|EV_ERROR, fflags=0, data=0, udata=NULL}",
        "kevent(3, nchanges=1, nevents=0, timeout=NULL)",
        "  change {ident=99, filter=EVFILT_READ, flags=EV_DELETE, fflags=0, data=0, udata=NULL}",
        "kevent(3) = -1 EBADF (Bad file descriptor)",
        "kevent(3, nchanges=1, nevents=0, timeout=NULL)",
        "kevent(3) = -1 EFAULT (Bad address)",
        "kevent(3, nchanges=-1, nevents=0, timeout=NULL)",
        "kevent(3) = -1 EINVAL (Invalid argument)",
        "kevent(0, nchanges=0, nevents=0, timeout=NULL)",
        "kevent(0) = -1 EINVAL (Invalid argument)",
    ];
    assert_eq!(Program::build(&[]).trace("errors"), expected);
}

#[test]
fn what_became_of_a_process_is_told() {
    let output = Program::build(&[]).run("process", Some("1"));
    let pids = text(&output.stdout);
    let pids: Vec<&str> = pids.lines().collect();
    let expected: Vec<String> = [
        "data=768 /* exit status 3 */",
        "data=15 /* killed by SIGTERM */",
    ]
    .iter()
    .zip(&pids)
    .map(|(data, pid)| {
        format!(
            "  event {{ident={pid}, filter=EVFILT_PROC, \
             flags=EV_ADD|EV_ONESHOT|EV_CLEAR|EV_EOF, fflags=NOTE_EXIT, {data}, udata=NULL}}"
        )
    })
    .collect();
    let mut events = told(&output.stderr, "KQ");
    events.retain(|line| line.starts_with("  event"));
    assert_eq!(events, expected);
}

#[test]
fn the_other_interface_has_its_own_numbers_and_ext() {
    let expected = [
        "kqueue() = 3",
        "kevent(3, nchanges=2, nevents=2, timeout=NULL)",
        "  change {ident=1, filter=EVFILT_TIMER, flags=EV_ADD, fflags=NOTE_NSECONDS|NOTE_ABSTIME, data=1 /* ns since 1970 */, udata=NULL, ext=[0x0, 0x0, 0x0, 0x20]}",
        "  change {ident=99, filter=EVFILT_PROCDESC, flags=EV_ADD, fflags=NOTE_EXIT|NOTE_REAP, data=0, udata=NULL}",
        "kevent(3) = 1",
        "  answer {ident=99, filter=EVFILT_PROCDESC, flags=EV_ERROR, fflags=NOTE_EXIT|NOTE_REAP, data=9 /* EBADF (Bad file descriptor) */, udata=NULL}",
        "kevent(3, nchanges=0, nevents=2, timeout={tv_sec=10, tv_nsec=500})",
        "kevent(3) = 1",
        "  event {ident=1, filter=EVFILT_TIMER, flags=0, fflags=0, data=1, udata=NULL, ext=[0x0, 0x0, 0x0, 0x20]}",
    ];
    let program = Program::build(&["-DKEVENT_FREEBSD"]);
    assert_eq!(program.trace("freebsd"), expected);
}

#[test]
fn that_closes_are_not_seen_is_told() {
    let switched_off = [("KQUEUE_INTERPOSE", "0")];
    let output = Program::build(&[]).run_with("handler", Some("1"), &switched_off);
    let lines = told(&output.stderr, "KQ");
    assert_eq!(
        lines[..2],
        ["closes are not seen: KQUEUE_INTERPOSE=0", "kqueue() = 5"]
    );
    assert!(!lines.iter().any(|line| line.contains(" closes:")));

    // As it is where only a library that the program uses needs this one.
    let output = Program::build(&["-lc"]).run("handler", Some("1"));
    let lines = told(&output.stderr, "KQ");
    let begin = "closes are not seen: the program's close() is not libkqueue's";
    assert!(lines[0].starts_with(begin), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(" closes:")));
}

#[test]
fn it_is_off_unless_asked_for() {
    let program = Program::build(&[]);
    for debug in [None, Some("0"), Some("")] {
        assert_eq!(text(&program.run("several", debug).stderr), "", "{debug:?}");
    }
}

/// A receipt's question and its answer, as they are told: the address of a string or a function is
/// another in each run.
fn question(note: &str, data: [&str; 2]) -> [String; 4] {
    let entry = |data| {
        format!(
            "{{ident=0, filter=EVFILT_LIBKQUEUE, flags=EV_ADD|EV_RECEIPT, fflags={note}, \
             data={data}, udata=NULL}}"
        )
    };
    [
        "kevent(5, nchanges=1, nevents=1, timeout={tv_sec=0, tv_nsec=0})".to_owned(),
        format!("  change {}", entry(data[0])),
        "kevent(5) = 1".to_owned(),
        format!("  answer {}", entry(data[1])),
    ]
}

fn apply(ident: u32, filter: &str) -> [String; 3] {
    [
        "kevent(5, nchanges=1, nevents=0, timeout=NULL)".to_owned(),
        format!(
            "  change {{ident={ident}, filter={filter}, flags=EV_ADD, fflags=0, data=0, udata=NULL}}"
        ),
        "kevent(5) = 0".to_owned(),
    ]
}

/// Prefix and line, without addresses.
fn told_by(prefix: &str, line: &str) -> String {
    let told = what(line, prefix);
    let Some((before, after)) = told.split_once("data=0x") else {
        return format!("{prefix}: {told}");
    };
    let (address, after) = after.split_once(',').unwrap();
    match address {
        "0" => format!("{prefix}: {before}data=0,{after}"),
        _ => format!("{prefix}: {before}data=ADDRESS,{after}"),
    }
}

#[test]
fn a_program_switches_it_and_prints_it_itself() {
    let output = Program::build(&[]).run("switched", None);
    let lines_of = |bytes: &[u8], begin: &str| -> Vec<String> {
        let text = text(bytes);
        let lines = text.lines().map(|line| line.strip_prefix(begin).unwrap());
        lines
            .map(|line| told_by(line.split(" [").next().unwrap(), line))
            .collect()
    };
    let put = |prefix: &'static str, lines: &[String]| -> Vec<String> {
        lines
            .iter()
            .map(|line| format!("{prefix}: {line}"))
            .collect()
    };
    let (first, long) = ("a prefix", "0123456789012345678901234567890");
    let to_prefix = question("NOTE_DEBUG_PREFIX", ["ADDRESS", "ADDRESS"]);
    let to_printer = question("NOTE_DEBUG_FUNC", ["ADDRESS", "0"]);
    let from_printer = question("NOTE_DEBUG_FUNC", ["0", "ADDRESS"]);
    let without_prefix = question("NOTE_DEBUG_PREFIX", ["0", "0"]);
    let off = question("NOTE_DEBUG", ["0", "1"]);
    let on_stderr = [
        put("KQ", &apply(3, "EVFILT_READ")),
        put("KQ", &to_prefix[..2]),
        put(first, &to_prefix[2..]),
        put(first, &to_printer[..2]),
        put(long, &from_printer[2..]),
        put(long, &without_prefix[..2]),
        put("KQ", &without_prefix[2..]),
        put("KQ", &off),
    ];
    assert_eq!(lines_of(&output.stderr, ""), on_stderr.concat());
    let printed = [
        put(first, &to_printer[2..]),
        put(first, &apply(5, "EVFILT_USER")),
        put(first, &["kqueue() = 3".to_owned()]),
        put(first, &to_prefix[..2]),
        put(long, &to_prefix[2..]),
        put(long, &from_printer[..2]),
    ];
    assert_eq!(lines_of(&output.stdout, "printed: "), printed.concat());
}

#[test]
fn a_close_in_a_signal_handler_is_told() {
    let lines = Program::build(&[]).trace("handler");
    let last = lines.last().map(String::as_str);
    assert_eq!(last, Some("3 closes: its knotes in kqueue 5 go"));
}

#[test]
fn a_cancelled_thread_says_that_it_leaves() {
    assert_eq!(
        Program::build(&[]).trace("cancel"),
        [
            "kqueue() = 3",
            "kevent(3, nchanges=0, nevents=1, timeout=NULL)",
            "kevent(3) does not return: the thread is cancelled",
        ]
    );
}

#[test]
fn lines_of_several_threads_stay_whole() {
    let lines = Program::build(&[]).trace("threads");
    let count = |begin: &str| lines.iter().filter(|line| line.starts_with(begin)).count();
    assert_eq!(count("kqueue() = 3"), 1);
    assert_eq!(count("kevent(3, nchanges=1, nevents=0, timeout=NULL)"), 800);
    assert_eq!(count("  change {ident="), 800);
    assert_eq!(count("kevent(3) = 0"), 800);
    assert_eq!(lines.len(), 2401);
}
