//! Unix-domain sockets, and pipes through `Io`.

mod fixture;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use fixture::run;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use kevent_async::{Io, UnixListener, UnixStream, spawn};

/// A name for a socket file, which is removed at the end.
struct SocketFile(PathBuf);

impl SocketFile {
    fn new(name: &str) -> Self {
        let name = format!("kevent-async-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It is not there if the test failed before it was made.
        drop(std::fs::remove_file(&self.0));
    }
}

#[test]
fn both_ends_of_a_pair_talk() {
    run(|| async {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let echo = spawn(async move {
            let mut buffer = [0; 64];
            loop {
                match b.read(&mut buffer).await.unwrap() {
                    0 => return,
                    count => b.write_all(&buffer[..count]).await.unwrap(),
                }
            }
        });
        for round in 0..1000_u32 {
            let mut reply = [0; 4];
            a.write_all(&round.to_be_bytes()).await.unwrap();
            a.read_exact(&mut reply).await.unwrap();
            assert_eq!(u32::from_be_bytes(reply), round);
        }
        a.close().await.unwrap();
        echo.await;
    });
}

#[test]
fn every_connection_is_accepted() {
    run(|| async {
        let file = SocketFile::new("accept");
        let listener = UnixListener::bind(&file.0).unwrap();
        let path = file.0.clone();
        let clients = thread::spawn(move || {
            (0..100)
                .map(|_| net::UnixStream::connect(&path).unwrap())
                .collect::<Vec<_>>()
        });
        let mut streams = Vec::new();
        for _ in 0..100 {
            streams.push(listener.accept().await.unwrap());
        }
        clients.join().unwrap();
    });
}

#[test]
fn a_client_connects_and_is_answered() {
    run(|| async {
        let file = SocketFile::new("connect");
        let listener = UnixListener::bind(&file.0).unwrap();
        let server = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).await.unwrap();
            stream
                .write_all(question.to_uppercase().as_bytes())
                .await
                .unwrap();
        });
        let mut client = UnixStream::connect(&file.0).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "HELLO");
        server.await;
    });
}

#[test]
fn a_missing_socket_file_is_an_error() {
    run(|| async {
        let file = SocketFile::new("missing");
        let missing = UnixStream::connect(&file.0).await.unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    });
}

#[test]
fn a_file_whose_listener_is_gone_refuses() {
    run(|| async {
        let file = SocketFile::new("gone");
        drop(UnixListener::bind(&file.0).unwrap());
        let refused = UnixStream::connect(&file.0).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_pipe_is_read_to_its_end() {
    run(|| async {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut reader = Io::new(reader).unwrap();
        let writing = thread::spawn(move || {
            for _ in 0..1000 {
                writer.write_all(&[7; 1000]).unwrap();
            }
        });
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.unwrap();
        writing.join().unwrap();
        assert!(bytes == vec![7; 1_000_000]);
    });
}

#[test]
fn a_full_pipe_is_written_as_it_is_read() {
    run(|| async {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut writer = Io::new(writer).unwrap();
        let reading = thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        writer.write_all(&vec![1; 1 << 20]).await.unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap(), 1 << 20);
    });
}

#[test]
fn writing_to_a_pipe_without_a_reader_is_an_error() {
    run(|| async {
        let (reader, writer) = io::pipe().unwrap();
        let mut writer = Io::new(writer).unwrap();
        let writing = spawn(async move { writer.write_all(&vec![1; 1 << 20]).await });
        spawn(async move { drop(reader) }).detach();
        assert_eq!(writing.await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_childs_output_is_read() {
    run(|| async {
        let mut child = Command::new("echo")
            .arg("from the child")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut stdout = Io::new(io::PipeReader::from(OwnedFd::from(stdout))).unwrap();
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "from the child\n");
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn several_tasks_wait_for_one_source() {
    run(|| async {
        let (a, mut b) = net::UnixStream::pair().unwrap();
        let a = std::rc::Rc::new(Io::new(a).unwrap());
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let a = std::rc::Rc::clone(&a);
                spawn(async move { a.read_io(|mut socket| socket.read(&mut [0])).await.unwrap() })
            })
            .collect();
        kevent_async::yield_now().await;
        let writing = thread::spawn(move || {
            for _ in 0..100 {
                b.write_all(b"x").unwrap();
            }
            b
        });
        for task in tasks {
            assert_eq!(task.await, 1);
        }
        writing.join().unwrap();
    });
}
