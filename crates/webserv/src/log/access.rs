//! The access log: a line for each answer, gathered by each worker and written away from its loop.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use ::http::StatusCode;
use ::http::header::{REFERER, USER_AGENT};
use kevent_async::{sleep, spawn_blocking};

use super::file::OpenLog;
use crate::http::date::HttpDate;
use crate::http::request::Request;
use crate::http::request_line::Version;
use crate::http::target::Target;
use crate::limits::{ACCESS_LINES_BYTES_MAX, ACCESS_LINES_PAUSE};
use crate::site::AccessLog;
use crate::worker::Worker;

/// The lines of one worker that have not been written yet.
#[derive(Debug, Default)]
pub(crate) struct AccessLines {
    form: Cell<AccessLog>,
    file: RefCell<Option<Arc<OpenLog>>>,
    lines: RefCell<Vec<u8>>,
    /// Lines that found no room, because the file takes none.
    lost_count: Cell<u64>,
    /// Who writes them.
    writer: RefCell<Option<Waker>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Entry<'r> {
    /// Who asked; none over a unix socket.
    pub(crate) peer: Option<SocketAddr>,
    /// None where the head was no request.
    pub(crate) request: Option<&'r Request>,
    pub(crate) status: StatusCode,
    /// Of the content; none where it was not known before it was sent.
    pub(crate) bytes: Option<u64>,
    pub(crate) date: HttpDate,
}

impl AccessLines {
    /// Writes in another form, or elsewhere, from now on.
    pub(crate) fn set(&self, form: AccessLog, file: Option<Arc<OpenLog>>) {
        self.write_rest();
        self.form.set(form);
        self.file.replace(file);
    }

    /// Adds a line.
    pub(crate) fn record(&self, entry: &Entry<'_>) {
        let form = self.form.get();
        if form == AccessLog::Off {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        if lines.len() >= ACCESS_LINES_BYTES_MAX {
            self.lost_count.set(self.lost_count.get() + 1);
            return;
        }
        match form {
            AccessLog::Combined => push_combined(&mut lines, entry),
            _ => push_json(&mut lines, entry),
        }
        if let Some(writer) = self.writer.borrow_mut().take() {
            writer.wake();
        }
    }

    /// Waits for lines; takes them, and where they go.
    async fn take(&self) -> Vec<u8> {
        poll_fn(|context| {
            if self.lines.borrow().is_empty() {
                *self.writer.borrow_mut() = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        // More will come; one write takes them all.
        sleep(ACCESS_LINES_PAUSE).await;
        std::mem::take(&mut self.lines.borrow_mut())
    }

    /// Writes what is left, here and now.
    fn write_rest(&self) {
        let lines = std::mem::take(&mut *self.lines.borrow_mut());
        if let Some(file) = &*self.file.borrow()
            && !lines.is_empty()
            && let Err(error) = file.write(&lines)
        {
            tracing::error!(%error, "cannot write the access log");
        }
    }
}

/// However the worker ends, its lines are written.
impl Drop for AccessLines {
    fn drop(&mut self) {
        self.write_rest();
    }
}

/// Writes a worker's lines for as long as it lives.
pub(crate) async fn write_all(worker: Rc<Worker>) {
    let log = &worker.access_lines;
    loop {
        let lines = log.take().await;
        let file = log.file.borrow().clone();
        if let Some(file) = file
            && let Err(error) = spawn_blocking(move || file.write(&lines)).await
        {
            tracing::error!(%error, "cannot write the access log");
        }
        let lost_count = log.lost_count.replace(0);
        if lost_count > 0 {
            tracing::error!(lost_count, "the access log is too slow; lines were dropped");
        }
    }
}

/// `peer - user [date] "request" status bytes "referer" "user agent"`.
fn push_combined(lines: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut line = String::new();
    let date = entry.date.to_string();
    let part = |range| date.get(range).unwrap_or_default();
    let (day, month, year, time) = (part(5..7), part(8..11), part(12..16), part(17..25));
    // Writing to memory cannot fail.
    let _ = write!(
        line,
        "{} - - [{day}/{month}/{year}:{time} +0000] \"",
        Peer(entry.peer)
    );
    match entry.request {
        Some(request) => {
            push_quoted(&mut line, request.method.as_str().as_bytes());
            let _ = write!(line, " {} {}", Asked(&request.target), version(request));
        }
        None => line.push('-'),
    }
    let _ = write!(line, "\" {} {} ", entry.status.as_u16(), Bytes(entry.bytes));
    for name in [&REFERER, &USER_AGENT] {
        let value = entry.request.and_then(|request| request.fields.first(name));
        line.push('"');
        push_quoted(&mut line, value.unwrap_or(b"-"));
        line.push('"');
        line.push(if *name == REFERER { ' ' } else { '\n' });
    }
    lines.extend_from_slice(line.as_bytes());
}

/// Visible ASCII as it is, but for quotes and backslashes; nothing a client sends ends a line.
fn push_quoted(line: &mut String, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => {
                line.push('\\');
                line.push(char::from(byte));
            }
            b' '..=b'~' => line.push(char::from(byte)),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
}

fn push_json(lines: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut line = String::new();
    let seconds = entry.date.unix_seconds();
    let _ = write!(
        line,
        "{{\"time\":{seconds},\"peer\":\"{}\"",
        Peer(entry.peer)
    );
    if let Some(request) = entry.request {
        line.push_str(",\"method\":");
        push_json_text(&mut line, request.method.as_str().as_bytes());
        let _ = write!(line, ",\"target\":\"{}\"", Asked(&request.target));
        let _ = write!(line, ",\"version\":\"{}\"", version(request));
        if let Some(authority) = &request.authority {
            line.push_str(",\"host\":");
            push_json_text(&mut line, authority.host().as_bytes());
        }
        for (key, name) in [("referer", &REFERER), ("user_agent", &USER_AGENT)] {
            if let Some(value) = request.fields.first(name) {
                let _ = write!(line, ",\"{key}\":");
                push_json_text(&mut line, value);
            }
        }
    }
    let status = entry.status.as_u16();
    let _ = write!(line, ",\"status\":{status}");
    if let Some(bytes) = entry.bytes {
        let _ = write!(line, ",\"bytes\":{bytes}");
    }
    line.push_str("}\n");
    lines.extend_from_slice(line.as_bytes());
}

/// A JSON string (RFC 8259 section 7); bytes that are no UTF-8 become U+FFFD.
fn push_json_text(line: &mut String, text: &[u8]) {
    line.push('"');
    for sign in String::from_utf8_lossy(text).chars() {
        match sign {
            '"' | '\\' => {
                line.push('\\');
                line.push(sign);
            }
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(line, "\\u{:04x}", u32::from(sign));
            }
            _ => line.push(sign),
        }
    }
    line.push('"');
}

fn version(request: &Request) -> &'static str {
    match request.version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

/// A number of bytes that may be unknown.
struct Bytes(Option<u64>);

impl std::fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bytes) => bytes.fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}

/// The address of a client without its port.
struct Peer(Option<SocketAddr>);

impl std::fmt::Display for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.ip().fmt(formatter),
            None => formatter.write_str("-"),
        }
    }
}

/// A request target, encoded: no quote, backslash or control character is in it.
struct Asked<'t>(&'t Target);

impl std::fmt::Display for Asked<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Target::Resource { path, query, .. } => {
                write!(formatter, "{path}")?;
                match query {
                    // The parser lets a backslash through.
                    Some(query) => write!(formatter, "?{}", query.replace('\\', "%5C")),
                    None => Ok(()),
                }
            }
            Target::Asterisk => formatter.write_str("*"),
            Target::Authority(authority) => formatter.write_str(authority.host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::HeadScanner;

    fn line(push: fn(&mut Vec<u8>, &Entry<'_>), head: Option<&[u8]>) -> String {
        let request = head.map(|head| {
            let span = HeadScanner::default().advance(head).unwrap().unwrap();
            Request::parse(head, &span).unwrap()
        });
        let entry = Entry {
            peer: Some(SocketAddr::from(([192, 0, 2, 1], 5))),
            request: request.as_ref(),
            status: StatusCode::OK,
            bytes: Some(1000),
            date: HttpDate::from_unix_seconds(784_111_777).unwrap(),
        };
        let mut lines = Vec::new();
        push(&mut lines, &entry);
        String::from_utf8(lines).unwrap()
    }

    const HEAD: &[u8] =
        b"GET /a%0d%0a\"x?q=\\ HTTP/1.1\r\nHost: h\r\nUser-Agent: \"U\\\xff\r\n\r\n";

    #[test]
    fn nothing_that_a_client_sends_breaks_a_line() {
        let head = HEAD.to_vec();
        let head: Vec<u8> = head.into_iter().filter(|&byte| byte != b'"').collect();
        assert_eq!(
            line(push_combined, Some(&head)),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a%0D%0Ax?q=%5C HTTP/1.1\" 200 1000 \
             \"-\" \"U\\\\\\xff\"\n"
        );
        assert_eq!(
            line(push_json, Some(&head)),
            "{\"time\":784111777,\"peer\":\"192.0.2.1\",\"method\":\"GET\",\
             \"target\":\"/a%0D%0Ax?q=%5C\",\"version\":\"HTTP/1.1\",\"host\":\"h\",\
             \"user_agent\":\"U\\\\\u{fffd}\",\"status\":200,\"bytes\":1000}\n"
        );
        assert_eq!(
            line(push_combined, None),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"-\" 200 1000 \"-\" \"-\"\n"
        );
    }
}
