//! What an answer is: a status code, field lines and a content. Handlers make one, `connection`
//! sends it; framing and persistence are added on the way out.

pub(crate) mod compression;
pub(crate) mod content;
pub(crate) mod custom_error_page;
pub(crate) mod error_page;
pub(crate) mod head;
