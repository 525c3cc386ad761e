//! What this process wrote and Redis does not know yet.
//!
//! Not a queue of messages but the state of marks: for each one how many writes are running, how often it was written, and
//! up to where Redis has confirmed that. So a thousand writes on a table between two answers of Redis are one mark in one
//! message, and telling again what may have been told does no harm.

use std::{collections::HashMap, sync::Mutex};

use tokio::sync::Notify;

/// Past this many marks the oldest truth is simpler: everything was written.
const MOST_MARKS: usize = 10_000;
/// A single write with more marks than this is one on everything.
const MOST_OF_A_WRITE: usize = 1000;
/// Marks that go in one message.
const BATCH: usize = 1000;
/// The mark that everything depends on.
pub const EVERYTHING: &str = "*";

#[derive(Debug, Default)]
pub struct Outbox {
    // Held for the work on one set of marks, never across an await.
    state: Mutex<State>,
    changed: Notify,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    marks: HashMap<Box<str>, Mark>,
    /// How often everything had to go, and how often that was confirmed.
    everything: u64,
    confirmed_everything: u64,
    /// Marks with something that Redis has not confirmed.
    open: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    running: u32,
    version: u64,
    confirmed: u64,
}

/// What goes to Redis in one script.
#[derive(Debug)]
pub struct Batch {
    /// A mark, whether a write on it is running, and the version that this confirms.
    pub marks: Vec<(Box<str>, bool, u64)>,
    /// `Some` when everything must go.
    pub everything: Option<u64>,
}

impl Outbox {
    /// Marks as they are kept: few, and none that means something else in Redis.
    pub fn tidy(mut marks: Vec<Box<str>>) -> Vec<Box<str>> {
        marks.sort_unstable();
        marks.dedup();
        if marks.len() > MOST_OF_A_WRITE || marks.iter().any(|mark| !is_plain(mark)) {
            return vec![EVERYTHING.into()];
        }
        marks
    }

    pub fn begin(&self, marks: &[Box<str>]) {
        self.touch(marks, |mark| mark.running = mark.running.saturating_add(1));
    }

    pub fn end(&self, marks: &[Box<str>]) {
        self.touch(marks, |mark| mark.running = mark.running.saturating_sub(1));
    }

    /// A change that is over already.
    pub fn bump(&self, marks: &[Box<str>]) {
        self.touch(marks, |_| ());
    }

    /// Everything must go: what was written is not known in detail.
    pub fn bump_everything(&self) {
        self.lock().everything += 1;
        self.changed.notify_one();
    }

    /// Tells again which writes are running: Redis forgot them, or will do so.
    pub fn again(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for mark in state.marks.values_mut().filter(|mark| mark.running > 0) {
            state.open += usize::from(mark.version == mark.confirmed);
            mark.version += 1;
        }
        drop(guard);
        self.changed.notify_one();
    }

    /// Whether Redis knows everything that this process did to these marks, and no write of it is running on them.
    pub fn is_clear(&self, marks: &[Box<str>]) -> bool {
        let state = self.lock();
        state.everything == state.confirmed_everything
            && (state.marks.is_empty()
                || !(marks.iter().any(|mark| state.marks.contains_key(mark))
                    || state.marks.contains_key(EVERYTHING)))
    }

    /// Resolves when there may be something to tell.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What to tell next.
    pub fn batch(&self) -> Option<Batch> {
        let state = self.lock();
        let everything =
            (state.everything != state.confirmed_everything).then_some(state.everything);
        let marks: Vec<_> = state
            .marks
            .iter()
            .filter(|(_, mark)| mark.version != mark.confirmed)
            .take(BATCH)
            .map(|(name, mark)| (name.clone(), mark.running > 0, mark.version))
            .collect();
        (everything.is_some() || !marks.is_empty()).then_some(Batch { marks, everything })
    }

    /// Redis has it.
    pub fn confirm(&self, batch: &Batch) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(everything) = batch.everything {
            state.confirmed_everything = everything;
        }
        for (name, _, version) in &batch.marks {
            let Some(mark) = state.marks.get_mut(name) else {
                continue;
            };
            mark.confirmed = *version;
            if mark.version == *version {
                state.open = state.open.saturating_sub(1);
                if mark.running == 0 {
                    state.marks.remove(name);
                }
            }
        }
        if state.everything == state.confirmed_everything && state.open == 0 {
            self.settled.notify_waiters();
        }
    }

    /// Resolves when nothing is left to tell.
    pub async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From here on a notification counts, so none is missed between the look and the wait.
            settled.as_mut().enable();
            if self.is_settled() {
                return;
            }
            settled.await;
        }
    }

    /// Whether Redis has everything.
    pub fn is_settled(&self) -> bool {
        let state = self.lock();
        state.everything == state.confirmed_everything && state.open == 0
    }

    /// Whether a write has not ended.
    pub fn is_running(&self) -> bool {
        self.lock().marks.values().any(|mark| mark.running > 0)
    }

    /// How many marks wait for Redis.
    pub fn waiting(&self) -> usize {
        self.lock().open
    }

    fn touch(&self, marks: &[Box<str>], change: impl Fn(&mut Mark)) {
        if marks.is_empty() {
            return;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        for name in marks {
            if !state.marks.contains_key(name) {
                state.marks.insert(name.clone(), Mark::default());
            }
            if let Some(mark) = state.marks.get_mut(name) {
                change(mark);
                state.open += usize::from(mark.version == mark.confirmed);
                mark.version += 1;
            }
        }
        if state.marks.len() > MOST_MARKS {
            // What runs stays: it will end. There is not more of it than the pool has connections.
            state.marks.retain(|_, mark| mark.running > 0);
            let left = state.marks.values();
            state.open = left.filter(|mark| mark.version != mark.confirmed).count();
            state.everything += 1;
        }
        drop(guard);
        self.changed.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Whether a mark can be a field beside those of the scripts, which begin with # and !.
pub fn is_plain(mark: &str) -> bool {
    !mark.is_empty() && mark.len() <= 1024 && !mark.starts_with(['#', '!'])
}

#[cfg(test)]
mod tests;
