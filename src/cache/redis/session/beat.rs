//! The beat: that this process is there, and whether it has heard everything.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, WithOptions},
    types::Key,
};
use tokio::{
    sync::watch,
    time::{sleep_until, timeout},
};

use super::{
    super::{
        Core,
        leases::holder,
        scripts::{self, millis, number, position},
    },
    Failure, Position,
    tell::WRITE_LASTS,
};

/// How long the epochs outlive the last process.
const OUTLIVES: Duration = Duration::from_secs(7 * 24 * 3600);
/// Leases that are renewed in one script.
const RENEWED_AT_ONCE: usize = 500;

/// Says regularly that we are there, and learns whether everything was heard.
pub async fn beats(
    core: &Arc<Core>,
    commands: &WithOptions<Client>,
    known: &watch::Sender<Position>,
) -> Result<Infallible, Failure> {
    let mut next = Instant::now() + core.config.beat();
    let mut renewed = Instant::now();
    let mut told = Instant::now();
    loop {
        sleep_until(next.into()).await;
        let sent = Instant::now();
        let position = beat(core, commands, "beat").await?;
        if sent.elapsed() < core.config.command_timeout() {
            core.breaker.heard();
        }
        catch_up(core, position, known).await?;
        core.contact(sent);
        core.give_back_owed();
        if renewed.elapsed().as_millis() >= u128::from(core.config.lease_ms / 3) {
            renewed = Instant::now();
            renew(core, commands).await?;
            core.wakes.sweep();
        }
        if told.elapsed() >= WRITE_LASTS / 3 {
            told = Instant::now();
            core.outbox.again();
        }
        next = sent + core.config.beat();
    }
}

pub async fn beat(
    core: &Core,
    commands: &WithOptions<Client>,
    what: &str,
) -> Result<Position, Failure> {
    let keys = vec![core.keys.epochs.clone(), core.keys.members.clone()];
    let args = vec![
        core.member.clone().into(),
        core.keys.bus.clone().into(),
        what.into(),
        millis(core.config.patience()),
        number(core.config.forget_member_ms),
        millis(core.config.beat()),
        millis(OUTLIVES),
    ];
    let answer = timeout(
        core.config.patience(),
        scripts::BEAT.call(commands, keys, args),
    );
    let (era, seq) = answer
        .await
        .map_err(|_| "no answer to a beat in time".to_owned())?
        .and_then(position)
        .map_err(|error| error.to_string())?;
    Ok(Position { era, seq })
}

/// Waits for the messages up to a position; without them everything has to go.
async fn catch_up(
    core: &Core,
    position: Position,
    known: &watch::Sender<Position>,
) -> Result<(), Failure> {
    let mut heard = known.subscribe();
    let is_there = |known: &Position| known.era == position.era && known.seq >= position.seq;
    let limit = core.config.patience() / 2;
    if timeout(limit, heard.wait_for(is_there)).await.is_ok() {
        return Ok(());
    }
    if known.borrow().era == position.era {
        return Err("messages were lost".to_owned());
    }
    // Nobody published this era: the epochs were lost, by FLUSHALL or by eviction.
    core.flush();
    core.outbox.again();
    known.send_replace(position);
    Ok(())
}

async fn renew(core: &Core, commands: &WithOptions<Client>) -> Result<(), Failure> {
    for chunk in core.leases.to_renew().chunks(RENEWED_AT_ONCE) {
        let leases = chunk.iter().map(|(_, digest)| core.keys.lease(digest));
        let keys: Vec<Key> = std::iter::once(core.keys.epochs.clone())
            .chain(leases)
            .collect();
        let holders = chunk
            .iter()
            .map(|&(number, _)| holder(&core.member, number).into());
        let args = std::iter::once(number(core.config.lease_ms))
            .chain(holders)
            .collect();
        timeout(
            core.config.patience(),
            scripts::RENEW.call(commands, keys, args),
        )
        .await
        .map_err(|_| "no answer to a renewal in time".to_owned())?
        .map_err(|error| error.to_string())?;
    }
    Ok(())
}
