//! The columns of results in the text protocol, which repeats them with each result: recognised by their bytes, so that
//! neither they nor what was compiled for them is made anew.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::{Columns, Memo};

/// The definitions that a connection keeps.
const LIMIT: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Longer definitions, of some hundred columns, are read each time.
const MOST_BYTES: usize = 64 * 1024;

/// The columns of the result that is being read, and those of the ones before.
pub struct Layouts {
    known: LruCache<Box<[u8]>, (Columns, Memo)>,
    /// The definitions of the result that is being read, each behind its length.
    pub definitions: Vec<u8>,
}

impl Default for Layouts {
    fn default() -> Layouts {
        Layouts {
            known: LruCache::new(LIMIT),
            definitions: Vec::new(),
        }
    }
}

impl Layouts {
    /// Takes what is known about these definitions out for use.
    pub fn take(&mut self) -> Option<(Columns, Memo)> {
        self.known.pop(self.definitions.as_slice())
    }

    /// Keeps what was made of the definitions.
    pub fn keep(&mut self, columns: Columns, memo: Memo) {
        if self.definitions.len() <= MOST_BYTES {
            let key = self.definitions.as_slice().into();
            self.known.put(key, (columns, memo));
        }
    }
}
