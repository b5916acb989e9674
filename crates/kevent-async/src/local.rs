//! What a thread owns: its executor and its reactor, made at first use.

use std::cell::OnceCell;
use std::io;
use std::rc::Rc;
use std::thread_local;

use crate::executor::Executor;
use crate::reactor::Reactor;

/// One thread's executor and reactor.
#[derive(Debug)]
pub(crate) struct Local {
    // First, so that the tasks that are left are dropped while the reactor is there.
    pub(crate) executor: Executor,
    pub(crate) reactor: Rc<Reactor>,
}

thread_local! {
    static LOCAL: OnceCell<Local> = const { OnceCell::new() };
}

/// Calls `act` with this thread's executor and reactor, which are made if need be.
///
/// # Errors
/// - `EMFILE`, `ENFILE`, `ENOMEM`: the queue cannot be made.
/// - `Other`: the thread is ending, and they are gone.
pub(crate) fn with<R>(act: impl FnOnce(&Local) -> R) -> io::Result<R> {
    LOCAL
        .try_with(|cell| {
            if let Some(local) = cell.get() {
                return Ok(act(local));
            }
            let (reactor, bell) = Reactor::new()?;
            let local = Local {
                executor: Executor::new(bell),
                reactor,
            };
            Ok(act(cell.get_or_init(|| local)))
        })
        .map_err(io::Error::other)?
}

/// Calls `act` if there is an executor on this thread.
pub(crate) fn with_existing<R>(act: impl FnOnce(&Local) -> R) -> Option<R> {
    LOCAL.try_with(|cell| cell.get().map(act)).ok().flatten()
}

/// This thread's reactor.
///
/// # Errors
/// As [`with`].
pub(crate) fn reactor() -> io::Result<Rc<Reactor>> {
    with(|local| Rc::clone(&local.reactor))
}
