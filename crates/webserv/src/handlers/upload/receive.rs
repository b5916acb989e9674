//! From the client into a staging: pieces are gathered here and written elsewhere.

use std::os::fd::OwnedFd;

use kevent_async::spawn_blocking;

use super::refused::Refused;
use super::staging::{Placement, Staging, Stored};
use crate::connection::content::RequestContent;
use crate::limits::UPLOAD_PIECE_BYTES;

/// Receives a whole content as one file and puts it in place.
///
/// # Errors
///
/// The content's faults, and those of writing and committing; nothing is left behind.
pub(super) async fn file(
    content: &mut RequestContent,
    directory: OwnedFd,
    placement: Placement,
) -> Result<Stored, Refused> {
    let mut piece = vec![0; piece_bytes(content)];
    let mut work = Work::Open(directory);
    loop {
        let filled = content.fill(&mut piece).await?;
        if content.is_complete() {
            // The last piece and the commit are one job: a small file takes no other.
            return spawn_blocking(move || {
                let mut staging = work.staging()?;
                staging.write(piece.get(..filled).unwrap_or_default())?;
                staging.commit(&placement)
            })
            .await;
        }
        (work, piece) = spawn_blocking(move || {
            let mut staging = work.staging()?;
            staging.write(piece.get(..filled).unwrap_or_default())?;
            Ok::<_, Refused>((Work::Write(staging), piece))
        })
        .await?;
    }
}

/// As much as is wanted at a time, and no more than there will be.
fn piece_bytes(content: &RequestContent) -> usize {
    let announced = content.length().map(usize::try_from);
    match announced {
        Some(Ok(length)) => length.clamp(1, UPLOAD_PIECE_BYTES),
        _ => UPLOAD_PIECE_BYTES,
    }
}

enum Work {
    Open(OwnedFd),
    Write(Staging),
}

impl Work {
    fn staging(self) -> Result<Staging, Refused> {
        match self {
            Work::Open(directory) => Ok(Staging::create(directory)?),
            Work::Write(staging) => Ok(staging),
        }
    }
}
