//! Walks the text by the table of keys; every fault is gathered and none ends the walk.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::SiteDraft;
use super::fault::{Complaint, Faults};
use super::key::{Key, Placed, Section, Take};
use super::keys::SETTINGS;
use super::nearest::nearest;
use super::quantity::{parse_bytes, parse_duration, seconds};

/// Faults after which no name is guessed any more.
const GUESSES_MAX: usize = 1000;

/// A walk through a text.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    pub(crate) faults: Faults<'t>,
}

/// Reads a text; what is wrong with it is in the faults.
pub(crate) fn read(text: &str) -> (SiteDraft, Faults<'_>) {
    let mut reader = Reader {
        faults: Faults::new(text),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let end = text.len();
        let place = error.span().unwrap_or(end..end);
        let complaint = Complaint::new("TOML", "see https://toml.io for its rules");
        reader.faults.add(&place, complaint.found(error.message()));
    }
    let mut site = SiteDraft::default();
    reader.section(&mut site, table.get_ref());
    (site, reader.faults)
}

impl Reader<'_> {
    /// Reads all keys of a section.
    pub(crate) fn section<D: Section>(&mut self, draft: &mut D, table: &DeTable<'_>) {
        let has_settings = draft.settings().is_some();
        for (name, _) in table {
            let is_known = D::KEYS.iter().any(|key| key.name == name.get_ref())
                || has_settings && SETTINGS.iter().any(|key| key.name == name.get_ref());
            if !is_known {
                self.unknown::<D>(name.get_ref(), &name.span(), has_settings);
            }
        }
        for turn in 0..=2 {
            // Settings first: routes and servers inherit them.
            if let Some(settings) = draft.settings() {
                self.keys(settings, SETTINGS, table, turn);
            }
            self.keys(draft, D::KEYS, table, turn);
        }
    }

    /// Reads those of the given keys whose turn it is.
    fn keys<D>(&mut self, draft: &mut D, keys: &[Key<D>], table: &DeTable<'_>, turn: u8) {
        for key in keys.iter().filter(|key| key.take.turn() == turn) {
            if let Some((_, value)) = table.iter().find(|(name, _)| name.get_ref() == key.name) {
                self.value(draft, key, value);
            }
        }
    }

    fn unknown<D: Section>(&mut self, name: &str, place: &Range<usize>, has_settings: bool) {
        let settings = SETTINGS.iter().map(|key| key.name);
        let own = D::KEYS.iter().map(|key| key.name);
        let names: Vec<_> = own.chain(settings.filter(|_| has_settings)).collect();
        // A file with that many faults is something else than a configuration.
        let is_guessed = self.faults.count() < GUESSES_MAX;
        let guess = is_guessed.then(|| nearest(name, names.iter().copied()));
        let remedy = match guess.flatten() {
            Some(name) => format!("did you mean {name}?"),
            None => "see docs/configuration.md, or remove it".to_owned(),
        };
        let shown: String = name
            .chars()
            .filter(|sign| !sign.is_control())
            .take(60)
            .collect();
        let complaint = Complaint::new(format!("a key of {}", D::HEADING), remedy);
        self.faults
            .add(place, complaint.found(format!("unknown key {shown}")));
    }

    fn value<D>(&mut self, draft: &mut D, key: &Key<D>, value: &Spanned<DeValue<'_>>) {
        let at = value.span();
        let is_taken = match (&key.take, value.get_ref()) {
            (Take::Boolean(field), DeValue::Boolean(found)) => {
                *field(draft) = *found;
                true
            }
            (Take::Number(least, most, set), found) => match number(found) {
                Some(number) if (*least..=*most).contains(&number) => {
                    set(draft, number);
                    true
                }
                _ => false,
            },
            (Take::Bytes(most, set), found) => match text(found).map_or(number(found), parse_bytes)
            {
                Some(bytes) if bytes <= *most => {
                    set(draft, bytes);
                    true
                }
                _ => false,
            },
            (Take::Duration(field), found) => {
                let plain = number(found).and_then(seconds);
                match text(found).map_or(plain, parse_duration) {
                    Some(duration) => {
                        *field(draft) = duration;
                        true
                    }
                    None => false,
                }
            }
            (Take::Word(words, set), DeValue::String(found)) => {
                match words.iter().position(|word| word == found) {
                    Some(place) => {
                        set(draft, place);
                        true
                    }
                    None => false,
                }
            }
            (Take::Text(_, set), DeValue::String(text)) => {
                self.check(&at, set(draft, placed(text, &at)));
                true
            }
            _ => return self.compound(draft, key, value),
        };
        if !is_taken {
            self.mismatch(key, &at);
        }
    }

    /// Lists and tables.
    fn compound<D>(&mut self, draft: &mut D, key: &Key<D>, value: &Spanned<DeValue<'_>>) {
        let at = value.span();
        match (&key.take, value.get_ref()) {
            (Take::Texts(_, clear, set), DeValue::String(text)) => {
                clear(draft);
                self.check(&at, set(draft, placed(text, &at)));
            }
            (Take::Texts(_, clear, set), DeValue::Array(members)) => {
                clear(draft);
                for member in members.iter() {
                    let at = member.span();
                    match member.get_ref() {
                        DeValue::String(text) => self.check(&at, set(draft, placed(text, &at))),
                        _ => self.mismatch(key, &at),
                    }
                }
            }
            (Take::Entries(_, clear, set), DeValue::Table(table)) => {
                clear(draft);
                for (name, value) in table {
                    let at = value.span();
                    match value.get_ref() {
                        DeValue::String(text) => {
                            let name = placed(name.get_ref(), &name.span());
                            self.check(&at, set(draft, name, placed(text, &at)));
                        }
                        _ => self.mismatch(key, &at),
                    }
                }
            }
            (Take::Table { read, .. }, DeValue::Table(table)) => read(self, draft, table, at),
            (
                Take::Table {
                    clear: Some(clear), ..
                },
                DeValue::Boolean(false),
            ) => clear(draft),
            (Take::Tables { clear, read, .. }, DeValue::Array(members)) => {
                clear(draft);
                for member in members.iter() {
                    match member.get_ref() {
                        DeValue::Table(table) => read(self, draft, table, member.span()),
                        _ => self.mismatch(key, &member.span()),
                    }
                }
            }
            _ => self.mismatch(key, &at),
        }
    }

    fn mismatch<D>(&mut self, key: &Key<D>, at: &Range<usize>) {
        let remedy = match &key.take {
            Take::Table { .. } | Take::Tables { .. } => {
                "see docs/configuration.md for how it is written".to_owned()
            }
            _ => format!("write for example {} = {}", key.name, key.example),
        };
        self.faults.add(at, Complaint::new(key.take.form(), remedy));
    }

    fn check(&mut self, at: &Range<usize>, outcome: Result<(), Complaint>) {
        if let Err(complaint) = outcome {
            self.faults.add(at, complaint);
        }
    }
}

fn placed<'v>(text: &'v str, at: &Range<usize>) -> Placed<&'v str> {
    Placed {
        value: text,
        at: at.clone(),
    }
}

fn text<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    match value {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

fn number(value: &DeValue<'_>) -> Option<u64> {
    match value {
        DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix()).ok(),
        _ => None,
    }
}
