//! What a call needs that does not end at once: a thread to go on, and the way of its outcome back to JavaScript.

use std::sync::Arc;

use napi::Result;
use tokio::runtime::Handle;

use crate::{error, runtime::Workers};

use super::{
    calls::{Reply, thrown},
    completions::{NativeCompletions, Queue},
};

/// The threads and the queue of a native object.
pub struct Background {
    workers: Arc<Workers>,
    queue: Arc<Queue>,
}

impl Background {
    /// The threads of the process, started with so many of them if there are none yet.
    pub fn new(threads: usize, completions: &NativeCompletions) -> Result<Background> {
        let workers = Workers::shared(threads)
            .map_err(|message| thrown(error::Error::new(error::Kind::Internal, message)))?;
        Ok(Background {
            workers,
            queue: completions.queue(),
        })
    }

    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// A thread that is not busy.
    pub fn runtime(&self) -> &Handle {
        self.workers.handle(self.workers.calm())
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }

    /// The promise of a call's outcome.
    pub fn reply(&self, call: u32) -> Reply {
        Reply::new(&self.queue, call)
    }
}
