//! Windows of time that are counted in memory. Each begins with the first hit of a name and lasts as long as all others.
//!
//! Invariant: a count is of one window and never below zero.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use super::{
    Count,
    recent::{Lasting, Recent},
};

#[derive(Debug)]
pub struct Windows(Recent<Window>);

#[derive(Debug)]
struct Window {
    hits: u64,
    ends: Instant,
}

impl Lasting for Window {
    fn ends(&self) -> Instant {
        self.ends
    }
}

impl Windows {
    pub fn new(max: NonZeroUsize) -> Windows {
        Windows(Recent::new(max))
    }

    /// Counts a hit.
    pub fn hit(&mut self, name: &str, length: Duration, now: Instant) -> Count {
        if let Some(window) = self.0.get(name) {
            if window.ends <= now {
                *window = Window::first(length, now);
            } else {
                window.hits += 1;
            }
            return window.count(now);
        }
        let window = Window::first(length, now);
        let count = window.count(now);
        self.0.put(name, window, now);
        count
    }

    /// Takes a hit back; false if none is counted now.
    pub fn undo(&mut self, name: &str, now: Instant) -> bool {
        match self.0.get(name) {
            Some(window) if now < window.ends && window.hits > 0 => {
                window.hits -= 1;
                true
            }
            _ => false,
        }
    }

    pub fn look(&self, name: &str, now: Instant) -> Option<Count> {
        self.0.peek(name, now).map(|window| window.count(now))
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

impl Window {
    fn first(length: Duration, now: Instant) -> Window {
        Window {
            hits: 1,
            ends: now + length,
        }
    }

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

    fn windows(max: usize) -> (Windows, Instant) {
        let max = NonZeroUsize::new(max).expect("room for one");
        (Windows::new(max), Instant::now())
    }

    #[test]
    fn a_window_begins_with_the_first_hit_and_the_next_one_with_the_first_after_it() {
        let (mut windows, now) = windows(10);
        assert_eq!(windows.hit("a", MINUTE, now), Count::of(1, MINUTE));
        let later = now + MINUTE / 2;
        assert_eq!(windows.hit("a", MINUTE, later), Count::of(2, MINUTE / 2));
        assert_eq!(windows.hit("b", MINUTE, later), Count::of(1, MINUTE));
        assert_eq!(windows.look("a", now + MINUTE), None);
        assert_eq!(windows.hit("a", MINUTE, now + MINUTE), Count::of(1, MINUTE));
    }

    #[test]
    fn a_hit_is_taken_back_from_its_window_alone_and_once() {
        let (mut windows, now) = windows(10);
        assert!(!windows.undo("a", now));
        windows.hit("a", MINUTE, now);
        assert!(windows.undo("a", now));
        assert!(!windows.undo("a", now));
        assert_eq!(windows.look("a", now), Some(Count::of(0, MINUTE)));
        windows.hit("a", MINUTE, now);
        assert!(!windows.undo("a", now + MINUTE));
    }

    #[test]
    fn the_name_that_was_used_longest_ago_makes_room() {
        let (mut windows, now) = windows(2);
        for name in ["a", "b", "a", "c"] {
            windows.hit(name, MINUTE, now);
        }
        assert_eq!(windows.len(), 2);
        assert_eq!(windows.look("a", now), Some(Count::of(2, MINUTE)));
        assert_eq!(windows.look("b", now), None);
    }

    #[test]
    fn what_is_over_goes_with_the_hits_that_follow() {
        let (mut windows, now) = windows(1000);
        for name in 0..100 {
            windows.hit(&name.to_string(), MINUTE, now);
        }
        for name in 100..150 {
            windows.hit(&name.to_string(), MINUTE, now + MINUTE);
        }
        assert_eq!(windows.len(), 50);
    }

    #[test]
    fn a_million_names_take_no_more_than_their_room() {
        let (mut windows, now) = windows(1000);
        for name in 0..1_000_000 {
            windows.hit(&name.to_string(), MINUTE, now);
        }
        assert_eq!(windows.len(), 1000);
    }
}
