//! Children: their status, their pipes, and what dropping means.

mod fixture;

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use fixture::run;
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use kevent_async::{Child, spawn, yield_now};
use rustix::process::{Pid, test_kill_process};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

#[test]
fn the_status_is_that_of_the_process() {
    run(|| async {
        for code in [0, 1, 77, 255] {
            let mut child = Child::spawn(&mut shell(&format!("exit {code}")))?;
            assert_eq!(child.status().await?.code(), Some(code));
            assert_eq!(child.status().await?.code(), Some(code), "again");
        }
        let mut child = Child::spawn(&mut shell("kill -9 $$"))?;
        assert_eq!(child.status().await?.signal(), Some(9));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn each_of_many_children_has_its_own_status() {
    run(|| async {
        let mut waiting = Vec::new();
        for code in 0..60 {
            let mut child = Child::spawn(&mut shell(&format!("read line; exit {code}")))?;
            waiting.push(spawn(async move { child.status().await }));
        }
        for (code, task) in (0..).zip(waiting) {
            assert_eq!(task.await?.code(), Some(code));
        }
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn the_pipes_are_read_and_written() {
    run(|| async {
        let mut child = Child::spawn(
            Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        assert!(child.stderr.is_none());
        // More than a pipe holds, so that both sides have to wait.
        let text = vec![b'x'; 300_000];
        let sent = text.clone();
        let writing = spawn(async move { stdin.write_all(&sent).await });
        let mut received = Vec::new();
        stdout.read_to_end(&mut received).await?;
        writing.await?;
        assert!(received == text);
        assert!(child.status().await?.success());
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_dropped_wait_is_taken_up_again() {
    run(|| async {
        let mut child = Child::spawn(&mut shell("read line; exit 5"))?;
        let stdin = child.stdin.take();
        assert!(poll_once(child.status()).await.is_none());
        assert!(child.try_status()?.is_none());
        yield_now().await;
        drop(stdin);
        assert_eq!(child.status().await?.code(), Some(5));
        assert_eq!(
            child.try_status()?.and_then(|status| status.code()),
            Some(5)
        );
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_killed_child_ends() {
    run(|| async {
        let mut child = Child::spawn(Command::new("sleep").arg("1000"))?;
        child.kill()?;
        assert_eq!(child.status().await?.signal(), Some(libc::SIGKILL));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn kill_on_drop_leaves_nobody_behind() {
    run(|| async {
        let mut child = Child::spawn(Command::new("sleep").arg("1000"))?;
        child.set_kill_on_drop(true);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        test_kill_process(pid)?;
        drop(child);
        assert_eq!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_dropped_child_goes_on() {
    run(|| async {
        let mut child = Child::spawn(&mut shell("read line; echo still here"))?;
        let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        drop(child);
        drop(stdin);
        let mut output = String::new();
        stdout.read_to_string(&mut output).await?;
        assert_eq!(output, "still here\n");
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_program_that_is_not_there_is_refused() {
    let refused = run(|| async { Child::spawn(&mut Command::new("/nowhere")).unwrap_err() });
    assert_eq!(refused.kind(), io::ErrorKind::NotFound);
}
