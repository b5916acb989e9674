//! The ways to answer. A handler takes a request and what was found for it, and returns a
//! `Response`; it never touches a client's socket.

pub(crate) mod authentication;
pub(crate) mod cgi;
pub(crate) mod configured_redirect;
pub(crate) mod directory_index;
pub(crate) mod files;
pub(crate) mod method;
pub(crate) mod redirect;
pub(crate) mod static_file;
pub(crate) mod upload;
