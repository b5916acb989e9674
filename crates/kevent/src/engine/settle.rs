//! Leaving the queue as poll(2), another queue or another thread should find it: its descriptor
//! readable exactly while an event waits, its alarms set to the earliest deadlines.

use std::sync::atomic::Ordering;

use super::poller::Poller;
use super::state::Held;
use crate::sys::clock::Clock;

impl<P: Poller> Held<'_, P> {
    /// Before this call waits: true if there is something to look at already.
    ///
    /// An alarm that is set too early may stay: it wakes this very call, which then sets it
    /// right. So a timer that is postponed again and again costs no system call.
    pub(crate) fn prepare(&mut self) -> bool {
        let is_ready = !self.state.ready.is_empty();
        if !is_ready {
            self.set_alarms(true);
        }
        // What this thread rang before the call.
        is_ready || self.must_look() || self.engine.poller.has_unheard()
    }

    /// Before this call returns.
    pub(crate) fn settle(&mut self) {
        self.flush(|_, _| {});
        if self.state.files.is_left_behind() {
            // The end of a watch is news too, which would leave the queue readable for nothing.
            self.files_changed();
        }
        let must_look = self.must_look() || self.state.is_owed || self.engine.poller.expects_mail();
        self.engine.must_look.store(must_look, Ordering::Relaxed);
        let poller = &self.engine.poller;
        if poller.has_doorbell() {
            if self.state.ready.is_empty() && poller.is_doorbell_armed() {
                poller.disarm_doorbell();
                // A handle may have relied on the wake-up that was taken back.
                self.answer_bells();
            }
            if !self.state.ready.is_empty() {
                poller.arm_doorbell();
            }
        }
        self.set_alarms(false);
    }

    /// Whether there is anything that nobody reports.
    fn must_look(&self) -> bool {
        !self.state.looked_at.is_empty() || !self.state.asking.is_empty()
    }

    /// An alarm has gone off: it stays readable until it is set again.
    pub(crate) fn alarm_reported(&mut self, clock: Clock) {
        self.expire(clock);
    }

    fn set_alarms(&mut self, will_wait: bool) {
        // Without a doorbell only timers can be ready, and their alarms ring for them.
        let rouse = !self.state.ready.is_empty() && !self.engine.poller.has_doorbell();
        for clock in [Clock::Monotonic, Clock::Realtime] {
            let alarm = self.state.alarms.of(clock);
            let wanted = match alarm.heap.earliest() {
                _ if rouse && alarm.is_made => Some(0),
                earliest => earliest,
            };
            if wanted == alarm.set_to {
                continue;
            }
            let is_sooner = match (wanted, alarm.set_to) {
                (Some(wanted), Some(set_to)) => wanted < set_to,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if !is_sooner && will_wait {
                let now = self.engine.poller.now(clock);
                if alarm.set_to.is_some_and(|set_to| set_to > now) {
                    continue;
                }
            }
            // Setting an alarm that exists to a valid time cannot fail.
            if self.engine.poller.set_alarm(clock, wanted).is_ok() {
                alarm.set_to = wanted;
            }
        }
    }
}
