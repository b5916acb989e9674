//! Dropping futures, tasks and sources at any time: nothing is lost, nothing is left behind.

mod fixture;

use std::io::{Read, Write};
use std::net::{self, Ipv4Addr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::rc::Rc;
use std::time::Duration;

use fixture::{on_thread, run};
use futures_lite::future::{poll_once, race};
use futures_lite::{AsyncReadExt, FutureExt};
use kevent_async::{
    Direction, Io, TcpListener, TcpStream, UnixStream, block_on, sleep, spawn, timeout, yield_now,
};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_cancelled_read_loses_no_data() {
    run(|| async {
        let (mut stream, mut peer) = StdUnixStream::pair()
            .and_then(|(a, b)| Ok((UnixStream::from_std(a)?, b)))
            .unwrap();
        let mut buffer = [0; 16];
        for round in 0..100_u8 {
            assert!(timeout(MS / 10, stream.read(&mut buffer)).await.is_err());
            peer.write_all(&[round]).unwrap();
            assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
            assert_eq!(buffer[0], round);
        }
    });
}

#[test]
fn a_cancelled_accept_loses_no_connection() {
    run(|| async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(timeout(MS, listener.accept()).await.is_err());
        let client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn a_cancelled_connect_closes_its_socket() {
    run(|| async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..100 {
            // Polled once, then dropped in the middle or at the end.
            drop(poll_once(TcpStream::connect(address)).await);
        }
        let client = TcpStream::connect(address).await.unwrap();
        let wanted = client.local_addr().unwrap();
        while listener.accept().await.unwrap().1 != wanted {}
    });
}

#[test]
fn a_cancelled_task_takes_its_sources_along() {
    run(|| async {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        let mut stream = stream;
        let task = spawn(async move { stream.read(&mut [0; 16]).await });
        yield_now().await;
        assert!(task.cancel().await.is_none());
        assert_eq!(
            peer.read(&mut [0; 16]).await.unwrap(),
            0,
            "the stream is closed"
        );
    });
}

#[test]
fn a_source_may_be_dropped_while_its_event_is_on_the_way() {
    run(|| async {
        for _ in 0..200 {
            let (stream, mut peer) = StdUnixStream::pair()
                .and_then(|(a, b)| Ok((UnixStream::from_std(a)?, b)))
                .unwrap();
            assert!(poll_once(stream.readable()).await.is_none());
            yield_now().await;
            peer.write_all(b"x").unwrap();
            drop(stream);
            yield_now().await;
        }
    });
}

#[test]
fn the_loser_of_a_race_does_not_take_the_winners_event() {
    run(|| async {
        let (stream, mut peer) = StdUnixStream::pair()
            .and_then(|(a, b)| Ok((Rc::new(Io::new(a)?), b)))
            .unwrap();
        for _ in 0..50 {
            // Both wait for the same direction; the one in the task stays.
            let waiting = spawn({
                let stream = Rc::clone(&stream);
                async move { stream.read_io(|mut socket| socket.read(&mut [0])).await }
            });
            let first = async { stream.readable().await.map(|()| true) };
            let second = async {
                sleep(MS / 10).await;
                Ok(false)
            };
            assert!(!race(first, second).await.unwrap());
            peer.write_all(b"x").unwrap();
            assert_eq!(waiting.await.unwrap(), 1);
            let empty = || (&mut stream.get_ref()).read(&mut [0]);
            assert!(
                stream.try_io(Direction::Read, empty).is_err(),
                "all is read"
            );
        }
    });
}

#[test]
fn futures_left_in_a_panicking_block_on_are_dropped() {
    on_thread(|| {
        let rest = Rc::new(());
        let inner = Rc::clone(&rest);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            block_on(async {
                spawn(async move {
                    let _inner = inner;
                    std::future::pending::<()>().await;
                })
                .detach();
                yield_now().await;
                panic!("the outermost future");
            });
        }));
        assert!(result.is_err());
        assert_eq!(Rc::strong_count(&rest), 1);
        assert_eq!(block_on(async { 7 }), 7, "the thread goes on");
    });
}

#[test]
fn a_source_outlives_block_on() {
    on_thread(|| {
        let (mut stream, mut peer) = block_on(async {
            let (a, b) = StdUnixStream::pair().unwrap();
            (UnixStream::from_std(a).unwrap(), b)
        });
        peer.write_all(b"hello").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(block_on(stream.read(&mut buffer)).unwrap(), 5);
        peer.write_all(b"bye").unwrap();
        assert_eq!(block_on(stream.read(&mut buffer).boxed_local()).unwrap(), 3);
    });
}
