//! An HTTP/1.1 server: hyper on this thread's queue, without another runtime.
//!
//! Prints where it listens and answers every request with a line of text. Run it with
//! `cargo run -p kevent-async --features hyper --example hyper_server`, then
//! `curl http://127.0.0.1:PORT/`.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use kevent_async::hyper::{HyperIo, HyperTimer};
use kevent_async::{TcpListener, TcpStream, block_on, sleep, spawn};

fn main() -> io::Result<()> {
    block_on(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
        writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => spawn(serve(stream)).detach(),
                // Out of descriptors, perhaps: some connection will end.
                Err(error) => {
                    writeln!(io::stderr(), "accept: {error}")?;
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
}

/// The life of one connection.
async fn serve(stream: TcpStream) {
    let served = http1::Builder::new()
        .timer(HyperTimer)
        .header_read_timeout(Duration::from_secs(10))
        .serve_connection(HyperIo::new(stream), service_fn(answer))
        .await;
    if let Err(error) = served {
        // Nobody to tell but whoever watches.
        drop(writeln!(io::stderr(), "connection: {error}"));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!(
        "{} {} on our own queue\n",
        request.method(),
        request.uri().path()
    );
    Ok(Response::new(Full::new(Bytes::from(text))))
}
