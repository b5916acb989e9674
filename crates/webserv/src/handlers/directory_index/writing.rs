//! A listing becomes content: at once, or a piece at a time.

use std::fmt::Write;
use std::io;

use futures_lite::stream;

use super::entry::Entry;
use super::order::Order;
use super::page;
use crate::http::negotiation::Coding;
use crate::http::target::{ResourcePath, encode_path};
use crate::limits::{LISTING_CHUNK_BYTES, LISTING_PAGE_ENTRIES_MAX};
use crate::response::compression::{self, Encoder, Permit};
use crate::response::content::{Content, Streamed};

/// The forms of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Page,
    Json,
}

/// What a listing shows.
#[derive(Debug)]
pub(super) struct Listing {
    /// The path as the client asked for it.
    pub(super) asked: ResourcePath,
    pub(super) order: Order,
    pub(super) entries: Vec<Entry>,
    /// Whether there are more entries than these.
    pub(super) has_more: bool,
    /// Whether files may be sent here.
    pub(super) may_upload: bool,
}

impl Listing {
    /// The listing in that form, and the coding that it got: none if it is short, or if its
    /// encoder failed. Blocks for as long as a short one takes.
    pub(super) fn write(
        self,
        form: Form,
        coding: Option<(Coding, Permit)>,
        coded_bytes_min: u64,
    ) -> (Written, Option<Coding>) {
        let is_short = self.entries.len() <= LISTING_PAGE_ENTRIES_MAX;
        let mut pieces = Pieces {
            listing: self,
            form,
            next: Some(0),
        };
        if !is_short {
            let encoder = coding.and_then(|(coding, permit)| {
                let encoder = Encoder::new(coding, None).ok()?;
                Some((encoder, coding, permit))
            });
            let coding = encoder.as_ref().map(|&(_, coding, _)| coding);
            let encoder = encoder.map(|(encoder, _, permit)| (encoder, permit));
            return (Written::Partly(Box::new(Rest { pieces, encoder })), coding);
        }
        let mut text = Vec::new();
        while let Some(mut piece) = pieces.next() {
            text.append(&mut piece);
        }
        let coding = coding
            .map(|(coding, _)| coding)
            .filter(|_| text.len() as u64 >= coded_bytes_min);
        match coding.map(|coding| compression::compress(coding, &text)) {
            Some(Ok(coded)) => (Written::Whole(coded), coding),
            _ => (Written::Whole(text), None),
        }
    }

    /// What stands before the entries.
    fn start(&self, form: Form, out: &mut String) {
        match form {
            Form::Page => page::write_start(self, out),
            Form::Json => {
                let path = String::from_utf8_lossy(self.asked.as_bytes());
                let slash = if self.asked.is_root() { "" } else { "/" };
                let path = json_text(&format!("/{path}{slash}"));
                push(out, format_args!("{{\"path\":{path},\"entries\":["));
            }
        }
    }

    fn entry(&self, form: Form, index: usize, entry: &Entry, out: &mut String) {
        match form {
            Form::Page => page::write_entry(entry, out),
            Form::Json => {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                write_json(entry, out);
            }
        }
    }

    /// What stands behind them.
    fn end(&self, form: Form, out: &mut String) {
        match form {
            Form::Page => page::write_end(self, out),
            Form::Json => push(out, format_args!("\n],\"has_more\":{}}}\n", self.has_more)),
        }
    }
}

/// `{"name":"a b","type":"file","size":1,"modified":"…","href":"a%20b"}`; the reference leads to
/// the file also where its name is not UTF-8.
fn write_json(entry: &Entry, out: &mut String) {
    let name = json_text(&String::from_utf8_lossy(&entry.name));
    let href = encode_path(&entry.name);
    let (kind, slash) = if entry.is_directory {
        ("directory", "/")
    } else {
        ("file", "")
    };
    push(out, format_args!("{{\"name\":{name},\"type\":\"{kind}\""));
    if !entry.is_directory {
        push(out, format_args!(",\"size\":{}", entry.size));
    }
    if let Some(date) = entry.modified {
        push(out, format_args!(",\"modified\":\"{}\"", date.to_rfc3339()));
    }
    push(out, format_args!(",\"href\":\"{href}{slash}\"}}"));
}

/// The text as a JSON string.
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Appends to a string, which cannot fail.
pub(super) fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}

/// A listing that is being written.
struct Pieces {
    listing: Listing,
    form: Form,
    /// The entry to go on with; none when the end has been written.
    next: Option<usize>,
}

impl Pieces {
    /// The next piece, a little over [`LISTING_CHUNK_BYTES`] at most.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut index = self.next?;
        let mut out = String::with_capacity(LISTING_CHUNK_BYTES + LISTING_CHUNK_BYTES / 8);
        if index == 0 {
            self.listing.start(self.form, &mut out);
        }
        while out.len() < LISTING_CHUNK_BYTES {
            let Some(entry) = self.listing.entries.get(index) else {
                self.listing.end(self.form, &mut out);
                self.next = None;
                return Some(out.into_bytes());
            };
            self.listing.entry(self.form, index, entry, &mut out);
            index += 1;
        }
        self.next = Some(index);
        Some(out.into_bytes())
    }
}

/// A listing on its way from the blocking pool to its client.
pub(super) enum Written {
    /// A short one.
    Whole(Vec<u8>),
    /// A long one, which is written as the client takes it.
    Partly(Box<Rest>),
}

impl Written {
    pub(super) fn into_content(self) -> Content {
        match self {
            Written::Whole(bytes) => Content::Bytes(bytes),
            Written::Partly(rest) => Content::Stream(Streamed {
                pieces: Box::pin(stream::try_unfold(Some(rest), |rest| async {
                    rest.map_or(Ok(None), |rest| rest.next())
                })),
                length: None,
            }),
        }
    }
}

/// What is left to write, and the encoder that it goes through, if there is one.
pub(super) struct Rest {
    pieces: Pieces,
    encoder: Option<(Encoder, Permit)>,
}

/// A piece as it is sent, and what comes after it.
type Step = Option<(Vec<u8>, Option<Box<Rest>>)>;

impl Rest {
    fn next(mut self: Box<Self>) -> io::Result<Step> {
        match self.pieces.next() {
            Some(piece) => {
                let piece = match &mut self.encoder {
                    Some((encoder, _)) => encoder.push(&piece)?,
                    None => piece,
                };
                Ok(Some((piece, Some(self))))
            }
            None => match self.encoder {
                Some((encoder, _)) => Ok(Some((encoder.finish()?, None))),
                None => Ok(None),
            },
        }
    }
}
