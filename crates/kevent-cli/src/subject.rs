//! What is watched: from the command line to a knote, and from an event to its end.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use kevent::signal::{Disposition, set_disposition};
use kevent::{Flags, Kevent, Kqueue, NoteProc, NoteVnode};
use rustix::io::Errno;
use rustix::process::Signal;

use crate::arguments::{NamedSignal, Period, Request};
use crate::failure::{Failure, because};
use crate::watched_file::{Change, WatchedFile, open};

/// One thing that is watched. Its place in the list is the `udata` of its knotes.
#[derive(Debug)]
pub(crate) struct Subject {
    name: String,
    kind: Kind,
    is_over: bool,
}

#[derive(Debug)]
enum Kind {
    File(WatchedFile),
    Directory(OwnedFd),
    /// The process and its descendants, those that are alive.
    Processes(HashSet<usize>),
    /// A descriptor that somebody else has opened.
    Descriptor,
    Link,
    /// Timers, signals and mounts, which never end.
    Endless,
}

/// What is to be told of an event.
#[derive(Debug)]
pub(crate) struct Told {
    /// The event itself: not where a directory is watched for a file that is still not there.
    pub(crate) is_news: bool,
    /// The file was gone and is there again.
    pub(crate) came_back: bool,
    /// Why the subject is over before its time.
    pub(crate) lost: Option<Failure>,
}

/// Watches everything that is asked for.
///
/// # Errors
/// The first thing that cannot be watched.
pub(crate) fn watch_all(request: &Request, queue: &Kqueue) -> Result<Vec<Subject>, Failure> {
    let mut list = List {
        queue,
        subjects: Vec::new(),
    };
    let notes = vnode_notes(request.access);
    for path in &request.file {
        list.file(path, notes)?;
    }
    for path in &request.dir {
        list.directory(path, notes)?;
    }
    for pid in once_each(&request.pid) {
        list.process(*pid, request.tree)?;
    }
    for signal in once_each(&request.signal) {
        list.signal(signal)?;
    }
    for period in &request.timer {
        list.timer(period)?;
    }
    for fd in once_each(&request.fd) {
        list.descriptor(*fd)?;
    }
    for name in once_each(&request.link) {
        list.link(name)?;
    }
    if request.mounts {
        list.add("mounts".to_owned(), Kind::Endless, Kevent::mounts())
            .map_err(because("cannot watch mounts"))?;
    }
    Ok(list.subjects)
}

/// Checks that the descriptors are open, before this program opens one under such a number.
pub(crate) fn check_descriptors(request: &Request) -> Result<(), Failure> {
    for fd in &request.fd {
        std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).map_err(|_| {
            Failure(format!(
                "descriptor {fd} is not open: open it in the shell, such as with {fd}<FILE"
            ))
        })?;
    }
    Ok(())
}

impl Subject {
    /// Nothing more can come.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// What an event is about: a path, a name, or a number; of a process its own, not that of the
    /// first in the tree.
    pub(crate) fn name_in(&self, event: &Kevent) -> String {
        match self.kind {
            Kind::Processes(_) => event.ident.to_string(),
            _ => self.name.clone(),
        }
    }

    /// Takes in an event: what was replaced is opened again, and what has ended is over.
    pub(crate) fn happened(&mut self, event: &Kevent, queue: &Kqueue) -> Told {
        let mut told = Told {
            is_news: true,
            came_back: false,
            lost: None,
        };
        match &mut self.kind {
            // Given up.
            Kind::File(_) if self.is_over => told.is_news = false,
            Kind::File(file) => match file.happened(event, queue) {
                Ok(change) => {
                    told.is_news = change != Change::StillGone;
                    told.came_back = change == Change::CameBack;
                }
                Err((was_there, error)) => {
                    told.is_news = was_there;
                    told.lost = Some(lost(&self.name, &error));
                    self.is_over = true;
                }
            },
            Kind::Directory(directory) => {
                let notes = NoteVnode::from_bits_truncate(event.fflags);
                if notes.intersects(NoteVnode::DELETE | NoteVnode::REVOKE) {
                    queue.forget_fd(directory.as_raw_fd());
                    self.is_over = true;
                }
            }
            Kind::Processes(alive) => {
                if NoteProc::from_bits_truncate(event.fflags).contains(NoteProc::EXIT) {
                    alive.remove(&event.ident);
                } else {
                    alive.insert(event.ident);
                }
                self.is_over = alive.is_empty();
            }
            Kind::Descriptor if event.flags.contains(Flags::EOF) => {
                // It would be at its end with every further byte too.
                queue
                    .apply(&[Kevent::read(as_fd(event.ident)).delete()])
                    .ok();
                self.is_over = true;
            }
            Kind::Link => self.is_over = event.flags.contains(Flags::EOF),
            Kind::Descriptor | Kind::Endless => {}
        }
        told
    }
}

struct List<'a> {
    queue: &'a Kqueue,
    subjects: Vec<Subject>,
}

impl List<'_> {
    fn file(&mut self, path: &Path, notes: NoteVnode) -> Result<(), Failure> {
        let name = path.to_string_lossy().into_owned();
        let file = WatchedFile::new(path, notes, self.subjects.len(), self.queue)
            .map_err(|error| refused_path(&name, &error))?;
        self.push(name, Kind::File(file));
        Ok(())
    }

    fn directory(&mut self, path: &Path, notes: NoteVnode) -> Result<(), Failure> {
        let name = path.to_string_lossy().into_owned();
        let directory = open(path).map_err(|error| refused_path(&name, &error))?;
        if !path.is_dir() {
            return Err(Failure(format!(
                "{name} is no directory: watch it with --file"
            )));
        }
        let change = Kevent::vnode(&directory, notes).clear();
        self.add(name.clone(), Kind::Directory(directory), change)
            .map_err(|error| refused_path(&name, &error))
    }

    fn process(&mut self, pid: u32, tree: bool) -> Result<(), Failure> {
        let mut notes = NoteProc::EXIT;
        if tree {
            notes |= NoteProc::FORK | NoteProc::EXEC | NoteProc::TRACK;
        }
        let alive = HashSet::from([pid as usize]);
        self.add(
            pid.to_string(),
            Kind::Processes(alive),
            Kevent::proc(pid, notes),
        )
        .map_err(|error| refused_process(pid, &error))
    }

    fn signal(&mut self, signal: &NamedSignal) -> Result<(), Failure> {
        let NamedSignal { number, name } = signal;
        let refused = |error| because(&format!("cannot watch the signal {name}"))(error);
        // Ignoring SIGCHLD would leave the exit status of --exec to nobody; by default it does
        // nothing anyway.
        if *number != Signal::CHILD.as_raw() {
            set_disposition(*number, Disposition::ignore()).map_err(refused)?;
        }
        self.add(name.clone(), Kind::Endless, Kevent::signal(*number).clear())
            .map_err(refused)
    }

    fn timer(&mut self, period: &Period) -> Result<(), Failure> {
        let change = Kevent::timer(self.subjects.len(), period.period);
        self.add(period.text.clone(), Kind::Endless, change)
            .map_err(because(&format!("cannot set a timer of {}", period.text)))
    }

    fn descriptor(&mut self, fd: i32) -> Result<(), Failure> {
        self.add(fd.to_string(), Kind::Descriptor, Kevent::read(fd).clear())
            .map_err(because(&format!("cannot watch descriptor {fd}")))
    }

    fn link(&mut self, name: &str) -> Result<(), Failure> {
        let refused = |error| because(&format!("cannot watch the network interface {name}"))(error);
        let index = match name {
            "any" => 0,
            _ => index_of(name).map_err(|error| match Errno::from_io_error(&error) {
                Some(Errno::NODEV) => Failure(format!(
                    "no network interface {name}: `ip link` lists those there are"
                )),
                _ => refused(error),
            })?,
        };
        self.add(name.to_owned(), Kind::Link, Kevent::link(index).clear())
            .map_err(refused)
    }

    fn add(&mut self, name: String, kind: Kind, change: Kevent) -> io::Result<()> {
        self.queue.apply(&[change.udata(self.subjects.len())])?;
        self.push(name, kind);
        Ok(())
    }

    fn push(&mut self, name: String, kind: Kind) {
        self.subjects.push(Subject {
            name,
            kind,
            is_over: false,
        });
    }
}

fn vnode_notes(access: bool) -> NoteVnode {
    let accesses = NoteVnode::OPEN | NoteVnode::CLOSE | NoteVnode::CLOSE_WRITE | NoteVnode::READ;
    if access {
        NoteVnode::all()
    } else {
        NoteVnode::all() - accesses
    }
}

/// A second mention would be the same knote.
fn once_each<T: PartialEq>(list: &[T]) -> impl Iterator<Item = &T> {
    let is_first =
        |&(place, item): &(usize, &T)| list.iter().position(|other| other == item) == Some(place);
    list.iter()
        .enumerate()
        .filter(is_first)
        .map(|(_, item)| item)
}

fn index_of(name: &str) -> io::Result<u32> {
    use rustix::net::{AddressFamily, SocketType, netdevice, socket};
    // The request goes through a socket, of any kind.
    let any = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    Ok(netdevice::name_to_index(&any, name)?)
}

fn as_fd(ident: usize) -> i32 {
    i32::try_from(ident).unwrap_or(-1)
}

fn refused_path(name: &str, error: &io::Error) -> Failure {
    let remedy = match Errno::from_io_error(error) {
        Some(Errno::NOENT) | None if error.kind() == io::ErrorKind::NotFound => {
            "it is not there; make it first, or watch its directory with --dir".to_owned()
        }
        Some(Errno::ACCESS) => "it may not be read; ask for the permission".to_owned(),
        Some(Errno::NOMEM) => {
            "the limit on watches is reached; raise fs.inotify.max_user_watches".to_owned()
        }
        Some(Errno::OPNOTSUPP) => {
            "its removal cannot be told; /proc and its parent directory must be readable".to_owned()
        }
        _ => error.to_string(),
    };
    Failure(format!("cannot watch {name}: {remedy}"))
}

fn lost(name: &str, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "its directory is gone too".to_owned(),
        _ => error.to_string(),
    };
    Failure(format!("{name} is no longer watched: {reason}"))
}

fn refused_process(pid: u32, error: &io::Error) -> Failure {
    Failure(match Errno::from_io_error(error) {
        Some(Errno::SRCH) => format!("no process {pid}: `ps -e` lists those there are"),
        Some(Errno::OPNOTSUPP) => format!(
            "cannot follow the children of process {pid}: the kernel tells of forks only in the \
             first network, user and pid namespaces, and before Linux 6.6 only to root; without \
             --tree its exit is told anywhere"
        ),
        _ => format!("cannot watch process {pid}: {error}"),
    })
}
