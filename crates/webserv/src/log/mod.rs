//! The logs: what went wrong, and a line for each answer.

pub(crate) mod access;
pub(crate) mod error;
pub(crate) mod file;
