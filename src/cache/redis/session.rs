//! The life of a connection: join, hear what others write, tell what we write, beat; and when anything of it fails, all of
//! it again.
//!
//! Invariant: whoever is told "contact" has been told, or has thrown away, everything that was published before. So a
//! connection is never mended: what came after its last answer may have been missed, therefore the next one begins with a
//! new era and an empty first tier.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use fred::types::Message;
use tokio::{
    sync::{broadcast, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    Core,
    connect::{Dialer, Pair},
    stats::count,
};
use beat::{beat, beats};
use hear::hear;
use tell::{leave, tell};

mod beat;
mod hear;
mod tell;

/// How long a good-bye may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Up to where the messages are known.
#[derive(Debug, Clone, Default, PartialEq)]
struct Position {
    era: Box<str>,
    seq: u64,
}

type Failure = String;

/// Keeps this process in contact until it closes. A panic, of a listener perhaps, costs the contact alone.
pub async fn keep(core: Arc<Core>, dialer: Arc<Dialer>) {
    // Its tasks end with it.
    let mut lives = JoinSet::new();
    loop {
        lives.spawn(live(core.clone(), dialer.clone()));
        let ending = lives.join_next().await;
        core.disconnect();
        if !matches!(ending, Some(Err(error)) if error.is_panic()) || core.is_closing() {
            return;
        }
        core.counters.note("a panic");
        count(&core.counters.errors);
        let _ = timeout(core.config.retry_delay(1), core.closing()).await;
    }
}

async fn live(core: Arc<Core>, dialer: Arc<Dialer>) {
    let mut attempt = 0;
    while !core.is_closing() {
        // Who had contact before has lost it, and does not know what was missed.
        let is_new = core.counters.connects.load(Relaxed) == 0;
        let what = if is_new { "join" } else { "return" };
        let opening = timeout(core.config.connect_timeout(), open(&core, &dialer, what));
        let opened = tokio::select! {
            opened = opening => opened,
            () = core.closing() => return,
        };
        let ending = match opened.unwrap_or_else(|_| Err("no connection in time".to_owned())) {
            Ok(session) => {
                attempt = 0;
                session.run().await
            }
            Err(failure) => failure,
        };
        core.disconnect();
        if !core.is_closing() {
            core.counters.note(&ending);
            count(&core.counters.errors);
            attempt += 1;
            let pause = core.config.retry_delay(attempt);
            // Nobody waits for the end of a pause longer than for the pause.
            let _ = timeout(pause, core.closing()).await;
        }
    }
}

struct Session<'a> {
    core: &'a Arc<Core>,
    pair: Pair,
    messages: broadcast::Receiver<Message>,
    known: watch::Sender<Position>,
    joined: Instant,
}

async fn open<'a>(
    core: &'a Arc<Core>,
    dialer: &Dialer,
    what: &str,
) -> Result<Session<'a>, Failure> {
    let channels = [core.keys.bus.clone(), core.keys.wake.clone()];
    let (pair, messages) = dialer
        .dial(channels)
        .await
        .map_err(|error| error.to_string())?;
    let joined = Instant::now();
    let position = beat(core, &pair.commands, what).await?;
    Ok(Session {
        core,
        pair,
        messages,
        known: watch::Sender::new(position),
        joined,
    })
}

impl Session<'_> {
    /// Runs until something fails, and says what.
    async fn run(self) -> Failure {
        let Session {
            core,
            mut pair,
            messages,
            known,
            joined,
        } = self;
        // Messages from before are unknown, and may have been many.
        core.flush();
        core.outbox.again();
        core.contact(joined);
        core.connect(pair.commands.clone());
        core.give_back_owed();
        let commands = pair.commands.clone();
        let Err(failure) = tokio::select! {
            ending = hear(core, messages, &known) => ending,
            ending = beats(core, &commands, &known) => ending,
            ending = tell(core, &commands) => ending,
            ending = pair.ended() => Err(ending),
            () = core.closing() => Err("closing".to_owned()),
        };
        core.disconnect();
        if core.is_closing() {
            let _ = timeout(FAREWELL, leave(core, &commands)).await;
            pair.quit(FAREWELL).await;
        }
        failure
    }
}
