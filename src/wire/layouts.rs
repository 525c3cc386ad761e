//! What a connection knows of statements that are sent as text: the columns of their results, which come with each of
//! them and are recognised by their bytes, so that neither they nor what was compiled for them is made anew; and how quick
//! texts have been.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::statement::Statement;

use super::{Columns, Memo, statements::Pace};

/// The definitions that a connection keeps.
const LIMIT: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// The texts, without their values, whose pace is remembered.
const PACES: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// Longer definitions, of some hundred columns, are read each time.
const MOST_BYTES: usize = 64 * 1024;

/// What was made of the definitions of a result.
pub struct Layout {
    /// The definitions, if they were known before.
    key: Option<Box<[u8]>>,
    pub columns: Columns,
    pub memo: Memo,
}

impl Layout {
    pub fn new(columns: Columns) -> Layout {
        Layout {
            key: None,
            columns,
            memo: Memo::default(),
        }
    }
}

/// The columns of the result that is being read, and those of the ones before.
pub struct Layouts {
    known: LruCache<Box<[u8]>, (Columns, Memo)>,
    /// The definitions of the result that is being read, each behind its length.
    pub definitions: Vec<u8>,
    paces: LruCache<u64, Pace>,
}

impl Default for Layouts {
    fn default() -> Layouts {
        Layouts {
            known: LruCache::new(LIMIT),
            definitions: Vec::new(),
            paces: LruCache::new(PACES),
        }
    }
}

impl Layouts {
    /// How quick texts like this one have been, if there were any.
    pub fn pace(&self, statement: &Statement) -> Option<&Pace> {
        self.paces.peek(&statement.id())
    }

    /// The same, to add another run to it.
    pub fn pace_mut(&mut self, statement: &Statement) -> &mut Pace {
        self.paces.get_or_insert_mut(statement.id(), Pace::default)
    }

    /// Takes what is known about these definitions out for use.
    pub fn take(&mut self) -> Option<Layout> {
        let (key, (columns, memo)) = self.known.pop_entry(self.definitions.as_slice())?;
        Some(Layout {
            key: Some(key),
            columns,
            memo,
        })
    }

    /// Keeps what was made of the definitions.
    pub fn keep(&mut self, layout: Layout) {
        if self.definitions.len() <= MOST_BYTES {
            let Layout { key, columns, memo } = layout;
            let key = key.unwrap_or_else(|| self.definitions.as_slice().into());
            self.known.put(key, (columns, memo));
        }
    }
}
