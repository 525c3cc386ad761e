//! Who loads, who waits, and who is told.

use std::time::{Duration, Instant};

use hegar_native::cache::redis::{Lookup, Wait};
use serde_json::json;

use crate::support::{Member, Server, marks, until};

async fn wait(member: &Member, key: &str) -> Wait {
    match member.ask(key).await {
        Lookup::Wait(wait) => wait,
        other => panic!("expected to wait: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_loads_and_the_other_is_woken() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let fill = one.lead("product:7").await;
    let waiting = wait(&two, "product:7").await;
    assert!(waiting.left <= Duration::from_secs(3));
    let began = Instant::now();
    let ((), stored) = tokio::join!(two.redis.woken(&waiting), one.store(fill, b"seven"));
    // Less than the lease, by which it would be woken in any case.
    assert!(stored && began.elapsed() < Duration::from_millis(1500));
    assert_eq!(&two.hit("product:7").await.value[..], b"seven");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_woken_when_the_leader_gives_up_or_was_fenced() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let fill = one.lead("product:7").await;
    let waiting = wait(&two, "product:7").await;
    let began = Instant::now();
    one.redis.abandon(fill);
    two.redis.woken(&waiting).await;
    let fill = two.lead("product:7").await;
    let waiting = wait(&one, "product:7").await;
    one.redis.bump(marks(&["t:products"]));
    one.settled().await;
    assert!(!two.store(fill, b"old").await);
    one.redis.woken(&waiting).await;
    one.lead("product:7").await;
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_of_a_process_that_died_ends_by_itself_and_of_one_that_lives_does_not() {
    let server = Server::start(&[]);
    let lease = json!({"leaseMs": 3000});
    let (one, two) = (
        server.member_with(lease.clone()).await,
        server.member_with(lease.clone()).await,
    );
    let slow = one.lead("slow").await;
    let died = server.member_with(lease).await;
    let fill = died.lead("product:7").await;
    let waiting = wait(&two, "product:7").await;
    // Gone without a word.
    drop(died);
    drop(fill);
    let began = Instant::now();
    two.redis.woken(&waiting).await;
    assert!(
        began.elapsed() > Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    two.lead("product:7").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    wait(&two, "slow").await;
    drop(slow);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_given_back_while_redis_hangs_keeps_nobody_waiting_behind_it() {
    let server = Server::start(&[]);
    let lease = json!({"leaseMs": 20_000});
    let (one, two) = (
        server.member_with(lease.clone()).await,
        server.member_with(lease).await,
    );
    let fill = one.lead("product:7").await;
    server.pause();
    until("it is missed", || !one.redis.is_connected()).await;
    one.redis.abandon(fill);
    server.resume();
    one.connected().await;
    two.connected().await;
    let began = Instant::now();
    while !matches!(two.ask("product:7").await, Lookup::Lead(_)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "still held");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_writes_the_others_are_told_and_itself_is_not() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let flushes = two.flushes();
    one.redis
        .bump(marks(&["t:products", "g:home", "p:ключ \"\\"]));
    for mark in ["t:products", "g:home", "p:ключ \"\\"] {
        until(mark, || two.has_heard(mark)).await;
    }
    one.settled().await;
    assert!(!one.has_heard("t:products"));
    assert_eq!(two.flushes(), flushes);
    let before = two.contact().expect("contact");
    until("contact goes on", || two.contact() > Some(before)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_missing_flushes() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let flushes = two.flushes();
    // As if a message had been published and lost.
    server.cli(&["hincrby", "{hegar}:#epochs", "#seq", "1"]);
    one.redis.bump(marks(&["t:products"]));
    until("a flush", || two.flushes() > flushes).await;
    server.cli(&["publish", "{hegar}:#bus", "nonsense"]);
    server.cli(&["publish", "{hegar}:#bus", "{\"era\":1}"]);
    server.cli(&["publish", "{hegar}:#wake", "nonsense"]);
    let before = two.contact();
    until("contact goes on", || two.contact() > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_loss_of_the_last_message_is_found_by_the_next_beat() {
    let server = Server::start(&[]);
    let member = server.member().await;
    let flushes = member.flushes();
    server.cli(&["hincrby", "{hegar}:#epochs", "#seq", "1"]);
    until("a flush", || member.flushes() > flushes).await;
    member.put_in_time("product:7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_killed_makes_the_others_move_and_one_that_left_does_not() {
    let server = Server::start(&[]);
    // A second of silence is a death, so that a machine that stops for less kills nobody.
    let options = json!({"maxStalenessMs": 2500, "forgetMemberMs": 6000});
    let one = server.member_with(options.clone()).await;
    let left = server.member_with(options.clone()).await;
    let write = left.redis.begin(marks(&["t:products"]));
    write.end();
    left.redis.close().await;
    assert!(left.is_off("product:7").await, "closed");
    until("what was left to tell is heard", || {
        one.has_heard("t:products")
    })
    .await;
    let flushes = one.flushes();
    one.put("product:7", b"seven").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(one.is_hit("product:7").await);
    assert_eq!(one.flushes(), flushes);

    let killed = server.member_with(options).await;
    let died = Instant::now();
    drop(killed);
    until("a new era", || one.flushes() > flushes).await;
    assert!(
        died.elapsed() < Duration::from_secs(3),
        "{:?}",
        died.elapsed()
    );
    until("another one", || one.flushes() > flushes + 2).await;
    assert!(!one.is_hit("product:7").await);
    // Short lives meanwhile, and not for ever.
    one.put_in_time("product:7").await;
    tokio::time::sleep(Duration::from_secs(8).saturating_sub(died.elapsed())).await;
    let flushes = one.flushes();
    one.put_in_time("product:7").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(one.flushes(), flushes);
    assert!(one.is_hit("product:7").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_a_process_that_was_killed_does_not_block_for_ever() {
    let server = Server::start(&[]);
    let one = server.member_with(json!({"forgetMemberMs": 500})).await;
    let killed = server.member_with(json!({"forgetMemberMs": 500})).await;
    let write = killed.redis.begin(marks(&["t:products"]));
    killed.settled().await;
    drop(killed);
    // A process that is gone ends nothing.
    std::mem::forget(write);
    assert!(one.is_off("product:7").await);
    // A minute later, which is too long for a test.
    let pending = server.cli(&["hget", "{hegar}:#epochs", "!t:products"]);
    let (writer, _) = pending.split_once('=').expect("a deadline");
    server.cli(&[
        "hset",
        "{hegar}:#epochs",
        "!t:products",
        &format!("{writer}=1000,"),
    ]);
    one.put_in_time("product:7").await;
    one.redis.bump(marks(&["t:products"]));
    one.settled().await;
    assert_eq!(
        server.cli(&["hexists", "{hegar}:#epochs", "!t:products"]),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_were_evicted_may_have_been_silent() {
    let server = Server::start(&[]);
    let one = server.member().await;
    let flushes = one.flushes();
    server.cli(&["del", "{hegar}:#members"]);
    until("a new era", || one.flushes() > flushes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_went_back_hides_no_silent_member() {
    let server = Server::start(&[]);
    let one = server.member_with(json!({"forgetMemberMs": 1500})).await;
    let flushes = one.flushes();
    server.cli(&["zadd", "{hegar}:#members", "9000000000000", "future"]);
    server.cli(&["hset", "{hegar}:#epochs", "#moved", "9000000000000"]);
    until("eras move", || one.flushes() > flushes + 2).await;
    until("it is forgotten", || {
        server
            .cli(&["zscore", "{hegar}:#members", "future"])
            .is_empty()
    })
    .await;
    assert_eq!(server.cli(&["zscore", "{hegar}:#members", "~"]), "inf");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_panics_costs_the_contact_and_not_the_process() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    one.redis.bump(marks(&["panic"]));
    until("contact is made anew", || two.redis.stats().connects == 2).await;
    two.put_in_time("product:7").await;
}
