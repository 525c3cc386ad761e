use tokio::io::AsyncWriteExt;

use super::super::tests::{frame, frames, pair, pattern};
use super::*;

const HEAD: usize = 100;

async fn next_head(packets: &mut Packets) -> Result<(Vec<u8>, bool)> {
    loop {
        if let Some(Head { body, whole }) = packets.try_head(HEAD)? {
            return Ok((packets.body(&body).to_vec(), whole));
        }
        packets.fill().await?;
    }
}

#[tokio::test]
async fn the_head_of_a_packet_of_several_frames_takes_no_more_memory_than_a_read() {
    // No limit on packets applies: far less than is sent.
    let (mut packets, mut server) = pair(1000);
    let long = pattern(2 * MAX_FRAME + 5);
    let sent = [frames(&long), frame(3, b"next")].concat();
    let sender = tokio::spawn(async move { server.write_all(&sent).await });
    let head = next_head(&mut packets).await.expect("the head");
    assert_eq!(head, (pattern(HEAD), false));
    let next = next_head(&mut packets).await.expect("the next packet");
    assert_eq!(next, (b"next".to_vec(), true));
    assert!(packets.received.capacity() < 1024 * 1024);
    sender.await.expect("sent").expect("all of it");
}

#[tokio::test]
async fn a_packet_that_ends_with_a_full_frame_is_followed_by_an_empty_one() {
    let (mut packets, mut server) = pair(1000);
    let sent = [frames(&pattern(MAX_FRAME)), frame(2, b"next")].concat();
    let sender = tokio::spawn(async move { server.write_all(&sent).await });
    assert!(!next_head(&mut packets).await.expect("the head").1);
    let next = next_head(&mut packets).await.expect("the next packet");
    assert_eq!(next, (b"next".to_vec(), true));
    sender.await.expect("sent").expect("all of it");
}

#[tokio::test]
async fn heads_that_arrive_one_byte_at_a_time_are_read_in_their_order() {
    let (mut packets, mut server) = pair(1000);
    let bodies = [pattern(HEAD - 1), pattern(HEAD), pattern(HEAD + 1), vec![]];
    let mut sent = Vec::new();
    for (sequence, body) in bodies.iter().enumerate() {
        sent.extend(frame(sequence as u8, body));
    }
    let sender = tokio::spawn(async move {
        for byte in sent {
            server.write_all(&[byte]).await.expect("our side reads");
            tokio::task::yield_now().await;
        }
        server
    });
    for body in bodies {
        let (head, whole) = next_head(&mut packets).await.expect("a head");
        assert_eq!(head, body[..body.len().min(HEAD)]);
        assert_eq!(whole, body.len() <= HEAD);
    }
    drop(sender.await.expect("sent"));
}

#[tokio::test]
async fn frames_out_of_order_are_noticed_among_those_that_are_dropped() {
    let (mut packets, mut server) = pair(1000);
    let mut sent = frame(0, &pattern(MAX_FRAME));
    sent.extend(frame(5, b"rest"));
    let sender = tokio::spawn(async move {
        let _ = server.write_all(&sent).await;
        server
    });
    assert!(!next_head(&mut packets).await.expect("the head").1);
    let error = next_head(&mut packets).await.expect_err("out of order");
    assert!(error.message().contains("out of order"), "{error}");
    drop(sender.await);
}
