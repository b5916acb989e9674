//! `kevent watch` from outside: the built program, its output and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod exec;
mod files;
mod fixture;
mod processes;
mod sources;
mod usage;
