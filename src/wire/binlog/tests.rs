use tokio::{io::AsyncWriteExt, net::UnixStream};

use super::{
    super::stream::Stream,
    event::tests::{description, event, query, table_map},
    *,
};

/// A follower whose server is the other end of a socket.
fn follow() -> (Binlog, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let binlog = Binlog {
        packets: Packets::new(Stream::Unix(ours), 1000),
        format: Format::default(),
        group: Group::default(),
        id: 1,
        deadline: Instant::now() + SILENCE,
        put_off: false,
    };
    (binlog, theirs)
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    [&length[..3], &[sequence], body].concat()
}

fn stream(events: &[Vec<u8>]) -> Vec<u8> {
    let packets = events
        .iter()
        .enumerate()
        .map(|(index, event)| packet(index as u8, &[&[0], &event[..]].concat()));
    packets.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn changes_come_in_the_order_of_the_log() {
    let (mut binlog, mut server) = follow();
    let events = [
        event(4, b"\x04\0\0\0\0\0\0\0log.000001", true),
        description(1),
        event(2, &query("", "BEGIN"), true),
        event(19, &table_map(3, "shop", "stock"), true),
        event(30, &[3, 0, 0, 0, 0, 0, 1, 0, 2, 0, 9, 9], true),
        event(27, b"log.000001", true),
        event(16, &[0; 8], true),
    ];
    server.write_all(&stream(&events)).await.expect("sent");
    let (schema, table) = ("shop".to_owned(), "stock".to_owned());
    for expected in [Change::Table { schema, table }, Change::Committed] {
        assert_eq!(binlog.next().await.expect("a change"), expected);
    }
    drop(server);
    let error = binlog.next().await.expect_err("the end of the stream");
    assert_eq!(error.kind(), Kind::ConnectionLost);
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_nothing() {
    let (mut binlog, mut server) = follow();
    let sent = stream(&[
        description(1),
        event(2, &query("shop", "DROP TABLE t"), true),
    ]);
    let mut told = Vec::new();
    for byte in sent {
        server.write_all(&[byte]).await.expect("our side reads");
        tokio::select! {
            biased;
            change = binlog.next() => told.push(change.expect("a change")),
            () = tokio::task::yield_now() => {}
        }
    }
    told.push(binlog.next().await.expect("a change"));
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], Change::Committed);
}

#[tokio::test]
async fn a_silent_server_is_noticed_however_often_the_wait_is_dropped() {
    let (mut binlog, _server) = follow();
    let began = Instant::now();
    binlog.deadline = began + GRACE;
    let error = loop {
        tokio::select! {
            change = binlog.next() => break change.expect_err("silence"),
            () = tokio::time::sleep(GRACE / 10) => {}
        }
    };
    assert_eq!(error.kind(), Kind::ConnectionLost);
    assert!(began.elapsed() >= GRACE && began.elapsed() < SILENCE);
}

#[tokio::test]
async fn a_reader_that_comes_back_late_finds_what_has_arrived() {
    let (mut binlog, mut server) = follow();
    binlog.deadline = Instant::now();
    let events = [
        description(0),
        event(2, &query("shop", "DROP TABLE t"), false),
    ];
    server.write_all(&stream(&events)).await.expect("sent");
    assert!(matches!(binlog.next().await, Ok(Change::Statement { .. })));
}

#[tokio::test]
async fn what_is_no_event_is_an_error() {
    for (body, kind) in [
        (&b"\xFF\x04\x14#HY000no such file"[..], None),
        (b"\xFE\0\0\x02\0", Some(Kind::ConnectionLost)),
        (b"\x01\0", Some(Kind::Protocol)),
        (b"", Some(Kind::Protocol)),
        (b"\0", Some(Kind::Protocol)),
    ] {
        let (mut binlog, mut server) = follow();
        server.write_all(&packet(0, body)).await.expect("sent");
        let error = binlog.next().await.expect_err("an error");
        match kind {
            Some(kind) => assert_eq!(error.kind(), kind),
            None => assert_eq!(error.errno(), Some(5124)),
        }
    }
}
