//! Waking a queue from user space: the descriptor that does it and the bells that say why.
//!
//! Whoever makes something happen outside the kernel's sight (a trigger handle, a signal
//! handler, another thread's change) rings; the thread that waits in the queue finds its wake
//! descriptor readable, and asks which bells were rung. [`Doorbell`] is the whole; `bells` holds
//! what is pending, `arming` whether the descriptor has been made readable, and `home` whether it
//! need not be. These are
//! atomics only and are model-checked (`RUSTFLAGS="--cfg loom" cargo test --release --lib loom_`).

mod arming;
mod bells;
mod doorbell;
mod home;
#[cfg(all(test, loom))]
mod model;

/// The atomics: the model checker's where it runs.
mod atomic {
    #[cfg(all(test, loom))]
    pub(super) use loom::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(not(all(test, loom)))]
    pub(super) use std::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

pub(crate) use doorbell::Doorbell;
pub(crate) use home::{Home, Stay, mark};
