//! When a Redis that answers late or with failures is left alone, so that it costs a query nothing.
//!
//! Closed, everything passes. It opens after some failures in a row, or when half of the last twenty commands failed.
//! Open, nothing passes; after its pause, and once a beat of the process was answered in time, a single command may try.
//! A paused Redis costs nothing by that: beats are no query's time.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::config::BreakerConfig;

/// How many of the last commands are looked at, and how many of them may fail.
const LOOKED_AT: u32 = 20;
const MOST: u32 = 10;

#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    // Held for a few instructions, never across an await.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Failures since the last success.
    in_a_row: u32,
    /// A bit for each of the last commands, set for a failure.
    history: u32,
    seen: u32,
    /// How often it opened without twenty successes in between.
    opened: u32,
    calm: u32,
    total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    Open {
        until: Instant,
        heard: bool,
    },
    /// One command is on its way. Should it never report, another may try after the pause.
    Probing {
        since: Instant,
    },
}

/// What it is now, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

impl Breaker {
    pub fn new(config: BreakerConfig) -> Breaker {
        Breaker {
            config,
            state: Mutex::new(State {
                phase: Phase::Closed,
                in_a_row: 0,
                history: 0,
                seen: 0,
                opened: 0,
                calm: 0,
                total: 0,
            }),
        }
    }

    /// Whether a command may be sent now.
    pub fn passes(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.phase {
            Phase::Closed => true,
            Phase::Open { until, heard } if heard && now >= until => {
                state.phase = Phase::Probing { since: now };
                true
            }
            Phase::Open { .. } => false,
            Phase::Probing { since } => {
                let lost = now.duration_since(since) >= self.pause(&state);
                if lost {
                    state.phase = Phase::Probing { since: now };
                }
                lost
            }
        }
    }

    pub fn succeeded(&self) {
        let mut state = self.lock();
        if state.phase != Phase::Closed {
            state.history = 0;
            state.seen = 0;
        }
        state.phase = Phase::Closed;
        state.in_a_row = 0;
        state.history <<= 1;
        state.seen = (state.seen + 1).min(LOOKED_AT);
        state.calm += 1;
        if state.calm >= LOOKED_AT {
            state.calm = 0;
            state.opened = 0;
        }
    }

    pub fn failed(&self, now: Instant) {
        let mut state = self.lock();
        state.calm = 0;
        state.in_a_row += 1;
        state.history = (state.history << 1) | 1;
        state.seen = (state.seen + 1).min(LOOKED_AT);
        let recent = (state.history & ((1 << LOOKED_AT) - 1)).count_ones();
        let opens = match state.phase {
            Phase::Closed => {
                state.in_a_row >= self.config.failures.max(1)
                    || (state.seen >= LOOKED_AT && recent >= MOST)
            }
            Phase::Probing { .. } => true,
            // Commands that were sent before it opened.
            Phase::Open { .. } => false,
        };
        if opens {
            let until = now + self.pause(&state);
            state.phase = Phase::Open {
                until,
                heard: false,
            };
            state.opened = state.opened.saturating_add(1);
            state.total += 1;
        }
    }

    /// A beat was answered in time.
    pub fn heard(&self) {
        if let Phase::Open { heard, .. } = &mut self.lock().phase {
            *heard = true;
        }
    }

    pub fn state(&self) -> BreakerState {
        match self.lock().phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.lock().total
    }

    /// Off by up to a quarter, so that processes do not try all at once.
    fn pause(&self, state: &State) -> Duration {
        let longest = self.config.max_open_ms.max(1);
        let pause = (self.config.open_ms.max(1) << state.opened.min(16)).min(longest);
        let spread = pause / 4;
        let share = u64::from(super::random::<4>().map_or(0, u32::from_le_bytes)) % (spread + 1);
        Duration::from_millis(pause - share)
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

    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(BreakerConfig::default()), Instant::now())
    }

    fn open(breaker: &Breaker, now: Instant) {
        for _ in 0..5 {
            assert!(breaker.passes(now));
            breaker.failed(now);
        }
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let (breaker, now) = breaker();
        for _ in 0..4 {
            breaker.failed(now);
        }
        breaker.succeeded();
        assert!(breaker.passes(now));
        open(&breaker, now);
        assert!(!breaker.passes(now));
        assert_eq!(breaker.opened(), 1);
    }

    #[test]
    fn half_of_the_last_twenty_open_it() {
        let (breaker, now) = breaker();
        for _ in 0..10 {
            breaker.failed(now);
            breaker.succeeded();
        }
        assert!(breaker.passes(now));
        breaker.failed(now);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn one_command_tries_after_the_pause_when_a_beat_was_answered() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + Duration::from_secs(1);
        assert!(!breaker.passes(later), "nothing was heard");
        breaker.heard();
        assert!(!breaker.passes(now + Duration::from_millis(700)));
        assert!(breaker.passes(later));
        assert!(!breaker.passes(later), "one at a time");
        breaker.succeeded();
        assert!(breaker.passes(later));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (breaker, mut now) = breaker();
        open(&breaker, now);
        for shortest in [750, 1500, 3000, 6000, 7500, 7500] {
            breaker.heard();
            assert!(!breaker.passes(now + Duration::from_millis(shortest - 1)));
            now += Duration::from_millis(shortest * 4 / 3);
            assert!(breaker.passes(now));
            breaker.failed(now);
        }
    }

    #[test]
    fn a_probe_that_never_reports_gives_way_to_another() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        breaker.heard();
        let later = now + Duration::from_secs(1);
        assert!(breaker.passes(later));
        assert!(breaker.passes(later + Duration::from_secs(2)));
    }
}
