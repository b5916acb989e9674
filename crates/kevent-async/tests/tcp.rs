//! TCP over the loopback device, with peers that use the standard library's blocking sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Ipv4Addr, Shutdown, SocketAddr};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use fixture::{DEADLINE, run};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use kevent_async::{Direction, TcpListener, TcpStream, spawn};

const LOCALHOST: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn std_client(address: SocketAddr) -> net::TcpStream {
    let client = net::TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.set_write_timeout(Some(DEADLINE)).unwrap();
    client
}

/// A connection: ours, and the blocking peer's.
async fn connection() -> (TcpStream, net::TcpStream) {
    let listener = TcpListener::bind(LOCALHOST).unwrap();
    let peer = std_client(listener.local_addr().unwrap());
    let (stream, _) = listener.accept().await.unwrap();
    (stream, peer)
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| u8::try_from(index % 251).unwrap())
        .collect()
}

#[test]
fn many_requests_on_one_connection_are_answered() {
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        let client = thread::spawn(move || {
            let mut reply = [0; 4];
            for round in 0..2000_u32 {
                peer.write_all(&round.to_be_bytes()).unwrap();
                peer.read_exact(&mut reply).unwrap();
                assert_eq!(u32::from_be_bytes(reply), round);
            }
        });
        let mut request = [0; 64];
        loop {
            let count = stream.read(&mut request).await.unwrap();
            if count == 0 {
                break;
            }
            stream.write_all(&request[..count]).await.unwrap();
        }
        client.join().unwrap();
    });
}

#[test]
fn many_connections_are_served_at_a_time() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                spawn(async move {
                    let mut request = [0; 8];
                    stream.read_exact(&mut request).await.unwrap();
                    stream.write_all(&request).await.unwrap();
                })
                .detach();
            }
        });
        let clients: Vec<_> = (0..200_u64)
            .map(|number| {
                spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(&number.to_be_bytes()).await.unwrap();
                    let mut reply = Vec::new();
                    stream.read_to_end(&mut reply).await.unwrap();
                    assert_eq!(reply, number.to_be_bytes());
                })
            })
            .collect();
        for client in clients {
            client.await;
        }
        drop(server);
    });
}

#[test]
fn the_event_counts_the_connections_that_wait() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let address = listener.local_addr().unwrap();
        for round in 1..=3 {
            let clients: Vec<_> = (0..5 * round).map(|_| std_client(address)).collect();
            listener.readable().await.unwrap();
            assert_eq!(listener.backlog(), clients.len());
            for _ in &clients {
                listener.try_accept().unwrap();
            }
            assert_eq!(listener.backlog(), 0);
            let none = listener.try_accept().unwrap_err();
            assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn connections_that_come_while_others_wait_are_accepted_too() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let address = listener.local_addr().unwrap();
        let clients =
            thread::spawn(move || (0..500).map(|_| std_client(address)).collect::<Vec<_>>());
        let mut streams = Vec::new();
        for _ in 0..500 {
            streams.push(listener.accept().await.unwrap());
        }
        drop(clients.join().unwrap());
    });
}

#[test]
fn the_peer_is_told() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let client = std_client(listener.local_addr().unwrap());
        let (stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(stream.peer_addr().unwrap(), peer);
        assert_eq!(stream.local_addr().unwrap(), listener.local_addr().unwrap());
    });
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    run(|| async {
        let listener = match TcpListener::bind((net::Ipv6Addr::LOCALHOST, 0)) {
            Ok(listener) => listener,
            Err(error) => {
                writeln!(io::stderr(), "SKIPPED: no IPv6 here: {error}").unwrap();
                return;
            }
        };
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (_stream, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    run(|| async {
        let unused = net::TcpListener::bind(LOCALHOST).unwrap();
        let address = unused.local_addr().unwrap();
        drop(unused);
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_busy_port_is_an_error() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let busy = TcpListener::bind(listener.local_addr().unwrap()).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::AddrInUse);
    });
}

#[test]
fn a_fresh_connection_is_read_without_waiting() {
    run(|| async {
        let listener = TcpListener::bind(LOCALHOST).unwrap();
        let mut peer = std_client(listener.local_addr().unwrap());
        peer.write_all(b"early").unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert!(stream.is_ready(Direction::Read));
        let mut buffer = [0; 16];
        assert_eq!(stream.try_read(&mut buffer).unwrap(), 5);
        assert!(
            !stream.is_ready(Direction::Read),
            "a short read drained the socket"
        );
    });
}

#[test]
fn the_end_of_file_that_comes_with_the_data_is_seen() {
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        // It waits for the queue's word from here on.
        let nothing = stream.try_read(&mut [0; 16]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        peer.write_all(b"last words").unwrap();
        drop(peer);
        // A buffer larger than the data: each read comes short.
        let mut buffer = [0; 64];
        let mut text = Vec::new();
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                count => text.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!(text, b"last words");
        assert_eq!(
            stream.read(&mut buffer).await.unwrap(),
            0,
            "it stays at the end"
        );
    });
}

#[test]
fn the_end_of_file_after_the_data_is_seen() {
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        let mut buffer = [0; 64];
        peer.write_all(b"words").unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 5);
        let closing = thread::spawn(move || drop(peer));
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
        closing.join().unwrap();
    });
}

#[test]
fn a_half_closed_connection_is_still_written() {
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        let client = thread::spawn(move || {
            peer.write_all(b"question").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let mut reply = String::new();
            peer.read_to_string(&mut reply).unwrap();
            reply
        });
        let mut question = String::new();
        stream.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question");
        stream.write_all(b"answer").await.unwrap();
        stream.close().await.unwrap();
        assert_eq!(client.join().unwrap(), "answer");
    });
}

#[test]
fn a_reset_is_an_error() {
    run(|| async {
        let (mut stream, peer) = connection().await;
        let reader = spawn(async move { stream.read(&mut [0; 16]).await });
        socket2::SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        let reset = reader.await.unwrap_err();
        assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn more_than_the_socket_holds_is_written_as_the_peer_reads() {
    const COUNT: usize = 16 << 20;
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        let sender = spawn(async move { stream.write_all(&pattern(COUNT)).await });
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            peer.read_to_end(&mut bytes).unwrap();
            bytes
        });
        sender.await.unwrap();
        assert!(reader.join().unwrap() == pattern(COUNT));
    });
}

#[test]
fn one_task_reads_while_another_writes() {
    const COUNT: usize = 4 << 20;
    run(|| async {
        let (stream, peer) = connection().await;
        let echo = thread::spawn(move || io::copy(&mut &peer, &mut &peer).unwrap());
        let stream = Rc::new(stream);
        let writer = spawn({
            let stream = Rc::clone(&stream);
            async move {
                (&*stream).write_all(&pattern(COUNT)).await.unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            }
        });
        let mut bytes = Vec::new();
        (&*stream).read_to_end(&mut bytes).await.unwrap();
        writer.await;
        assert!(bytes == pattern(COUNT));
        assert_eq!(echo.join().unwrap(), COUNT as u64);
    });
}

#[test]
fn vectored_transfers_keep_the_order() {
    run(|| async {
        let (mut stream, mut peer) = connection().await;
        let sent = stream
            .try_write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cde")])
            .unwrap();
        assert_eq!(sent, 5);
        let mut echo = [0; 5];
        peer.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"abcde");

        peer.write_all(&echo).unwrap();
        let (mut a, mut b) = ([0; 3], [0; 8]);
        let mut buffers = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(stream.read_vectored(&mut buffers).await.unwrap(), 5);
        assert_eq!((&a, &b[..2]), (b"abc", &b"de"[..]));
    });
}

#[test]
fn an_operation_of_ones_own_waits_and_is_repeated() {
    run(|| async {
        let (stream, peer) = connection().await;
        // Full: until a write says WouldBlock.
        let chunk = pattern(64 << 10);
        let mut filled = 0;
        let blocked = loop {
            match stream.try_io(Direction::Write, || (&mut stream.get_ref()).write(&chunk)) {
                Ok(count) => filled += count,
                Err(error) => break error,
            }
        };
        assert_eq!(blocked.kind(), io::ErrorKind::WouldBlock);
        assert!(!stream.is_ready(Direction::Write));

        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            (&peer).read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        let mut calls = 0;
        let last = stream
            .write_io(|mut socket| {
                calls += 1;
                socket.write(b"the end")
            })
            .await
            .unwrap();
        assert!(calls >= 1);
        drop(stream);
        assert_eq!(reader.join().unwrap(), filled + last);
    });
}

#[test]
fn a_stream_taken_out_of_the_queue_goes_on() {
    run(|| async {
        let (stream, mut peer) = connection().await;
        let nothing = stream.try_read(&mut [0; 16]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        let waiting = spawn(async move {
            stream.readable().await.unwrap();
            stream
        });
        peer.write_all(b"a").unwrap();
        let again = TcpStream::from_std(waiting.await.into_std()).unwrap();
        again.readable().await.unwrap();
        assert_eq!(again.try_read(&mut [0; 16]).unwrap(), 1);
    });
}
