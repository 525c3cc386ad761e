//! What the cache has done, by the prefixes of keys and never by keys.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// Prefixes beyond these are counted as others.
const MAX_PREFIXES: usize = 100;
const OTHERS: &str = "(others)";

/// Counters that only rise.
#[derive(Debug, Default)]
pub struct Counts {
    /// Guards the figures. Held to add to them, which happens where a statement is sent anyway.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    prefixes: Vec<(Box<str>, Figures)>,
    bypassed: BTreeMap<Box<str>, u64>,
    evicted: u64,
}

/// The figures of one prefix.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Figures {
    /// Results given from the memory of the process,
    pub hits: u64,
    /// of these, past their time and with another on its way,
    pub stale: u64,
    /// and given because no other could be had.
    pub grace: u64,
    /// Results given from Redis.
    #[serde(rename = "remoteHits")]
    pub remote_hits: u64,
    /// Calls that waited for the statement of another caller.
    pub joined: u64,
    /// Statements sent to the server.
    pub loads: u64,
    /// Loads that failed.
    pub errors: u64,
    /// Loads in time for those who ask early, of [`Figures::loads`].
    pub refreshes: u64,
    /// Results that were not kept because their tables were written meanwhile,
    pub fenced: u64,
    /// or because they are too large.
    #[serde(rename = "tooLarge")]
    pub too_large: u64,
}

impl Counts {
    /// The number of a prefix.
    pub fn prefix(&self, name: &str) -> u32 {
        let mut state = self.lock();
        let place = |state: &State, name: &str| {
            state
                .prefixes
                .iter()
                .position(|(known, _)| &**known == name)
        };
        if let Some(known) = place(&state, name) {
            return known as u32;
        }
        let name = if state.prefixes.len() < MAX_PREFIXES {
            name
        } else {
            OTHERS
        };
        if let Some(known) = place(&state, name) {
            return known as u32;
        }
        state.prefixes.push((name.into(), Figures::default()));
        state.prefixes.len() as u32 - 1
    }

    /// Adds to the figures of a prefix.
    pub fn add(&self, prefix: u32, add: impl FnOnce(&mut Figures)) {
        if let Some((_, figures)) = self.lock().prefixes.get_mut(prefix as usize) {
            add(figures);
        }
    }

    /// Counts calls that went past the cache, and why.
    pub fn bypass(&self, reason: &str, calls: u64) {
        *self.lock().bypassed.entry(reason.into()).or_default() += calls;
    }

    pub fn evict(&self, entries: usize) {
        if entries > 0 {
            self.lock().evicted += entries as u64;
        }
    }

    /// The figures of each prefix, how many calls went past the cache for which reason, and how many entries were
    /// forgotten to make room.
    pub fn read(&self) -> (BTreeMap<String, Figures>, BTreeMap<Box<str>, u64>, u64) {
        let state = self.lock();
        let prefixes = state.prefixes.iter();
        let prefixes = prefixes.map(|(name, figures)| (name.to_string(), *figures));
        (prefixes.collect(), state.bypassed.clone(), state.evicted)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_by_prefix_and_prefixes_without_end_become_others() {
        let counts = Counts::default();
        for number in 0..MAX_PREFIXES + 50 {
            let prefix = counts.prefix(&format!("p{number}"));
            counts.add(prefix, |figures| figures.hits += 1);
        }
        let (prefixes, ..) = counts.read();
        assert_eq!(prefixes.len(), MAX_PREFIXES + 1);
        assert_eq!(prefixes.get("p7").map(|figures| figures.hits), Some(1));
        assert_eq!(prefixes.get(OTHERS).map(|figures| figures.hits), Some(50));
    }
}
