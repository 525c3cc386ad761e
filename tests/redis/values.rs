//! What is stored, what is given, and what is refused.

use std::time::{Duration, Instant};

use hegar_native::cache::redis::{Lookup, Times};
use serde_json::json;

use crate::support::{MINUTE, Server, digest, marks, until_async};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_one_process_stored_is_a_hit_for_another() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    one.put("product:7", b"{\"id\":7}").await;
    let hit = two.hit("product:7").await;
    assert_eq!(&hit.value[..], b"{\"id\":7}");
    assert!(hit.fresh_for > Duration::from_secs(59) && hit.fresh_for <= Duration::from_secs(60));
    assert_eq!(hit.stale_for, Duration::ZERO);
    assert_eq!(hit.cost, Duration::from_millis(3));
    assert_eq!(two.redis.stats().hits, 1);
    assert_eq!(one.redis.stats().stores, 1);
    let ttl: i64 = server
        .cli(&["pttl", "{hegar}:product:7"])
        .parse()
        .expect("a number");
    assert!(ttl > 0, "no key lives for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_never_gives_the_value_of_another_statement() {
    let server = Server::start(&[]);
    let member = server.member().await;
    member.put("product:7", b"seven").await;
    let other = member
        .redis
        .lookup(
            "product:7",
            &digest("another"),
            &marks(&["t:products"]),
            true,
        )
        .await;
    assert!(matches!(other, Lookup::Lead(_)), "{other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_somebody_elses_is_a_miss_and_names_of_ours_are_not_for_values() {
    let server = Server::start(&[]);
    let member = server.member().await;
    server.cli(&["set", "{hegar}:product:7", "a string"]);
    member.put("product:7", b"seven").await;
    assert!(member.is_hit("product:7").await);
    for key in ["#epochs", "", &"k".repeat(2000)] {
        assert!(member.is_off(key).await, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_between_the_read_and_the_store_is_not_stored() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    // Without a write it is stored, or this test would show nothing.
    let fill = one.lead("product:7").await;
    assert!(one.store(fill, b"old").await);
    two.redis.bump(marks(&["t:products"]));
    two.settled().await;
    let fill = one.lead("product:7").await;
    two.redis.bump(marks(&["t:products"]));
    two.settled().await;
    assert!(!one.store(fill, b"old").await);
    assert!(!one.is_hit("product:7").await);
    assert_eq!(one.redis.stats().fenced, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_everything_or_on_another_mark_does_what_it_says() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    one.put("product:7", b"seven").await;
    two.redis.bump(marks(&["t:orders", "k:product:8"]));
    two.settled().await;
    assert!(one.is_hit("product:7").await);
    two.redis.bump(marks(&["*"]));
    two.settled().await;
    assert!(!one.is_hit("product:7").await);
    one.put("product:7", b"seven").await;
    two.redis.bump_everything();
    two.settled().await;
    assert!(!one.is_hit("product:7").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stored_while_a_write_is_in_progress() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let early = one.lead("early").await;
    let first = two.redis.begin(marks(&["t:products"]));
    let second = two.redis.begin(marks(&["t:products"]));
    two.settled().await;
    assert!(!one.store(early, b"old").await);
    assert!(one.is_off("late").await);
    first.end();
    two.settled().await;
    assert!(one.is_off("late").await, "the second is still running");
    second.end();
    two.settled().await;
    one.put("late", b"new").await;
    assert!(one.is_hit("late").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_does_not_use_what_it_wrote_before_redis_knows() {
    let server = Server::start(&[]);
    // The contact outlasts the pause, so that it is not its end that answers.
    let member = server.member_with(json!({"maxStalenessMs": 10_000})).await;
    member.put("product:7", b"old").await;
    server.cli(&["client", "pause", "1500", "all"]);
    let write = member.redis.begin(marks(&["t:products"]));
    let began = Instant::now();
    assert!(member.is_off("product:7").await);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "Redis was not asked"
    );
    write.end();
    assert!(member.is_off("product:7").await);
    member.settled().await;
    assert!(!member.is_hit("product:7").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_value_is_given_and_one_process_refreshes_it() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    let times = Times {
        fresh: Duration::from_millis(1),
        stale: Duration::from_secs(60),
        cost: Duration::ZERO,
    };
    let fill = one.lead("product:7").await;
    assert!(one.redis.store(fill, b"old", times).await);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut hit = one.hit("product:7").await;
    assert_eq!(
        (&hit.value[..], hit.fresh_for),
        (&b"old"[..], Duration::ZERO)
    );
    let lead = hit.lead.take().expect("the first refreshes it");
    let other = two.hit("product:7").await;
    assert!(other.lead.is_none(), "one at a time");
    assert!(one.store(lead, b"new").await);
    assert_eq!(&two.hit("product:7").await.value[..], b"new");
    let early = two
        .redis
        .refresh("product:7", &digest("product:7"), &marks(&["t:products"]))
        .await;
    assert!(
        matches!(early, Lookup::Lead(_)),
        "before it grows old: {early:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_are_compressed_and_a_hostile_size_is_no_value() {
    let server = Server::start(&[]);
    let member = server.member_with(json!({"maxValueBytes": 1 << 20})).await;
    let value = b"{\"id\":1,\"name\":\"chair\"},".repeat(10_000);
    member.put("products:list:1:20:", &value).await;
    assert_eq!(
        &member.hit("products:list:1:20:").await.value[..],
        &value[..]
    );
    let stats = member.redis.stats();
    assert!(stats.bytes_written < value.len() as u64 / 10, "{stats:?}");
    let binary: Vec<u8> = (0..=255u8).cycle().take(1000).collect();
    member.put("binary", &binary).await;
    assert_eq!(&member.hit("binary").await.value[..], &binary[..]);
    for payload in [
        "\\x02\\xff\\xff\\xff\\xff\\x10\\x10",
        "\\x02\\x00",
        "\\x09nothing of ours",
        "",
    ] {
        let hostile = format!("return redis.call('HSET', KEYS[1], 'value', '{payload}')");
        server.cli(&["eval", &hostile, "1", "{hegar}:products:list:1:20:"]);
        // Whoever finds it loads it anew.
        member.put("products:list:1:20:", &value).await;
        assert!(member.is_hit("products:list:1:20:").await, "{payload}");
    }
    let fill = member.lead("too large").await;
    assert!(
        !member
            .redis
            .store(fill, &vec![0; (1 << 20) + 1], MINUTE)
            .await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_marks_than_are_kept_begin_a_new_era() {
    let server = Server::start(&[]);
    let (one, two) = (server.member().await, server.member().await);
    one.put("product:7", b"seven").await;
    let fill = "for i = 1, 200001 do redis.call('HSET', KEYS[1], 'k:' .. i, 1) end";
    server.cli(&["eval", fill, "1", "{hegar}:#epochs"]);
    let running = two.redis.begin(marks(&["t:orders"]));
    two.settled().await;
    assert!(!one.is_hit("product:7").await);
    assert!(
        server
            .cli(&["hlen", "{hegar}:#epochs"])
            .parse::<u32>()
            .expect("a number")
            < 100
    );
    // The write that was running is told again, although the epochs were thrown away.
    until_async("the write is known again", async || {
        let (digest, orders) = (digest("order:1"), marks(&["t:orders"]));
        let order = one.redis.lookup("order:1", &digest, &orders, false);
        matches!(order.await, Lookup::Off)
    })
    .await;
    running.end();
}
