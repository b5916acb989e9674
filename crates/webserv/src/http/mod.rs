//! The protocol as pure functions: bytes and limits in, values out.
//!
//! Nothing here touches a socket, a file, a clock or a configuration, so everything is tested and
//! fuzzed without a network. The modules follow the documents: RFC 9112 for the form of messages,
//! RFC 9110 for their meaning, RFC 3986 for targets. A request is parsed once, into
//! [`request::Request`]; what cannot be parsed is a [`status::Fault`], which knows its status code.

pub mod authority;
pub mod byteranges;
pub mod chunked;
pub mod credentials;
pub mod date;
pub mod field;
pub mod framing;
pub mod media_type;
pub mod multipart;
pub mod negotiation;
pub mod parameter;
pub mod precondition;
pub mod range;
pub mod request;
pub mod request_line;
pub mod status;
pub mod target;
