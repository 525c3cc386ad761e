//! The cache of HTTP answers for JavaScript (`lib/express/store.js`): what is kept, and the way to other processes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use napi::{
    Env, Error, Result, Status,
    bindgen_prelude::{BufferSlice, Uint32Array},
};
use napi_derive::napi;
use serde::Deserialize;

use crate::{
    cache::{
        Shared,
        answers::{Answers, Found, entity_tag},
        places_of,
        redis::{Fill, RedisConfig},
    },
    call::Answer,
};

use super::{
    background::Background,
    cache::words_of,
    calls::thrown,
    completions::{NativeCompletions, Outcome},
    pool::NativePool,
};

/// What is before the bytes of an answer from others: two doubles.
const HEAD: usize = 16;

/// The options of a cache that belongs to no pool, checked by `lib/express/options.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AloneConfig {
    max_staleness_ms: u64,
    worker_threads: usize,
    redis: Option<RedisConfig>,
}

/// The answers that a cache keeps.
#[napi]
pub struct NativeAnswers {
    answers: Arc<Answers>,
    background: Background,
    leads: Arc<Leads>,
}

/// Answers that JavaScript is making for other processes too.
#[derive(Debug, Default)]
struct Leads {
    /// Guards the map; held to add or take one.
    fills: Mutex<HashMap<u32, Fill>>,
    next: AtomicU32,
}

impl Leads {
    fn add(&self, fill: Fill) -> u32 {
        // Zero says that there is none.
        let number = self.next.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        self.lock().insert(number, fill);
        number
    }

    fn take(&self, number: u32) -> Option<Fill> {
        self.lock().remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Fill>> {
        self.fills.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeAnswers {
    /// Answers that depend on what the pool's cache knows of, or on nothing but what this cache is told, by itself and
    /// through the Redis that `alone`, as JSON, may name.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        pool: Option<&NativePool>,
        alone: String,
        max_bytes: f64,
        completions: &NativeCompletions,
    ) -> Result<NativeAnswers> {
        let config: AloneConfig = serde_json::from_str(&alone)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        let background = Background::new(config.worker_threads, completions)?;
        let shared = match pool {
            Some(pool) => {
                // What a write reaches is read from the schema, also where no statement's result is kept.
                pool.engine().attend_schema();
                let shared = pool.engine().shared().cloned();
                shared
                    .ok_or_else(|| Error::new(Status::InvalidArg, "this pool keeps no results"))?
            }
            None => {
                let bound = Duration::from_millis(config.max_staleness_ms);
                Shared::alone(config.redis.as_ref(), bound, background.runtime()).map_err(thrown)?
            }
        };
        Ok(NativeAnswers {
            answers: Arc::new(Answers::new(shared, max_bytes as usize)),
            background,
            leads: Arc::default(),
        })
    }

    /// The epochs of what answers depend on, as for results of statements.
    #[napi(catch_unwind)]
    pub fn epochs<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        let ledger = self.answers.shared().ledger.clone();
        let words: *const [AtomicU32] = ledger.epochs().words();
        words_of(env, words, ledger)
    }

    /// See `NativePool.cacheProbe`.
    #[napi(catch_unwind)]
    pub fn probe(&self) {
        self.answers.shared().ledger.epochs().probe();
    }

    /// The tokens of the answers that are kept.
    #[napi(catch_unwind)]
    pub fn tokens<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        let answers = self.answers.clone();
        let words: *const [AtomicU32] = answers.tokens();
        words_of(env, words, answers)
    }

    /// How long an answer is given while others can not be heard of, in milliseconds.
    #[napi(catch_unwind)]
    pub fn bound_ms(&self) -> f64 {
        self.answers.shared().bound().as_secs_f64() * 1000.0
    }

    /// Whether other processes have answers too.
    #[napi(catch_unwind)]
    pub fn has_others(&self) -> bool {
        self.answers.shared().redis.is_some()
    }

    /// Where these marks have their epochs.
    #[napi(catch_unwind)]
    pub fn places(&self, marks: Vec<String>) -> Uint32Array {
        let places: Vec<u32> = places_of(&boxed(marks))
            .map(|place| place.index())
            .collect();
        Uint32Array::new(places)
    }

    /// Keeps an answer of that weight, made after the change `since`: the number and the generation of its token, and the
    /// place and the epoch of each mark. `None` if it may not be kept.
    #[napi(catch_unwind)]
    pub fn hold(
        &self,
        number: f64,
        weight: u32,
        marks: Vec<String>,
        since: u32,
    ) -> Option<Uint32Array> {
        let entry = self
            .answers
            .hold(number as u64, weight as usize, &boxed(marks), since)?;
        let token = entry.token?;
        let mut words = vec![token.index, token.generation];
        for (place, epoch) in entry.stamp.iter() {
            words.extend([place.index(), epoch]);
        }
        Some(Uint32Array::new(words))
    }

    /// The answer with this number has been dropped.
    #[napi(catch_unwind)]
    pub fn forget(&self, number: f64) {
        self.answers.forget(number as u64);
    }

    /// Asks other processes for the answer of a key. The outcome is a Buffer: how long it is fresh in milliseconds and the
    /// number of the change before which it was read, as doubles, and the bytes; or the number of the right to make it for
    /// others too; or 0.
    #[napi(catch_unwind)]
    pub fn find(&self, call: u32, key: String, marks: Vec<String>, patience_ms: f64) {
        let (answers, leads) = (self.answers.clone(), self.leads.clone());
        let reply = self.background.reply(call);
        let deadline = Instant::now() + Duration::from_millis(patience_ms as u64);
        self.background.spawn(async move {
            let outcome = match answers.find(&key, &boxed(marks), deadline).await {
                Found::Hit {
                    bytes,
                    fresh_for,
                    since,
                } => {
                    let mut whole = Vec::with_capacity(HEAD + bytes.len());
                    let head = [fresh_for.as_secs_f64() * 1000.0, f64::from(since)];
                    whole.extend(head.iter().flat_map(|double| double.to_le_bytes()));
                    whole.extend_from_slice(&bytes);
                    Outcome::Answer(Answer::Json {
                        bytes: whole,
                        rows: 0,
                    })
                }
                Found::Lead(fill) => Outcome::Number(f64::from(leads.add(fill))),
                Found::Alone => Outcome::Number(0.0),
            };
            reply.finish(outcome);
        });
    }

    /// Gives other processes the answer that was made by the right `lead`, in the background.
    #[napi(catch_unwind)]
    pub fn store(&self, lead: u32, bytes: BufferSlice<'_>, fresh_ms: f64, cost_ms: f64) {
        let Some(fill) = self.leads.take(lead) else {
            return;
        };
        let answers = self.answers.clone();
        let bytes = bytes.to_vec();
        let fresh = Duration::from_millis(fresh_ms as u64);
        let cost = Duration::from_millis(cost_ms as u64);
        self.background.spawn(async move {
            answers.store(fill, &bytes, fresh, cost).await;
        });
    }

    /// Gives up the right to make an answer.
    #[napi(catch_unwind)]
    pub fn abandon(&self, lead: u32) {
        drop(self.leads.take(lead));
    }

    /// See `NativePool.invalidate`.
    #[napi(catch_unwind)]
    pub fn invalidate(&self, call: u32, marks: Vec<String>) {
        let shared = self.answers.shared().clone();
        shared.ledger.bump(&boxed(marks));
        let reply = self.background.reply(call);
        self.background.spawn(async move {
            let told = shared.has_told_others().await;
            reply.finish(Outcome::Number(if told { 1.0 } else { 0.0 }));
        });
    }

    /// The same without an outcome.
    #[napi(catch_unwind)]
    pub fn bump(&self, marks: Vec<String>) {
        self.answers.shared().ledger.bump(&boxed(marks));
    }

    /// Figures as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        self.answers.stats().to_string()
    }

    /// Leaves the Redis of a cache that belongs to no pool.
    #[napi(catch_unwind)]
    pub fn close(&self, call: u32) {
        let shared = self.answers.shared().clone();
        let reply = self.background.reply(call);
        self.background.spawn(async move {
            shared.leave().await;
            reply.finish(Outcome::Number(1.0));
        });
    }
}

/// An entity tag for these bytes, without its quotes.
#[napi(catch_unwind)]
pub fn entity_tag_of(bytes: BufferSlice<'_>) -> String {
    entity_tag(&bytes)
}

fn boxed(marks: Vec<String>) -> Vec<Box<str>> {
    marks.into_iter().map(Into::into).collect()
}
