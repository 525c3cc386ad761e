//! The Lua scripts. Each does one step that must not be divided, and names the keys that it touches.

use std::{fmt::Write, sync::LazyLock, time::Duration};

use bytes::Bytes;
use fred::{
    clients::{Client, WithOptions},
    error::{Error, ErrorKind},
    interfaces::LuaInterface,
    types::{Key, Value},
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::Digest;

/// A script and the hash by which Redis knows it.
#[derive(Debug)]
pub struct Script {
    text: String,
    hash: String,
}

macro_rules! scripts {
    ($($name:ident: $file:literal,)*) => {
        $(pub static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("lua/common.lua"), include_str!(concat!("lua/", $file))));)*
        #[cfg(test)]
        static ALL: &[&LazyLock<Script>] = &[$(&$name),*];
    };
}

scripts! {
    LOOKUP: "lookup.lua",
    STORE: "store.lua",
    RELEASE: "release.lua",
    RENEW: "renew.lua",
    TELL: "tell.lua",
    BEAT: "beat.lua",
    LEAVE: "leave.lua",
}

/// These two know nothing of epochs.
pub static LIMIT: LazyLock<Script> =
    LazyLock::new(|| Script::new("", include_str!("lua/limit.lua")));
pub static LIMITS: LazyLock<Script> =
    LazyLock::new(|| Script::new("", include_str!("lua/limits.lua")));

impl Script {
    fn new(common: &str, own: &str) -> Script {
        // Redis keeps each text for ever and is sent it once: comments stay out.
        let lines = common.lines().chain(own.lines()).map(str::trim);
        let text = lines
            .filter(|line| !line.is_empty() && !line.starts_with("--"))
            .fold(String::new(), |text, line| text + line + "\n");
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let hash = hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
            // Writing into a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Script { text, hash }
    }

    /// Runs the script by its hash, or by its text when Redis does not have it: after a restart, SCRIPT FLUSH, or on
    /// another node. EVAL reaches the node of the keys, which SCRIPT LOAD would not.
    pub async fn call(
        &self,
        client: &WithOptions<Client>,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Result<Value, Error> {
        let known = client
            .evalsha(self.hash.as_str(), keys.clone(), args.clone())
            .await;
        match known {
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                client.eval(self.text.as_str(), keys, args).await
            }
            other => other,
        }
    }
}

/// The era and the number of the last message, as tell and beat answer.
pub fn position(answer: Value) -> Result<(Box<str>, u64), Error> {
    let mut parts = answer.into_array().into_iter();
    let era = parts.next().and_then(Value::into_string);
    let seq = parts.next().and_then(|seq| seq.as_u64());
    match (era, seq) {
        (Some(era), Some(seq)) => Ok((era.into(), seq)),
        _ => Err(Error::new(
            ErrorKind::Protocol,
            "an unexpected answer of a script",
        )),
    }
}

pub fn number(value: u64) -> Value {
    value.to_string().into()
}

pub fn millis(value: Duration) -> Value {
    value.as_millis().to_string().into()
}

pub fn flag(value: bool) -> Value {
    if value { "1" } else { "0" }.into()
}

pub fn binary(digest: &Digest) -> Value {
    Value::Bytes(Bytes::copy_from_slice(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_sent_without_their_comments() {
        for script in ALL.iter().chain(&[&LIMIT, &LIMITS]) {
            assert_eq!(script.hash.len(), 40);
            assert!(!script.text.contains("--"), "{}", script.text);
        }
    }
}
