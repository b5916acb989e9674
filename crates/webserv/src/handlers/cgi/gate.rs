//! How many programs run at a time: a gate for each program, with a queue before it.
//!
//! Each worker has its own gates. Who finds the queue full is turned away at once, and who has
//! waited for as long as the program may run is turned away then.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::path::PathBuf;
use std::rc::Rc;
use std::task::{Poll, Waker};

use kevent_async::timeout;

use crate::limits::CGI_QUEUE_FACTOR;
use crate::site::CgiProgram;

/// The gates of a worker.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    gates: RefCell<HashMap<Key, Rc<Gate>>>,
}

type Key = (String, Option<PathBuf>);

#[derive(Debug, Default)]
struct Gate {
    running_count: Cell<usize>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

/// Somebody in the queue.
#[derive(Debug, Default)]
struct Waiter {
    /// Whether a place was handed over to it.
    is_called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A place for one program; given on when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Rc<Gate>,
}

impl Gates {
    /// Waits for a place; none if there are too many who wait, or if it takes too long.
    pub(super) async fn enter(&self, program: &CgiProgram) -> Option<Permit> {
        let gate = self.gate(program);
        let running_max = usize::from(program.concurrent_max.max(1));
        if gate.running_count.get() < running_max {
            gate.running_count.set(gate.running_count.get() + 1);
            return Some(Permit { gate });
        }
        if gate.waiting.borrow().len() >= running_max * CGI_QUEUE_FACTOR {
            return None;
        }
        let place = Place {
            waiter: Rc::default(),
            gate,
        };
        let waiter = Rc::clone(&place.waiter);
        place.gate.waiting.borrow_mut().push_back(waiter);
        timeout(program.timeout, place.called()).await.ok()?;
        place.waiter.is_called.set(false);
        Some(Permit {
            gate: Rc::clone(&place.gate),
        })
    }

    /// The gate of a program; those that nobody uses are forgotten.
    fn gate(&self, program: &CgiProgram) -> Rc<Gate> {
        let mut gates = self.gates.borrow_mut();
        gates.retain(|_, gate| Rc::strong_count(gate) > 1);
        let key = (program.extension.clone(), program.interpreter.clone());
        Rc::clone(gates.entry(key).or_default())
    }
}

/// A place in the queue; left when it is dropped.
struct Place {
    waiter: Rc<Waiter>,
    gate: Rc<Gate>,
}

impl Place {
    async fn called(&self) {
        poll_fn(|context| {
            if self.waiter.is_called.get() {
                return Poll::Ready(());
            }
            *self.waiter.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.waiter.is_called.get() {
            // Called, and gone before it heard: the next one is called.
            self.gate.give_on();
        } else {
            let mut waiting = self.gate.waiting.borrow_mut();
            waiting.retain(|other| !Rc::ptr_eq(other, &self.waiter));
        }
    }
}

impl Gate {
    /// A place is free: the first who waits gets it.
    fn give_on(&self) {
        let next = self.waiting.borrow_mut().pop_front();
        let Some(next) = next else {
            self.running_count
                .set(self.running_count.get().saturating_sub(1));
            return;
        };
        next.is_called.set(true);
        if let Some(waker) = next.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.give_on();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_lite::future::poll_once;
    use kevent_async::block_on;

    use super::*;

    fn program(concurrent_max: u16, timeout: Duration) -> CgiProgram {
        CgiProgram {
            extension: ".sh".to_owned(),
            interpreter: None,
            timeout,
            concurrent_max,
            environment: Vec::new(),
        }
    }

    #[test]
    fn places_are_given_on_in_order_and_the_queue_has_an_end() {
        block_on(async {
            let gates = Gates::default();
            let program = program(1, Duration::from_secs(60));
            let first = gates.enter(&program).await.unwrap();
            let mut waiting = Vec::new();
            for _ in 0..CGI_QUEUE_FACTOR {
                let mut enter = Box::pin(gates.enter(&program));
                assert!(poll_once(&mut enter).await.is_none());
                waiting.push(enter);
            }
            assert!(gates.enter(&program).await.is_none());
            // One leaves the queue, one is called and leaves before it hears.
            drop(waiting.remove(2));
            drop(first);
            drop(waiting.remove(0));
            let second = poll_once(&mut waiting[0]).await.flatten().unwrap();
            assert!(poll_once(&mut waiting[1]).await.is_none());
            drop(second);
            assert!(poll_once(&mut waiting[1]).await.flatten().is_some());
            drop(waiting);
            assert!(gates.enter(&program).await.is_some());
        });
    }

    #[test]
    fn nobody_waits_for_ever() {
        block_on(async {
            let gates = Gates::default();
            let program = program(1, Duration::from_millis(20));
            let first = gates.enter(&program).await.unwrap();
            assert!(gates.enter(&program).await.is_none());
            drop(first);
            assert!(gates.enter(&program).await.is_some());
        });
    }
}
