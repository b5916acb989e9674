//! The table of keys: every key of the configuration, once.
//!
//! A key is added here, with a field where its value goes ([`super::draft`]) and a line that hands
//! it on ([`super::check`], [`super::route`]). The reader and the documentation follow.

mod route;
mod server;
mod settings;
mod site;
mod tables;

pub(crate) use settings::SETTINGS;
