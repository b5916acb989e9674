//! EVFILT_VNODE: what happens to an open file or directory.
//!
//! inotify(7) tells that something happened and seldom what; the rest is learnt by comparing
//! what fstat(2) says now with what it said last (`docs/semantics.md`, C6 and D5). After FreeBSD's
//! `filt_vfsvnode`: the whole hint is recorded when any of its notes is wanted. Where Linux makes
//! a hint of more than FreeBSD would say (deviations G13, G15), each note is recorded for itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::RawFd;

use super::{Context, Errno, FileNews, FilterOps, Happening, Modified, Report};
use crate::engine::files::{Watcher, Wish};
use crate::engine::knote::{Kept, Knote};
use crate::flags::{Flags, NoteVnode};
use crate::kevent::Kevent;
use crate::sys::descriptor::{Stat, fstat, link};
use crate::sys::inotify::Place;

/// The filter.
pub(super) struct Vnode;

/// What the filter keeps in its knote.
#[derive(Debug)]
pub(crate) struct Watched {
    fd: RawFd,
    interest: NoteVnode,
    /// The watch of the file itself; none while nothing is wanted.
    watch: Option<i32>,
    /// The watch of the directory above, which alone hears of the removal of a directory.
    parent: Option<i32>,
    /// What was seen and told last. Each notice brings up to date only what it is about, because
    /// notices of the rest may still stand in the kernel's queue.
    seen: Stat,
    /// The removal of this directory was told.
    is_removed: bool,
    /// Where the file was, as a number; kept where a rename is of interest.
    path: Option<u64>,
}

const NAMES: u32 = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO;

/// Notes that one kind of notice stands for, and nothing else.
const PLAIN: [(u32, NoteVnode); 5] = [
    (libc::IN_MOVE_SELF, NoteVnode::RENAME),
    (libc::IN_OPEN, NoteVnode::OPEN),
    (libc::IN_CLOSE_NOWRITE, NoteVnode::CLOSE),
    (libc::IN_CLOSE_WRITE, NoteVnode::CLOSE_WRITE),
    (libc::IN_ACCESS, NoteVnode::READ),
];

/// What has happened, as far as it is wanted.
struct Recorded {
    interest: NoteVnode,
    notes: NoteVnode,
}

impl Recorded {
    /// All of the hint, if any of it is wanted.
    fn whole(&mut self, hint: NoteVnode) {
        if self.interest.intersects(hint) {
            self.notes |= hint;
        }
    }

    /// What is wanted of the hint.
    fn wanted(&mut self, hint: NoteVnode) {
        self.notes |= self.interest & hint;
    }
}

impl Watched {
    const fn is_directory(&self) -> bool {
        self.seen.file_type() == libc::S_IFDIR
    }

    /// What must be watched of the file itself for this interest: `IN_` bits.
    fn mask(&self, interest: NoteVnode) -> u32 {
        let is_directory = self.is_directory();
        let size = NoteVnode::WRITE | NoteVnode::EXTEND | NoteVnode::TRUNCATE | NoteVnode::ATTRIB;
        let names = NoteVnode::WRITE | NoteVnode::EXTEND | NoteVnode::LINK;
        let inode = NoteVnode::ATTRIB | NoteVnode::LINK | NoteVnode::DELETE;
        let mut mask = 0;
        for (is_wanted, bits) in [
            (!is_directory && interest.intersects(size), libc::IN_MODIFY),
            (is_directory && interest.intersects(names), NAMES),
            (interest.intersects(inode), libc::IN_ATTRIB),
            (self.needs_parent(interest), libc::IN_MOVE_SELF),
            // An unmounting is told unasked; the kernel wants some bit.
            (interest.contains(NoteVnode::REVOKE), libc::IN_DELETE_SELF),
        ] {
            mask |= if is_wanted { bits } else { 0 };
        }
        for (bits, note) in PLAIN {
            mask |= if interest.contains(note) { bits } else { 0 };
        }
        mask
    }

    fn needs_parent(&self, interest: NoteVnode) -> bool {
        self.is_directory() && !self.is_removed && interest.contains(NoteVnode::DELETE)
    }

    /// Watches what this interest needs, and remembers it. After an error all is as it was.
    fn set_interest(
        &mut self,
        interest: NoteVnode,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let before = self.mask(self.interest);
        let mask = self.mask(interest);
        let now = fstat(self.fd).map_err(|error| super::errno(&error))?;
        let parent = self.watch_parent(interest, context)?;
        let watch = if mask == 0 {
            None
        } else {
            let place = Place::File(self.fd);
            let watched = watch(place, mask, context);
            watched
                .inspect_err(|_| {
                    if parent != self.parent {
                        self.unwatch(parent, Place::Parent(self.fd), context);
                    }
                })
                .map(Some)?
        };
        if watch != self.watch {
            self.unwatch(self.watch, Place::File(self.fd), context);
        }
        if parent != self.parent {
            self.unwatch(self.parent, Place::Parent(self.fd), context);
        }
        (self.watch, self.parent) = (watch, parent);
        // What was not watched has gone unseen.
        let news = mask & !before;
        if news & libc::IN_MODIFY != 0 {
            self.seen.size = now.size;
        }
        if news & (libc::IN_ATTRIB | NAMES) != 0 {
            self.saw_inode(&now);
        }
        self.saw_times(&now);
        if interest.contains(NoteVnode::RENAME) && !self.interest.contains(NoteVnode::RENAME) {
            self.path = path(self.fd);
        }
        self.interest = interest;
        Ok(())
    }

    fn watch_parent(
        &self,
        interest: NoteVnode,
        context: &mut Context<'_>,
    ) -> Result<Option<i32>, Errno> {
        if !self.needs_parent(interest) {
            return Ok(None);
        }
        match watch(Place::Parent(self.fd), libc::IN_DELETE, context) {
            Ok(parent) => Ok(Some(parent)),
            // A removal would go unnoticed.
            Err(libc::EACCES) => Err(libc::ENOTSUP),
            Err(errno) => Err(errno),
        }
    }

    fn unwatch(&self, watch: Option<i32>, place: Place, context: &mut Context<'_>) {
        if let Some(watch) = watch {
            let watcher = Watcher::Knote(context.key);
            context.files.unwatch(context.poller, watch, watcher, place);
        }
    }

    /// The directory above is another one.
    fn follow_parent(&mut self, context: &mut Context<'_>) {
        if !self.needs_parent(self.interest) {
            return;
        }
        // Where the new one cannot be watched, the removal goes unnoticed: there is no change
        // that could be answered with an error.
        let parent = self.watch_parent(self.interest, context).unwrap_or(None);
        if parent != self.parent {
            self.unwatch(self.parent, Place::Parent(self.fd), context);
            self.parent = parent;
        }
    }

    fn saw_inode(&mut self, now: &Stat) {
        self.seen.links = now.links;
        self.seen.mode = now.mode;
        self.seen.owner = now.owner;
        self.seen.group = now.group;
    }

    const fn saw_times(&mut self, now: &Stat) {
        self.seen.modified = now.modified;
        self.seen.changed = now.changed;
    }

    /// Mode or owner differ.
    fn is_other_mode(&self, now: &Stat) -> bool {
        let of = |stat: &Stat| (stat.mode, stat.owner, stat.group);
        of(&self.seen) != of(now)
    }

    /// The content was written to.
    fn written(&mut self, now: &Stat, recorded: &mut Recorded) {
        match now.size.cmp(&self.seen.size) {
            std::cmp::Ordering::Greater => recorded.whole(NoteVnode::WRITE | NoteVnode::EXTEND),
            std::cmp::Ordering::Equal => recorded.whole(NoteVnode::WRITE),
            std::cmp::Ordering::Less => {
                recorded.wanted(NoteVnode::ATTRIB | NoteVnode::WRITE | NoteVnode::TRUNCATE);
            }
        }
        self.seen.size = now.size;
    }

    /// The number of names changed. False where it did not.
    fn relinked(&self, now: &Stat, recorded: &mut Recorded) -> bool {
        match (now.links.cmp(&self.seen.links), now.links) {
            (std::cmp::Ordering::Less, 0) => recorded.whole(NoteVnode::DELETE),
            (std::cmp::Ordering::Less, _) => recorded.wanted(NoteVnode::DELETE | NoteVnode::LINK),
            (std::cmp::Ordering::Greater, _) => recorded.whole(NoteVnode::LINK),
            (std::cmp::Ordering::Equal, _) => return false,
        }
        true
    }

    /// Whether this directory has been removed, which is told once.
    fn removed(&mut self, now: &Stat, recorded: &mut Recorded) -> bool {
        let is_news = self.is_directory() && now.links == 0 && !self.is_removed;
        if is_news {
            recorded.whole(NoteVnode::DELETE);
            self.is_removed = true;
        }
        is_news
    }

    /// Permissions, owner, times, attributes or the number of names changed.
    fn inode_changed(&mut self, now: &Stat, recorded: &mut Recorded) {
        let is_explained = if self.is_directory() {
            self.removed(now, recorded)
        } else {
            self.relinked(now, recorded)
        };
        if !is_explained || self.is_other_mode(now) {
            recorded.whole(NoteVnode::ATTRIB);
        }
        self.saw_inode(now);
    }

    /// A name in the directory came, went or was replaced.
    fn names_changed(&mut self, mask: u32, is_inside: bool, now: &Stat, recorded: &mut Recorded) {
        let is_rename = mask & (libc::IN_MOVED_FROM | libc::IN_MOVED_TO) != 0;
        let mut hint = NoteVnode::WRITE;
        hint.set(NoteVnode::EXTEND, is_rename && !is_inside);
        // A directory that was replaced is missing in the count, where directories have one.
        let is_replaced = now.links != self.seen.links;
        let is_directory = mask & libc::IN_ISDIR != 0;
        hint.set(NoteVnode::LINK, is_directory && (!is_inside || is_replaced));
        recorded.whole(hint);
        self.seen.links = now.links;
    }

    fn noticed(
        &mut self,
        mask: u32,
        is_inside: bool,
        recorded: &mut Recorded,
        context: &mut Context<'_>,
    ) {
        for (bits, note) in PLAIN {
            if mask & bits != 0 {
                recorded.whole(note);
            }
        }
        if mask & libc::IN_MOVE_SELF != 0 {
            self.path = self.path.and_then(|_| path(self.fd));
            self.follow_parent(context);
        }
        if mask & (libc::IN_MODIFY | libc::IN_ATTRIB | libc::IN_MOVE_SELF | NAMES) == 0 {
            return;
        }
        // It was the same file a moment ago; if the number is closed now, nobody asks any more.
        let Ok(now) = fstat(self.fd) else { return };
        if mask & libc::IN_MODIFY != 0 {
            self.written(&now, recorded);
        }
        if mask & NAMES != 0 {
            self.names_changed(mask, is_inside, &now, recorded);
        }
        if mask & libc::IN_ATTRIB != 0 {
            self.inode_changed(&now, recorded);
        }
        if mask & libc::IN_MOVE_SELF != 0 {
            // Perhaps before the new parent was watched.
            self.removed(&now, recorded);
        }
        self.saw_times(&now);
    }

    /// Notices were lost: reports every difference there is.
    fn looked_over(&mut self, recorded: &mut Recorded, context: &mut Context<'_>) {
        let Ok(now) = fstat(self.fd) else { return };
        let is_written = now.modified != self.seen.modified || now.size != self.seen.size;
        let is_relinked = if self.is_directory() {
            if is_written {
                recorded.wanted(NoteVnode::WRITE | NoteVnode::EXTEND);
            }
            if now.links != self.seen.links {
                recorded.wanted(NoteVnode::LINK);
            }
            self.removed(&now, recorded)
        } else {
            if is_written {
                self.written(&now, recorded);
            }
            self.relinked(&now, recorded)
        };
        let is_changed = now.changed != self.seen.changed;
        if self.is_other_mode(&now) || (is_changed && !is_written && !is_relinked) {
            recorded.whole(NoteVnode::ATTRIB);
        }
        if let Some(before) = self.path
            && now.links > 0
            && let Some(path) = path(self.fd)
            && path != before
        {
            recorded.whole(NoteVnode::RENAME);
            self.path = Some(path);
        }
        self.follow_parent(context);
        self.saw_inode(&now);
        self.saw_times(&now);
        self.seen.size = now.size;
    }
}

/// Watches a place for the context's knote.
fn watch(place: Place, mask: u32, context: &mut Context<'_>) -> Result<i32, Errno> {
    let watcher = Watcher::Knote(context.key);
    let wish = Wish {
        watcher,
        place,
        mask,
    };
    context.files.watch(context.poller, wish)
}

/// Where the file is, as a number that is another one elsewhere.
fn path(fd: RawFd) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    link(fd).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}

/// Whether the descriptor is one of a file with a name, or that had one.
fn has_vnode(fd: RawFd, stat: &Stat) -> bool {
    let is_path = || {
        let link = link(fd);
        link.is_ok_and(|link| link.is_absolute())
    };
    match stat.file_type() {
        // Some kernels call anonymous inodes regular files, of no size.
        libc::S_IFREG => stat.size != 0 || is_path(),
        // A pipe has no name, a FIFO has.
        libc::S_IFIFO => is_path(),
        libc::S_IFDIR | libc::S_IFLNK | libc::S_IFCHR | libc::S_IFBLK => true,
        _ => false,
    }
}

fn notes_of(change: &Kevent) -> Result<NoteVnode, Errno> {
    // Deviation G12: a note that is not known is never silently without effect.
    NoteVnode::from_bits(change.fflags).ok_or(libc::ENOTSUP)
}

impl FilterOps for Vnode {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let interest = notes_of(change)?;
        let fd = RawFd::try_from(change.ident).map_err(|_| libc::EBADF)?;
        let seen = fstat(fd).map_err(|error| super::errno(&error))?;
        if !has_vnode(fd, &seen) {
            return Err(libc::EINVAL);
        }
        context
            .poller
            .need_doorbell()
            .map_err(|error| super::errno(&error))?;
        let mut watched = Watched {
            fd,
            interest: NoteVnode::empty(),
            watch: None,
            parent: None,
            seen,
            is_removed: seen.links == 0,
            path: None,
        };
        watched.set_interest(interest, context)?;
        knote.kept = Kept::Vnode(Box::new(watched));
        Ok(())
    }

    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>) {
        if let Kept::Vnode(watched) = &knote.kept {
            watched.unwatch(watched.watch, Place::File(watched.fd), context);
            watched.unwatch(watched.parent, Place::Parent(watched.fd), context);
        }
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        knote.fflags != 0
    }

    fn happened(&self, knote: &mut Knote, what: Happening, context: &mut Context<'_>) -> bool {
        let (Kept::Vnode(watched), Happening::File(news)) = (&mut knote.kept, what) else {
            return false;
        };
        let mut recorded = Recorded {
            interest: watched.interest,
            notes: NoteVnode::empty(),
        };
        match news {
            FileNews::Notice { mask, .. } if mask & libc::IN_UNMOUNT != 0 => {
                // Told even to those who did not ask.
                recorded.notes = NoteVnode::REVOKE;
                knote.flags |= Flags::EOF;
            }
            FileNews::Notice { mask, is_inside } => {
                watched.noticed(mask, is_inside, &mut recorded, context);
            }
            FileNews::InParent => {
                if let Ok(now) = fstat(watched.fd) {
                    watched.removed(&now, &mut recorded);
                }
            }
            FileNews::Unknown => watched.looked_over(&mut recorded, context),
        }
        knote.fflags |= recorded.notes.bits();
        knote.fflags != 0
    }

    fn watches_descriptor(&self) -> bool {
        true
    }

    fn is_same_object(&self, knote: &Knote) -> bool {
        let Kept::Vnode(watched) = &knote.kept else {
            return false;
        };
        let of = |stat: &Stat| (stat.device, stat.inode);
        fstat(watched.fd).is_ok_and(|now| of(&now) == of(&watched.seen))
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        // Deviation G18: a bare EV_ENABLE does not wipe the interest.
        let is_bare = change.fflags == 0 && change.data == 0;
        if !change.flags.contains(Flags::ADD) && is_bare {
            return Ok(Modified::Kept);
        }
        let interest = notes_of(change)?;
        if let Kept::Vnode(watched) = &mut knote.kept
            && watched.interest != interest
        {
            watched.set_interest(interest, context)?;
        }
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        let fflags = knote.fflags;
        if knote.flags.contains(Flags::CLEAR) {
            knote.fflags = 0;
        }
        Report { fflags, data: 0 }
    }
}
