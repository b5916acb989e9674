//! A web server on kqueue: one event queue, one thread and one listening socket per core, nothing
//! shared on the path of a request.
//!
//! This is the library behind the program `webserv`; [`Server`] starts it within another program.
//! It serves the files of a directory over HTTP/1.1: conditional requests, ranges, index files and
//! listings, persistent and pipelined connections.
//!
//! # The life of a request
//!
//! `listener` accepts, `connection` waits and `http1` reads; [`http`] turns bytes into a
//! [`http::request::Request`] or a [`http::status::Fault`]; `route` finds a file that lies beneath
//! the served directory; `handlers` make a response of it, and `connection::output` sends that.
//!
//! # What may not happen
//!
//! - [`http`] does no I/O and reads no clock.
//! - Only `connection` reads or writes client sockets; a handler returns a response.
//! - Every buffer, table and loop has its bound in [`limits`].
//! - No input makes it panic; if a bug does, only that connection ends.

#![forbid(unsafe_code)]

mod buffers;
pub mod config;
mod connection;
mod entrance;
mod error;
mod handlers;
pub mod http;
mod http1;
pub mod limits;
mod listener;
mod log;
mod opening;
mod operator;
pub mod password;
mod platform;
mod privileges;
mod response;
mod route;
mod server;
mod service;
mod signals;
pub mod site;
mod supervisor;
mod worker;

pub use error::Error;
pub use log::error::ErrorLogger;
pub use operator::Configured;
pub use server::{Handle, Server};
pub use signals::{Operator, Signals};
