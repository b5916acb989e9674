//! Basic authentication (RFC 7617): who may see a route.
//!
//! Verifying a password takes tens of milliseconds by design, so it is done away from the loop, and
//! a worker remembers what was right: under two keyed digests, so that neither the password nor
//! anything that could be tried against it stays in memory.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use ::http::StatusCode;
use ::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use kevent_async::spawn_blocking;

use crate::http::credentials::{self, Credentials};
use crate::http::request::Request;
use crate::limits::VERIFIED_PASSWORDS_MAX;
use crate::password;
use crate::response::error_page;
use crate::response::head::Response;
use crate::site::Authentication;
use crate::worker::Worker;

/// The passwords that a worker has found right.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    keys: [RandomState; 2],
    digests: RefCell<HashSet<[u64; 2]>>,
}

impl Verified {
    /// The digest of a password and the hash it was compared with.
    fn digest(&self, password: &[u8], hash: &str) -> [u64; 2] {
        self.keys
            .each_ref()
            .map(|key| key.hash_one((hash, password)))
    }

    fn contains(&self, digest: &[u64; 2]) -> bool {
        self.digests.borrow().contains(digest)
    }

    fn insert(&self, digest: [u64; 2]) {
        let mut digests = self.digests.borrow_mut();
        if digests.len() >= VERIFIED_PASSWORDS_MAX {
            digests.clear();
        }
        digests.insert(digest);
    }
}

/// The answer to a client that has not shown who it is; none if it has.
pub(crate) async fn refuse(
    worker: &Worker,
    required: &Authentication,
    request: &Request,
) -> Option<Response> {
    let mut values = request.fields.values(&AUTHORIZATION);
    if let (Some(value), None) = (values.next(), values.next())
        && let Some(credentials) = credentials::parse_basic(value)
        && is_right(worker, required, credentials).await
    {
        return None;
    }
    let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", required.realm);
    Some(error_page::respond(StatusCode::UNAUTHORIZED).with(&WWW_AUTHENTICATE, challenge))
}

/// Whether the user is known and the password is theirs. An unknown user takes as long as a known
/// one, so that the time does not tell who is.
async fn is_right(worker: &Worker, required: &Authentication, credentials: Credentials) -> bool {
    let Credentials { user, password } = credentials;
    let known = std::str::from_utf8(&user)
        .ok()
        .and_then(|user| required.users.get(user));
    let Some(hash) = known.cloned() else {
        let like = required.users.values().next().cloned();
        spawn_blocking(move || like.map(|like| password::verify(&password, &like))).await;
        return false;
    };
    let digest = worker.verified.digest(&password, &hash);
    if worker.verified.contains(&digest) {
        return true;
    }
    let is_right = spawn_blocking(move || password::verify(&password, &hash)).await;
    if is_right {
        worker.verified.insert(digest);
    }
    is_right
}
