//! The configuration: a TOML file becomes a [`Site`], or a list of all that is wrong with it.
//!
//! ```text
//! text ─► read (by the table in keys) ─► draft ─► check ─► Site
//! ```
//!
//! The table of keys also yields `docs/configuration.md` and the annotated example
//! ([`reference()`], [`example()`]). A path in the file that is not absolute begins at the file's
//! directory.

mod check;
mod document;
mod draft;
mod fault;
mod forms;
mod key;
mod keys;
mod nearest;
mod quantity;
mod read;
mod route;

pub use document::{example, reference};
pub use fault::Fault;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::site::Site;

/// Why a configuration cannot be used. Each fault is a line of its own: `FILE:LINE:COLUMN: ...`.
#[derive(Debug)]
pub enum Unusable {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What is wrong with it, in the order of the text.
    Faulty(PathBuf, Vec<Fault>),
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Unreadable(path, error) => {
                let path = path.display();
                write!(
                    formatter,
                    "cannot read {path}: {error}; name a configuration that this user may read: -c FILE"
                )
            }
            Unusable::Faulty(path, faults) => {
                let path = path.display();
                for (place, fault) in faults.iter().enumerate() {
                    let separator = if place > 0 { "\n" } else { "" };
                    write!(formatter, "{separator}{path}:{fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Unusable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unusable::Unreadable(_, error) => Some(error),
            Unusable::Faulty(..) => None,
        }
    }
}

/// Reads and checks a file.
///
/// # Errors
///
/// [`Unusable`], with all faults.
pub fn load(path: &Path) -> Result<Site, Unusable> {
    let unreadable = |error| Unusable::Unreadable(path.to_owned(), error);
    let text = std::fs::read(path).map_err(unreadable)?;
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    let base = absolute.parent().unwrap_or(Path::new("/"));
    parse(&text, base).map_err(|faults| Unusable::Faulty(path.to_owned(), faults))
}

/// Reads and checks a text, whose paths begin at `base`.
///
/// # Errors
///
/// All faults, in the order of the text.
///
/// # Examples
///
/// ```
/// use std::path::Path;
///
/// let text = "[[server]]\nlisten = [\"nowhere\"]\nroot = \"/\"\nindx = []";
/// let faults = webserv::config::parse(text.as_bytes(), Path::new("/")).unwrap_err();
/// assert_eq!((faults[0].line, faults[0].column), (2, 11));
/// assert_eq!(faults[1].remedy, "did you mean index?");
/// ```
pub fn parse(text: &[u8], base: &Path) -> Result<Site, Vec<Fault>> {
    let (text, is_text) = match std::str::from_utf8(text) {
        Ok(text) => (text, true),
        // What comes before is read as if it were all.
        Err(error) => {
            let valid = text.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), false)
        }
    };
    let (draft, mut faults) = read::read(text);
    if !is_text {
        let complaint = fault::Complaint::new("UTF-8", "save the file as UTF-8");
        let end = text.len();
        faults.add(&(end..end), complaint.found("a byte that is no UTF-8"));
    }
    let site = check::check(draft, base, &mut faults);
    match site {
        Some(site) if faults.is_empty() => Ok(site),
        _ => Err(faults.into_sorted()),
    }
}
