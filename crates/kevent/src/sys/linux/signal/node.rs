//! `Node`: an action of the program's, kept while our handler stands before it.
//!
//! A node is never changed and never freed, because a handler may be looking at it; equal actions
//! share one, so there are no more of them than the program has used. The first are taken from a
//! static store: a signal handler that changes an action has perhaps interrupted malloc(3).

use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::disposition::Disposition;
use super::{NUMBERS, waiting};

/// An action of the program's.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) wanted: Disposition,
    /// What it becomes by being done (`SA_RESETHAND`).
    after: Option<&'static Self>,
    next: *const Self,
}

// SAFETY: it is never changed, and what `next` points to neither.
unsafe impl Sync for Node {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Node {}

/// The node of each signal; null where our handler never stood.
static WANTED: [AtomicPtr<Node>; NUMBERS] = [const { AtomicPtr::new(ptr::null_mut()) }; NUMBERS];

/// All nodes, newest first. Changed under the turn only.
static NODES: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());

/// Room for the first nodes, and how much of it is used.
static STORE: [OnceLock<Node>; 64] = [const { OnceLock::new() }; 64];
static USED: AtomicUsize = AtomicUsize::new(0);

/// What the program wants done at a signal that our handler has just counted; an action that is
/// done once is another from now on. Async-signal-safe.
pub(super) fn wanted(signal: i32) -> Wanted {
    let place = usize::try_from(signal).ok().and_then(|at| WANTED.get(at));
    let mut node = node_of(signal);
    while let (Some(place), Some(once)) = (place, node)
        && let Some(after) = once.after
    {
        let (old, new) = (
            ptr::from_ref(once).cast_mut(),
            ptr::from_ref(after).cast_mut(),
        );
        if place
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            waiting::set_alone(signal, true);
            break;
        }
        node = node_of(signal);
    }
    Wanted(node)
}

/// The node of a signal.
pub(super) fn node_of(signal: i32) -> Option<&'static Node> {
    let index = usize::try_from(signal).ok()?;
    let node = WANTED.get(index)?.load(Ordering::Acquire);
    // SAFETY: null, or a node, which is never changed and never freed.
    unsafe { node.as_ref() }
}

/// From now on our handler finds this action. Under the turn.
pub(super) fn publish(signal: i32, wanted: &Disposition) -> io::Result<()> {
    let index = usize::try_from(signal).unwrap_or(NUMBERS);
    let place = WANTED
        .get(index)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let node = ptr::from_ref(intern(wanted));
    place.store(node.cast_mut(), Ordering::Release);
    Ok(())
}

/// The node of an action; equal actions share one.
fn intern(wanted: &Disposition) -> &'static Node {
    let mut next = NODES.load(Ordering::Acquire).cast_const();
    // SAFETY: null, or a node, which is never changed and never freed.
    while let Some(node) = unsafe { next.as_ref() } {
        if node.wanted == *wanted {
            return node;
        }
        next = node.next;
    }
    let is_done_once = wanted.is_handler() && wanted.0.sa_flags & libc::SA_RESETHAND != 0;
    let after = is_done_once.then(|| {
        let mut after = *wanted;
        after.0.sa_sigaction = libc::SIG_DFL;
        intern(&after)
    });
    let node = keep(Node {
        wanted: *wanted,
        after,
        next: NODES.load(Ordering::Acquire),
    });
    NODES.store(ptr::from_ref(node).cast_mut(), Ordering::Release);
    node
}

/// A place for a node, for ever.
fn keep(node: Node) -> &'static Node {
    // A place that the thread of a parent was filling at a fork stays half-full.
    match STORE.get(USED.fetch_add(1, Ordering::Relaxed)) {
        Some(place) => place.get_or_init(|| node),
        None => Box::leak(Box::new(node)),
    }
}

/// What the handler is to do after counting.
#[derive(Clone, Copy)]
pub(super) struct Wanted(Option<&'static Node>);

impl Wanted {
    pub(super) fn is_ignored(self) -> bool {
        self.0.is_none_or(|node| !node.wanted.is_handler())
    }

    /// Calls the program's handler, if it has one, as the kernel would have.
    pub(super) fn run(
        self,
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        type Plain = extern "C" fn(libc::c_int);
        type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        let Some(node) = self.0.filter(|node| node.wanted.is_handler()) else {
            return;
        };
        let action = &node.wanted.0;
        if action.sa_flags & libc::SA_SIGINFO != 0 {
            // SAFETY: the program gave this address to sigaction(2) as a handler of three
            // arguments, and neither SIG_DFL nor SIG_IGN gets here.
            let handler = unsafe { std::mem::transmute::<usize, Full>(action.sa_sigaction) };
            handler(signal, info, context);
        } else {
            // SAFETY: the same, of one argument.
            let handler = unsafe { std::mem::transmute::<usize, Plain>(action.sa_sigaction) };
            handler(signal);
        }
    }
}
