//! The tokio runtime of this process, shared by all of its pools.
//!
//! It is ours and not napi's: napi stops its runtime when the last environment ends, while a pool of another
//! worker thread may still need it. Ours lives as long as the process.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();

/// The runtime, started on first use. `worker_threads` of the first pool decides; it is capped at the cores.
pub fn shared(worker_threads: usize) -> Result<&'static Runtime, String> {
    let runtime = RUNTIME.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Builder::new_multi_thread()
            .worker_threads(worker_threads.clamp(1, cores))
            .thread_name("hegar-native")
            .enable_all()
            .build()
            .map_err(|error| format!("the worker threads did not start: {error}"))
    });
    runtime.as_ref().map_err(Clone::clone)
}
