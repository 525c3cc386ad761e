//! The counters of a rate limiter in Redis. Counting a hit is one script, `lua/limit.lua`.
//!
//! Invariant: a hit without an answer in time is not counted here later, when Redis gets to it after all, because it is
//! counted elsewhere. The script is told until when, by the clock of Redis, which its answers tell.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, WithOptions},
    error::Error,
    interfaces::KeysInterface,
    types::{Key, Value},
};

use super::{
    Redis,
    scripts::{LIMIT, LIMITS, millis, number},
    stats::count,
};
use crate::limits::Count;

/// Of the clock of Redis nothing is known.
const UNKNOWN: i64 = i64::MIN;

/// The counters of one limiter.
#[derive(Debug)]
pub struct Tallies {
    redis: Arc<Redis>,
    prefix: String,
    born: Instant,
    /// The clock of Redis less ours, in milliseconds since `born`; a little too much rather than too little.
    clock: AtomicI64,
    calls: AtomicU64,
}

/// What is counted in a window.
#[derive(Debug)]
pub struct Tally {
    pub hits: u64,
    /// Its name: no other window of this counter has it.
    pub window: u64,
    /// From when the question was sent, or a little less.
    pub left: Duration,
}

impl Tally {
    pub fn count(&self) -> Count {
        Count::of(self.hits, self.left)
    }
}

impl Tallies {
    /// `prefix` comes behind that of all keys.
    pub fn new(redis: Arc<Redis>, prefix: &str) -> Tallies {
        Tallies {
            prefix: redis.core.config.key_prefix.clone() + prefix,
            redis,
            born: Instant::now(),
            clock: AtomicI64::new(UNKNOWN),
            calls: AtomicU64::new(0),
        }
    }

    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// How many commands have been sent.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Counts a hit; `None` if it is not counted, for want of an answer.
    pub async fn hit(&self, name: &str, window: Duration) -> Option<Tally> {
        let deadline = self.deadline();
        // Redis may find it too late by a clock that was set. The answer tells the clock, so once more is enough.
        for _ in 0..2 {
            let until = self.there(deadline);
            let tally = self
                .run(name, "hit", millis(window), until, deadline)
                .await?;
            if tally.is_some() {
                return tally;
            }
        }
        None
    }

    /// Takes a hit back from its window: what is counted now, if that is not over.
    pub async fn undo(&self, name: &str, window: u64) -> Option<Tally> {
        self.run(name, "undo", number(0), window, self.deadline())
            .await?
    }

    /// What is counted now; `None` without an answer.
    pub async fn look(&self, name: &str) -> Option<Option<Tally>> {
        self.run(name, "look", number(0), 0, self.deadline()).await
    }

    /// Forgets a counter; false without an answer.
    pub async fn forget(&self, name: &str) -> bool {
        let key = self.key(name);
        let forget = |link: WithOptions<Client>| async move { link.del::<Value, _>(key).await };
        self.ask(self.deadline(), forget).await.is_some()
    }

    /// Forgets all counters, some at a time; false without an answer.
    pub async fn forget_all(&self) -> bool {
        let pattern = escaped(&self.prefix) + "*";
        let mut cursor = "0".to_owned();
        loop {
            let (keys, args) = (
                vec![self.key("")],
                vec![cursor.into(), pattern.as_str().into()],
            );
            let forget = |link| async move { LIMITS.call(&link, keys, args).await };
            let answer = self.ask(self.deadline(), forget).await;
            match answer.and_then(Value::into_string) {
                Some(next) if next == "0" => return true,
                Some(next) => cursor = next,
                None => return false,
            }
        }
    }

    /// Runs the script: a tally, or none where there is no window.
    async fn run(
        &self,
        name: &str,
        what: &'static str,
        window: Value,
        argument: u64,
        deadline: Instant,
    ) -> Option<Option<Tally>> {
        let keys = vec![self.key(name)];
        let args = vec![what.into(), window, number(argument)];
        let sent = self.born.elapsed();
        let question = |link| async move { LIMIT.call(&link, keys, args).await };
        let mut parts = self.ask(deadline, question).await?.into_array().into_iter();
        let mut next = || parts.next().and_then(|part| part.as_u64());
        let now = next()?;
        self.clock
            .store(now.cast_signed() - sent.as_millis() as i64, Relaxed);
        Some(next().zip(next()).map(|(hits, window)| Tally {
            hits,
            window,
            left: Duration::from_millis(window.saturating_sub(now)),
        }))
    }

    /// The answer to a question, if Redis may be asked and gives one in time.
    async fn ask<F>(
        &self,
        deadline: Instant,
        question: impl FnOnce(WithOptions<Client>) -> F,
    ) -> Option<Value>
    where
        F: Future<Output = Result<Value, Error>>,
    {
        let core = &self.redis.core;
        let link = core.any_link();
        let link = link.filter(|_| core.breaker.passes(Instant::now()))?;
        count(&self.calls);
        self.redis.within(deadline, question(link)).await
    }

    /// A moment by the clock of Redis; 0 when that is not known.
    fn there(&self, moment: Instant) -> u64 {
        let here = moment.saturating_duration_since(self.born).as_millis() as i64;
        match self.clock.load(Relaxed) {
            UNKNOWN => 0,
            clock => (here + clock).max(0).cast_unsigned(),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.redis.core.config.command_timeout()
    }

    fn key(&self, name: &str) -> Key {
        format!("{}{name}", self.prefix).into()
    }
}

/// A text as a pattern that means it alone.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, letter| {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            out.push('\\');
        }
        out.push(letter);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_means_itself_in_a_pattern() {
        assert_eq!(escaped("{a}:r*l[1]?\\:"), "{a}:r\\*l\\[1\\]\\?\\\\:");
    }
}
