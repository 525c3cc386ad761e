//! Who waits for what another process loads, woken by what that process publishes.
//!
//! A wake-up may come between the answer of Redis that says "wait" and the call that waits. The last ones are therefore
//! remembered, and who waits says how many there had been when it asked.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use tokio::sync::oneshot;

use super::Digest;

/// Wake-ups that are remembered. Who asked before the oldest of them is taken for woken, and asks again.
const REMEMBERED: usize = 4096;
/// Waiters that are kept. Others have the end of the lease alone.
const MOST_WAITERS: usize = 100_000;

#[derive(Debug, Default)]
pub struct Wakes {
    // Held for a look-up, never across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<Digest, Vec<oneshot::Sender<()>>>,
    waiters: usize,
    recent: VecDeque<Digest>,
    /// How many there were; `recent` are the last of them.
    total: u64,
}

/// How long to wait.
#[derive(Debug)]
pub enum Turn {
    /// It has been woken already.
    Now,
    Later(oneshot::Receiver<()>),
    /// Nobody will wake it: there are too many.
    Alone,
}

impl Wakes {
    /// How many wake-ups there were: to be taken before Redis is asked.
    pub fn so_far(&self) -> u64 {
        self.lock().total
    }

    pub fn wait(&self, digest: &Digest, since: u64) -> Turn {
        let mut state = self.lock();
        let missed = usize::try_from(state.total.saturating_sub(since)).unwrap_or(usize::MAX);
        if missed > state.recent.len()
            || state
                .recent
                .iter()
                .rev()
                .take(missed)
                .any(|it| it == digest)
        {
            return Turn::Now;
        }
        if state.waiters >= MOST_WAITERS {
            return Turn::Alone;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiters += 1;
        state.waiting.entry(*digest).or_default().push(sender);
        Turn::Later(receiver)
    }

    pub fn wake(&self, digest: &Digest) {
        let mut state = self.lock();
        state.total += 1;
        if state.recent.len() == REMEMBERED {
            state.recent.pop_front();
        }
        state.recent.push_back(*digest);
        for sender in state.waiting.remove(digest).into_iter().flatten() {
            state.waiters -= 1;
            // Whoever has given up does not hear it.
            let _ = sender.send(());
        }
    }

    /// Wakes everybody: wake-ups may have been missed.
    pub fn wake_all(&self) {
        let mut state = self.lock();
        state.total += REMEMBERED as u64 + 1;
        state.recent.clear();
        state.waiters = 0;
        for sender in std::mem::take(&mut state.waiting).into_values().flatten() {
            let _ = sender.send(());
        }
    }

    /// Forgets those who have given up.
    pub fn sweep(&self) {
        let mut state = self.lock();
        state.waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        state.waiters = state.waiting.values().map(Vec::len).sum();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_woken() {
        let wakes = Wakes::default();
        let Turn::Later(mut woken) = wakes.wait(&[1; 16], wakes.so_far()) else {
            panic!("nothing happened yet");
        };
        wakes.wake(&[2; 16]);
        assert!(woken.try_recv().is_err());
        wakes.wake(&[1; 16]);
        assert!(woken.try_recv().is_ok());
    }

    #[test]
    fn a_wake_up_between_the_answer_and_the_wait_counts() {
        let wakes = Wakes::default();
        wakes.wake(&[1; 16]);
        let before = wakes.so_far();
        assert!(
            matches!(wakes.wait(&[1; 16], before), Turn::Later(_)),
            "an old one"
        );
        wakes.wake(&[1; 16]);
        assert!(matches!(wakes.wait(&[1; 16], before), Turn::Now));
        assert!(matches!(wakes.wait(&[2; 16], before), Turn::Later(_)));
    }

    #[test]
    fn who_asked_too_long_ago_is_woken() {
        let wakes = Wakes::default();
        let before = wakes.so_far();
        for _ in 0..=REMEMBERED {
            wakes.wake(&[2; 16]);
        }
        assert!(matches!(wakes.wait(&[1; 16], before), Turn::Now));
        let before = wakes.so_far();
        wakes.wake_all();
        assert!(matches!(wakes.wait(&[1; 16], before), Turn::Now));
    }

    #[test]
    fn who_gave_up_is_forgotten() {
        let wakes = Wakes::default();
        drop(wakes.wait(&[1; 16], 0));
        wakes.sweep();
        assert_eq!(wakes.lock().waiters, 0);
        assert!(wakes.lock().waiting.is_empty());
    }
}
