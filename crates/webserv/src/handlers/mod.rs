//! The ways to answer. A handler takes a request and what was found for it, and returns a
//! `Response`; it never touches a client's socket.

pub(crate) mod directory_index;
pub(crate) mod redirect;
pub(crate) mod static_file;
