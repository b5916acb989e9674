//! One event as a line of text or as a JSON object.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::SystemTime;

use kevent::{Filter, Flags, Kevent, NoteFs, NoteNetdev, NoteProc, NoteVnode};
use serde_json::{Map, Value};

use crate::clock::timestamp;

/// An event, and what it is about.
pub(crate) struct Decoded<'a> {
    event: &'a Kevent,
    what: &'a str,
    /// The file was gone, and is there again; the event is its directory's.
    came_back: bool,
    time: String,
}

impl<'a> Decoded<'a> {
    pub(crate) fn new(event: &'a Kevent, what: &'a str, came_back: bool) -> Self {
        Self {
            event,
            what,
            came_back,
            time: timestamp(SystemTime::now()),
        }
    }

    /// Time, filter, what, notes, data and their meaning, without the line's end.
    pub(crate) fn text(&self) -> String {
        let notes = self.notes();
        let notes = if notes.is_empty() {
            "-".to_owned()
        } else {
            notes.join("|")
        };
        let mut line = format!(
            "{} {:<6} {}  {notes}  data={}",
            self.time,
            self.filter(),
            on_one_line(self.what),
            self.event.data
        );
        if let Some(detail) = self.detail() {
            line.push_str("  ");
            line.push_str(&on_one_line(&detail));
        }
        line
    }

    /// The same, for programs.
    pub(crate) fn json(&self) -> String {
        let flags: Vec<&str> = self
            .event
            .flags
            .iter_names()
            .map(|(name, _)| name)
            .collect();
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("time", self.time.as_str().into());
        put("filter", self.filter().into());
        put("ident", self.event.ident.into());
        put("what", self.what.into());
        put("notes", self.notes().into());
        put("data", self.event.data.into());
        put("flags", flags.into());
        put("detail", self.detail().into());
        if let Some(status) = self.event.exit_status() {
            put("exit_code", status.code().into());
            put("exit_signal", status.signal().into());
        }
        Value::Object(object).to_string()
    }

    fn filter(&self) -> String {
        let name = format!("{:?}", self.event.filter);
        name.strip_prefix("EVFILT_").unwrap_or(&name).to_owned()
    }

    /// The notes' names, then EOF and ERROR, which are flags but say what happened.
    fn notes(&self) -> Vec<&'static str> {
        let bits = self.event.fflags;
        let mut notes: Vec<&str> = match self.event.filter {
            Filter::VNODE => names(NoteVnode::from_bits_truncate(bits).iter_names()),
            Filter::PROC => names(NoteProc::from_bits_truncate(bits).iter_names()),
            Filter::NETDEV => names(NoteNetdev::from_bits_truncate(bits).iter_names()),
            Filter::FS => names(NoteFs::from_bits_truncate(bits).iter_names()),
            _ => Vec::new(),
        };
        let says = Flags::EOF | Flags::ERROR;
        notes.extend(names((self.event.flags & says).iter_names()));
        notes
    }

    /// What the notes and the number mean, where they do not say it themselves.
    fn detail(&self) -> Option<String> {
        let event = self.event;
        if let Some(error) = event.error().or_else(|| event.socket_error()) {
            return Some(error.to_string());
        }
        if let Some(status) = event.exit_status() {
            return Some(status.to_string());
        }
        match event.filter {
            Filter::VNODE if self.came_back => Some("there again".to_owned()),
            Filter::PROC => self.process_detail(),
            Filter::READ => Some(format!("{} to read", counted(event.data, "byte"))),
            Filter::TIMER => Some(counted(event.data, "expiration")),
            Filter::SIGNAL => Some(counted(event.data, "delivery")),
            _ => None,
        }
    }

    fn process_detail(&self) -> Option<String> {
        let notes = NoteProc::from_bits_truncate(self.event.fflags);
        if notes.contains(NoteProc::CHILD) {
            return Some(format!("child of {}", self.event.data));
        }
        if notes.contains(NoteProc::TRACKERR) {
            return Some("children may have gone unnoticed".to_owned());
        }
        if !notes.contains(NoteProc::EXEC) {
            return None;
        }
        let name = fs::read(format!("/proc/{}/comm", self.event.ident)).ok()?;
        Some(String::from_utf8_lossy(&name).trim_end().to_owned())
    }
}

fn names<T>(named: impl Iterator<Item = (&'static str, T)>) -> Vec<&'static str> {
    named.map(|(name, _)| name).collect()
}

fn counted(number: i64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// A path may hold a line's end, or what a terminal would obey.
fn on_one_line(text: &str) -> String {
    let escape = |c: char| {
        let (plain, escaped) = match c.is_control() {
            true => (None, Some(c.escape_default())),
            false => (Some(c), None),
        };
        plain.into_iter().chain(escaped.into_iter().flatten())
    };
    text.chars().flat_map(escape).collect()
}
