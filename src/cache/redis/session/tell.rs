//! What this process tells.

use std::{convert::Infallible, time::Duration};

use fred::{
    clients::{Client, WithOptions},
    types::Value,
};
use tokio::time::timeout;

use super::{
    super::{
        Core,
        scripts::{self, flag, millis, number, position},
        stats::add,
    },
    Failure,
};

/// How long a write that is not heard of again counts as running.
pub const WRITE_LASTS: Duration = Duration::from_secs(60);
/// The most epochs, after which all begin anew.
const MOST_EPOCHS: u64 = 200_000;

/// Tells what we write, as soon as there is something.
pub async fn tell(core: &Core, commands: &WithOptions<Client>) -> Result<Infallible, Failure> {
    loop {
        while tell_once(core, commands).await? {}
        core.outbox.changed().await;
    }
}

/// Tells one batch, if there is one.
async fn tell_once(core: &Core, commands: &WithOptions<Client>) -> Result<bool, Failure> {
    let Some(batch) = core.outbox.batch() else {
        return Ok(false);
    };
    let mut args: Vec<Value> = vec![
        core.member.clone().into(),
        core.keys.bus.clone().into(),
        flag(batch.everything.is_some()),
        millis(WRITE_LASTS),
        number(MOST_EPOCHS),
    ];
    for (mark, running, _) in &batch.marks {
        args.push(String::from(&**mark).into());
        args.push(flag(*running));
    }
    let keys = vec![core.keys.epochs.clone()];
    timeout(
        core.config.patience(),
        scripts::TELL.call(commands, keys, args),
    )
    .await
    .map_err(|_| "no answer to a bump in time".to_owned())?
    .and_then(position)
    .map_err(|error| error.to_string())?;
    add(&core.counters.bumps_told, batch.marks.len());
    core.outbox.confirm(&batch);
    Ok(true)
}

/// Leaves properly: whoever has told everything is not missed.
pub async fn leave(core: &Core, commands: &WithOptions<Client>) -> Result<(), Failure> {
    while tell_once(core, commands).await? {}
    if !core.outbox.is_running() {
        let keys = vec![core.keys.epochs.clone(), core.keys.members.clone()];
        let left = scripts::LEAVE.call(commands, keys, vec![core.member.clone().into()]);
        left.await.map_err(|error| error.to_string())?;
    }
    Ok(())
}
