//! Letters of services for single knotes, and the knotes that filters make in answer.

use super::poller::{KEY_MAX, Poller};
use super::state::Held;
use crate::filter::{self, Born, Entry};
use crate::kevent::Kevent;
use crate::source::process_events::News;

impl<P: Poller> Held<'_, P> {
    /// Hands the letters that have come to their knotes, in order.
    pub(crate) fn answer_mail(&mut self) {
        let (letters, is_lossy) = self.engine.poller.take_mail();
        for letter in letters {
            let name = (letter.filter, letter.ident);
            if let Some(key) = self.state.index.get(&name).copied() {
                let subscription = Some(letter.subscription);
                self.act_on(key, |ops, knote, context| {
                    ops.mail(knote, subscription, letter.news, context)
                });
            }
        }
        if is_lossy {
            for key in self.knote_keys() {
                self.act_on(key, |ops, knote, context| {
                    ops.mail(knote, None, News::Lost, context)
                });
            }
        }
    }

    /// Takes in the knotes that a filter has just made.
    pub(crate) fn take_in(&mut self) {
        while let Some(Born { knote, is_indexed }) = pop_first(&mut self.state.born) {
            let state = &mut *self.state;
            let key = u32::try_from(state.knotes.vacant_key()).ok();
            let Some(key) = key.filter(|key| *key <= KEY_MAX) else {
                continue;
            };
            state.knote_generation = state.knote_generation.wrapping_add(1);
            let name = (knote.filter, knote.ident);
            let mut knote = knote;
            knote.generation = state.knote_generation;
            state.knotes.insert(knote);
            if is_indexed {
                // Who has the name now is a process that is gone, with an event that waits.
                if let Some(old) = state.index.insert(name, key) {
                    state.unindexed.push(old);
                }
            } else {
                state.unindexed.push(key);
            }
            self.act_on(key, |ops, knote, context| ops.born(knote, context));
        }
    }

    /// A knote gives up its name, and stays.
    pub(crate) fn unindex(&mut self, key: u32) {
        let state = &mut *self.state;
        if let Some(knote) = state.knotes.get(key as usize) {
            state.index.remove(&(knote.filter, knote.ident));
            state.unindexed.push(key);
        }
    }

    /// EV_DELETE: knotes of the name that are not found go with the one that is. True if there
    /// was one.
    pub(crate) fn delete_unindexed(&mut self, change: &Kevent) -> bool {
        let knotes = &self.state.knotes;
        let is_meant = |key: &u32| {
            let knote = knotes.get(*key as usize);
            knote.is_some_and(|k| (k.filter, k.ident) == (change.filter, change.ident))
        };
        let keys: Vec<u32> = self
            .state
            .unindexed
            .iter()
            .copied()
            .filter(is_meant)
            .collect();
        for &key in &keys {
            self.delete_knote(key);
        }
        !keys.is_empty()
    }

    /// The main set is a new one: knotes that watch a descriptor of their own join it.
    pub(crate) fn rewatch_knotes(&mut self) {
        for key in self.knote_keys() {
            let _ = self.with_knote(key, |knote, context| {
                if let Some(Entry::Plain(ops)) = filter::lookup(knote.filter) {
                    ops.rewatch(knote, context);
                }
                Ok(())
            });
        }
    }

    fn knote_keys(&self) -> Vec<u32> {
        let keys = self.state.knotes.iter();
        keys.filter_map(|(key, _)| u32::try_from(key).ok())
            .collect()
    }
}

fn pop_first<T>(list: &mut Vec<T>) -> Option<T> {
    if list.is_empty() {
        None
    } else {
        Some(list.remove(0))
    }
}
