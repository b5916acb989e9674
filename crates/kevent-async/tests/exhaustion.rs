//! A process without a descriptor left: accepting says so, timers still fire.
//!
//! One test, since the limit is the whole process's.

mod fixture;

use std::fs::File;
use std::io;
use std::net::{self, Ipv4Addr};
use std::time::{Duration, Instant};

use fixture::run;
use futures_lite::future::poll_once;
use kevent_async::{TcpListener, Timer, sleep, yield_now};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MS: Duration = Duration::from_millis(1);

/// Opens files until there is no number left.
fn take_all_descriptors() -> Vec<File> {
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::MFILE) => return files,
            Err(error) => panic!("open: {error}"),
        }
    }
}

#[test]
fn without_descriptors_accepting_fails_and_timers_fire() {
    let hard = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(64),
            ..hard
        },
    )
    .unwrap();
    run(|| async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| net::TcpStream::connect(address).unwrap())
            .collect();
        let files = take_all_descriptors();

        for _ in 0..2 {
            let refused = listener.accept().await.unwrap_err();
            assert_eq!(Errno::from_io_error(&refused), Some(Errno::MFILE));
        }

        let start = Instant::now();
        // The queue has no descriptor for its timerfd yet, and gets none.
        sleep(3 * MS).await;
        assert!(start.elapsed() >= 3 * MS);
        let mut timer = Timer::after(200 * MS);
        assert_eq!(poll_once(&mut timer).await, None);
        for _ in 0..3 {
            yield_now().await;
        }
        drop(files);
        timer.await;
        assert!(start.elapsed() >= 200 * MS);

        let mut streams = Vec::new();
        for _ in &clients {
            streams.push(listener.accept().await.unwrap());
        }
        let none = listener.try_accept().unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
    });
}
