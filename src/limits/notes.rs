//! What this process knows of windows that are counted in Redis: which of them it counted in, so that a hit is taken back
//! from no other, and who needs no counting any more, because he is past his limit.
//!
//! Invariant: what was counted here alone is taken back here, before anything is taken back from Redis. Otherwise whoever is
//! refused from memory would win back in Redis, hit by hit, what he never used there.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use super::{
    Count,
    recent::{Lasting, Recent},
};
use crate::cache::redis::Tally;

#[derive(Debug)]
pub struct Notes(Recent<Note>);

#[derive(Debug)]
struct Note {
    /// When it ends, as Redis said, which names it, see [`Notes::learn`].
    window: u64,
    ends: Instant,
    /// As Redis said, and those that were counted here alone since.
    hits: u64,
    here: u64,
    /// Until when Redis need not be asked.
    blocked: Option<Instant>,
}

/// Where a hit is to be taken back.
#[derive(Debug, PartialEq)]
pub enum Undo {
    /// It has been, here.
    Done,
    /// In Redis, from this window.
    Of(u64),
    /// Nowhere: its window is over, or not known any more.
    Nowhere,
}

impl Lasting for Note {
    fn ends(&self) -> Instant {
        self.ends
    }
}

impl Notes {
    pub fn new(max: NonZeroUsize) -> Notes {
        Notes(Recent::new(max))
    }

    /// Counts a hit of somebody who is blocked.
    pub fn hit(&mut self, name: &str, now: Instant) -> Option<Count> {
        let note = self.0.get(name)?;
        note.blocked.filter(|&until| now < until)?;
        note.hits += 1;
        note.here += 1;
        Some(note.count(now))
    }

    /// A hit that was sent then has been counted in Redis, in a window of that `length`: others end as far from it, so one
    /// is known by an end that is half as near. Whoever is blocked is so for `block` or the rest of the window.
    pub fn learn(
        &mut self,
        name: &str,
        tally: &Tally,
        length: Duration,
        sent: Instant,
        block: Option<Duration>,
    ) {
        let ends = sent + tally.left;
        let blocked = block.map(|most| ends.min(sent.checked_add(most).unwrap_or(ends)));
        if let Some(note) = self.0.get(name)
            && sent < note.ends
            && !is_later(tally.window, note.window, length)
        {
            if !is_later(note.window, tally.window, length) {
                note.hits = note.hits.max(tally.hits + note.here);
                note.blocked = note.blocked.max(blocked);
            }
            return;
        }
        let note = Note {
            window: tally.window,
            ends,
            hits: tally.hits,
            here: 0,
            blocked,
        };
        self.0.put(name, note, sent);
    }

    /// Takes a hit back, if it can be taken back here.
    pub fn undo(&mut self, name: &str, now: Instant) -> Undo {
        match self.0.get(name) {
            Some(note) if now < note.ends && note.here > 0 => {
                note.here -= 1;
                note.hits -= 1;
                Undo::Done
            }
            Some(note) if now < note.ends => Undo::Of(note.window),
            _ => Undo::Nowhere,
        }
    }

    /// After hits were taken back from a window there are so few in Redis that nobody is blocked for them.
    pub fn unblock(&mut self, name: &str, tally: &Tally, window: u64) {
        if let Some(note) = self.0.get(name)
            && note.window == window
        {
            note.hits = tally.hits + note.here;
            note.blocked = None;
        }
    }

    /// The count of somebody who is blocked.
    pub fn look(&self, name: &str, now: Instant) -> Option<Count> {
        let note = self.0.peek(name, now)?;
        note.blocked.filter(|&until| now < until)?;
        Some(note.count(now))
    }

    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether the first of two windows of that length comes behind the other.
fn is_later(window: u64, other: u64, length: Duration) -> bool {
    let apart = Duration::from_millis(window.saturating_sub(other));
    window > other && apart >= length / 2
}

impl Note {
    fn count(&self, now: Instant) -> Count {
        Count {
            hits: self.hits,
            left: self.ends.saturating_duration_since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    fn notes() -> (Notes, Instant) {
        (Notes::new(NonZeroUsize::MIN), Instant::now())
    }

    fn tally(hits: u64, window: u64) -> Tally {
        Tally {
            hits,
            // Windows of a minute, some milliseconds off.
            window: window * 60_000 + hits,
            left: MINUTE,
        }
    }

    #[test]
    fn whoever_is_blocked_is_counted_here_until_his_window_ends() {
        let (mut notes, now) = notes();
        notes.learn("a", &tally(3, 1), MINUTE, now, None);
        assert_eq!(notes.hit("a", now), None);
        notes.learn("a", &tally(4, 1), MINUTE, now, Some(Duration::MAX));
        assert_eq!(notes.hit("a", now), Some(Count::of(5, MINUTE)));
        assert_eq!(notes.hit("a", now), Some(Count::of(6, MINUTE)));
        assert_eq!(notes.hit("a", now + MINUTE), None);
    }

    #[test]
    fn a_block_that_is_shorter_than_the_window_ends_first() {
        let (mut notes, now) = notes();
        notes.learn("a", &tally(4, 1), MINUTE, now, Some(SECOND));
        assert!(notes.hit("a", now).is_some());
        assert_eq!(notes.hit("a", now + SECOND), None);
    }

    #[test]
    fn what_was_counted_here_is_taken_back_here_and_the_rest_from_its_window() {
        let (mut notes, now) = notes();
        assert_eq!(notes.undo("a", now), Undo::Nowhere);
        notes.learn("a", &tally(4, 7), MINUTE, now, Some(MINUTE));
        notes.hit("a", now);
        assert_eq!(notes.undo("a", now), Undo::Done);
        assert_eq!(notes.undo("a", now), Undo::Of(420_004));
        assert_eq!(notes.undo("a", now + MINUTE), Undo::Nowhere);
    }

    #[test]
    fn an_answer_about_an_older_window_changes_nothing() {
        let (mut notes, now) = notes();
        notes.learn("a", &tally(1, 8), MINUTE, now, None);
        notes.learn("a", &tally(9, 7), MINUTE, now, Some(MINUTE));
        assert_eq!(notes.undo("a", now), Undo::Of(480_001));
        assert_eq!(notes.hit("a", now), None);
    }

    #[test]
    fn a_block_ends_when_enough_was_taken_back() {
        let (mut notes, now) = notes();
        notes.learn("a", &tally(4, 7), MINUTE, now, Some(MINUTE));
        notes.unblock("a", &tally(3, 6), 360_004);
        assert!(notes.look("a", now).is_some());
        notes.unblock("a", &tally(3, 7), 420_004);
        assert_eq!(notes.look("a", now), None);
    }
}
