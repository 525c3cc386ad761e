//! The counters of a rate limiter for JavaScript (`lib/express/rate-limit.js`).

use std::{
    mem,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use napi::{Error, Result, Status, bindgen_prelude::External};
use napi_derive::napi;
use serde::Deserialize;

use crate::{
    cache::{Shared, redis::RedisConfig},
    call::Answer,
    limits::{self, Count, Limits, Rules},
};

use super::{
    background::Background,
    calls::{Reply, thrown},
    completions::{NativeCompletions, Outcome},
    pool::NativePool,
};

/// Nothing is cached by a limiter's own Redis, so this is of no consequence.
const STALENESS: Duration = Duration::from_secs(1);

/// The options of a store, checked by `lib/express/rate-limit.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoreConfig {
    prefix: String,
    max_keys: NonZeroUsize,
    worker_threads: usize,
    redis: Option<RedisConfig>,
}

/// The counters of one limiter.
#[napi]
pub struct NativeLimits {
    limits: Arc<Limits>,
    rules: Rules,
    /// Redis, if this store has one of its own, which ends with it.
    own: Option<Arc<Shared>>,
    /// Hits for Redis that nobody has begun to count. Guards the list; held to add one or to take all.
    asked: Arc<Mutex<Vec<Asked>>>,
    background: Background,
}

/// A hit for Redis.
type Asked = (String, Reply);

/// How many are counted in one command, which nothing else gets in between.
const MOST_AT_ONCE: usize = 100;

#[napi]
impl NativeLimits {
    /// Counters in the Redis of the pool, in the one that `config`, as JSON, names, or in memory.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        pool: Option<&NativePool>,
        config: String,
        completions: &NativeCompletions,
    ) -> Result<NativeLimits> {
        let config: StoreConfig = serde_json::from_str(&config)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        let background = Background::new(config.worker_threads, completions)?;
        let own = config
            .redis
            .as_ref()
            .map(|redis| Shared::alone(Some(redis), STALENESS, background.runtime()))
            .transpose()
            .map_err(thrown)?;
        let shared = own
            .as_ref()
            .or_else(|| pool.and_then(|pool| pool.engine().shared()));
        let redis = shared.and_then(|shared| shared.redis.clone());
        Ok(NativeLimits {
            limits: Arc::new(Limits::new(config.max_keys, redis, &config.prefix)),
            rules: Rules {
                window: Duration::ZERO,
                block_past: u64::MAX,
                relents: false,
            },
            own,
            asked: Arc::default(),
            background,
        })
    }

    /// What the limiter wants, before the first hit: the window, past how many hits somebody is blocked, and whether hits
    /// are taken back. The answer is for `countHit`.
    #[napi(catch_unwind, ts_return_type = "object")]
    pub fn begin(
        &mut self,
        window_ms: f64,
        block_past: f64,
        relents: bool,
    ) -> External<(Arc<Limits>, Rules)> {
        self.rules = Rules {
            window: Duration::from_millis(window_ms as u64),
            block_past: block_past as u64,
            relents,
        };
        External::new((self.limits.clone(), self.rules))
    }

    /// Whether counting takes Redis.
    #[napi(catch_unwind)]
    pub fn is_remote(&self) -> bool {
        self.limits.is_remote()
    }

    /// Counts a hit in Redis, along with those that were asked for before a thread came to count them. The outcome is a
    /// Buffer with three doubles: hits, the milliseconds that are left of the window, and 1 if Redis did not answer and they
    /// are of this process.
    #[napi(catch_unwind)]
    pub fn ask(&self, call: u32, key: String) {
        let mut asked = lock(&self.asked);
        asked.push((key, self.background.reply(call)));
        if asked.len() > 1 {
            return;
        }
        drop(asked);
        let (limits, rules, asked) = (self.limits.clone(), self.rules, self.asked.clone());
        self.background.spawn(async move {
            let mut rest = mem::take(&mut *lock(&asked));
            while rest.len() > MOST_AT_ONCE {
                let some = rest.split_off(rest.len() - MOST_AT_ONCE);
                tokio::spawn(count(limits.clone(), rules, some));
            }
            count(limits, rules, rest).await;
        });
    }

    /// Takes a hit back; the window in Redis that it has to be taken back from, or 0.
    #[napi(catch_unwind)]
    pub fn undo(&self, key: String) -> f64 {
        self.limits.undo(&key).map_or(0.0, |window| window as f64)
    }

    /// Takes a hit back from a window in Redis.
    #[napi(catch_unwind)]
    pub fn undo_there(&self, call: u32, key: String, window: f64) {
        let (limits, rules, reply) = (self.limits.clone(), self.rules, self.background.reply(call));
        self.background.spawn(async move {
            limits.undo_there(&key, window as u64, &rules).await;
            reply.finish(Outcome::Number(0.0));
        });
    }

    /// What is counted, as of `countHit`; -1 if that is nothing, or Redis has to be asked.
    #[napi(catch_unwind)]
    pub fn look(&self, key: String) -> f64 {
        self.limits.look(&key).map_or(-1.0, packed)
    }

    /// Asks Redis for what is counted; the outcome is that of `ask`, or 0 if it is nothing.
    #[napi(catch_unwind)]
    pub fn look_there(&self, call: u32, key: String) {
        let (limits, reply) = (self.limits.clone(), self.background.reply(call));
        self.background.spawn(async move {
            let answer = limits.look_there(&key).await;
            reply.finish(answer.map_or(Outcome::Number(0.0), told));
        });
    }

    /// Forgets a key, or everything; the outcome is 0 if Redis did not answer.
    #[napi(catch_unwind)]
    pub fn reset(&self, call: u32, key: Option<String>) {
        let (limits, reply) = (self.limits.clone(), self.background.reply(call));
        self.background.spawn(async move {
            let done = match key {
                Some(key) => limits.reset(&key).await,
                None => limits.reset_all().await,
            };
            reply.finish(Outcome::Number(if done { 1.0 } else { 0.0 }));
        });
    }

    /// Figures as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        self.limits.stats().to_string()
    }

    /// Forgets what is in memory and leaves a Redis of its own.
    #[napi(catch_unwind)]
    pub fn close(&self, call: u32) {
        let (limits, own, reply) = (
            self.limits.clone(),
            self.own.clone(),
            self.background.reply(call),
        );
        self.background.spawn(async move {
            if let Some(own) = own {
                own.leave().await;
            }
            limits.clear();
            reply.finish(Outcome::Number(1.0));
        });
    }
}

async fn count(limits: Arc<Limits>, rules: Rules, asked: Vec<Asked>) {
    let (keys, replies): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let answers = limits.ask(&keys, &rules).await;
    for (reply, answer) in replies.into_iter().zip(answers) {
        reply.finish(told(answer));
    }
}

fn lock(asked: &Mutex<Vec<Asked>>) -> MutexGuard<'_, Vec<Asked>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a hit: 2^32 for each, and the milliseconds that are left of the window; -1 if Redis has to be asked. Past two
/// million hits the milliseconds are rounded.
///
/// No method, because finding the object of one takes as long as counting.
#[napi(catch_unwind)]
pub fn count_hit(
    #[napi(ts_arg_type = "object")] counters: &External<(Arc<Limits>, Rules)>,
    key: String,
) -> f64 {
    let (limits, rules) = &**counters;
    limits.hit(&key, rules).map_or(-1.0, packed)
}

fn packed(count: Count) -> f64 {
    count.hits as f64 * 2_f64.powi(32) + milliseconds(count)
}

fn told(answer: limits::Answer) -> Outcome {
    let hits = answer.count.hits as f64;
    let insured = if answer.is_insured { 1.0 } else { 0.0 };
    let bytes = [hits, milliseconds(answer.count), insured]
        .into_iter()
        .flat_map(f64::to_le_bytes);
    Outcome::Answer(Answer::Json {
        bytes: bytes.collect(),
        rows: 0,
    })
}

fn milliseconds(count: Count) -> f64 {
    count.left.as_millis() as f64
}
