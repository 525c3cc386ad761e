//! Passwords, TLS, sockets, databases, clusters and sentinels.

use serde_json::{Value as Json, json};

use crate::support::{Member, Server, marks, until, until_async};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_and_a_database_are_used_and_a_wrong_one_is_reported_without_it() {
    let server = Server::start(&["--requirepass", "hunter2"]);
    let member = server
        .member_with(json!({"password": "hunter2", "db": 3}))
        .await;
    member.put("product:7", b"seven").await;
    assert!(
        server
            .cli(&[
                "-a",
                "hunter2",
                "--no-auth-warning",
                "-n",
                "3",
                "keys",
                "*7"
            ])
            .contains("product:7")
    );
    let wrong = server.stranger(json!({"password": "hunter3"}));
    until("a reason", || wrong.redis.stats().last_error.is_some()).await;
    let stats = format!("{:?} {:?}", wrong.redis.stats(), wrong.redis);
    assert!(
        stats.contains("WRONGPASS") && !stats.contains("hunter"),
        "{stats}"
    );
    assert!(wrong.is_off("product:7").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_is_used() {
    let server = Server::start(&[]);
    let member = Member::start(&json!({"socketPath": server.about["socket"], "port": 1}));
    member.connected().await;
    member.put("product:7", b"seven").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_checks_the_certificate_and_the_name() {
    let server = Server::of(&json!({"action": "startTls", "args": []}));
    let tls = |ca: &Json, verify: bool, name: &str| {
        json!({"tls": {
            "ca": ca.as_str().map(|ca| [ca]), "verify": verify, "verifyIdentity": verify, "serverName": name,
        }})
    };
    let ca = &server.about["ca"];
    let member = server.member_with(tls(ca, true, "redis.test")).await;
    member.put("product:7", b"seven").await;
    let careless = server
        .member_with(tls(&Json::Null, false, "any.test"))
        .await;
    assert!(careless.is_hit("product:7").await);
    for refused in [
        tls(ca, true, "other.test"),
        tls(&Json::Null, true, "redis.test"),
        json!({}),
    ] {
        let stranger = server.stranger(refused);
        until("a reason", || stranger.redis.stats().last_error.is_some()).await;
        assert!(!stranger.redis.is_connected());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_holds_the_cache_on_one_node_and_tells_through_all() {
    let server = Server::of(&json!({"action": "startCluster"}));
    let nodes: Vec<Json> = server.about["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| json!({"host": "127.0.0.1", "port": node["port"]}))
        .collect();
    let first = Member::start(&json!({"cluster": {"nodes": &nodes[..1]}}));
    let last = Member::start(&json!({"cluster": {"nodes": &nodes[5..]}}));
    first.connected().await;
    last.connected().await;
    first.put("product:7", b"seven").await;
    assert!(last.is_hit("product:7").await);
    last.redis.bump(marks(&["t:products"]));
    until("the bump is heard", || first.has_heard("t:products")).await;
    assert!(!first.is_hit("product:7").await);
    first.put_in_time("product:8").await;

    // The slot moves to another server, which answers with what it has.
    let (slot, flushes) = (slot(&server), (first.flushes(), last.flushes()));
    let replica = replica_of(&server, slot);
    let said = server.servers.ask(&json!({
        "action": "cli", "server": replica, "args": ["cluster", "failover", "takeover"],
    }));
    assert_eq!(said["said"], "OK");
    until("another era", || {
        first.flushes() > flushes.0 && last.flushes() > flushes.1
    })
    .await;
    until_async("it is of use again", async || {
        first.put_in_time("product:9").await;
        last.is_hit("product:9").await
    })
    .await;
}

fn slot(server: &Server) -> u32 {
    let slot = server.cli(&["cluster", "keyslot", "{hegar}:"]);
    slot.parse().expect("a slot")
}

/// The place of the replica that has a slot.
fn replica_of(server: &Server, slot: u32) -> u64 {
    let has_slot = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.parse::<u32>(), last.parse::<u32>());
        matches!(bounds, (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    };
    let printed = server.cli(&["cluster", "nodes"]);
    let nodes: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split(' ').collect())
        .collect();
    let owner = nodes
        .iter()
        .find(|node| node[8..].iter().any(|range| has_slot(range)));
    let owner = owner.expect("an owner")[0];
    let replica = nodes
        .iter()
        .find(|node| node[3] == owner)
        .expect("a replica");
    let port = replica[1]
        .split(['@', ':'])
        .nth(1)
        .and_then(|port| port.parse::<u64>().ok());
    let all = server.about["nodes"].as_array().expect("nodes");
    let place = all.iter().find(|node| node["port"].as_u64() == port);
    place.expect("one of ours")["server"]
        .as_u64()
        .expect("a place")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_name_the_primary_also_after_a_failover() {
    let server = Server::of(&json!({"action": "startSentinel"}));
    let about = &server.about;
    let nodes: Vec<Json> = about["sentinels"]
        .as_array()
        .expect("sentinels")
        .iter()
        .map(|node| json!({"host": "127.0.0.1", "port": node["port"]}))
        .collect();
    let options = json!({"sentinel": {"name": about["name"], "nodes": nodes}});
    let (one, two) = (Member::start(&options), Member::start(&options));
    one.connected().await;
    two.connected().await;
    one.put("product:7", b"seven").await;
    let flushes = two.flushes();
    server.tell(
        "kill",
        about["primary"]["server"].as_u64().expect("a place"),
    );
    until("it is noticed", || {
        !one.redis.is_connected() && !two.redis.is_connected()
    })
    .await;
    one.redis.bump(marks(&["t:products"]));
    one.connected().await;
    two.connected().await;
    one.settled().await;
    assert!(two.flushes() > flushes);
    assert!(
        !two.is_hit("product:7").await,
        "the replica may have had it"
    );
    until_async("it is of use again", async || {
        one.put_in_time("product:8").await;
        two.is_hit("product:8").await
    })
    .await;
}
