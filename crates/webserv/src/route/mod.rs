//! From a request target to an open file: which root, which file, and never outside.

pub(crate) mod beneath;
pub(crate) mod location;
pub(crate) mod resolve;
pub(crate) mod root;
pub(crate) mod virtual_host;
