//! The counters of a rate limiter in Redis. Counting hits, all that wait to be counted, is one script, `lua/limit.lua`.
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

use tokio::time::sleep_until;

use super::{
    Redis,
    answer::ms,
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
    /// The clock of Redis less ours, in milliseconds since `born`; a little too little rather than too much, so that nothing
    /// is counted there behind the deadline that is over here.
    clock: AtomicI64,
    calls: AtomicU64,
}

/// What is counted in a window.
#[derive(Debug)]
pub struct Tally {
    pub hits: u64,
    /// When it ends, by the clock of Redis in milliseconds, or nearly so.
    pub window: u64,
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

    /// Counts a hit of each name; `None` if they are not counted, for want of an answer.
    pub async fn hit<'a>(
        &self,
        names: impl Iterator<Item = &'a str> + Clone,
        window: Duration,
    ) -> Option<Vec<Tally>> {
        let deadline = self.deadline();
        // Redis may find it too late by a clock that was set. The answer tells the clock, so once more is enough.
        for _ in 0..2 {
            let until = self.there(deadline);
            let keys = names.clone().map(|name| self.key(name)).collect();
            let tallies = self.run(keys, "hit", window, until, deadline).await?;
            if !tallies.is_empty() {
                return Some(tallies);
            }
        }
        None
    }

    /// Takes a hit back from the window of that length that ends then: what is counted now, if it is not over.
    pub async fn undo(&self, name: &str, length: Duration, window: u64) -> Option<Tally> {
        let keys = vec![self.key(name)];
        let mut tallies = self
            .run(keys, "undo", length, window, self.deadline())
            .await?;
        tallies.pop().filter(|tally| !tally.left.is_zero())
    }

    /// What is counted now; `None` without an answer.
    pub async fn look(&self, name: &str) -> Option<Option<Tally>> {
        let keys = vec![self.key(name)];
        let mut tallies = self
            .run(keys, "look", Duration::ZERO, 0, self.deadline())
            .await?;
        Some(tallies.pop().filter(|tally| !tally.left.is_zero()))
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

    /// Runs the script: a tally for each key, or none when it was too late.
    async fn run(
        &self,
        keys: Vec<Key>,
        what: &'static str,
        length: Duration,
        argument: u64,
        deadline: Instant,
    ) -> Option<Vec<Tally>> {
        let args = vec![what.into(), millis(length), number(argument)];
        let question = |link| async move { LIMIT.call(&link, keys, args).await };
        let answer = self.ask(deadline, question).await?.into_array();
        let (now, counts) = answer.split_first()?;
        let now = now.as_u64()?;
        // Both are whole milliseconds; ours is rounded up.
        let received = self.born.elapsed().as_millis() as i64 + 1;
        self.clock.store(now.cast_signed() - received, Relaxed);
        let tally = |count: &[Value]| match count {
            [hits, left] => Some(Tally {
                hits: hits.as_u64()?,
                window: now + left.as_u64()?,
                left: ms(left),
            }),
            _ => None,
        };
        counts.chunks(2).map(tally).collect()
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
        // A process that has just begun would let anybody pass by its own counters, until it is connected.
        let link = core.link_by(deadline).await;
        let link = link.filter(|_| core.breaker.passes(Instant::now()))?;
        count(&self.calls);
        let answer = self.redis.within(deadline, question(link)).await;
        if answer.is_none() {
            // The connection may be lost before, while Redis still has the question: until then it may count.
            sleep_until(deadline.into()).await;
        }
        answer
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
