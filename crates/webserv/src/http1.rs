//! HTTP/1.1 and HTTP/1.0 on a connection: pipelining, persistence, expectations, contents.
//!
//! A burst serves what has arrived until nothing is left. The content of a request is lent to
//! whoever answers it ([`RequestContent`]); what is left of it is read before the answer, up to a
//! limit, because the connection can only go on behind it. Every fault is answered and ends the
//! connection.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;

use ::http::{Method, StatusCode};
use futures_lite::FutureExt;
use futures_lite::future::poll_once;
use kevent_async::{Direction, yield_now};

use crate::connection::client::Client;
use crate::connection::content::{Loan, RequestContent};
use crate::connection::input::{Input, Read};
use crate::connection::output::{Manner, Output, Peer};
use crate::connection::{After, Connection};
use crate::http::request::Request;
use crate::http::request_line::Version;
use crate::http::status::Fault;
use crate::limits::BURST_REQUESTS_MAX;
use crate::log::access::Entry;
use crate::response::error_page;
use crate::response::head::{Delivery, Persistence, Response};
use crate::route::location::Location;
use crate::service;
use crate::worker::Seat;

/// Serves the requests that have arrived, until the input is empty or the connection ends.
///
/// # Errors
///
/// Those of the socket or of a file that failed while it was sent: the connection is to be closed
/// without another word.
pub(crate) async fn serve_burst(connection: &mut Connection) -> io::Result<After> {
    let buffers = &connection.worker().buffers;
    let send_timeout = connection.timeouts().send;
    let mut burst = Burst {
        input: Input::new(buffers.take_input()),
        output: Output::new(buffers.take_output(), send_timeout),
        connection,
    };
    let mut outcome = burst.run().await;
    if outcome.is_ok()
        && let Err(error) = burst.flush().await
    {
        outcome = Err(error);
    }
    let buffers = &burst.connection.worker().buffers;
    buffers.give_input(burst.input.into_buffer());
    buffers.give_output(burst.output.into_buffer());
    outcome
}

/// A burst in progress.
struct Burst<'c> {
    connection: &'c mut Connection,
    input: Input,
    output: Output,
}

impl Burst<'_> {
    /// The loop: read, parse, answer.
    async fn run(&mut self) -> io::Result<After> {
        let mut request_count = 0;
        let mut has_head_deadline = false;
        loop {
            match self.input.next_request() {
                Ok(Some(request)) => {
                    has_head_deadline = false;
                    if let Some(after) = self.exchange(&request).await? {
                        return Ok(after);
                    }
                    request_count += 1;
                    if request_count % BURST_REQUESTS_MAX == 0 {
                        self.flush().await?;
                        yield_now().await;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(fault) => return self.refuse_head(fault).await,
            }
            // The client may be waiting for these answers before it sends more.
            self.flush().await?;
            if self.input.is_empty() {
                match self.input.read(&self.connection.stream)? {
                    Read::Some => {}
                    Read::WouldBlock => {
                        // A connection that has not sent anything yet keeps its first deadline.
                        if request_count > 0 {
                            self.connection
                                .deadline
                                .set(self.connection.timeouts().idle);
                        }
                        return Ok(After::Idle);
                    }
                    Read::End => return Ok(After::Close),
                }
                continue;
            }
            // Part of a head is there. Its deadline is not moved by further bytes.
            if !has_head_deadline {
                has_head_deadline = true;
                self.connection
                    .deadline
                    .set(self.connection.timeouts().header);
            }
            match self.read_before_deadline().await? {
                Ok(Read::End) => return Ok(After::Close),
                Ok(_) => {}
                Err(fault) => return self.refuse_head(fault).await,
            }
        }
    }

    /// One request and its answer. None to go on with the next one.
    async fn exchange(&mut self, request: &Request) -> io::Result<Option<After>> {
        let location = self.connection.entrance().locate(request);
        self.output.set_send_timeout(location.timeouts.send);
        if request.framing.is_empty() {
            let mut content = RequestContent::default();
            let response = self.response(&location, request, &mut content).await?;
            return self.conclude(request, response, true).await;
        }
        // The client may wait for earlier answers before it sends, and 100 (Continue) comes
        // behind them.
        self.flush().await?;
        let (content, loan) = RequestContent::lend(
            std::mem::take(&mut self.input),
            Rc::clone(&self.connection.stream),
            request,
            location.timeouts.content,
        );
        let outcome = Box::pin(self.exchange_with(&location, request, content, &loan)).await;
        let returned = loan.take_back();
        let after = outcome?;
        let returned = returned?;
        self.input = returned.input;
        Ok(match after {
            None if !returned.is_complete => Some(After::Linger),
            after => after,
        })
    }

    /// A request with content: the handler takes of it what it needs, the rest is drained.
    async fn exchange_with(
        &mut self,
        location: &Location,
        request: &Request,
        mut content: RequestContent,
        loan: &Loan,
    ) -> io::Result<Option<After>> {
        let mut response = self.response(location, request, &mut content).await?;
        // What is too large is not waited for, nor what the client holds back.
        let is_unwanted = content.fault().is_none()
            && !content.is_held_back()
            && response.status != StatusCode::PAYLOAD_TOO_LARGE;
        if is_unwanted
            && let Err(fault) = content.drain().await
            && fault != Fault::ContentTooLarge
        {
            // A request that is refused anyway is refused for that reason, but what has turned
            // out to be no request is not answered as one.
            response = error_page::respond_to_fault(fault);
        }
        drop(content);
        self.conclude(request, response, loan.is_complete()).await
    }

    /// Asks for the answer; a panic of a handler is the end of this request and of nothing else.
    /// While the handler waits for something, the client gets the answers that are there.
    async fn response(
        &mut self,
        location: &Location,
        request: &Request,
        content: &mut RequestContent,
    ) -> io::Result<Response> {
        let Burst {
            connection, output, ..
        } = self;
        let Connection {
            seat,
            stream,
            deadline,
        } = &mut **connection;
        let client = Client::new(Rc::clone(stream), request.version);
        let Seat {
            worker, entrance, ..
        } = seat;
        let answer = service::answer(worker, entrance, location, &client, request, content);
        let mut answer = pin!(AssertUnwindSafe(answer).catch_unwind());
        let answered = match poll_once(answer.as_mut()).await {
            Some(answered) => answered,
            None => {
                output.flush(&mut Peer { stream, deadline }).await?;
                answer.await
            }
        };
        Ok(answered.unwrap_or_else(|_| {
            // The panic hook has written what and where.
            tracing::error!(method = %request.method, target = ?request.target, "a handler panicked");
            error_page::respond(StatusCode::INTERNAL_SERVER_ERROR)
        }))
    }

    /// Sends the answer. `is_read` says whether the end of the request has been found.
    async fn conclude(
        &mut self,
        request: &Request,
        response: Response,
        is_read: bool,
    ) -> io::Result<Option<After>> {
        let delivery = response.delivery(request.version);
        let worker = self.connection.worker();
        let is_open = is_read
            && request.is_persistent
            && !self.connection.is_ending()
            && delivery != Delivery::UntilClose;
        let persistence = match (is_open, request.version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::OpenForHttp10,
            (true, Version::Http11) => Persistence::Open,
        };
        tracing::debug!(method = %request.method, target = ?request.target, status = response.status.as_u16());
        let manner = Manner {
            date: worker.date(),
            persistence,
            delivery,
            with_content: request.method != Method::HEAD,
        };
        self.answer(Some(request), response, manner).await?;
        if is_open {
            return Ok(None);
        }
        // A client that asked for the end and is silent can be closed at once.
        let may_have_more = self.connection.stream.is_ready(Direction::Read);
        let is_quiet = is_read && !request.is_persistent && self.input.is_empty() && !may_have_more;
        Ok(Some(if is_quiet {
            After::Close
        } else {
            After::Linger
        }))
    }

    /// Answers a fault in a head, which did not become a request.
    async fn refuse_head(&mut self, fault: Fault) -> io::Result<After> {
        let with_content = !self.input.is_head_method();
        self.refuse(fault, with_content).await
    }

    /// Answers a fault; nothing that follows on this connection can be trusted.
    async fn refuse(&mut self, fault: Fault, with_content: bool) -> io::Result<After> {
        tracing::debug!(%fault, "request refused");
        let response = error_page::respond_to_fault(fault);
        let manner = Manner {
            date: self.connection.worker().date(),
            persistence: Persistence::Close,
            delivery: response.delivery(Version::Http11),
            with_content,
        };
        self.answer(None, response, manner).await?;
        Ok(After::Linger)
    }

    /// Sends an answer and notes it in the access log, also when the client is gone before its end.
    async fn answer(
        &mut self,
        request: Option<&Request>,
        response: Response,
        manner: Manner,
    ) -> io::Result<()> {
        let Burst {
            connection, output, ..
        } = self;
        let length = match manner.delivery {
            Delivery::Length(length) if manner.with_content => Some(length),
            Delivery::Chunked | Delivery::UntilClose if manner.with_content => None,
            _ => Some(0),
        };
        let entry = Entry {
            peer: connection.seat.peer(),
            request,
            status: response.status,
            bytes: length,
            date: manner.date,
        };
        let outcome = output.answer(&mut peer(connection), response, manner).await;
        connection.worker().access_lines.record(&entry);
        outcome
    }

    async fn flush(&mut self) -> io::Result<()> {
        let Burst {
            connection, output, ..
        } = self;
        output.flush(&mut peer(connection)).await
    }

    async fn read_before_deadline(&mut self) -> io::Result<Result<Read, Fault>> {
        let Connection {
            stream, deadline, ..
        } = &mut *self.connection;
        self.input.read_before(stream, deadline).await
    }
}

fn peer(connection: &mut Connection) -> Peer<'_> {
    Peer {
        stream: &connection.stream,
        deadline: &mut connection.deadline,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::num::NonZeroU16;

    use crate::Server;
    use crate::http::target::encode_path;
    use crate::service::PANIC;
    use crate::site::Site;

    #[test]
    fn a_handler_that_panics_ends_its_request_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let root = directory.path().to_owned();
        let server = Server::start(Site::of_directory(root, &listen, NonZeroU16::MIN)).unwrap();
        let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
        let target = encode_path(PANIC);
        let requests = format!(
            "GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n\
             PUT /{target} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
             GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        client.write_all(requests.as_bytes()).unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        let statuses: Vec<_> = answers
            .match_indices("HTTP/1.1 ")
            .filter_map(|(place, _)| answers.get(place + 9..place + 12))
            .collect();
        assert_eq!(statuses, ["500", "500", "200"]);
        server.handle().stop();
        server.wait().unwrap();
    }
}
