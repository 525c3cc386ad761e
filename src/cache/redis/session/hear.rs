//! What other processes tell.

use std::convert::Infallible;

use fred::types::Message;
use serde::Deserialize;
use tokio::sync::{broadcast, watch};

use super::{
    super::{Core, keys::unhex, stats::add},
    Failure, Position,
};

/// A message on the bus.
#[derive(Deserialize)]
struct News {
    era: Box<str>,
    seq: u64,
    by: String,
    /// None for a new era.
    #[serde(default)]
    marks: Vec<String>,
    /// Redis forgot the writes in progress.
    #[serde(default)]
    lost: bool,
}

/// Takes messages in, in their order.
pub async fn hear(
    core: &Core,
    mut messages: broadcast::Receiver<Message>,
    known: &watch::Sender<Position>,
) -> Result<Infallible, Failure> {
    loop {
        // A receiver that lags has lost messages.
        let message = messages
            .recv()
            .await
            .map_err(|error| format!("messages: {error}"))?;
        let Some(body) = message.value.as_bytes() else {
            continue;
        };
        if *message.channel == *core.keys.wake {
            if let Some(digest) = unhex(body) {
                core.wakes.wake(&digest);
            }
        } else if let Ok(news) = serde_json::from_slice(body) {
            // What is no message of ours is nobody's: had one of ours been spoilt, its number would be missing.
            take(core, news, known);
        }
    }
}

fn take(core: &Core, news: News, known: &watch::Sender<Position>) {
    let (same_era, last) = {
        let known = known.borrow();
        (known.era == news.era, known.seq)
    };
    // Published before we joined. Numbers begin anew only where the epochs were lost.
    if news.seq <= last && (same_era || !news.lost) {
        return;
    }
    if news.lost || news.seq != last + 1 {
        core.flush();
        core.outbox.again();
    } else if !same_era {
        core.flush();
    } else if news.by != core.member {
        add(&core.counters.bumps_heard, news.marks.len());
        let marks: Vec<&str> = news.marks.iter().map(String::as_str).collect();
        core.bumped(&marks);
    }
    known.send_replace(Position {
        era: news.era,
        seq: news.seq,
    });
}
