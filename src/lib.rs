//! The core of hegar-native: one call from JavaScript to the server and back.
//!
//! `lib/` (JavaScript) checks arguments and packs parameters → `binding` takes them over → `engine` runs the call on
//! the `runtime` → `pool` lends a connection → `wire` speaks to the server → `codec` writes each row as it arrives →
//! `binding` queues the finished bytes and wakes JavaScript once for many → `lib/` resolves the promises.
//! `limits` count for rate limiters. `metrics` observe and never decide. `call` is what goes in and comes out; `statement` and `sql` analyse a text once;
//! `config` and `error` are what they say.
//!
//! Without the feature `node` there is no napi in this crate and everything but `binding` still works.

pub mod abort;
pub mod cache;
pub mod call;
pub mod codec;
pub mod config;
pub mod engine;
pub mod error;
pub mod flow;
pub mod limits;
pub mod metrics;
pub mod pool;
pub mod runtime;
pub mod sql;
pub mod statement;
pub mod wire;

#[cfg(feature = "node")]
mod binding;
