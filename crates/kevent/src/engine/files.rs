//! Watched files: who asked for which watch, and telling them what came.
//!
//! The kernel keeps one watch per file, whatever the number of descriptors, knotes and wishes;
//! here stands who shares it. VNODE knotes share it with READ knotes of regular files, and
//! knotes of directories also watch the directory above, which alone hears of their removal.

use std::os::fd::RawFd;

use hashbrown::HashMap;

use super::poller::Poller;
use super::state::Held;
use super::table::Direction;
use crate::filter::{self, Entry, Errno, FileNews, Happening};
use crate::sys::inotify::{Mask, Notice, Place};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// The READ half-knote of a regular file.
    Half(RawFd),
    /// A knote, by its key.
    Knote(u32),
}

/// What a watcher wants to hear of: `IN_` bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) watcher: Watcher,
    pub(crate) place: Place,
    pub(crate) mask: u32,
}

/// The watches of one queue.
#[derive(Debug, Default)]
pub(crate) struct Files {
    watches: HashMap<i32, Vec<Wish>>,
    /// What was taken from the kernel; empty but while it is told.
    notices: Vec<Notice>,
    /// A watch was ended, and the kernel's word of it was not taken yet.
    is_left_behind: bool,
}

impl Files {
    /// Adds a wish, or changes the one that this watcher has for this place, and returns the
    /// watch.
    ///
    /// # Errors
    /// `ENOMEM`: no instance or watch is left. `ENOTSUP`: there is no `/proc`. `EACCES`: the file
    /// may not be read.
    pub(crate) fn watch(&mut self, poller: &dyn Poller, wish: Wish) -> Result<i32, Errno> {
        let watch = poller
            .watch_file(wish.place, Mask::Widen(wish.mask))
            .map_err(|error| match filter::errno(&error) {
                // inotify's limits; a process without descriptors is told so.
                libc::ENOSPC => libc::ENOMEM,
                libc::ENOENT => libc::ENOTSUP,
                errno => errno,
            })?;
        let wishes = self.watches.entry(watch).or_default();
        let same = |other: &&mut Wish| other.watcher == wish.watcher && other.place == wish.place;
        match wishes.iter_mut().find(same) {
            Some(old) => {
                let is_narrower = old.mask & !wish.mask != 0;
                *old = wish;
                if is_narrower {
                    self.narrow(poller, watch);
                }
            }
            None => wishes.push(wish),
        }
        Ok(watch)
    }

    /// Takes a wish back; the last one ends the watch.
    pub(crate) fn unwatch(
        &mut self,
        poller: &dyn Poller,
        watch: i32,
        watcher: Watcher,
        place: Place,
    ) {
        let Some(wishes) = self.watches.get_mut(&watch) else {
            return;
        };
        let is_taken = |wish: &Wish| (wish.watcher, wish.place) == (watcher, place);
        let Some(taken) = wishes.iter().position(is_taken) else {
            return;
        };
        let taken = wishes.swap_remove(taken);
        if wishes.is_empty() {
            self.watches.remove(&watch);
            poller.unwatch_file(watch);
            self.is_left_behind = true;
        } else if taken.mask & !union(wishes) != 0 {
            self.narrow(poller, watch);
        }
    }

    /// Makes the kernel's mask as small as the wishes that are left, so that the queue is not
    /// woken for nothing.
    fn narrow(&mut self, poller: &dyn Poller, watch: i32) {
        let Some(wishes) = self.watches.get(&watch) else {
            return;
        };
        let mask = union(wishes);
        let Some(place) = wishes.first().map(|wish| wish.place) else {
            return;
        };
        // Fails where the descriptor was closed unannounced: then the mask stays too wide.
        let replaced = poller.watch_file(place, Mask::Replace(mask));
        if let Ok(other) = replaced
            && !self.watches.contains_key(&other)
        {
            // The number is another file by now.
            poller.unwatch_file(other);
            self.is_left_behind = true;
        }
    }

    /// Whether the kernel may have something to say that concerns nobody.
    pub(crate) const fn is_left_behind(&self) -> bool {
        self.is_left_behind
    }

    fn everyone(&self) -> Vec<Watcher> {
        let wishes = self.watches.values().flatten();
        wishes
            .filter(|wish| matches!(wish.place, Place::File(_)))
            .map(|wish| wish.watcher)
            .collect()
    }
}

fn union(wishes: &[Wish]) -> u32 {
    wishes.iter().fold(0, |mask, wish| mask | wish.mask)
}

/// Room for so many notices is kept from one time to the next: 16 KiB.
const NOTICES_KEPT: usize = 1_024;

/// What is reported whether it was asked for or not.
const UNASKED: u32 = libc::IN_UNMOUNT;

/// What a notice about a name in a directory may say to the directory's knotes; the rest is the
/// named file's own affair.
const OF_NAMES: u32 = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO;

impl<P: Poller> Held<'_, P> {
    /// Takes what the watches have to tell and passes it on.
    pub(crate) fn files_changed(&mut self) {
        self.state.files.is_left_behind = false;
        let mut notices = std::mem::take(&mut self.state.files.notices);
        self.engine.poller.take_notices(&mut notices);
        if has_half_rename(&notices) {
            // The other half is on its way.
            std::thread::yield_now();
            self.engine.poller.take_notices(&mut notices);
        }
        // Before anything else, as each watcher still knows what it saw last.
        if notices.iter().any(|n| n.mask & libc::IN_Q_OVERFLOW != 0) {
            for watcher in self.state.files.everyone() {
                self.tell(watcher, FileNews::Unknown);
            }
        }
        for place in 0..notices.len() {
            self.pass_on(&notices, place);
        }
        notices.clear();
        notices.shrink_to(NOTICES_KEPT);
        self.state.files.notices = notices;
    }

    fn pass_on(&mut self, notices: &[Notice], place: usize) {
        let Some(notice) = notices.get(place) else {
            return;
        };
        let mask = notice.mask;
        if mask & libc::IN_IGNORED != 0 {
            // The file is gone for good; its knotes, if the closing was not announced, are deaf.
            self.state.files.watches.remove(&notice.watch);
            return;
        }
        if notice.is_named && mask & OF_NAMES == 0 {
            return;
        }
        let Some(wishes) = self.state.files.watches.get(&notice.watch) else {
            return;
        };
        let concerned = wishes
            .iter()
            .filter(|wish| mask & (wish.mask | UNASKED) != 0);
        let concerned: Vec<Wish> = concerned.copied().collect();
        let is_inside = is_inside(notices, place);
        for wish in concerned {
            let news = match wish.place {
                Place::File(_) => FileNews::Notice { mask, is_inside },
                Place::Parent(_) if mask & libc::IN_ISDIR != 0 => FileNews::InParent,
                Place::Parent(_) => continue,
            };
            self.tell(wish.watcher, news);
        }
    }

    fn tell(&mut self, watcher: Watcher, news: FileNews) {
        match watcher {
            Watcher::Half(fd) => self.evaluate(fd, Direction::In),
            Watcher::Knote(key) => {
                let is_same = self.with_knote(key, |knote, _| match filter::lookup(knote.filter) {
                    Some(Entry::Plain(ops)) => Ok(ops.is_same_object(knote)),
                    _ => Ok(false),
                });
                match is_same {
                    Ok(true) => self.activate(key, Happening::File(news)),
                    // The number was closed unannounced.
                    Ok(false) => self.delete_knote(key),
                    Err(_) => {}
                }
            }
        }
    }
}

/// How far apart the two halves of a rename may stand in the kernel's queue, which other
/// processes write to at the same time.
const HALVES_APART_MAX: usize = 64;

/// Whether the notice is one half of a rename whose other half was told to the same directory.
fn is_inside(notices: &[Notice], place: usize) -> bool {
    let Some(notice) = notices.get(place) else {
        return false;
    };
    let other_half = match notice.mask & (libc::IN_MOVED_FROM | libc::IN_MOVED_TO) {
        libc::IN_MOVED_FROM => libc::IN_MOVED_TO,
        libc::IN_MOVED_TO => libc::IN_MOVED_FROM,
        _ => return false,
    };
    let from = place.saturating_sub(HALVES_APART_MAX);
    let near = notices.iter().skip(from).take(2 * HALVES_APART_MAX);
    near.into_iter().any(|other| {
        (other.watch, other.cookie) == (notice.watch, notice.cookie) && other.mask & other_half != 0
    })
}

/// Whether a rename out of a directory stands so near to the end that its other half may have
/// come too late.
fn has_half_rename(notices: &[Notice]) -> bool {
    let end = notices.len();
    (end.saturating_sub(HALVES_APART_MAX)..end).any(|place| {
        let is_from = notices
            .get(place)
            .is_some_and(|notice| notice.mask & libc::IN_MOVED_FROM != 0);
        is_from && !is_inside(notices, place)
    })
}
