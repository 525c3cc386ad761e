//! What a process writes, and how it says so.

use std::sync::{Arc, Weak};

use super::{Core, Redis, outbox::Outbox};

/// A write in progress. Until it has ended nothing that depends on its marks is stored, and this process does not use
/// Redis for them. Dropped, it has ended, however that came.
#[derive(Debug)]
#[must_use = "a write that is dropped has ended"]
pub struct Write {
    // Weak: a write that outlives the tier has nobody to tell.
    core: Weak<Core>,
    marks: Vec<Box<str>>,
}

impl Redis {
    /// A write on these marks starts. Never waits: Redis is told in the background, until it knows.
    pub fn begin(&self, marks: Vec<Box<str>>) -> Write {
        let marks = Outbox::tidy(marks);
        self.core.outbox.begin(&marks);
        Write {
            core: Arc::downgrade(&self.core),
            marks,
        }
    }

    /// These marks were written. Never waits, as [`Redis::begin`].
    pub fn bump(&self, marks: Vec<Box<str>>) {
        self.core.outbox.bump(&Outbox::tidy(marks));
    }

    /// Everything was written, or nobody knows what.
    pub fn bump_everything(&self) {
        self.core.outbox.bump_everything();
    }
}

impl Write {
    /// The write has ended. The same as to drop it, for code that wants to say so.
    pub fn end(self) {}
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            core.outbox.end(&self.marks);
        }
    }
}
