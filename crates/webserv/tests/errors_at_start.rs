//! Bad arguments: one clear sentence and the right exit code. N14, N19.

mod fixture;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use fixture::process::command;

/// Runs the program to its end and returns its exit code and standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    told(
        &command()
            .args(arguments)
            .output()
            .expect("the program runs"),
    )
}

fn told(output: &Output) -> (Option<i32>, String) {
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "",
        "nothing is announced"
    );
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// One line that names the thing and the remedy.
#[track_caller]
fn is_one_sentence((code, text): (Option<i32>, String), parts: &[&str]) {
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("webserv: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn a_directory_that_is_not_there() {
    is_one_sentence(
        run(&["/no/such/place", "--listen", "127.0.0.1:0"]),
        &["there is no directory /no/such/place", "webserv DIR"],
    );
}

#[test]
fn no_directory_where_there_is_no_www() {
    let empty = tempfile::tempdir().unwrap();
    let output = command()
        .args(["--listen", "127.0.0.1:0"])
        .current_dir(empty.path())
        .output()
        .unwrap();
    is_one_sentence(told(&output), &["there is no directory www", "webserv DIR"]);
}

#[test]
fn a_file_instead_of_a_directory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    is_one_sentence(
        run(&[path, "--listen", "127.0.0.1:0"]),
        &[path, "is not a directory"],
    );
}

#[test]
fn a_directory_that_may_not_be_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o000)).unwrap();
    let mut command = command();
    command
        .arg(directory.path())
        .args(["--listen", "127.0.0.1:0"]);
    if rustix::process::getuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: the tests run as root and the program cannot be run as another user");
        return;
    };
    is_one_sentence(told(&output), &["may not be read"]);
}

#[test]
fn h_n14_a_busy_port() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    is_one_sentence(
        run(&["/tmp", "--listen", &address]),
        &[&address, "is in use by another program", "--listen"],
    );
}

#[test]
fn h_n14_a_port_of_another_server() {
    let site = fixture::Site::new();
    let server = fixture::Process::start(site.root(), &[]);
    let address = server.address().to_string();
    is_one_sentence(run(&["/tmp", "--listen", &address]), &[&address, "in use"]);
}

#[test]
fn h_n14_an_address_of_another_machine() {
    is_one_sentence(
        run(&["/tmp", "--listen", "192.0.2.1:8080"]),
        &["192.0.2.1:8080", "is no address of this machine"],
    );
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    for (arguments, part) in [
        (&["--no-such-option"][..], "--no-such-option"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--workers", "0"], "--workers"),
        (&["--workers", "many"], "--workers"),
        (&["one", "two"], "two"),
    ] {
        let (code, text) = run(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for (argument, part) in [
        ("--help", "--listen <ADDR:PORT>"),
        ("--version", "webserv 0."),
    ] {
        let output = command().arg(argument).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains(part));
    }
}

#[test]
fn h_n19_few_descriptors_run_or_are_told() {
    let site = fixture::Site::new();
    // As many as the standard streams take, then one more at a time, until it starts.
    for limit in 4..40 {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "ulimit -n \"$0\" && exec \"$@\"", &limit.to_string()])
            .arg(env!("CARGO_BIN_EXE_webserv"))
            .arg(site.root())
            .args(["--listen", "127.0.0.1:0", "--workers", "1"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        if line.starts_with("Serving ") {
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(limit > 8, "a server takes more descriptors than that");
            return;
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "limit {limit}: {text}");
        assert!(!output.status.success());
    }
    panic!("the server does not start with 39 descriptors");
}
