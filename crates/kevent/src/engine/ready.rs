//! The ready queue: first in, first out, for everything that is ready in user space.
//!
//! A doubly linked list over a slab, so that a knote can leave from the middle at once.

use std::os::fd::RawFd;

use slab::Slab;

use super::table::Direction;

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A knote, by its key in the slab.
    Knote(u32),
    /// A half-knote of a descriptor.
    Half(RawFd, Direction),
}

#[derive(Debug)]
struct Link {
    node: Node,
    previous: Option<u32>,
    next: Option<u32>,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    links: Slab<Link>,
    head: Option<u32>,
    tail: Option<u32>,
}

impl Ready {
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Appends an entry and returns its link, by which it can be removed.
    pub(crate) fn push(&mut self, node: Node) -> u32 {
        let link = self.links.insert(Link {
            node,
            previous: self.tail,
            next: None,
        });
        let link = u32::try_from(link).expect("fewer entries than knotes, which are fewer");
        match self.tail.and_then(|tail| self.links.get_mut(tail as usize)) {
            Some(tail) => tail.next = Some(link),
            None => self.head = Some(link),
        }
        self.tail = Some(link);
        link
    }

    /// Takes the first entry.
    pub(crate) fn pop(&mut self) -> Option<Node> {
        self.remove(self.head?)
    }

    /// Takes an entry from wherever it stands.
    pub(crate) fn remove(&mut self, link: u32) -> Option<Node> {
        let Link {
            node,
            previous,
            next,
        } = self.links.try_remove(link as usize)?;
        match previous.and_then(|link| self.links.get_mut(link as usize)) {
            Some(before) => before.next = next,
            None => self.head = next,
        }
        match next.and_then(|link| self.links.get_mut(link as usize)) {
            Some(after) => after.previous = previous,
            None => self.tail = previous,
        }
        Some(node)
    }

    /// Removes the entry of a half-knote, which keeps no link: half-knotes are queued rarely.
    pub(crate) fn remove_half(&mut self, fd: RawFd, direction: Direction) {
        let wanted = Node::Half(fd, direction);
        let found = self
            .links
            .iter()
            .find(|(_, link)| link.node == wanted)
            .map(|(link, _)| link);
        if let Some(link) = found.and_then(|link| u32::try_from(link).ok()) {
            self.remove(link);
        }
    }
}
