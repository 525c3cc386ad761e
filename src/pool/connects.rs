//! The latest connections that were opened or could not be, for those who trace them. Off until somebody asks.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::error::Error;

/// What nobody takes is forgotten past this.
const KEPT: usize = 128;

/// One attempt to open a connection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connect {
    /// Milliseconds since 1970.
    started_at: f64,
    duration_ms: f64,
    /// The server's number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<serde_json::value::RawValue>>,
}

/// `None` while nobody asks. Held for a push or for taking all.
#[derive(Debug, Default)]
pub struct Connects(Mutex<Option<VecDeque<Connect>>>);

impl Connects {
    pub fn note(&self, took: Duration, outcome: Result<u32, &Error>) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(log) = log.as_mut() else { return };
        if log.len() >= KEPT {
            log.pop_front();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let error = outcome.err().and_then(|error| {
            let json = String::from_utf8(error.to_json()).ok()?;
            serde_json::value::RawValue::from_string(json).ok()
        });
        log.push_back(Connect {
            started_at: now.unwrap_or_default().saturating_sub(took).as_secs_f64() * 1e3,
            duration_ms: took.as_secs_f64() * 1e3,
            thread_id: outcome.ok(),
            error,
        });
    }

    /// Takes what came since the last time; from the first time on it is kept.
    pub fn take(&self) -> VecDeque<Connect> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.replace(VecDeque::new()).unwrap_or_default()
    }
}
