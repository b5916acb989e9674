//! CGI/1.1 (RFC 3875): a program of its own answers a request.
//!
//! ```text
//! script ─► gate ─► environment ─► process ─► head of its output ─► answer
//!                                    ▲  │                             │
//!   client's content ── feed ── stdin┘  └stdout ── stream ◄───────────┘
//! ```
//!
//! Content and output go through pipes of the system's size and no further: a program that does
//! not read slows its client down, and a client that does not read slows the program down. The
//! program has a process group of its own, which is ended when its time is over or its client is
//! gone; its end is reported by the queue (NOTE_EXIT), and it is always reaped.
//!
//! Not supported: scripts that write the whole answer themselves (`nph-`; they are ordinary
//! scripts here), and arguments made of the query.

mod environment;
mod failed;
mod feed;
mod gate;
mod head;
mod output;
mod process;
mod script;
mod standard_error;

use ::http::Method;
use ::http::header::LOCATION;
use futures_lite::{future, stream};

use self::failed::Failed;
pub(crate) use self::gate::Gates;
use self::gate::Permit;
use self::head::{Head, Meaning};
use self::output::Output;
use self::process::Process;
pub(crate) use self::script::Script;
use super::files::Place;
use crate::connection::client::Client;
use crate::connection::content::RequestContent;
use crate::http::request::Request;
use crate::http::status::Fault;
use crate::http::target::Target;
use crate::limits::CGI_CHUNKED_BYTES_MAX;
use crate::response::content::{Content, Pieces, Streamed};
use crate::response::error_page;
use crate::response::head::{Delivery, Response};

/// What a program's output asks for.
#[derive(Debug)]
pub(crate) enum Answered {
    /// An answer.
    Response(Response),
    /// The answer that another path of this host would get.
    Redirect(Target),
}

/// Runs a script for a request.
pub(crate) async fn answer(
    place: &Place<'_>,
    gates: &Gates,
    client: &Client,
    script: &Script<'_>,
    request: &Request,
    content: &mut RequestContent,
) -> Answered {
    match run(place, gates, client, script, request, content).await {
        Ok(answered) => answered,
        Err(failed) => {
            if let Some(reason) = failed.reason() {
                tracing::warn!(script = %script.file().display(), reason, "a CGI program failed");
            }
            Answered::Response(match failed {
                Failed::Content(fault) => error_page::respond_to_fault(fault),
                failed => error_page::respond(failed.status()),
            })
        }
    }
}

async fn run(
    place: &Place<'_>,
    gates: &Gates,
    client: &Client,
    script: &Script<'_>,
    request: &Request,
    content: &mut RequestContent,
) -> Result<Answered, Failed> {
    script.check()?;
    content.limit(place.route.content_bytes_max)?;
    let permit = enter(gates, client, script, content).await?;
    // A program must know the length before it starts.
    let (length, gathered) = match content.length() {
        Some(length) => (length, None),
        None => {
            let gathered = gather(content, place.route.content_bytes_max).await?;
            (gathered.len() as u64, Some(gathered))
        }
    };
    let environment = environment::of(place, client, script, request, length);
    let mut process = Process::start(script, &environment, length > 0, permit)?;
    match gathered {
        Some(gathered) => process.feed.set_bytes(gathered),
        None => process.feed.set_content(content.take()),
    }
    let (head, rest) = process.head(client).await?;
    interpret(request, &head, rest, process)
}

/// Waits for a place among the programs that run, as long as the client does.
async fn enter(
    gates: &Gates,
    client: &Client,
    script: &Script<'_>,
    content: &RequestContent,
) -> Result<Permit, Failed> {
    let entered = async { gates.enter(script.program).await.ok_or(Failed::Busy) };
    let left = async {
        if content.is_complete() {
            client.gone().await;
            return Err(Failed::ClientGone);
        }
        // Whoever reads the content will notice.
        future::pending().await
    };
    future::or(entered, left).await
}

/// A whole chunked content.
async fn gather(content: &mut RequestContent, bytes_max: u64) -> Result<Vec<u8>, Failed> {
    content.limit(CGI_CHUNKED_BYTES_MAX)?;
    let mut gathered = Vec::new();
    let mut piece = vec![0; crate::limits::CONTENT_PIECE_BYTES];
    loop {
        match content.read(&mut piece).await {
            Ok(0) => return Ok(gathered),
            Ok(count) => gathered.extend_from_slice(piece.get(..count).unwrap_or_default()),
            // The route would take it.
            Err(Fault::ContentTooLarge) if bytes_max > CGI_CHUNKED_BYTES_MAX => {
                return Err(Failed::LengthRequired);
            }
            Err(fault) => return Err(Failed::Content(fault)),
        }
    }
}

/// Turns the head of the output into the head of an answer (RFC 3875 section 6.2).
fn interpret(
    request: &Request,
    head: &Head,
    rest: Vec<u8>,
    process: Process,
) -> Result<Answered, Failed> {
    let status = match head.meaning()? {
        Meaning::LocalRedirect(target) => {
            process.release();
            return Ok(Answered::Redirect(target));
        }
        Meaning::Document(status) => status,
    };
    let mut response = Response::new(status);
    for (name, value) in head.fields() {
        response = response.with(name, value);
    }
    if let Some(location) = head.location() {
        response = response.with(&LOCATION, location);
    }
    let length = head.content_length();
    let is_sent =
        request.method != Method::HEAD && response.delivery(request.version) != Delivery::Nothing;
    let pieces: Pieces = if is_sent {
        Box::pin(Output::new(process, rest))
    } else {
        // Nobody will ask for the pieces; the program may still have something to do.
        process.release();
        Box::pin(stream::empty())
    };
    response.content = Content::Stream(Streamed { pieces, length });
    Ok(Answered::Response(response))
}
