//! The pool against a real server: who gets a connection when, and in what state connections come back.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hegar_native::{
    error::{Error, Kind},
    metrics::Metrics,
    pool::{Lease, Pool},
    wire::Connection,
};
use serde_json::{Value as Json, json};
use support::{Owned, config, one, run, text};
use tokio::net::TcpListener;

/// Longer than anything here takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(10);

fn pool(changes: Json) -> Arc<Pool> {
    Pool::new(Arc::new(config(changes)), Arc::new(Metrics::new()))
}

/// Waits until `condition` holds, and fails when it does not come true.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition().await {
        assert!(
            Instant::now() < deadline,
            "{what} did not come true within {LONG:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A database of its own makes the connections of a test countable.
async fn database(name: &str) -> (Connection, String) {
    let name = format!("pool_{name}_{}", std::process::id());
    let mut admin = Connection::open(&config(json!({})))
        .await
        .expect("a connection");
    run(&mut admin, &format!("CREATE OR REPLACE DATABASE {name}"))
        .await
        .expect("created");
    (admin, name)
}

async fn drop_database(mut admin: Connection, name: &str) {
    run(&mut admin, &format!("DROP DATABASE {name}"))
        .await
        .expect("dropped");
}

async fn sessions(admin: &mut Connection, database: &str) -> i64 {
    let sql =
        format!("SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{database}'");
    match one(admin, &sql).await {
        Owned::Int(count) => count,
        other => panic!("no count but {other:?}"),
    }
}

fn refused(result: Result<Lease, Error>) -> Error {
    result.err().expect("no connection")
}

/// A port that accepts connections and never says a word.
async fn silent_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

#[tokio::test]
async fn waiters_are_served_in_the_order_in_which_they_came() {
    let pool = pool(json!({"connectionLimit": 1}));
    let held = pool.acquire().await.expect("the only connection");
    let served = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..20 {
        let (own, served) = (pool.clone(), served.clone());
        tasks.push(tokio::spawn(async move {
            let lease = own.acquire().await.expect("its turn comes");
            served.lock().expect("no panic").push(number);
            lease.release(false).await;
        }));
        until("the waiter stands in the queue", async || {
            pool.occupancy().waiting == number + 1
        })
        .await;
    }
    held.release(false).await;
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!(
        *served.lock().expect("no panic"),
        (0..20).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_never_sees_more_connections_than_the_limit() {
    let (mut admin, name) = database("limit").await;
    let pool = pool(json!({"connectionLimit": 4, "database": name}));
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..40 {
        let (pool, done) = (pool.clone(), done.clone());
        tokio::spawn(async move {
            let mut lease = pool.acquire().await.expect("a connection");
            run(lease.connection(), "SELECT SLEEP(0.02)")
                .await
                .expect("slept");
            lease.release(false).await;
            done.fetch_add(1, Ordering::Relaxed);
        });
    }
    let mut most = 0;
    until("all forty are done", async || {
        most = most.max(sessions(&mut admin, &name).await);
        done.load(Ordering::Relaxed) == 40
    })
    .await;
    assert_eq!(most, 4);
    assert!(pool.close(LONG).await);
    drop_database(admin, &name).await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_what_the_pool_holds() {
    let pool = pool(json!({"connectionLimit": 1, "queueLimit": 2}));
    let held = pool.acquire().await.expect("the only connection");
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn({
                let pool = pool.clone();
                async move { pool.acquire().await }
            })
        })
        .collect();
    until("two wait", async || pool.occupancy().waiting == 2).await;
    let started = Instant::now();
    let error = refused(pool.acquire().await);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(error.kind(), Kind::QueueFull);
    assert!(
        error
            .message()
            .contains("active 1, idle 0, waiting 2, limit 1"),
        "{error}"
    );
    held.release(false).await;
    for task in waiting {
        task.await
            .expect("no panic")
            .expect("the queue moves on")
            .release(false)
            .await;
    }
}

#[tokio::test]
async fn without_waiting_a_busy_pool_refuses_at_once() {
    let pool = pool(json!({"connectionLimit": 1, "waitForConnections": false}));
    let held = pool.acquire().await.expect("the only connection");
    let error = refused(pool.acquire().await);
    assert_eq!(error.kind(), Kind::QueueFull);
    assert!(error.message().contains("waitForConnections"), "{error}");
    held.release(false).await;
    pool.acquire()
        .await
        .expect("it is free again")
        .release(false)
        .await;
}

#[tokio::test]
async fn the_acquire_deadline_holds_and_its_error_tells_what_the_pool_holds() {
    let pool = pool(json!({"connectionLimit": 2, "acquireTimeoutMs": 150}));
    let held = [
        pool.acquire().await.expect("one"),
        pool.acquire().await.expect("two"),
    ];
    let started = Instant::now();
    let (a, b) = tokio::join!(pool.acquire(), pool.acquire());
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_secs(2),
        "{took:?}"
    );
    for error in [refused(a), refused(b)] {
        assert_eq!(error.kind(), Kind::PoolTimeout);
        let message = error.message();
        assert!(
            message.contains("acquireTimeoutMs 150")
                && message.contains("active 2, idle 0, waiting"),
            "{message}"
        );
        assert!(
            message.contains("limit 2") && !message.contains("failed"),
            "{message}"
        );
    }
    assert_eq!(pool.occupancy().waiting, 0);
    for lease in held {
        lease.release(false).await;
    }
    pool.acquire()
        .await
        .expect("the pool works on")
        .release(false)
        .await;
}

#[tokio::test]
async fn a_server_that_never_greets_costs_a_caller_the_connect_deadline_and_no_more() {
    let (_listener, port) = silent_port().await;
    let pool = pool(json!({"host": "127.0.0.1", "port": port, "connectTimeoutMs": 150}));
    let started = Instant::now();
    let error = refused(pool.acquire().await);
    let took = started.elapsed();
    assert_eq!(error.kind(), Kind::ConnectTimeout);
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_secs(2),
        "{took:?}"
    );
    assert!(
        error
            .message()
            .contains(&format!("127.0.0.1:{port} within 150 ms")),
        "{error}"
    );
    assert_eq!(pool.occupancy().total, 0);
}

#[tokio::test]
async fn the_acquire_deadline_bounds_connecting_too_and_the_message_does_not_grow() {
    let (_listener, port) = silent_port().await;
    let changes =
        json!({"host": "127.0.0.1", "port": port, "connectionLimit": 1, "acquireTimeoutMs": 60});
    let pool = pool(changes);
    let mut lengths = Vec::new();
    for _ in 0..5 {
        // The second caller waits for the slot that the first one tries to fill.
        let (first, second) = tokio::join!(pool.acquire(), pool.acquire());
        for error in [refused(first), refused(second)] {
            assert_eq!(error.kind(), Kind::PoolTimeout);
            lengths.push(error.message().len());
        }
    }
    let error = refused(pool.acquire().await);
    assert!(
        error
            .message()
            .contains("the last attempt to connect failed: no session with 127.0.0.1:"),
        "{error}"
    );
    assert_eq!(
        error.message().matches("no connection became free").count(),
        1,
        "{error}"
    );
    let (first, last) = (lengths[2], lengths[lengths.len() - 1]);
    assert!(last < first + 40, "messages grow: {lengths:?}");
    assert_eq!(pool.occupancy().total, 0);
}

#[tokio::test]
async fn a_waiter_dropped_with_a_connection_already_granted_gives_it_back() {
    let pool = pool(json!({"connectionLimit": 1, "acquireTimeoutMs": 500}));
    let held = pool.acquire().await.expect("the only connection");
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).await.is_none(), "it waits");
    assert_eq!(pool.occupancy().waiting, 1);
    held.release(false).await;
    // Granted and never looked at.
    drop(waiter);
    assert_eq!(pool.occupancy().idle, 1);
    pool.acquire()
        .await
        .expect("nothing leaked")
        .release(false)
        .await;
}

#[tokio::test]
async fn a_waiter_dropped_with_a_free_slot_already_granted_gives_it_back() {
    let pool = pool(json!({"connectionLimit": 1, "acquireTimeoutMs": 500}));
    let held = pool.acquire().await.expect("the only connection");
    let mut waiter = Box::pin(pool.acquire());
    assert!(poll_once(&mut waiter).await.is_none(), "it waits");
    held.discard(hegar_native::metrics::CloseReason::Error);
    drop(waiter);
    until("the slot is free", async || pool.occupancy().total == 0).await;
    pool.acquire()
        .await
        .expect("nothing leaked")
        .release(false)
        .await;
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_and_fifty_thousand_acquisitions_some_dropped_leave_the_counts_exact() {
    let (mut admin, name) = database("load").await;
    let pool = pool(json!({"connectionLimit": 5, "database": name, "maxIdle": 5}));
    let (served, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for caller in 0..50u32 {
        let (pool, served, dropped) = (pool.clone(), served.clone(), dropped.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..1000u32 {
                // One in five loses patience after a few turns, at whatever point it is then.
                let turns = (caller + round) % 5;
                let patience = (round.wrapping_mul(2_654_435_761) >> 28).min(6);
                let lease = tokio::select! {
                    biased;
                    () = give_up(turns == 0, patience) => None,
                    lease = pool.acquire() => Some(lease.expect("the deadline is far")),
                };
                match lease {
                    Some(lease) if round == 500 => drop(lease),
                    Some(lease) => lease.release(false).await,
                    None => {
                        dropped.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                }
                served.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let (served, dropped) = (
        served.load(Ordering::Relaxed),
        dropped.load(Ordering::Relaxed),
    );
    assert_eq!(served + dropped, 50_000);
    assert!(
        dropped > 1000,
        "only {dropped} were dropped, which tests little"
    );
    let held = pool.occupancy();
    assert_eq!(
        (held.active, held.waiting, held.total),
        (0, 0, held.idle),
        "{held:?}"
    );
    assert!((1..=5).contains(&held.total), "{held:?}");
    let leases = in_turn((0..5).map(|_| pool.acquire()).collect()).await;
    assert_eq!(pool.occupancy().active, 5, "all five can be lent");
    for lease in leases {
        lease.expect("a connection").release(false).await;
    }
    until("the server holds what the pool holds", async || {
        sessions(&mut admin, &name).await == 5
    })
    .await;
    assert!(pool.close(LONG).await);
    drop_database(admin, &name).await;
}

async fn give_up(ever: bool, turns: u32) {
    if !ever {
        std::future::pending::<()>().await;
    }
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

async fn in_turn<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs = Vec::new();
    for future in futures {
        outputs.push(future.await);
    }
    outputs
}

#[tokio::test]
async fn connections_idle_for_too_long_are_closed() {
    let (mut admin, name) = database("idle").await;
    let pool = pool(json!({"idleTimeoutMs": 2000, "database": name}));
    let leases = in_turn((0..3).map(|_| pool.acquire()).collect()).await;
    for lease in leases {
        lease.expect("a connection").release(false).await;
    }
    assert_eq!(pool.occupancy().idle, 3);
    until("the pool is empty", async || pool.occupancy().total == 0).await;
    until("the server agrees", async || {
        sessions(&mut admin, &name).await == 0
    })
    .await;
    drop_database(admin, &name).await;
}

#[tokio::test]
async fn more_idle_connections_than_wanted_are_closed_soon() {
    let pool = pool(json!({"idleTimeoutMs": 400, "maxLifetimeMs": 0, "maxIdle": 1}));
    let leases = in_turn((0..3).map(|_| pool.acquire()).collect()).await;
    for lease in leases {
        lease.expect("a connection").release(false).await;
    }
    until("one is left", async || pool.occupancy().total == 1).await;
}

#[tokio::test]
async fn a_connection_past_its_lifetime_is_closed_idle_or_when_it_comes_back() {
    let pool = pool(json!({"maxLifetimeMs": 200}));
    let mut lent = pool.acquire().await.expect("a connection");
    pool.acquire().await.expect("another").release(false).await;
    until("the idle one is closed", async || {
        pool.occupancy().total == 1
    })
    .await;
    until("the lent one is old too", async || {
        run(lent.connection(), "SELECT 1")
            .await
            .expect("it works while it is lent");
        pool.occupancy().total == 1
    })
    .await;
    lent.release(false).await;
    until("the lent one is closed", async || {
        pool.occupancy().total == 0
    })
    .await;
}

#[tokio::test]
async fn a_connection_killed_while_idle_is_replaced_before_it_is_lent() {
    let pool = pool(json!({"validateAfterIdleMs": 0}));
    let mut lease = pool.acquire().await.expect("a connection");
    let id = lease.connection().id();
    lease.release(false).await;
    let mut admin = Connection::open(&config(json!({})))
        .await
        .expect("a connection");
    run(&mut admin, &format!("KILL {id}"))
        .await
        .expect("killed");
    let gone = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    until("it is gone", async || {
        one(&mut admin, &gone).await == Owned::Int(0)
    })
    .await;
    lease = pool.acquire().await.expect("a connection");
    assert_ne!(lease.connection().id(), id);
    assert_eq!(
        one(lease.connection(), "SELECT 'works'").await,
        text("works")
    );
    lease.release(false).await;
    assert_eq!(pool.occupancy().total, 1);
}

#[tokio::test]
async fn an_open_transaction_is_rolled_back_before_the_connection_is_lent_again() {
    let (mut admin, name) = database("tx").await;
    run(
        &mut admin,
        &format!("CREATE TABLE {name}.t (a INT) ENGINE=InnoDB"),
    )
    .await
    .expect("created");
    let pool = pool(json!({"connectionLimit": 1, "database": name}));
    let mut lease = pool.acquire().await.expect("a connection");
    let id = lease.connection().id();
    run(lease.connection(), "BEGIN").await.expect("begun");
    run(lease.connection(), "INSERT INTO t VALUES (1)")
        .await
        .expect("inserted");
    lease.release(false).await;
    lease = pool.acquire().await.expect("a connection");
    assert_eq!(
        lease.connection().id(),
        id,
        "it was cleaned and not replaced"
    );
    assert!(!lease.connection().in_transaction());
    assert_eq!(
        one(lease.connection(), "SELECT COUNT(*) FROM t").await,
        Owned::Int(0)
    );
    assert_eq!(
        one(lease.connection(), "SELECT DATABASE()").await,
        text(&name)
    );
    lease.release(false).await;
    drop_database(admin, &name).await;
}

#[tokio::test]
async fn a_lease_dropped_in_the_middle_of_a_statement_ends_the_statement_on_the_server() {
    let pool = pool(json!({"connectionLimit": 1}));
    let mut lease = pool.acquire().await.expect("a connection");
    let id = lease.connection().id();
    let limit = Duration::from_millis(50);
    assert!(
        tokio::time::timeout(limit, run(lease.connection(), "SELECT SLEEP(30)"))
            .await
            .is_err()
    );
    drop(lease);
    let mut admin = Connection::open(&config(json!({})))
        .await
        .expect("a connection");
    let gone = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    until("the statement is gone", async || {
        one(&mut admin, &gone).await == Owned::Int(0)
    })
    .await;
    let mut lease = pool.acquire().await.expect("the slot is free");
    assert_ne!(lease.connection().id(), id);
    lease.release(false).await;
}

#[tokio::test]
async fn closing_refuses_waiters_lets_lent_connections_finish_and_ends_empty() {
    let pool = pool(json!({"connectionLimit": 2}));
    let mut lent = pool.acquire().await.expect("one");
    let second = pool.acquire().await.expect("two");
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await }
    });
    until("one waits", async || pool.occupancy().waiting == 1).await;
    second.release(false).await;
    waiter
        .await
        .expect("no panic")
        .expect("served")
        .release(false)
        .await;
    let closing = tokio::spawn({
        let pool = pool.clone();
        async move { pool.close(LONG).await }
    });
    until("it refuses", async || {
        pool.acquire()
            .await
            .is_err_and(|error| error.kind() == Kind::PoolClosed)
    })
    .await;
    assert_eq!(
        one(lent.connection(), "SELECT 'still'").await,
        text("still")
    );
    assert!(!closing.is_finished(), "a connection is still lent");
    lent.release(false).await;
    assert!(closing.await.expect("no panic"), "all were gone in time");
    assert_eq!(pool.occupancy().total, 0);
    assert!(
        pool.close(Duration::ZERO).await,
        "closing again is no error"
    );
}

#[tokio::test]
async fn closing_gives_up_at_its_deadline() {
    let pool = pool(json!({"connectionLimit": 1}));
    let lent = pool.acquire().await.expect("a connection");
    let waiter = tokio::spawn({
        let pool = pool.clone();
        async move { pool.acquire().await }
    });
    until("one waits", async || pool.occupancy().waiting == 1).await;
    assert!(
        !pool.close(Duration::from_millis(50)).await,
        "a connection was still lent"
    );
    assert_eq!(
        refused(waiter.await.expect("no panic")).kind(),
        Kind::PoolClosed
    );
    lent.release(false).await;
    until("it is closed", async || pool.occupancy().total == 0).await;
}
