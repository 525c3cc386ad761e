//! The memory of results: what is being read and what waits for JavaScript, together bounded.
//!
//! Past the bound, calls in the middle of a result stop reading, which slows the server down through its socket, and
//! when JavaScript does not take what is finished, calls wait before they begin. One result, the
//! leader's, is read on all the same, so that there is an end to it: when it is finished JavaScript takes it, and the
//! next one leads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{
    error::{Error, Kind, Result},
    wire::{Columns, Done, Memo, Row, RowSink},
};

/// What finished results may hold before new calls wait for JavaScript.
const MAX_FINISHED: usize = 4 * 1024 * 1024;
/// What all results may hold before reading large ones waits.
const LIMIT: usize = 4 * 1024 * 1024;
/// How long a result that may not be read on waits for any memory to come free.
const PATIENCE: Duration = Duration::from_secs(1);
/// A result's growth is counted in steps of this, so that counting costs nothing.
const STEP: usize = 64 * 1024;

/// Bytes of results in Rust.
#[derive(Debug, Default)]
pub struct Memory {
    /// Results that JavaScript can take.
    finished: AtomicUsize,
    /// Results that are still being read.
    growing: AtomicUsize,
    /// Whether a result is read on although there is no room.
    is_led: AtomicBool,
    freed: Notify,
}

impl Memory {
    pub fn finished(&self) -> usize {
        self.finished.load(Ordering::Acquire)
    }

    /// Counts a finished result of `bytes` until the claim is dropped.
    pub fn claim(self: &Arc<Memory>, bytes: usize) -> Claim {
        self.finished.fetch_add(bytes, Ordering::AcqRel);
        Claim {
            memory: self.clone(),
            bytes,
        }
    }

    /// Waits until JavaScript has taken enough for another call to begin, at most until `deadline`. What is being read
    /// does not count here, so that a large result does not hold up small ones.
    pub async fn room(&self, deadline: Instant) -> Result<()> {
        if self.finished() <= MAX_FINISHED {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            let freed = self.freed.notified();
            if self.finished() <= MAX_FINISHED {
                return Ok(());
            }
            if timeout_at(deadline, freed).await.is_err() {
                return Err(Error::new(
                    Kind::PoolTimeout,
                    format!(
                        "{} bytes of results wait for JavaScript, whose event loop took none for {} ms",
                        self.finished(),
                        begun.elapsed().as_millis()
                    ),
                ));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.finished() + self.growing.load(Ordering::Acquire) <= LIMIT
    }

    /// Waits until a result may be read on: there is room, or it leads.
    async fn turn(&self) -> Turn {
        loop {
            let freed = self.freed.notified();
            if self.has_room() {
                return Turn::Room;
            }
            if self.finished() <= MAX_FINISHED && !self.is_led.swap(true, Ordering::AcqRel) {
                return Turn::Lead;
            }
            // A leader whose server has stalled must not hold up the others, so it gets company after a while.
            let waited = timeout_at(Instant::now() + PATIENCE, freed).await;
            if waited.is_err() && self.finished() <= MAX_FINISHED {
                return Turn::Lead;
            }
        }
    }

    fn free(&self) {
        self.freed.notify_waiters();
    }
}

/// Bytes counted as finished.
#[derive(Debug)]
pub struct Claim {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.finished.fetch_sub(self.bytes, Ordering::AcqRel);
            self.memory.free();
        }
    }
}

enum Turn {
    Room,
    Lead,
}

/// A sink that knows how much memory it holds.
pub trait Held: RowSink + Send {
    fn size(&self) -> usize;
}

/// A sink whose growth is counted, and which makes the wire wait when there is no room.
pub struct Bounded<'a, S> {
    sink: &'a mut S,
    memory: &'a Memory,
    counted: usize,
    leads: bool,
}

impl<'a, S: Held> Bounded<'a, S> {
    pub fn new(sink: &'a mut S, memory: &'a Memory) -> Bounded<'a, S> {
        Bounded {
            sink,
            memory,
            counted: 0,
            leads: false,
        }
    }
}

impl<S: Held> RowSink for Bounded<'_, S> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        self.sink.begin(columns, memo)
    }

    #[inline]
    fn row(&mut self, row: Row<'_>) -> Result<()> {
        self.sink.row(row)
    }

    fn passes_on(&self) -> bool {
        self.sink.passes_on()
    }

    fn next(&mut self, ended: &Done) -> Result<bool> {
        self.sink.next(ended)
    }

    async fn room(&mut self) -> Result<()> {
        self.sink.room().await?;
        let size = self.sink.size();
        if size < self.counted + STEP {
            return Ok(());
        }
        self.memory
            .growing
            .fetch_add(size - self.counted, Ordering::AcqRel);
        self.counted = size;
        if !self.leads {
            // The query deadline stands around this wait.
            self.leads = matches!(self.memory.turn().await, Turn::Lead);
        }
        Ok(())
    }
}

impl<S> Drop for Bounded<'_, S> {
    fn drop(&mut self) {
        if self.leads {
            self.memory.is_led.store(false, Ordering::Release);
        }
        if self.counted > 0 {
            self.memory
                .growing
                .fetch_sub(self.counted, Ordering::AcqRel);
        }
        if self.leads || self.counted > 0 {
            self.memory.free();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    fn full() -> Arc<Memory> {
        let memory = Arc::new(Memory::default());
        memory.growing.store(LIMIT + 1, Ordering::Release);
        memory
    }

    #[tokio::test]
    async fn without_room_one_result_leads_and_the_next_waits_for_its_end() {
        let memory = full();
        assert!(matches!(memory.turn().await, Turn::Lead));
        let mut second = Box::pin(memory.turn());
        assert!(tokio::time::timeout(MOMENT, &mut second).await.is_err());
        memory.is_led.store(false, Ordering::Release);
        memory.free();
        assert!(matches!(second.await, Turn::Lead));
    }

    #[tokio::test]
    async fn a_leader_that_stalls_gets_company() {
        let memory = full();
        assert!(matches!(memory.turn().await, Turn::Lead));
        let patient = tokio::time::timeout(PATIENCE * 5, memory.turn()).await;
        assert!(matches!(patient, Ok(Turn::Lead)));
    }

    #[tokio::test]
    async fn nobody_leads_while_javascript_has_not_taken_what_is_finished() {
        let memory = full();
        let claim = memory.claim(MAX_FINISHED + 1);
        let mut turn = Box::pin(memory.turn());
        assert!(tokio::time::timeout(MOMENT, &mut turn).await.is_err());
        drop(claim);
        assert!(matches!(turn.await, Turn::Lead));
    }

    #[tokio::test]
    async fn new_calls_wait_for_finished_results_only_and_with_a_deadline() {
        let memory = full();
        assert!(memory.room(Instant::now() + MOMENT).await.is_ok());
        let claim = memory.claim(MAX_FINISHED + 1);
        let error = memory
            .room(Instant::now() + MOMENT)
            .await
            .expect_err("no room");
        assert_eq!(error.kind(), Kind::PoolTimeout);
        drop(claim);
        assert!(memory.room(Instant::now() + MOMENT).await.is_ok());
    }
}
