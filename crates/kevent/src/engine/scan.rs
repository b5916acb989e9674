//! What came, turned into events: EV_ONESHOT, EV_CLEAR and EV_DISPATCH happen here and nowhere
//! else.
//!
//! A batch of kernel entries is walked first, because an edge that was taken from the kernel
//! must not be lost; then the ready queue, each of whose knotes is visited at most once
//! (`docs/semantics.md`, 1.3).

use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::eventlist::{Eventlist, Layout};
use super::knote::Status;
use super::poller::{Poller, Set, Token};
use super::ready::Node;
use super::state::{Engine, Held};
use super::table::{Direction, Half, Mode, Registered, SlotBits, Table};
use crate::filter::{self, Entry, Happening};
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::limits::INNER_BATCH;
use crate::source::descriptor::Verdict;
use crate::sys::clock::Clock;
use crate::sys::epoll::Event;

impl<P: Poller> Held<'_, P> {
    /// Walks a batch of the main set.
    pub(crate) fn walk<L: Layout>(&mut self, batch: &[Event], events: &mut Eventlist<'_, L>) {
        let mut rest = batch;
        while let Some((entry, after)) = rest.split_first() {
            self.walk_one(*entry, events);
            let plain = self.walk_plain(after, events);
            rest = after.get(plain..).unwrap_or_default();
        }
    }

    fn walk_one<L: Layout>(&mut self, entry: Event, events: &mut Eventlist<'_, L>) {
        // The entry is packed, so its fields are copied out.
        let (ready, token) = (entry.events, entry.u64);
        match Token::decode(token) {
            Token::Descriptor { fd, generation } => {
                self.walk_entry(Set::Main, fd, generation, ready, events);
            }
            Token::Doorbell => {
                self.engine.poller.doorbell_reported();
                self.answer_bells();
            }
            Token::Alarm(clock) => self.alarm_reported(clock),
            Token::Source(source) => self.source_reported(source),
            Token::Knote { key, generation } => self.knote_reported(key, generation, ready),
            Token::Set(set) => self.walk_inner(set, events),
            Token::Nothing => {}
        }
    }

    /// Walks the plain entries at the front of a batch, as far as there is room, and says how many
    /// they are: those of [`Self::walk_entry`] of which one enabled half-knote is concerned, which
    /// accepts what was reported, and neither it nor its entry changes by that. After these the
    /// queue is as it was.
    #[inline]
    pub(crate) fn walk_plain<L: Layout>(
        &mut self,
        batch: &[Event],
        events: &mut Eventlist<'_, L>,
    ) -> usize {
        let engine = self.engine;
        let table = &mut self.state.table;
        events.fill(batch, |entry| plain_event(engine, table, *entry))
    }

    /// Walks what an inner set has, as far as there is room; the rest stays ready.
    fn walk_inner<L: Layout>(&mut self, set: Set, events: &mut Eventlist<'_, L>) {
        let mut batch = [MaybeUninit::uninit(); INNER_BATCH];
        let room = events.room().min(INNER_BATCH);
        let Some(batch) = batch.get_mut(..room).filter(|batch| !batch.is_empty()) else {
            return;
        };
        let Ok(batch) = self.engine.poller.collect(set, batch) else {
            return;
        };
        for entry in batch {
            let (ready, token) = (entry.events, entry.u64);
            if let Token::Descriptor { fd, generation } = Token::decode(token) {
                self.walk_entry(set, fd, generation, ready, events);
            }
        }
    }

    /// One entry of a set: a descriptor is ready.
    fn walk_entry<L: Layout>(
        &mut self,
        set: Set,
        fd: RawFd,
        generation: u32,
        ready: u32,
        events: &mut Eventlist<'_, L>,
    ) {
        self.take_closed();
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        let is_known = slot.generation == generation
            && slot.item(set).registered.contains(Registered::PRESENT);
        if !is_known {
            self.ghost_reported(set, fd, generation);
            return;
        }
        let item = slot.item_mut(set);
        if item.registered.contains(Registered::ONCE) {
            item.registered -= Registered::DIRECTIONS;
        }
        let mut is_accepted = false;
        let mut is_enabled = false;
        for &direction in order(set, slot.bits) {
            let Some(slot) = self.state.table.get(fd) else {
                return;
            };
            let half = slot.half(direction);
            if !half.is_present() || slot.set_of(direction) != set || half.is_disabled() {
                continue;
            }
            is_enabled = true;
            if ready & concern(direction) == 0 {
                continue;
            }
            match self.verdict(fd, direction, ready) {
                Verdict::Inactive => {}
                Verdict::Closed => {
                    self.drop_descriptor(fd);
                    return;
                }
                Verdict::Active { data, fflags, eof } => {
                    is_accepted = true;
                    self.deliver(fd, direction, (data, fflags, eof), events);
                }
            }
        }
        self.after_entry(set, fd, ready, is_enabled, is_accepted);
    }

    /// An accepted half-knote becomes an event, or waits its turn where there is no room.
    fn deliver<L: Layout>(
        &mut self,
        fd: RawFd,
        direction: Direction,
        said: (i64, u32, bool),
        events: &mut Eventlist<'_, L>,
    ) {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        let half = slot.half_mut(direction);
        if half.status.contains(Status::QUEUED) {
            // It is in the ready queue already and comes from there.
            return;
        }
        if !events.is_full() {
            self.emit(fd, direction, said, events);
            return;
        }
        let mode = half.mode();
        slot.bits
            .set(SlotBits::OUT_FIRST, direction == Direction::Out);
        if mode == Mode::Edge {
            // The kernel will not report this edge again. Without a doorbell (no descriptor
            // left to make one) it is looked at again instead.
            half_status(slot, direction, Status::ACTIVE);
            if self.enqueue_half(fd, direction).is_err() {
                self.mark_dirty(fd, usize::MAX, true);
            }
        }
    }

    /// After an entry: parks, hushes or re-arms it.
    fn after_entry(
        &mut self,
        set: Set,
        fd: RawFd,
        ready: u32,
        is_enabled: bool,
        is_accepted: bool,
    ) {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        let item = slot.item_mut(set);
        let is_once = item.registered.contains(Registered::ONCE);
        let is_edge = item.registered.contains(Registered::EDGE);
        if is_accepted && !is_once && !item.is_parked {
            // The common case: the entry stays as it is.
            return;
        }
        if is_accepted {
            item.is_parked = false;
        } else if is_enabled {
            item.is_parked = item.is_parked || !is_edge;
        } else if ready & BROKEN != 0 {
            item.is_hushed = true;
        }
        if self.sync_item(fd, set, false).is_err() {
            self.drop_descriptor(fd);
        }
    }

    /// Writes a half-knote's event and does what its attributes ask.
    fn emit<L: Layout>(
        &mut self,
        fd: RawFd,
        direction: Direction,
        (data, fflags, eof): (i64, u32, bool),
        events: &mut Eventlist<'_, L>,
    ) {
        let Some(slot) = self.state.table.get(fd) else {
            return;
        };
        let half = *slot.half(direction);
        let is_forced = half.status.contains(Status::FORCED);
        let forced = if is_forced {
            Flags::ONESHOT
        } else {
            Flags::empty()
        };
        events.push(Kevent {
            ident: fd.cast_unsigned() as usize,
            filter: filter::of(direction),
            flags: half.flags | forced | filter::eof_flag(eof),
            fflags,
            data,
            udata: half.udata,
            ext: if half.rest == 0 {
                [0; 4]
            } else {
                self.rest(half.rest).ext
            },
        });
        if is_forced || half.flags.contains(Flags::ONESHOT) {
            self.clear_half(fd, direction);
        } else if half.flags.contains(Flags::DISPATCH)
            && let Some(slot) = self.state.table.get_mut(fd)
        {
            half_status(slot, direction, Status::DISABLED);
        }
    }

    /// Visits the ready queue, each knote in it at most once. Says whether an event came of a
    /// knote that has an entry in the kernel's sets too.
    pub(crate) fn scan<L: Layout>(&mut self, events: &mut Eventlist<'_, L>) -> bool {
        let mut met_entry = false;
        let marker = self.state.ready.len();
        for _ in 0..marker {
            if events.is_full() {
                break;
            }
            match self.state.ready.pop() {
                None => break,
                Some(Node::Knote(key)) => self.visit_knote(key, events),
                Some(Node::Half(fd, direction)) => {
                    met_entry |= self.visit_half(fd, direction, events);
                }
            }
        }
        met_entry
    }

    fn visit_knote<L: Layout>(&mut self, key: u32, events: &mut Eventlist<'_, L>) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.get_mut(key as usize) else {
            return;
        };
        knote.status -= Status::QUEUED;
        let Some(Entry::Plain(ops)) = filter::lookup(knote.filter) else {
            return;
        };
        if knote.is_disabled() {
            return;
        }
        let is_oneshot = knote.flags.contains(Flags::ONESHOT);
        let event = self.with_knote(key, |knote, context| {
            // A one-shot event is returned as recorded, without a second look.
            if !is_oneshot && !ops.event(knote, context) {
                knote.status -= Status::ACTIVE;
                return Ok(None);
            }
            let report = ops.copyout(knote, context);
            Ok(Some(Kevent {
                ident: knote.ident,
                filter: knote.filter,
                flags: knote.flags,
                fflags: report.fflags,
                data: report.data,
                udata: knote.udata,
                ext: knote.ext,
            }))
        });
        let Ok(Some(event)) = event else { return };
        if !self.engine.closed.is_empty() {
            // It may have been another file that was asked.
            self.take_closed();
            if !self.state.knotes.contains(key as usize) {
                return;
            }
        }
        events.push(event);
        if is_oneshot {
            self.delete_knote(key);
            return;
        }
        let Some(knote) = self.state.knotes.get_mut(key as usize) else {
            return;
        };
        if knote.flags.contains(Flags::DISPATCH) {
            knote.status |= Status::DISABLED;
        }
        if knote.flags.intersects(Flags::CLEAR | Flags::DISPATCH) {
            knote.status -= Status::ACTIVE;
        } else {
            self.enqueue(key);
        }
    }

    /// Looks at a half-knote in the ready queue; true if it is returned and has an entry too.
    fn visit_half<L: Layout>(
        &mut self,
        fd: RawFd,
        direction: Direction,
        events: &mut Eventlist<'_, L>,
    ) -> bool {
        let Some(slot) = self.state.table.get_mut(fd) else {
            return false;
        };
        let is_unpollable = slot.is_unpollable();
        let half = slot.half_mut(direction);
        half.status -= Status::QUEUED;
        if half.is_disabled() {
            return false;
        }
        half.status -= Status::ACTIVE;
        let Half { status, flags, .. } = *half;
        let ready = if is_unpollable {
            0
        } else {
            self.engine.poller.ready_now(fd)
        };
        let said = match self.verdict(fd, direction, ready) {
            Verdict::Active { data, fflags, eof } => (data, fflags, eof),
            Verdict::Closed => {
                self.drop_descriptor(fd);
                return false;
            }
            Verdict::Inactive if status.contains(Status::FORCED) => (0, 0, false),
            Verdict::Inactive => return false,
        };
        let is_level = Mode::of(flags) == Mode::Level && !status.contains(Status::FORCED);
        self.emit(fd, direction, said, events);
        if is_unpollable && is_level {
            let _ = self.enqueue_half(fd, direction);
        } else if !is_unpollable && self.sync(fd).is_err() {
            self.drop_descriptor(fd);
        }
        !is_unpollable
    }

    /// Timers of this clock have expired: each lines up, in the order of the deadlines.
    pub(crate) fn expire(&mut self, clock: Clock) {
        let now = self.engine.poller.now(clock);
        while let Some((key, _)) = self.state.alarms.of(clock).heap.pop_expired(now) {
            self.activate(key, Happening::Expired);
        }
    }

    /// Handles were triggered: each knote lines up.
    pub(crate) fn answer_bells(&mut self) {
        self.answer_mail();
        let mut rung = std::mem::take(&mut self.state.rung);
        self.engine.poller.rung_bells(&mut |bell| rung.push(bell));
        for bell in rung.drain(..) {
            if self.engine.poller.files_bell() == Some(bell) {
                self.files_changed();
            } else if let Some(&Some(key)) = self.state.bells.get(bell as usize) {
                self.activate(key, Happening::Rung);
            }
        }
        self.state.rung = rung;
    }
}

/// The event of a plain entry; nothing, and nothing done, where it is none.
#[inline]
fn plain_event<P>(engine: &Engine<P>, table: &mut Table, entry: Event) -> Option<Kevent> {
    let (ready, token) = (entry.events, entry.u64);
    let (fd, generation) = Token::descriptor(token)?;
    let slot = table.get_mut(fd)?;
    let direction = match (
        ready & concern(Direction::In),
        ready & concern(Direction::Out),
    ) {
        (_, 0) => Direction::In,
        (0, _) => Direction::Out,
        _ => return None,
    };
    let half = *slot.half(direction);
    let is_plain = slot.generation == generation
        && half.status.difference(Status::ACTIVE) == Status::PRESENT
        && half.rest == 0
        && half.mode() != Mode::Once
        && !slot.item(Set::Main).is_parked;
    if !is_plain {
        return None;
    }
    let verdict = match filter::at_once(direction, ready, half.interest) {
        Some(verdict) => verdict,
        None => {
            let (interest, options) = ((half.interest, 0), &engine.options);
            let verdict = filter::ask(direction, fd, &mut slot.kind, ready, interest, options);
            if !engine.closed.is_empty() {
                // It may have been another file that was asked.
                return None;
            }
            verdict
        }
    };
    match verdict {
        Verdict::Active { data, fflags, eof } => Some(Kevent {
            ident: fd.cast_unsigned() as usize,
            filter: filter::of(direction),
            flags: half.flags | filter::eof_flag(eof),
            fflags,
            data,
            udata: half.udata,
            ext: [0; 4],
        }),
        _ => None,
    }
}

const BROKEN: u32 = (libc::EPOLLHUP | libc::EPOLLERR) as u32;

/// The ready bits that concern a direction.
#[expect(clippy::cast_sign_loss, reason = "libc types these bits as int")]
const fn concern(direction: Direction) -> u32 {
    let own = match direction {
        Direction::In => libc::EPOLLIN | libc::EPOLLRDHUP,
        Direction::Out => libc::EPOLLOUT,
        Direction::Urgent => libc::EPOLLPRI | libc::EPOLLRDHUP,
    };
    own as u32 | BROKEN
}

/// The directions of a set's entry, in the order in which they are delivered.
const fn order(set: Set, bits: SlotBits) -> &'static [Direction] {
    match set {
        Set::Urgent => &[Direction::Urgent],
        _ if bits.contains(SlotBits::OUT_FIRST) => &[Direction::Out, Direction::In],
        _ => &[Direction::In, Direction::Out],
    }
}

fn half_status(slot: &mut super::table::Slot, direction: Direction, status: Status) {
    slot.half_mut(direction).status |= status;
}
