//! The worker threads of this process, shared by all of its pools.
//!
//! Each has a tokio runtime of its own, and a connection lives on one of them: the thread that reads an answer is the
//! one that sends the next command. Threads that share their tasks wake each other all the time, and waking a thread
//! costs more than a small query. For the same reason connections keep together on one thread until that is busy;
//! then some move to another, one by one, and back when the load is gone.
//!
//! The runtimes are ours and not napi's: napi stops its runtime when the last environment ends, while a pool of another
//! worker thread may still need it. Ours live as long as the process.

use std::{
    cell::Cell,
    future::pending,
    io,
    sync::{Arc, OnceLock},
    thread,
};

use tokio::runtime::{Builder, Handle};

use load::Load;

mod load;

static SHARED: OnceLock<Result<Arc<Workers>, String>> = OnceLock::new();

thread_local! {
    /// Which worker this thread is.
    static HERE: Cell<Option<Home>> = const { Cell::new(None) };
}

/// Above this share of a core, in percent, a thread gives connections away.
const BUSY: u32 = 75;
/// Two threads that need less than this together become one.
const CALM: u32 = 60;

/// The threads that run the tasks of a pool.
#[derive(Debug)]
pub struct Workers {
    workers: Box<[Worker]>,
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    load: Load,
}

/// Which of the threads something lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home(usize);

impl Workers {
    /// The threads of the process, started on first use. `threads` of the first pool decides; it is capped at the cores.
    pub fn shared(threads: usize) -> Result<Arc<Workers>, String> {
        SHARED
            .get_or_init(|| {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                (0..threads.clamp(1, cores))
                    .map(|place| start(Home(place)))
                    .collect::<io::Result<Vec<_>>>()
                    .map(|handles| Arc::new(Workers::new(handles)))
                    .map_err(|error| format!("the worker threads did not start: {error}"))
            })
            .clone()
    }

    /// The runtime of the caller, for programs that have one.
    pub fn current() -> Arc<Workers> {
        Arc::new(Workers::new(vec![Handle::current()]))
    }

    fn new(handles: Vec<Handle>) -> Workers {
        let workers = handles.into_iter().map(|handle| Worker {
            handle,
            load: Load::default(),
        });
        Workers {
            workers: workers.collect(),
        }
    }

    /// The runtime of a thread.
    pub fn handle(&self, home: Home) -> &Handle {
        &self.workers[home.0].handle
    }

    /// Where something new should live: with the others, unless their thread is busy.
    pub fn calm(&self) -> Home {
        let loads = || self.workers.iter().map(|worker| worker.load.percent());
        let calm = loads().position(|load| load < BUSY);
        let least = || loads().enumerate().min_by_key(|&(_, load)| load);
        Home(calm.or_else(|| least().map(|(at, _)| at)).unwrap_or(0))
    }

    /// The thread of the caller.
    pub fn here(&self) -> Home {
        // A runtime that is not ours stands alone in its list.
        HERE.get().unwrap_or(Home(0))
    }

    /// To be called between the calls of a connection. On the connection's own thread, measures the thread's load from
    /// time to time; the answer is a better thread for the connection, if there is one.
    pub fn better(&self, home: Home) -> Option<Home> {
        if self.workers.len() == 1
            || HERE.get() != Some(home)
            || !self.workers[home.0].load.measure()
        {
            return None;
        }
        let loads: Vec<u32> = self
            .workers
            .iter()
            .map(|worker| worker.load.percent())
            .collect();
        better(home.0, &loads).map(Home)
    }
}

/// The place of a better thread than the one at `here`.
fn better(here: usize, loads: &[u32]) -> Option<usize> {
    let mine = loads[here];
    if mine < BUSY {
        // Lower places only, so that two threads do not change sides.
        return (0..here).find(|&other| loads[other] + mine < CALM);
    }
    let (least, load) = loads.iter().enumerate().min_by_key(|&(_, load)| load)?;
    // Less than that is no difference: whoever comes over brings load along.
    (load + BUSY / 4 < mine).then_some(least)
}

fn start(home: Home) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("hegar-native".to_owned())
        // Ends with the process. A task that panics does not end it: tokio catches that.
        .spawn(move || {
            HERE.set(Some(home));
            runtime.block_on(pending::<()>())
        })?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_busy_thread_for_the_least_busy_one() {
        assert_eq!(better(0, &[90, 40, 10]), Some(2));
        assert_eq!(better(1, &[0, 90]), Some(0));
    }

    #[test]
    fn connections_stay_where_no_thread_is_clearly_better() {
        assert_eq!(better(0, &[90, 85]), None);
        assert_eq!(better(0, &[74, 0]), None);
        assert_eq!(better(1, &[40, 40]), None);
    }

    #[test]
    fn connections_of_calm_threads_come_together_on_the_first() {
        assert_eq!(better(1, &[20, 20]), Some(0));
        assert_eq!(better(0, &[20, 20]), None);
    }

    #[test]
    fn what_is_new_goes_to_the_first_thread_that_is_not_busy() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let workers = Workers::new(vec![runtime.handle().clone(), runtime.handle().clone()]);
        assert_eq!(workers.calm(), Home(0));
        workers.workers[0].load.set(90);
        assert_eq!(workers.calm(), Home(1));
    }
}
