//! The pool: at most `connectionLimit` connections, lent first come first served, every wait with a deadline.
//!
//! A connection comes back clean (no open transaction, no unread rows, no changed session) or not at all. A slot is
//! counted in `total` from before its connection is opened until after it is gone, so the limit holds at every
//! moment; a waiter gets either a connection or the right to open one.

mod acquire;
mod connects;
mod keeper;
mod kill;
mod lease;
mod passenger;
mod state;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use tracing::{debug, warn};

use crate::{
    config::{Config, Secret},
    error::{Error, Kind, Result},
    metrics::{CloseReason, Metrics},
    runtime::Workers,
    wire::Connection,
};

pub use lease::Lease;
pub use passenger::{Passenger, Seat, Wake};

use acquire::Slot;
use connects::Connects;
use passenger::refuse;
use state::{Claim, Grant, Idle, Pooled, State, Waiter};

/// The number of the next connection of this process.
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(1);

/// How long a liveness check may take: a server that needs longer is as good as gone.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Pool {
    config: Arc<Config>,
    /// The same with the password of today. Guards a pointer, held to read or replace it.
    login: Mutex<Arc<Config>>,
    metrics: Arc<Metrics>,
    /// Guards the books. Held for a few instructions, and for asking the kernel whether an idle socket has ended; nothing
    /// awaits under it.
    state: Mutex<State>,
    workers: Arc<Workers>,
    /// For those who trace connecting.
    connects: Connects,
    /// Rings when the pool closes and when its last connection is gone.
    changed: Notify,
}

/// What the pool holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    pub total: usize,
    pub active: usize,
    pub idle: usize,
    pub waiting: usize,
}

impl Pool {
    /// A pool that opens connections when they are asked for. Must be called on a runtime, whose tasks keep it.
    pub fn new(config: Arc<Config>, metrics: Arc<Metrics>) -> Arc<Pool> {
        Pool::on(Workers::current(), config, metrics)
    }

    /// The same with its connections spread over `workers`.
    pub fn on(workers: Arc<Workers>, config: Arc<Config>, metrics: Arc<Metrics>) -> Arc<Pool> {
        let pool = Arc::new(Pool {
            login: Mutex::new(config.clone()),
            config,
            metrics,
            state: Mutex::default(),
            workers,
            connects: Connects::default(),
            changed: Notify::new(),
        });
        keeper::start(&pool);
        pool
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The connections opened since this was last asked, as JSON. The first time there are none yet.
    pub fn take_connects(&self) -> String {
        serde_json::to_string(&self.connects.take()).unwrap_or_else(|_| "[]".to_owned())
    }

    /// Whether a connection that has been idle since then needs no check.
    fn trusts(&self, idle_since: Instant) -> bool {
        idle_since.elapsed() < Duration::from_millis(self.config.validate_after_idle_ms)
    }

    /// Checks a connection that has been idle for long; a dead one is closed.
    async fn validate(&self, mut lease: Lease, deadline: Instant) -> Option<Lease> {
        let left = deadline.saturating_duration_since(Instant::now());
        if lease.answers(left.min(PING_TIMEOUT)).await {
            return Some(lease);
        }
        lease.discard(CloseReason::Error);
        None
    }

    /// What new connections log in with.
    pub fn login(&self) -> Arc<Config> {
        let login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        login.clone()
    }

    /// Has new connections log in with another password; those that are open stay.
    pub fn set_password(&self, password: Secret) {
        let config = Arc::new(Config {
            password,
            ..(*self.config).clone()
        });
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Opens a connection for a slot that is already counted.
    async fn open(
        self: &Arc<Pool>,
        slot: Slot,
        started: Instant,
        deadline: Instant,
    ) -> Result<Lease> {
        // Its socket is registered with the runtime of whoever opens it.
        let home = self.workers.here();
        let begun = Instant::now();
        let connect_deadline = begun + self.config.connect_timeout();
        let login = self.login();
        let opened = timeout_at(connect_deadline.min(deadline), Connection::open(&login)).await;
        let took = begun.elapsed();
        self.metrics.connect.observe(took);
        let error = match opened {
            Ok(Ok(connection)) => {
                self.metrics.connections_created.increment();
                debug!(id = connection.id(), "connection opened");
                self.connects.note(took, Ok(connection.id()));
                self.lock().last_connect_error = None;
                slot.keep();
                return Ok(Lease::new(
                    self.clone(),
                    Pooled {
                        connection: Box::new(connection),
                        opened: Instant::now(),
                        home,
                        was_held: false,
                        serial: NEXT_SERIAL.fetch_add(1, Ordering::Relaxed),
                        unsettled: Box::default(),
                    },
                ));
            }
            Ok(Err(error)) => error,
            Err(_) => Error::new(
                Kind::ConnectTimeout,
                format!(
                    "no session with {} within {} ms; check host, port and firewall, or raise connectTimeout",
                    self.config.target(),
                    connect_deadline
                        .min(deadline)
                        .saturating_duration_since(begun)
                        .as_millis()
                ),
            ),
        };
        // What is kept is the attempt's own failure and never a message that quotes the one before it.
        warn!(
            server = self.config.target(),
            error = error.message(),
            "connecting failed"
        );
        self.connects.note(took, Err(&error));
        self.lock().last_connect_error = Some(error.message().to_owned());
        if error.kind() == Kind::ConnectTimeout && deadline < connect_deadline {
            return Err(self.acquire_timeout(started));
        }
        Err(error)
    }

    /// Takes back a clean connection: to the first waiter, or to the idle ones.
    fn put_back(self: &Arc<Pool>, pooled: Pooled) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return self.retire(pooled, CloseReason::Closed);
        }
        let mut grant = Grant::Connection(pooled);
        while let Some(waiter) = state.waiters.pop_front() {
            match waiter.claim {
                Claim::Task(task) => match task.send(grant) {
                    Ok(()) => return,
                    Err(unsent) => grant = unsent,
                },
                Claim::Call(passenger) => {
                    drop(state);
                    return self.seat(passenger, grant);
                }
            }
        }
        if let Grant::Connection(connection) = grant {
            state.idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    /// Gives up a slot: the first waiter may open a connection in it, otherwise it is free.
    fn free_slot(self: &Arc<Pool>) {
        let mut state = self.lock();
        while let Some(waiter) = state.waiters.pop_front() {
            match waiter.claim {
                Claim::Task(task) => {
                    if task.send(Grant::Slot).is_ok() {
                        return;
                    }
                }
                Claim::Call(passenger) => {
                    drop(state);
                    return self.seat(passenger, Grant::Slot);
                }
            }
        }
        state.total = state.total.saturating_sub(1);
        let empty = state.total == 0;
        drop(state);
        if empty {
            self.changed.notify_waiters();
        }
    }

    /// Closes connections that the server has ended.
    fn retire_all(self: &Arc<Pool>, ended: Vec<Pooled>) {
        for pooled in ended {
            self.retire(pooled, CloseReason::Error);
        }
    }

    fn retire(self: &Arc<Pool>, pooled: Pooled, reason: CloseReason) {
        self.metrics.connections_closed.of(reason).increment();
        debug!(
            id = pooled.connection.id(),
            reason = reason.label(),
            "connection closed"
        );
        if pooled.unsettled.is_open() && !pooled.connection.is_usable() {
            // The server need not have noticed, and its statement may wait for a lock and then write all the same.
            self.kill(pooled.connection.id());
        }
        let connection = pooled.connection;
        let Some(runtime) = Handle::try_current()
            .ok()
            .filter(|_| connection.is_usable())
        else {
            return self.free_slot();
        };
        let pool = self.clone();
        runtime.spawn(async move {
            // The server counts the session until it has ended it, so the slot is taken until then.
            let _ = timeout(PING_TIMEOUT, connection.close()).await;
            pool.free_slot();
        });
    }

    pub fn occupancy(&self) -> Occupancy {
        // Declared first, so that what is in it is dropped without the lock.
        let mut gone = Vec::new();
        let mut state = self.lock();
        gone.append(&mut state.sweep());
        let idle = state.idle.len();
        Occupancy {
            total: state.total,
            active: state.total - idle.min(state.total),
            idle,
            waiting: state.waiters.len(),
        }
    }

    /// To be told when a call is answered before its turn. It may be waiting here; those that are gone are taken out of
    /// the queue when they may be half of it, so that leaving costs the same however long the queue is.
    pub fn one_left(&self) {
        // Declared first, so that what is in it is dropped without the lock.
        let mut gone = Vec::new();
        let mut state = self.lock();
        state.left += 1;
        if state.left * 2 >= state.waiters.len() {
            gone.append(&mut state.sweep());
        }
    }

    /// Starts a task on a thread that has time for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.workers.handle(self.workers.calm()).spawn(task)
    }

    /// Lets nobody in any more, and refuses those who wait. Connections stay as they are.
    pub fn shut(&self) {
        let waiters = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiters)
        };
        for waiter in waiters {
            match waiter.claim {
                // Dropping the sender refuses the task.
                Claim::Task(task) => drop(task),
                Claim::Call(passenger) => refuse(passenger, closed()),
            }
        }
    }

    /// Closes the pool: waiters are refused, idle connections go now, lent ones when they come back. Returns when
    /// all are gone or `drain` has passed; whether all were gone is the answer.
    pub async fn close(self: &Arc<Pool>, drain: Duration) -> bool {
        self.shut();
        let idle = std::mem::take(&mut self.lock().idle);
        for idle in idle {
            self.retire(idle.connection, CloseReason::Closed);
        }
        let deadline = Instant::now() + drain;
        loop {
            let changed = self.changed.notified();
            if self.lock().total == 0 {
                return true;
            }
            if timeout_at(deadline, changed).await.is_err() {
                return self.lock().total == 0;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The sections under the lock do not panic; were one to, the counts would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue_full(&self, state: &State, what: &str) -> Error {
        Error::new(
            Kind::QueueFull,
            format!("{what} ({})", self.describe(state)),
        )
    }

    fn acquire_timeout(&self, started: Instant) -> Error {
        let state = self.lock();
        let mut message = format!(
            "no connection became free within {} ms (acquireTimeoutMs {}; {})",
            started.elapsed().as_millis(),
            self.config.acquire_timeout_ms,
            self.describe(&state)
        );
        if let Some(error) = &state.last_connect_error {
            message.push_str("; the last attempt to connect failed: ");
            message.push_str(error);
        }
        Error::new(Kind::PoolTimeout, message)
    }

    fn describe(&self, state: &State) -> String {
        let idle = state.idle.len();
        format!(
            "active {}, idle {idle}, waiting {}, limit {}",
            state.total.saturating_sub(idle),
            state.waiters.len(),
            self.config.connection_limit
        )
    }
}

fn closed() -> Error {
    Error::new(
        Kind::PoolClosed,
        "the pool is closed; create a new one to run queries",
    )
}
