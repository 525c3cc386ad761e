use tokio::{io::AsyncWriteExt, net::UnixStream};

use crate::error::Kind;

use super::*;

const LIMIT: usize = 64 * 1024 * 1024;

/// Our side of a stream, and the bare other end.
pub fn pair(limit: usize) -> (Packets, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    (Packets::new(Stream::Unix(ours), limit), theirs)
}

pub fn frame(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let mut out = vec![length[0], length[1], length[2], sequence];
    out.extend_from_slice(body);
    out
}

/// A body as the frames that a server sends, with sequence numbers from zero.
pub fn frames(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sequence = 0;
    let mut rest = body;
    loop {
        let (part, after) = rest.split_at(rest.len().min(MAX_FRAME));
        out.extend(frame(sequence, part));
        sequence += 1;
        rest = after;
        if part.len() < MAX_FRAME {
            return out;
        }
    }
}

pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

async fn next_body(packets: &mut Packets) -> Result<Vec<u8>> {
    let body = packets.next().await?;
    Ok(packets.body(&body).to_vec())
}

#[tokio::test]
async fn a_packet_that_arrives_one_byte_at_a_time_is_read_whole() {
    let (mut packets, mut server) = pair(LIMIT);
    let bytes = [frame(0, b"first"), frame(1, b""), frame(2, &pattern(300))].concat();
    let sender = tokio::spawn(async move {
        for byte in bytes {
            server.write_all(&[byte]).await.expect("our side reads");
            tokio::task::yield_now().await;
        }
        server
    });
    assert_eq!(next_body(&mut packets).await.expect("the first"), b"first");
    assert_eq!(next_body(&mut packets).await.expect("the empty one"), b"");
    assert_eq!(
        next_body(&mut packets).await.expect("the last"),
        pattern(300)
    );
    assert!(!packets.has_leftovers());
    drop(sender.await);
}

#[tokio::test]
async fn packets_that_arrive_together_are_read_one_after_the_other() {
    let (mut packets, mut server) = pair(LIMIT);
    server
        .write_all(&[frame(0, b"one"), frame(1, b"two")].concat())
        .await
        .expect("sent");
    assert_eq!(next_body(&mut packets).await.expect("the first"), b"one");
    assert!(
        packets.has_leftovers(),
        "the second has arrived and nobody asked for it yet"
    );
    assert_eq!(next_body(&mut packets).await.expect("the second"), b"two");
    assert!(!packets.has_leftovers());
}

#[tokio::test]
async fn a_wrong_sequence_number_is_a_protocol_error() {
    let (mut packets, mut server) = pair(LIMIT);
    server.write_all(&frame(7, b"late")).await.expect("sent");
    let error = next_body(&mut packets).await.expect_err("out of order");
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(
        error
            .message()
            .contains("expected sequence number 0, found 7"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wrong_sequence_number_inside_a_large_packet_is_a_protocol_error() {
    let (mut packets, mut server) = pair(LIMIT);
    let sender = tokio::spawn(async move {
        let bytes = [frame(0, &pattern(MAX_FRAME)), frame(2, b"rest")].concat();
        // Our side may hang up before all is sent.
        let _ = server.write_all(&bytes).await;
        server
    });
    let error = next_body(&mut packets).await.expect_err("out of order");
    assert_eq!(error.kind(), Kind::Protocol);
    drop(sender.await);
}

#[tokio::test]
async fn sequence_numbers_wrap_around_after_255() {
    let (mut packets, mut server) = pair(LIMIT);
    let bytes: Vec<u8> = (0..600u32)
        .flat_map(|number| frame(number as u8, &number.to_le_bytes()))
        .collect();
    server.write_all(&bytes).await.expect("sent");
    for number in 0..600u32 {
        assert_eq!(
            next_body(&mut packets).await.expect("in order"),
            number.to_le_bytes()
        );
    }
}

#[tokio::test]
async fn a_stream_that_ends_anywhere_in_a_packet_is_a_lost_connection() {
    let whole = frame(0, b"hello");
    for cut in 0..whole.len() {
        let (mut packets, mut server) = pair(LIMIT);
        server
            .write_all(whole.get(..cut).expect("in range"))
            .await
            .expect("sent");
        drop(server);
        let error = next_body(&mut packets).await.expect_err("cut off");
        assert_eq!(
            error.kind(),
            Kind::ConnectionLost,
            "cut after {cut} bytes: {error}"
        );
    }
}

#[tokio::test]
async fn a_forged_length_reserves_no_memory_by_itself() {
    let (mut packets, mut server) = pair(LIMIT);
    server
        .write_all(&[0xFE, 0xFF, 0xFF, 0, 1, 2, 3])
        .await
        .expect("sent");
    drop(server);
    let error = next_body(&mut packets)
        .await
        .expect_err("the body never comes");
    assert_eq!(error.kind(), Kind::ConnectionLost);
    let reserved = packets.received.capacity();
    assert!(
        reserved <= 4 * READ_MAX + READ_MAX,
        "{reserved} bytes were reserved for a promise"
    );
}

#[tokio::test]
async fn a_packet_past_the_limit_is_refused_before_its_body_arrives() {
    let (mut packets, mut server) = pair(1000);
    // The length alone, and the stream stays open: waiting for the body would wait forever.
    server.write_all(&[0xE9, 0x03, 0, 0]).await.expect("sent");
    let error = next_body(&mut packets)
        .await
        .expect_err("1001 bytes are too many");
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(error.message().contains("maxAllowedPacket"), "{error}");
}

#[tokio::test]
async fn a_packet_of_several_frames_past_the_limit_is_refused() {
    let (mut packets, mut server) = pair(MAX_FRAME + 1000);
    let sender = tokio::spawn(async move {
        let _ = server.write_all(&frames(&pattern(MAX_FRAME + 1001))).await;
        server
    });
    let error = next_body(&mut packets).await.expect_err("too long");
    assert_eq!(error.kind(), Kind::Protocol);
    drop(sender.await);
}

#[tokio::test]
async fn bodies_around_the_longest_frame_arrive_whole_and_give_their_memory_back() {
    for length in [MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 2 * MAX_FRAME] {
        let (mut packets, mut server) = pair(LIMIT);
        let sent = pattern(length);
        let sender = tokio::spawn({
            let bytes = frames(&sent);
            async move { server.write_all(&bytes).await.map(|()| server) }
        });
        assert!(
            next_body(&mut packets).await.expect("whole") == sent,
            "a body of {length} bytes changed"
        );
        drop(sender.await);
        packets.try_next().expect("nothing more");
        packets.relax();
        let kept = packets.received.capacity() + packets.joined.capacity();
        assert!(
            kept <= 2 * KEEP,
            "{kept} bytes stay reserved after a body of {length}"
        );
    }
}

#[tokio::test]
async fn what_is_pushed_leaves_in_frames_that_the_other_side_reads_back() {
    for length in [0, 1, MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 2 * MAX_FRAME] {
        let (mut ours, theirs) = pair(LIMIT);
        let mut other = Packets::new(Stream::Unix(theirs), LIMIT);
        let sent = pattern(length);
        ours.begin();
        ours.push(|out| out.extend_from_slice(&sent));
        let (flushed, received) = tokio::join!(ours.flush(), next_body(&mut other));
        flushed.expect("sent");
        assert!(
            received.expect("received") == sent,
            "a body of {length} bytes changed"
        );
        assert!(
            !other.has_leftovers(),
            "a body of {length} bytes left something behind"
        );
        assert_eq!(
            ours.sequence, other.sequence,
            "after a body of {length} bytes"
        );
    }
}
