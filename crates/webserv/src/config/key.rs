//! What an entry in the table of keys says: a name, what may stand behind it, where that goes, and
//! the words for a reader.
//!
//! Each place of the file ([`Section`]) has its list of keys. The reader walks the text by it, and
//! `docs/configuration.md` and the annotated example are printed from it.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use super::draft::Settings;
use super::fault::Complaint;
use super::read::Reader;

/// A place of the file: the top, a table, or each table of an array.
pub(crate) trait Section: Sized + 'static {
    /// How the place is written: `[[server]]`.
    const HEADING: &'static str;
    /// What it is for.
    const ABOUT: &'static str;
    /// What may stand there.
    const KEYS: &'static [Key<Self>];

    /// Where the settings go, if they may stand there besides.
    fn settings(&mut self) -> Option<&mut Settings> {
        None
    }
}

/// A key that may stand in a section whose values are gathered in a `D`.
#[derive(Debug)]
pub(crate) struct Key<D: 'static> {
    pub(crate) name: &'static str,
    pub(crate) take: Take<D>,
    /// The default, as one would write it; empty: none.
    pub(crate) default: &'static str,
    /// A value that shows the form.
    pub(crate) example: &'static str,
    /// What it does, in whole sentences.
    pub(crate) about: &'static str,
}

/// A value with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) at: Range<usize>,
}

/// Takes one text.
type SetText<D> = fn(&mut D, Placed<&str>) -> Result<(), Complaint>;

/// Takes a name and its text.
type SetEntry<D> = fn(&mut D, Placed<&str>, Placed<&str>) -> Result<(), Complaint>;

/// Reads a table.
type ReadTable<D> = fn(&mut Reader<'_>, &mut D, &DeTable<'_>, Range<usize>);

/// The type of a value, and where it goes.
#[derive(Debug)]
pub(crate) enum Take<D: 'static> {
    /// `true` or `false`.
    Boolean(fn(&mut D) -> &mut bool),
    /// A number between two bounds.
    Number(u64, u64, fn(&mut D, u64)),
    /// A size in bytes.
    Bytes(u64, fn(&mut D, u64)),
    /// A span of time.
    Duration(fn(&mut D) -> &mut Duration),
    /// One of these words; its place in the list is taken.
    Word(&'static [&'static str], fn(&mut D, usize)),
    /// A text of a certain form.
    Text(&'static str, SetText<D>),
    /// A list of such texts, or one of them; replaces what is inherited.
    Texts(&'static str, fn(&mut D), SetText<D>),
    /// A table of names and texts; replaces what is inherited.
    Entries(&'static str, fn(&mut D), SetEntry<D>),
    /// A table with keys of its own. With a `clear`, `false` takes away what is inherited.
    Table {
        clear: Option<fn(&mut D)>,
        read: ReadTable<D>,
        describe: fn() -> SectionText,
    },
    /// Tables with keys of their own; they replace what is inherited.
    Tables {
        clear: fn(&mut D),
        read: ReadTable<D>,
        describe: fn() -> SectionText,
    },
}

impl<D> Take<D> {
    /// What may stand there, in words.
    pub(crate) fn form(&self) -> String {
        match self {
            Take::Boolean(_) => "true or false".to_owned(),
            Take::Number(least, most, _) => format!("a number from {least} to {most}"),
            Take::Bytes(most, _) => {
                format!("a size such as \"64 KiB\", or a number of bytes; at most {most}")
            }
            Take::Duration(_) => {
                "a duration such as \"1m30s\" or \"500ms\", or a number of seconds".to_owned()
            }
            Take::Word(words, _) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Take::Text(form, _) => (*form).to_owned(),
            Take::Texts(form, ..) => format!("a list; each: {form}"),
            Take::Entries(form, ..) => format!("a table; {form}"),
            Take::Table { clear: None, .. } => "a table".to_owned(),
            Take::Table { .. } => "a table, or false".to_owned(),
            Take::Tables { .. } => "tables".to_owned(),
        }
    }

    /// In which turn it is read: what is inherited has to be known before what inherits it.
    pub(crate) fn turn(&self) -> u8 {
        match self {
            Take::Table { .. } => 1,
            Take::Tables { .. } => 2,
            _ => 0,
        }
    }
}

/// A section in words.
#[derive(Debug)]
pub(crate) struct SectionText {
    pub(crate) heading: &'static str,
    pub(crate) about: &'static str,
    pub(crate) rows: Vec<Row>,
    pub(crate) has_settings: bool,
}

/// A key in words.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) form: String,
    pub(crate) default: &'static str,
    pub(crate) example: &'static str,
    pub(crate) about: &'static str,
    pub(crate) section: Option<SectionText>,
}

/// The words for a section and what stands in it.
pub(crate) fn describe<D: Section + Default>() -> SectionText {
    SectionText {
        heading: D::HEADING,
        about: D::ABOUT,
        rows: rows(D::KEYS),
        has_settings: D::default().settings().is_some(),
    }
}

/// The words for some keys.
pub(crate) fn rows<D>(keys: &[Key<D>]) -> Vec<Row> {
    keys.iter()
        .map(|key| Row {
            name: key.name,
            form: key.take.form(),
            default: key.default,
            example: key.example,
            about: key.about,
            section: match &key.take {
                Take::Table { describe, .. } | Take::Tables { describe, .. } => Some(describe()),
                _ => None,
            },
        })
        .collect()
}
