//! An address as one worker sees it: the hosts that answer for what comes in there.
//!
//! A reload puts other hosts in; connections that are open have them with their next request. When
//! the address is given up, its entrance keeps the hosts it had, and its connections end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::http::request::Request;
use crate::limits::Timeouts;
use crate::route::location::Location;
use crate::route::virtual_host::Hosts;

/// How far a worker, or one of its entrances, is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// As long as nobody says otherwise.
    Serving,
    /// Each answer is the last of its connection; for a moment, connections may still wait for a
    /// request that is on its way.
    Stopping,
    /// No connection waits any more.
    Closing,
}

/// What the connections of an address share.
#[derive(Debug)]
pub(crate) struct Entrance {
    hosts: RefCell<Rc<Hosts>>,
    timeouts: Cell<Timeouts>,
    phase: Cell<Phase>,
}

impl Entrance {
    /// The entrance to these hosts.
    pub(crate) fn new(hosts: Rc<Hosts>) -> Self {
        Entrance {
            timeouts: Cell::new(hosts.timeouts),
            hosts: RefCell::new(hosts),
            phase: Cell::new(Phase::Serving),
        }
    }

    /// Puts other hosts in.
    pub(crate) fn set_hosts(&self, hosts: Rc<Hosts>) {
        self.timeouts.set(hosts.timeouts);
        self.hosts.replace(hosts);
    }

    /// The route that a request takes.
    pub(crate) fn locate(&self, request: &Request) -> Rc<Location> {
        self.hosts.borrow().locate(request)
    }

    /// How long each phase of a connection may take before a request is known.
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts.get()
    }

    /// Whether it is still open.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Begins or ends the closing.
    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }
}
