//! The wake-up path under the model checker: every order of ringers, harvest and drain.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::arming::{Arming, Mode};
use super::bells::Bells;
use super::home::Home;

/// A doorbell whose kernel is one word: whether the epoll set would report the descriptor.
struct Model {
    arming: Arming,
    bells: Bells,
    reported: AtomicU32,
}

const NO: u32 = 0;
const ONCE: u32 = 1;
const ALWAYS: u32 = 2;

impl Model {
    fn new() -> Self {
        Self {
            arming: Arming::new(),
            bells: Bells::new(),
            reported: AtomicU32::new(NO),
        }
    }

    fn tell(&self, mode: Mode) {
        let reported = match mode {
            Mode::Silent => NO,
            Mode::Once => ONCE,
            Mode::Level => ALWAYS,
        };
        // The kernel's own lock orders the calls.
        self.reported.swap(reported, Ordering::AcqRel);
    }

    fn ring(&self, bell: u32, generation: u32) {
        if self.bells.ring(bell, generation) {
            self.arming.arm(|mode| self.tell(mode));
        }
    }

    /// One look of a waiter: whether it was woken. A one-shot is used up by it.
    fn poll(&self) -> bool {
        match self
            .reported
            .compare_exchange(ONCE, NO, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(now) => now == ALWAYS,
        }
    }

    /// What a woken waiter does; adds up the bells it visits.
    fn answer(&self, visits: &mut [u32; 2]) {
        self.arming.harvested();
        self.bells.drain(|bell| visits[bell as usize] += 1);
    }
}

/// Checks every order with at most three preemptions; more take hours and, in the experience of
/// those who built the checker, find nothing that three do not.
fn explore(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Two ringers of two bells against a waiter: whatever the order, once the ringers are done a
/// waiter that is woken until it sleeps has seen both bells.
#[test]
fn loom_no_ring_is_lost() {
    explore(|| {
        let model = Arc::new(Model::new());
        let ringers: Vec<_> = (0..2)
            .map(|_| {
                let (bell, generation) = model.bells.take().unwrap();
                let model = Arc::clone(&model);
                thread::spawn(move || model.ring(bell, generation))
            })
            .collect();
        let mut visits = [0; 2];
        if model.poll() {
            model.answer(&mut visits);
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
        while model.poll() {
            model.answer(&mut visits);
        }
        assert_eq!(visits, [1, 1]);
    });
}

/// Two ringers of one bell: a ring that begins after a visit makes another visit.
#[test]
fn loom_a_repeated_ring_is_seen_after_it_was_made() {
    explore(|| {
        let model = Arc::new(Model::new());
        let (bell, generation) = model.bells.take().unwrap();
        let written = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let ringers: Vec<_> = (0..2)
            .map(|number| {
                let model = Arc::clone(&model);
                let written = Arc::clone(&written);
                thread::spawn(move || {
                    written[number].store(1, Ordering::Relaxed);
                    model.ring(bell, generation);
                })
            })
            .collect();
        let mut last_seen = [0; 2];
        let mut look = || {
            model.arming.harvested();
            model.bells.drain(|_| {
                for (seen, written) in last_seen.iter_mut().zip(written.iter()) {
                    *seen = written.load(Ordering::Relaxed);
                }
            });
        };
        if model.poll() {
            look();
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
        while model.poll() {
            look();
        }
        assert_eq!(last_seen, [1, 1]);
    });
}

/// A handle of an old generation rings while its bell is freed and given to another knote: the
/// new knote is never triggered by it, and its own handle's ring is not lost to it.
#[test]
fn loom_an_old_generation_is_never_visited() {
    explore(|| {
        let model = Arc::new(Model::new());
        let (bell, old) = model.bells.take().unwrap();
        let old_handle = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.ring(bell, old))
        };
        model.bells.free(bell);
        let (again, new) = model.bells.take().unwrap();
        assert_eq!(again, bell);
        let mut visits = [0; 2];
        model.answer(&mut visits);
        assert_eq!(visits, [0, 0]);
        model.ring(bell, new);
        old_handle.join().unwrap();
        while model.poll() {
            model.answer(&mut visits);
        }
        assert_eq!(visits, [1, 0]);
    });
}

/// A queue closes while somebody rings: afterwards it is readable for good.
#[test]
fn loom_level_survives_a_ring_and_a_disarm() {
    explore(|| {
        let model = Arc::new(Model::new());
        let (bell, generation) = model.bells.take().unwrap();
        let ringer = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.ring(bell, generation))
        };
        let closer = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.arming.arm_level(|mode| model.tell(mode)))
        };
        model.arming.disarm(|mode| model.tell(mode));
        ringer.join().unwrap();
        closer.join().unwrap();
        assert!(model.poll() && model.poll());
    });
}

/// A disarm in the middle of a ring: the bell is found by the drain that follows, or by a
/// wake-up after it.
#[test]
fn loom_disarm_then_drain_loses_nothing() {
    explore(|| {
        let model = Arc::new(Model::new());
        let (bell, generation) = model.bells.take().unwrap();
        let ringer = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.ring(bell, generation))
        };
        let mut visits = [0; 2];
        model.arming.disarm(|mode| model.tell(mode));
        model.bells.drain(|bell| visits[bell as usize] += 1);
        ringer.join().unwrap();
        while model.poll() {
            model.answer(&mut visits);
        }
        assert_eq!(visits, [1, 0]);
    });
}

/// The thread at home rings while another one comes to wait: that one finds the bell, or is woken.
#[test]
fn loom_who_comes_misses_nothing() {
    explore(|| {
        let model = Arc::new(Model::new());
        let home = Arc::new(Home::new());
        drop(home.enter(1));
        let (bell, generation) = model.bells.take().unwrap();
        let guest = {
            let (model, home) = (Arc::clone(&model), Arc::clone(&home));
            thread::spawn(move || {
                let mut visits = [0; 2];
                let _stay = home.enter(2);
                if home.is_unheard() {
                    home.heard();
                    model.bells.drain(|bell| visits[bell as usize] += 1);
                }
                visits
            })
        };
        if model.bells.ring(bell, generation) && !home.keep(1) {
            model.arming.arm(|mode| model.tell(mode));
        }
        let mut visits = guest.join().unwrap();
        while model.poll() {
            model.answer(&mut visits);
        }
        assert_eq!(visits, [1, 0]);
    });
}

/// The thread at home rings while the queue's descriptor is given away: it ends up readable.
#[test]
fn loom_an_opened_queue_is_readable() {
    explore(|| {
        let model = Arc::new(Model::new());
        let home = Arc::new(Home::new());
        drop(home.enter(1));
        let (bell, generation) = model.bells.take().unwrap();
        let opener = {
            let (model, home) = (Arc::clone(&model), Arc::clone(&home));
            thread::spawn(move || {
                if home.open() {
                    model.arming.arm(|mode| model.tell(mode));
                }
            })
        };
        if model.bells.ring(bell, generation) && !home.keep(1) {
            model.arming.arm(|mode| model.tell(mode));
        }
        opener.join().unwrap();
        assert!(model.poll());
    });
}

/// A ring of the thread at home while another thread answers bells: it is visited then or stays
/// unheard.
#[test]
fn loom_what_is_kept_is_visited_or_unheard() {
    explore(|| {
        let model = Arc::new(Model::new());
        let home = Arc::new(Home::new());
        drop(home.enter(1));
        let (bell, generation) = model.bells.take().unwrap();
        let other = {
            let (model, home) = (Arc::clone(&model), Arc::clone(&home));
            thread::spawn(move || {
                let mut visits = [0; 2];
                home.heard();
                model.bells.drain(|bell| visits[bell as usize] += 1);
                visits
            })
        };
        assert!(model.bells.ring(bell, generation) && home.keep(1));
        let mut visits = other.join().unwrap();
        if home.is_unheard() {
            model.bells.drain(|bell| visits[bell as usize] += 1);
        }
        assert_eq!(visits, [1, 0]);
    });
}
