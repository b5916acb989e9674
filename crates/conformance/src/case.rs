//! `Case`: one row of the reference with the code that does what it says; `Run`: what that code
//! is given.

use std::fmt;
use std::process;

use crate::fixture::Queue;
use crate::front::{Front, Options};

/// One row of the checklist in `docs/semantics.md`, section F.
#[derive(Clone, Copy)]
pub struct Case {
    /// The test's name: `q_`, the row's id, and what it states.
    pub name: &'static str,
    /// The row as the reference has it: `set-up → action | expectation`.
    pub row: &'static str,
    /// What must be there for the case to run.
    pub gate: Gate,
    /// Does what the row says; panics when it is not so.
    pub run: fn(&Run<'_>),
}

/// What a case needs beyond an ordinary process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    #[default]
    None,
    /// Effective user id 0.
    Root,
    /// So many descriptors at a time, within the hard limit of `RLIMIT_NOFILE`.
    Descriptors(u64),
}

impl Case {
    /// A case without a gate.
    ///
    /// `name` is `q_`, the id in small letters, and a statement.
    ///
    /// # Examples
    /// ```
    /// use conformance::Case;
    /// use kevent::Kevent;
    ///
    /// const CASE: Case = Case::new(
    ///     "q_u_01_an_added_user_event_is_not_triggered",
    ///     "add; poll0 | none",
    ///     |t| {
    ///         let kq = t.queue();
    ///         kq.apply(&[Kevent::user(1)]);
    ///         kq.expect_none();
    ///     },
    /// );
    /// assert_eq!(CASE.id(), "U-01");
    /// ```
    #[must_use]
    pub const fn new(name: &'static str, row: &'static str, run: fn(&Run<'_>)) -> Self {
        Self {
            name,
            row,
            gate: Gate::None,
            run,
        }
    }

    /// The same case behind a gate.
    #[must_use]
    pub const fn needs(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// The row's id in the reference, such as `A-01`, as the name has it.
    #[must_use]
    pub fn id(&self) -> String {
        let mut words = self.name.split('_').skip(1);
        let group = words.next().unwrap_or_default().to_uppercase();
        let number = words.next().unwrap_or_default();
        format!("{group}-{number}")
    }
}

impl Gate {
    /// Why the gate is closed for this process, if it is.
    #[must_use]
    pub fn closed(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Root if rustix::process::geteuid().is_root() => None,
            Self::Root => Some("needs root".to_owned()),
            Self::Descriptors(count) => {
                let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
                let is_enough = limit.maximum.is_none_or(|maximum| maximum >= count);
                (!is_enough).then(|| format!("needs {count} descriptors (RLIMIT_NOFILE)"))
            }
        }
    }
}

/// What a case is given: the implementation it tries, and a voice.
pub struct Run<'front> {
    front: &'front dyn Front,
}

impl<'front> Run<'front> {
    /// The exit code of a case that skipped itself.
    pub const SKIPPED: i32 = 77;

    /// A case's view of `front`.
    #[must_use]
    pub const fn new(front: &'front dyn Front) -> Self {
        Self { front }
    }

    /// The implementation itself, for cases about making queues.
    #[must_use]
    pub const fn front(&self) -> &'front dyn Front {
        self.front
    }

    /// A fresh queue with the default options: the reference's `kq`.
    #[must_use]
    #[track_caller]
    pub fn queue(&self) -> Queue {
        self.queue_with(Options::default())
    }

    /// A fresh queue with these options.
    #[must_use]
    #[track_caller]
    pub fn queue_with(&self, options: Options) -> Queue {
        Queue::new(self.front.open(options).expect("a queue"))
    }

    /// Prints a figure or a remark; it is shown when the case fails, and with `--nocapture`.
    pub fn note(&self, remark: impl fmt::Display) {
        eprintln!("note: {remark}");
    }

    /// Ends the case here, neither passed nor failed, because `reason`.
    pub fn skip(&self, reason: impl fmt::Display) -> ! {
        eprintln!("SKIPPED: {reason}");
        process::exit(Self::SKIPPED)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("row", &self.row)
            .finish()
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("front", &self.front.name())
            .finish()
    }
}
