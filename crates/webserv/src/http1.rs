//! HTTP/1.1 and HTTP/1.0 on a connection: pipelining, persistence, expectations, contents.
//!
//! A burst serves what has arrived until nothing is left. Content of a request is read before its
//! answer, up to a limit, because no method of this server has a use for it and the connection can
//! only go on behind it. Every fault is answered and ends the connection.

use std::io;

use ::http::Method;
use kevent_async::{Direction, yield_now};

use crate::connection::input::{Input, Read};
use crate::connection::output::{Output, Peer};
use crate::connection::{After, Connection};
use crate::http::framing::Framing;
use crate::http::request::Request;
use crate::http::request_line::Version;
use crate::http::status::Fault;
use crate::limits::{BURST_REQUESTS_MAX, CONTENT_DRAIN_BYTES_MAX};
use crate::response::error_page;
use crate::response::head::{Persistence, Response};
use crate::service;

/// Serves the requests that have arrived, until the input is empty or the connection ends.
///
/// # Errors
///
/// Those of the socket or of a file that failed while it was sent: the connection is to be closed
/// without another word.
pub(crate) async fn serve_burst(connection: &mut Connection) -> io::Result<After> {
    let buffers = &connection.worker().buffers;
    let send_timeout = connection.worker().timeouts.send;
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
                                .set(self.connection.worker().timeouts.idle);
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
                    .set(self.connection.worker().timeouts.header);
            }
            match self.read_before_deadline().await? {
                Ok(Read::End) => return Ok(After::Close),
                Ok(_) => {}
                Err(fault) => return self.refuse_head(fault).await,
            }
        }
    }

    /// One request: its content, then its answer. None to go on with the next one.
    async fn exchange(&mut self, request: &Request) -> io::Result<Option<After>> {
        let refusal = service::refuse(request);
        let with_content = request.method != Method::HEAD;
        if let Err(fault) = self.take_content(request, refusal.is_some()).await? {
            // A request that is refused anyway is refused for that reason.
            return match refusal {
                Some(response) if fault == Fault::ContentTooLarge => {
                    self.answer(response, Persistence::Close, with_content)
                        .await?;
                    Ok(Some(After::Linger))
                }
                _ => self.refuse(fault, with_content).await.map(Some),
            };
        }
        let worker = self.connection.worker();
        let response = match refusal {
            Some(response) => response,
            None => service::answer(worker, request).await,
        };
        let is_open = request.is_persistent && !worker.is_stopping();
        let persistence = match (is_open, request.version) {
            (false, _) => Persistence::Close,
            (true, Version::Http10) => Persistence::OpenForHttp10,
            (true, Version::Http11) => Persistence::Open,
        };
        tracing::debug!(method = %request.method, target = ?request.target, status = response.status.as_u16());
        self.answer(response, persistence, with_content).await?;
        if is_open {
            return Ok(None);
        }
        // A client that asked for the end and is silent can be closed at once.
        let may_have_more = self.connection.stream.is_ready(Direction::Read);
        let is_quiet = !request.is_persistent && self.input.is_empty() && !may_have_more;
        Ok(Some(if is_quiet {
            After::Close
        } else {
            After::Linger
        }))
    }

    /// Reads the content of a request and throws it away. A content that the client holds back, or
    /// that is too large, is not read when the request is refused anyway.
    async fn take_content(
        &mut self,
        request: &Request,
        is_refused: bool,
    ) -> io::Result<Result<(), Fault>> {
        if request.framing.is_empty() {
            return Ok(Ok(()));
        }
        let is_too_large =
            matches!(request.framing, Framing::Length(length) if length > CONTENT_DRAIN_BYTES_MAX);
        if is_too_large || is_refused && request.expects_continue {
            return Ok(Err(Fault::ContentTooLarge));
        }
        if request.expects_continue && self.input.is_empty() {
            let Burst {
                connection, output, ..
            } = self;
            output.send_continue(&mut peer(connection)).await?;
        } else {
            self.flush().await?;
        }
        self.connection
            .deadline
            .set(self.connection.worker().timeouts.content);
        let Connection {
            stream, deadline, ..
        } = &mut *self.connection;
        self.input
            .content(request.framing)
            .drain(stream, deadline)
            .await
    }

    /// Answers a fault in a head, which did not become a request.
    async fn refuse_head(&mut self, fault: Fault) -> io::Result<After> {
        let with_content = !self.input.is_head_method();
        self.refuse(fault, with_content).await
    }

    /// Answers a fault; nothing that follows on this connection can be trusted.
    async fn refuse(&mut self, fault: Fault, with_content: bool) -> io::Result<After> {
        tracing::debug!(%fault, "request refused");
        self.answer(
            error_page::respond_to_fault(fault),
            Persistence::Close,
            with_content,
        )
        .await?;
        Ok(After::Linger)
    }

    async fn answer(
        &mut self,
        response: Response,
        persistence: Persistence,
        with_content: bool,
    ) -> io::Result<()> {
        let Burst {
            connection, output, ..
        } = self;
        let date = connection.worker().date();
        output
            .answer(
                &mut peer(connection),
                response,
                date,
                persistence,
                with_content,
            )
            .await
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
