//! The reference: a kqueue in a few hundred lines, after `docs/semantics.md` (section 1, B, C11,
//! G), that holds no descriptor and looks at none.
//!
//! It does not predict which events a call returns, it judges them: each must be one that a BSD
//! queue could return now, and none may be missing while there was room. Where Linux may differ
//! (marks (L) of the checklist) the answer is [`Truth::Maybe`]:
//!
//! - G-10: a one-shot event whose condition has gone again may be returned or not;
//! - W-29: news for READ may report an EV_CLEAR WRITE knote of the same descriptor, and a change
//!   of one, or its end by EV_ONESHOT, may report the other;
//! - D2: whether a partly drained pipe or socket has space;
//! - an EV_CLEAR event that had no room in the eventlist is kept by the queue; news before it is
//!   returned is kept by the kernel, so that it may be returned twice.
//!
//! A call with a short eventlist, or after one that was filled, may return fewer events than
//! there is room for, but not none, and it leaves nobody out for long: an entry of the kernel that
//! was no event after all, or was the wake-up for user events, has taken the place of another.
//!
//! Order is compared among user events, which is exact; events of the kernel come in its order.

use std::collections::{BTreeMap, VecDeque};

use kevent::{Filter, Flags, Kevent, NoteIo, NoteUser};

const EBADF: i32 = 9;
const ENOENT: i32 = 2;
const EINVAL: i32 = 22;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    No,
    Maybe,
    Yes,
}

/// What a READ or WRITE knote finds; `None` is not compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub is_active: Truth,
    pub is_eof: Option<bool>,
    pub fflags: Option<u32>,
    pub data: Option<i64>,
}

/// The descriptors, known to whoever writes to them.
pub(crate) trait Objects {
    fn is_open(&self, fd: usize) -> bool;
    fn look(&self, fd: usize, filter: Filter, low_water: i64) -> Found;
}

#[derive(Clone, Debug)]
struct Knote {
    flags: Flags,
    udata: usize,
    ext: [u64; 4],
    is_disabled: bool,
    /// ACTIVE: the condition was true since the last delivery.
    seen: Truth,
    is_forced: bool,
    /// READ, WRITE.
    low_water: i64,
    /// USER.
    is_triggered: bool,
    fflags: u32,
    data: i64,
    /// Events of others returned while this one was left out.
    overtaken: usize,
    may_repeat: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Reference {
    knotes: BTreeMap<(i16, usize), Knote>,
    /// The ready queue, as far as user events are concerned.
    user: VecDeque<usize>,
    /// The last call filled its eventlist.
    was_full: bool,
}

/// An eventlist so long that the kernel's entries and all events have room in it.
pub(crate) const LONG: usize = 32;

const USER: i16 = Filter::USER.as_raw();
const STORED: Flags = Flags::ONESHOT
    .union(Flags::CLEAR)
    .union(Flags::RECEIPT)
    .union(Flags::DISPATCH);

impl Reference {
    /// Applies one change (1.1); false if it was skipped.
    pub(crate) fn change(&mut self, change: &Kevent, objects: &impl Objects) -> Result<bool, i32> {
        let key = (change.filter.as_raw(), change.ident);
        let flags = change.flags - Flags::SYSFLAGS;
        if change.filter.as_raw() == 0 {
            return Ok(false);
        }
        let is_known = matches!(change.filter, Filter::READ | Filter::WRITE | Filter::USER);
        if flags.contains(Flags::ENABLE | Flags::DISABLE)
            || !is_known
            || flags.contains(Flags::ADD | Flags::KEEPUDATA)
        {
            return Err(EINVAL);
        }
        if key.0 != USER && !objects.is_open(change.ident) {
            return Err(EBADF);
        }
        match self.knotes.get_mut(&key) {
            None if !flags.contains(Flags::ADD) => return Err(ENOENT),
            None => {
                self.knotes.insert(key, Knote::new(change, flags));
            }
            Some(_) if flags.contains(Flags::DELETE) => self.remove(key),
            Some(knote) => knote.modify(change, flags),
        }
        self.check(key, objects);
        self.repeat_others(key);
        Ok(true)
    }

    /// W-29: the other knotes of a descriptor may be reported again.
    fn repeat_others(&mut self, key: (i16, usize)) {
        let was_full = self.was_full;
        let others = self.of_descriptor(key.1);
        for (_, knote) in others.filter(|(other, _)| *other != key && key.0 != USER) {
            knote.news(Truth::Maybe, was_full);
        }
    }

    fn of_descriptor(&mut self, fd: usize) -> impl Iterator<Item = ((i16, usize), &mut Knote)> {
        let found = self.knotes.iter_mut().map(|(key, knote)| (*key, knote));
        found.filter(move |(key, _)| key.0 != USER && key.1 == fd)
    }

    /// Steps 12 and 13. A user event that is disabled leaves the queue at once, where FreeBSD
    /// leaves it until the next scan; only its place after EV_ENABLE depends on that.
    fn check(&mut self, key: (i16, usize), objects: &impl Objects) {
        let Some(knote) = self.knotes.get_mut(&key) else {
            return;
        };
        if !knote.is_disabled {
            knote.news(knote.condition(key, objects), self.was_full);
        }
        if key.0 != USER {
            return;
        }
        if knote.is_disabled {
            self.user.retain(|ident| *ident != key.1);
        } else if knote.seen == Truth::Yes && !self.user.contains(&key.1) {
            self.user.push_back(key.1);
        }
    }

    fn remove(&mut self, key: (i16, usize)) {
        self.knotes.remove(&key);
        if key.0 == USER {
            self.user.retain(|ident| *ident != key.1);
        }
    }

    /// The number was closed.
    pub(crate) fn closed(&mut self, fd: usize) {
        self.knotes.retain(|key, _| key.0 == USER || key.1 != fd);
    }

    /// Something happened to a descriptor (1.2).
    pub(crate) fn happened(
        &mut self,
        fd: usize,
        filter: Filter,
        is_news: Truth,
        objects: &impl Objects,
    ) {
        let was_full = self.was_full;
        for (key, knote) in self.of_descriptor(fd) {
            let is_own = key.0 == filter.as_raw();
            let is_news = if is_own { is_news } else { Truth::Maybe };
            knote.news(is_news.min(knote.condition(key, objects)), was_full);
        }
    }

    /// Judges the events of a call with that much room, and delivers them (1.3).
    pub(crate) fn collected(&mut self, events: &[Kevent], room: usize, objects: &impl Objects) {
        assert!(events.len() <= room, "more events than room");
        let due = |key: (i16, usize), knote: &Knote| knote.due(key, objects);
        let before = self.knotes.clone();
        let mut returned = Vec::new();
        let mut visits = self.user.len();
        for event in events {
            let key = (event.filter.as_raw(), event.ident);
            assert!(!returned.contains(&key), "twice in a call: {event:?}");
            returned.push(key);
            // Not as it was before: another event of this call may have repeated it.
            let knote = self.knotes.get(&key).cloned();
            let knote = knote.unwrap_or_else(|| panic!("no such knote: {event:?}"));
            let is_possible = due(key, &knote) >= Truth::Maybe;
            assert!(is_possible, "not due: {event:?} of {knote:?}");
            knote.compare(key, event, objects);
            if key.0 == USER {
                self.take_user(key.1, &mut visits);
            }
            self.deliver(key);
        }
        let is_full = events.len() == room;
        let is_short = (room < LONG || self.was_full) && !events.is_empty();
        if room > 0 {
            self.was_full = is_full;
        }
        let limit = 2 * self.knotes.len() + 2;
        for (key, old) in before.iter().filter(|(key, _)| !returned.contains(key)) {
            let Some(knote) = self.knotes.get_mut(key) else {
                continue;
            };
            if due(*key, old) < Truth::Yes {
                knote.overtaken = 0;
            } else {
                let may_miss = is_full || (is_short && key.0 != USER);
                assert!(may_miss, "missing: {key:?} {old:?} among {events:?}");
                knote.overtaken += events.len();
                assert!(knote.overtaken <= limit, "starves: {key:?} {old:?}");
            }
            // Looked at, and not true.
            if !is_full && (key.0 == USER || !is_short) && !old.is_disabled {
                knote.seen = Truth::No;
            }
        }
        if !is_full {
            // Whoever is still in front was looked at and is not true.
            self.user.drain(..visits);
        }
    }

    /// User events come in the order of the queue; those that are no longer true leave it.
    fn take_user(&mut self, ident: usize, visits: &mut usize) {
        while *visits > 0 {
            *visits -= 1;
            let front = self.user.pop_front().expect("as many as were counted");
            if front == ident {
                return;
            }
            let knote = self.knotes.get_mut(&(USER, front)).expect("queued");
            assert!(!knote.is_due_user(), "user event {front} before {ident}");
            knote.seen = Truth::No;
        }
        panic!("user event {ident} was not queued");
    }

    fn deliver(&mut self, key: (i16, usize)) {
        let Some(knote) = self.knotes.get_mut(&key) else {
            return;
        };
        knote.overtaken = 0;
        if knote.flags.contains(Flags::ONESHOT) {
            self.remove(key);
            return self.repeat_others(key);
        }
        if knote.flags.contains(Flags::CLEAR) {
            knote.is_triggered = false;
        }
        if knote.flags.intersects(Flags::CLEAR | Flags::DISPATCH) {
            let may_repeat = std::mem::take(&mut knote.may_repeat);
            knote.seen = [Truth::No, Truth::Maybe][usize::from(may_repeat)];
        } else if key.0 == USER {
            self.user.push_back(key.1);
        }
        knote.is_disabled |= knote.flags.contains(Flags::DISPATCH);
    }
}

impl Knote {
    fn new(change: &Kevent, flags: Flags) -> Self {
        let mut knote = Self {
            flags: flags & STORED,
            udata: change.udata,
            ext: change.ext,
            is_disabled: flags.contains(Flags::DISABLE),
            seen: Truth::No,
            is_forced: false,
            low_water: 0,
            is_triggered: change.fflags & NoteUser::TRIGGER.bits() != 0, // G1
            fflags: change.fflags & NoteUser::FFLAGSMASK.bits(),         // G2
            data: change.data,
            overtaken: 0,
            may_repeat: false,
        };
        knote.set_low_water(change);
        knote
    }

    fn set_low_water(&mut self, change: &Kevent) {
        let has_mark = change.fflags & NoteIo::LOWAT.bits() != 0;
        self.low_water = if has_mark { change.data } else { 0 };
    }

    fn modify(&mut self, change: &Kevent, flags: Flags) {
        if flags.contains(Flags::FORCEONESHOT) {
            self.flags |= Flags::ONESHOT;
            self.seen = Truth::Yes;
            self.is_forced = true;
        }
        if flags.contains(Flags::ENABLE) {
            self.is_disabled = false;
        } else if flags.contains(Flags::DISABLE) {
            self.is_disabled = true;
        }
        if !flags.contains(Flags::KEEPUDATA) {
            self.udata = change.udata;
        }
        if change.filter == Filter::USER {
            self.touch_user(change, flags);
        } else if flags.contains(Flags::ADD) || change.fflags != 0 || change.data != 0 {
            self.set_low_water(change); // else G18
        }
    }

    /// C11, with G1: a trigger wins over EV_CLEAR.
    fn touch_user(&mut self, change: &Kevent, flags: Flags) {
        let input = change.fflags & NoteUser::FFLAGSMASK.bits();
        match NoteUser::from_bits_retain(change.fflags & NoteUser::FFCTRLMASK.bits()) {
            NoteUser::FFAND => self.fflags &= input,
            NoteUser::FFOR => self.fflags |= input,
            NoteUser::FFCOPY => self.fflags = input,
            _ => {}
        }
        self.data = change.data;
        if change.fflags & NoteUser::TRIGGER.bits() != 0 {
            self.is_triggered = true;
        } else if flags.contains(Flags::CLEAR) {
            self.is_triggered = false;
        }
    }

    /// The condition was seen; perhaps again, before the queue had room to say so.
    fn news(&mut self, seen: Truth, was_full: bool) {
        self.may_repeat |= was_full && self.seen >= Truth::Maybe && seen >= Truth::Maybe;
        self.seen = self.seen.max(seen);
    }

    fn condition(&self, key: (i16, usize), objects: &impl Objects) -> Truth {
        match key.0 {
            USER if self.is_triggered => Truth::Yes,
            USER => Truth::No,
            filter => {
                let filter = Filter::from_raw(filter);
                objects.look(key.1, filter, self.low_water).is_active
            }
        }
    }

    fn is_due_user(&self) -> bool {
        let is_seen = self.seen == Truth::Yes;
        !self.is_disabled && is_seen && (self.flags.contains(Flags::ONESHOT) || self.is_triggered)
    }

    /// Whether a scan returns it.
    fn due(&self, key: (i16, usize), objects: &impl Objects) -> Truth {
        let condition = self.condition(key, objects);
        if self.is_disabled {
            Truth::No
        } else if key.0 == USER {
            [Truth::No, Truth::Yes][usize::from(self.is_due_user())]
        } else if self.is_forced {
            Truth::Yes
        } else if self.flags.contains(Flags::ONESHOT) {
            condition.max(self.seen.min(Truth::Maybe)) // G-10
        } else if self.flags & (Flags::CLEAR | Flags::DISPATCH) == Flags::CLEAR {
            condition.min(self.seen)
        } else {
            condition
        }
    }

    fn compare(&self, key: (i16, usize), event: &Kevent, objects: &impl Objects) {
        assert_eq!(
            (event.udata, event.ext),
            (self.udata, self.ext),
            "{event:?}"
        );
        let found = match key.0 {
            USER => Found {
                is_active: Truth::Yes,
                is_eof: Some(false),
                fflags: Some(self.fflags),
                data: Some(self.data),
            },
            _ => objects.look(key.1, event.filter, self.low_water),
        };
        assert_eq!(event.flags - Flags::EOF, self.flags, "{event:?}");
        if found.is_active < Truth::Yes {
            return; // Forced, or G-10: nothing is promised of what it says.
        }
        assert!(
            found.is_eof.is_none_or(|eof| eof == event.is_eof()),
            "{event:?}"
        );
        assert!(
            found.fflags.is_none_or(|fflags| fflags == event.fflags),
            "{event:?}"
        );
        assert!(
            found.data.is_none_or(|data| data == event.data),
            "{event:?} {found:?}"
        );
        let is_space = event.filter == Filter::WRITE && !event.is_eof();
        assert!(!is_space || event.data > 0, "{event:?}");
    }
}
