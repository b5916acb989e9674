//! Which script a path names: the first component that has a program's extension and is a file.
//! What follows it is the script's own (PATH_INFO).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, fstat};

use super::failed::Failed;
use crate::handlers::files::Place;
use crate::platform::LOOK;
use crate::route::resolve::is_hidden;
use crate::site::CgiProgram;

/// A script and what follows it in the path.
#[derive(Debug)]
pub(crate) struct Script<'r> {
    /// What runs it.
    pub(crate) program: &'r CgiProgram,
    file: PathBuf,
    /// The path of the URL that leads to the script, decoded.
    pub(super) name: Vec<u8>,
    /// The rest of that path, with its slash; empty without one.
    pub(super) path_info: Vec<u8>,
}

impl<'r> Script<'r> {
    /// The script that a path names, if it names one.
    pub(crate) fn find(place: &Place<'r>) -> Option<Self> {
        let route = place.route;
        if route.cgi.is_empty() || !route.serves_hidden && is_hidden(place.path) {
            return None;
        }
        let path = place.path.as_bytes();
        let mut end = 0;
        for segment in place.path.segments() {
            end += segment.len();
            if let Some(program) = program_of(&route.cgi, segment)
                && is_file(place, path.get(..end).unwrap_or_default())
            {
                let path_info = path.get(end..).unwrap_or_default();
                return Some(Self::new(place, program, path_info));
            }
            end += 1;
        }
        if place.path.is_directory_form() {
            return Self::find_index(place);
        }
        None
    }

    /// The script that answers for its directory: an index file, if no other index file comes
    /// before it.
    fn find_index(place: &Place<'r>) -> Option<Self> {
        let index = &place.route.index;
        let is_program = |name: &String| program_of(&place.route.cgi, name.as_bytes()).is_some();
        if !index.iter().any(is_program) {
            return None;
        }
        let in_directory = |directory: &[u8], name: &str| {
            let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
            [directory, separator, name.as_bytes()].concat()
        };
        let found = |name: &&String| is_file(place, &in_directory(place.path.as_bytes(), name));
        let name = index.iter().find(found)?;
        let program = program_of(&place.route.cgi, name.as_bytes())?;
        let file = in_directory(place.path.as_bytes(), name);
        Some(Script {
            program,
            file: place.route.root.join(OsStr::from_bytes(&file)),
            name: [b"/", &*in_directory(place.asked.as_bytes(), name)].concat(),
            path_info: Vec::new(),
        })
    }

    fn new(place: &Place<'r>, program: &'r CgiProgram, path_info: &[u8]) -> Self {
        let without_info = |path: &'_ [u8]| {
            let length = path.len().saturating_sub(path_info.len());
            path.get(..length).unwrap_or_default().to_vec()
        };
        let file = without_info(place.path.as_bytes());
        let mut path_info = path_info.to_vec();
        if place.path.is_directory_form() {
            path_info.push(b'/');
        }
        let info_bytes = path_info.len() - usize::from(place.path.is_directory_form());
        let asked = place.asked.as_bytes();
        let name_bytes = asked.len().saturating_sub(info_bytes);
        Script {
            program,
            file: place.route.root.join(OsStr::from_bytes(&file)),
            name: [b"/", asked.get(..name_bytes).unwrap_or_default()].concat(),
            path_info,
        }
    }

    /// The script's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether the script can be run, or read by its interpreter.
    ///
    /// # Errors
    ///
    /// [`Failed::NotExecutable`].
    pub(super) fn check(&self) -> Result<(), Failed> {
        let access = match self.program.interpreter {
            Some(_) => Access::READ_OK,
            None => Access::EXEC_OK,
        };
        accessat(CWD, &self.file, access, AtFlags::EACCESS).map_err(|_| Failed::NotExecutable)
    }
}

fn program_of<'r>(programs: &'r [CgiProgram], name: &[u8]) -> Option<&'r CgiProgram> {
    programs
        .iter()
        .find(|program| name.ends_with(program.extension.as_bytes()))
}

/// Whether there is a file, beneath the root.
fn is_file(place: &Place<'_>, path: &[u8]) -> bool {
    place
        .beneath
        .open(path, LOOK)
        .and_then(fstat)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}
