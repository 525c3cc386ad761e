//! A Redis that is away, hangs, forgets, refuses or is full.

use std::{
    cmp::Reverse,
    sync::Arc,
    time::{Duration, Instant},
};

use hegar_native::cache::redis::BreakerState;
use serde_json::{Value as Json, json};

use crate::support::{Server, digest, marks, until, until_async};

/// What a query may wait for Redis: the deadline of a command and what a loaded machine adds.
const LONGEST: Duration = Duration::from_millis(250);

/// The default, which the members of other tests have not. The contact outlasts the five commands that open the breaker,
/// so that it is their deadline that ends them.
fn deadline() -> Json {
    json!({"commandTimeoutMs": 100, "maxStalenessMs": 2500})
}

/// The machine may stop one query or two. Those that wait for Redis are five in a row, and the median of them counts.
fn assert_deadline(mut took: Vec<Duration>) {
    took.sort_by_key(|&took| Reverse(took));
    let slowest = &took[..took.len().min(5)];
    assert!(slowest[(slowest.len() - 1) / 2] < LONGEST, "{slowest:?}");
    assert!(slowest[0] < Duration::from_secs(3), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_everything_is_off_at_once_until_it_comes() {
    let server = Server::start(&[]);
    server.tell("kill", server.place);
    let member = server.stranger(json!({}));
    let began = Instant::now();
    for _ in 0..1000 {
        assert!(member.is_off("product:7").await);
    }
    // Far less than the deadline of a single one.
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(member.contact(), None);
    member.redis.bump(marks(&["t:products"]));
    server.tell("restart", server.place);
    member.connected().await;
    member.settled().await;
    member.put("product:7", b"seven").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_costs_a_few_queries_their_deadline_and_then_nothing() {
    let server = Server::start(&[]);
    let member = server.member_with(deadline()).await;
    member.put_in_time("product:7").await;
    server.pause();
    let hung = Instant::now();
    let before = member.redis.stats().timeouts;
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        assert!(member.is_off("product:7").await);
        took.push(began.elapsed());
    }
    assert_deadline(took);
    let waited = member.redis.stats().timeouts - before;
    assert!((1..=6).contains(&waited), "{waited}");
    let last = member.contact().expect("contact");
    assert!(last <= hung, "no contact after it hung");
    until("it is missed", || !member.redis.is_connected()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(member.contact(), Some(last));
    let flushes = member.flushes();
    server.resume();
    member.put_in_time("product:8").await;
    assert!(member.flushes() > flushes, "what was missed is unknown");
    assert!(member.contact() > Some(last));
    assert!(!member.is_hit("product:7").await, "another era");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_queries_at_once_do_not_wait_for_a_redis_that_hangs_longer_than_one() {
    const DEADLINE: Duration = Duration::from_millis(600);
    let server = Server::start(&[]);
    // The contact outlasts this deadline too.
    let options = json!({"commandTimeoutMs": 600, "maxStalenessMs": 5000});
    let member = server.member_with(options).await;
    server.pause();
    let began = Instant::now();
    let many = (0..500).map(|number| {
        let redis = member.redis.clone();
        tokio::spawn(async move {
            let key = format!("product:{number}");
            redis
                .lookup(&key, &digest(&key), &marks(&["t:products"]), true)
                .await
        })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.expect("no panic");
    }
    // One after the other, as many as open the breaker would wait.
    assert!(began.elapsed() < DEADLINE * 4, "{:?}", began.elapsed());
    server.resume();
    // Leases that were granted too late to be used are given back.
    member.put_in_time("product:1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_breaker_opens_for_slow_answers_and_closes_by_itself() {
    let server = Server::start(&[]);
    // Beats have time, queries have not.
    let options =
        json!({"commandTimeoutMs": 40, "maxStalenessMs": 4000, "breaker": {"openMs": 200}});
    let member = server.member_with(options).await;
    member.put_in_time("product:7").await;
    server.cli(&["client", "pause", "900", "all"]);
    until_async("it opens", async || {
        member.ask("product:7").await;
        member.redis.stats().breaker == BreakerState::Open
    })
    .await;
    // The quickest, since the machine may stop any of them.
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        assert!(member.is_off("product:7").await);
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(20), "{quickest:?}");
    until_async("it closes", async || member.is_hit("product:7").await).await;
    let stats = member.redis.stats();
    assert_eq!(
        (stats.breaker, stats.connects),
        (BreakerState::Closed, 1),
        "{stats:?}"
    );
    assert!(stats.breaker_opened >= 1 && stats.timeouts >= 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_the_same_port_is_another_era() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    one.put("product:7", b"seven").await;
    let flushes = two.flushes();
    server.tell("restart", server.place);
    until("both are back", || {
        one.redis.stats().connects > 1 && two.redis.stats().connects > 1
    })
    .await;
    assert!(two.flushes() > flushes);
    one.put_in_time("product:7").await;
    assert!(!two.redis.stats().last_error.expect("a reason").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_from_an_old_copy_does_not_bring_old_values_back() {
    let server = Server::start(&[]);
    let one = server.member().await;
    one.put("product:7", b"old").await;
    server.cli(&["save"]);
    one.redis.bump(marks(&["t:products"]));
    one.settled().await;
    one.redis.close().await;
    // Nobody of those who knew is there any more when it comes back with the copy.
    server.tell("kill", server.place);
    server.tell("restart", server.place);
    assert_eq!(
        server.cli(&["exists", "{hegar}:product:7"]),
        "1",
        "the copy is back"
    );
    let next = server.member().await;
    assert!(!next.is_hit("product:7").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushall_flushes_and_begins_another_era() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let running = one.redis.begin(marks(&["t:orders"]));
    one.settled().await;
    let fill = two.lead("product:7").await;
    let era = server.cli(&["hget", "{hegar}:#epochs", "#era"]);
    let flushes = (one.flushes(), two.flushes());
    server.cli(&["flushall"]);
    until("flushes", || {
        one.flushes() > flushes.0 && two.flushes() > flushes.1
    })
    .await;
    assert_ne!(server.cli(&["hget", "{hegar}:#epochs", "#era"]), era);
    assert!(!two.store(fill, b"old").await);
    two.put_in_time("product:7").await;
    until("the running write is known again", || {
        server.cli(&["hexists", "{hegar}:#epochs", "!t:orders"]) == "1"
    })
    .await;
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_were_flushed_are_sent_again() {
    let server = Server::start(&[]);
    let member = server.member().await;
    member.put("product:7", b"seven").await;
    for _ in 0..3 {
        server.cli(&["script", "flush"]);
        assert!(member.is_hit("product:7").await);
        member.redis.bump(marks(&["t:orders"]));
        member.settled().await;
    }
    assert_eq!(member.redis.stats().connects, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_takes_no_values_and_still_takes_bumps() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let member = server.member().await;
    member.put("product:7", b"seven").await;
    member.put("order:1", b"one").await;
    let fill = member.lead("product:8").await;
    server.cli(&["config", "set", "maxmemory", "1mb"]);
    assert!(!member.store(fill, b"eight").await);
    assert!(member.is_off("product:9").await, "no sense in a lease");
    assert!(member.is_hit("product:7").await, "what it has is good");
    let stats = member.redis.stats();
    assert!(
        stats
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains("OOM")),
        "{stats:?}"
    );
    member.redis.bump(marks(&["t:products"]));
    member.settled().await;
    assert!(!member.is_hit("product:7").await);
    let before = member.contact();
    until("contact goes on", || member.contact() > before).await;
    server.cli(&["config", "set", "maxmemory", "0"]);
    member.put_in_time("product:8").await;
    assert_eq!(member.redis.stats().connects, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_not_used_until_it_can_be_written() {
    let server = Server::start(&[]);
    let member = server.member().await;
    member.put("product:7", b"seven").await;
    server.cli(&["replicaof", "127.0.0.1", "1"]);
    until("it lets go", || !member.redis.is_connected()).await;
    assert!(member.is_off("product:7").await);
    server.cli(&["replicaof", "no", "one"]);
    member.connected().await;
    member.put_in_time("product:8").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_killed_come_back_and_none_is_left_behind() {
    let server = Server::start(&[]);
    let member = server.member().await;
    for round in 2..6 {
        server.cli(&[
            "client",
            "kill",
            "type",
            if round % 2 == 0 { "normal" } else { "pubsub" },
        ]);
        until("it is back", || member.redis.stats().connects >= round).await;
    }
    until("two connections and that of the question", || {
        server.cli(&["client", "list"]).lines().count() == 3
    })
    .await;
    member.redis.close().await;
    until("none is left", || {
        server.cli(&["client", "list"]).lines().count() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_marks_that_could_not_be_told_become_everything() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    two.put("product:7", b"seven").await;
    server.cli(&["client", "pause", "200", "all"]);
    for number in 0..20_000 {
        one.redis.bump(vec![format!("k:{number}").into()]);
    }
    assert!(one.redis.stats().bumps_waiting <= 10_000);
    one.settled().await;
    until_async("it is gone", async || !two.is_hit("product:7").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_script_of_somebody_else_costs_no_query_more_than_its_deadline() {
    let server = Arc::new(Server::start(&[]));
    let member = server.member_with(deadline()).await;
    member.put_in_time("product:7").await;
    let slow = server.clone();
    let script = tokio::task::spawn_blocking(move || {
        slow.cli(&["eval", "local i = 0 while i < 3e7 do i = i + 1 end", "0"])
    });
    let (mut off, mut took) = (0, Vec::new());
    while !script.is_finished() {
        let began = Instant::now();
        off += usize::from(member.is_off("product:7").await);
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_deadline(took);
    assert!(off > 0, "it was slow");
    member.put_in_time("product:7").await;
}
