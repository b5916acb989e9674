//! `ProcessTree`: a process and all that descend from it.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::process::ExitStatus;
use std::task::{Context, Poll};

use kevent::{Flags, Kevent, NoteProc};

use crate::nested::Nested;

/// The births, execs and exits of a process and its descendants, as they happen:
/// `EVFILT_PROC` knotes with `NOTE_TRACK`, in a queue of their own.
///
/// Children that are there already are not followed, those made from now on are, and theirs. No
/// process is ever reaped. Several trees may share processes.
///
/// # Examples
/// ```
/// use kevent_async::{ProcessEvent, ProcessTree, block_on};
/// use std::io;
/// use std::process::{Command, Stdio};
///
/// block_on(async {
///     // The shell waits for its input to end, so that nothing is missed.
///     let mut command = Command::new("sh");
///     command.args(["-c", "read line; (exit 3); exit 0"]).stdin(Stdio::piped());
///     let mut shell = command.spawn()?;
///     match ProcessTree::new(shell.id()) {
///         Ok(mut tree) => {
///             drop(shell.stdin.take());
///             let mut codes = Vec::new();
///             while let Some(event) = tree.next().await? {
///                 if let ProcessEvent::Exited { status, .. } = event {
///                     codes.push(status.code());
///                 }
///             }
///             assert_eq!(codes, [Some(3), Some(0)]);
///         }
///         // The system does not tell us of other processes.
///         Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
///         Err(error) => return Err(error),
///     }
///     drop(shell.stdin.take());
///     shell.wait()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15, `EVFILT_PROC`; `docs/semantics.md`, C7.
#[derive(Debug)]
pub struct ProcessTree {
    queue: Nested,
    /// What an event said beside what was given out of it.
    ready: VecDeque<ProcessEvent>,
    /// Exits, told when the queue has nothing else: an exit may join an earlier event of its
    /// process, and so overtake the births of its children.
    exits: VecDeque<(u32, ExitStatus)>,
    /// Those whose end is still to be told.
    alive: HashSet<u32>,
}

/// What happened to a process of a [`ProcessTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessEvent {
    /// `parent` has made the process `pid`, which is followed from now on: `NOTE_CHILD`.
    #[doc(alias = "NOTE_CHILD")]
    Born {
        /// The child.
        pid: u32,
        /// Who made it.
        parent: u32,
    },
    /// The process runs another program: `NOTE_EXEC`.
    #[doc(alias = "NOTE_EXEC")]
    Executed {
        /// Who does.
        pid: u32,
    },
    /// The process has ended: `NOTE_EXIT`.
    #[doc(alias = "NOTE_EXIT")]
    Exited {
        /// Who has.
        pid: u32,
        /// How; success where the kernel does not tell, as [`Kevent::exit_status`] says.
        status: ExitStatus,
    },
    /// Descendants of the process may have gone unnoticed: `NOTE_TRACKERR`.
    #[doc(alias = "NOTE_TRACKERR")]
    Lost {
        /// Whose.
        pid: u32,
    },
}

impl ProcessTree {
    /// Follows the process `pid` from now on: any that exists, a child or not.
    ///
    /// On Linux this starts the thread that [`Kevent::proc`] tells of.
    ///
    /// # Errors
    /// - `ESRCH`: there is no such process.
    /// - `ENOTSUP` ([`Unsupported`](io::ErrorKind::Unsupported)): this system cannot tell: on
    ///   Linux without the privilege (before 6.6) or in another network, user or pid namespace
    ///   than the first; on macOS.
    /// - `EACCES`, `EPERM`: the process is somebody else's, on BSD.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: no descriptor or memory left for a queue.
    pub fn new(pid: u32) -> io::Result<Self> {
        let notes = NoteProc::TRACK | NoteProc::EXEC | NoteProc::EXIT;
        Ok(Self {
            queue: Nested::new(&[Kevent::proc(pid, notes).clear()])?,
            ready: VecDeque::new(),
            exits: VecDeque::new(),
            alive: HashSet::from([pid]),
        })
    }

    /// Waits for the next event; `None` once all processes that were told of have ended.
    ///
    /// Execs of one process between two waits are one event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// - `EBADF`: the queue belongs to the parent of this process.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: the thread's queue cannot watch this one now.
    pub async fn next(&mut self) -> io::Result<Option<ProcessEvent>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// [`next`](Self::next) for hand-written futures.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<ProcessEvent>>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Ok(Some(event)));
            }
            let event = match self.queue.poll_next(context) {
                Poll::Ready(event) => Some(event?),
                Poll::Pending if self.exits.is_empty() && !self.alive.is_empty() => {
                    return Poll::Pending;
                }
                Poll::Pending => self.queue.try_next()?,
            };
            match event {
                Some(event) => self.take_in(&event),
                None => return Poll::Ready(Ok(self.next_exit())),
            }
        }
    }

    /// The followed processes whose end has not been told.
    #[must_use]
    pub fn alive_count(&self) -> usize {
        self.alive.len()
    }

    fn next_exit(&mut self) -> Option<ProcessEvent> {
        let (pid, status) = self.exits.pop_front()?;
        self.alive.remove(&pid);
        Some(ProcessEvent::Exited { pid, status })
    }

    fn take_in(&mut self, event: &Kevent) {
        let Ok(pid) = u32::try_from(event.ident) else {
            return;
        };
        // The kernel could not follow a child: an answer to no change of ours.
        if event.flags.contains(Flags::ERROR) {
            self.ready.push_back(ProcessEvent::Lost { pid });
            return;
        }
        let notes = NoteProc::from_bits_truncate(event.fflags);
        if notes.contains(NoteProc::CHILD) {
            let parent = u32::try_from(event.data).unwrap_or(0);
            self.alive.insert(pid);
            self.ready.push_back(ProcessEvent::Born { pid, parent });
        }
        if notes.contains(NoteProc::TRACKERR) {
            self.ready.push_back(ProcessEvent::Lost { pid });
        }
        if notes.contains(NoteProc::EXEC) {
            self.ready.push_back(ProcessEvent::Executed { pid });
        }
        if let Some(status) = event.exit_status() {
            self.exits.push_back((pid, status));
        }
    }
}
