//! The only code that names napi: convert, delegate, convert back.
//!
//! - `pool` is the class behind `createPool`: it takes calls over and starts them on the runtime.
//! - `session` is the class behind a connection that JavaScript holds.
//! - `calls` turns the arguments of both into calls, and answers them.
//! - `cache` is what is kept of statements, `answers` what is kept of HTTP.
//! - `limits` are the counters of rate limiters.
//! - `background` runs what does not end at once.
//! - `ticket` ends a call before its statement has ended.
//! - `statement` holds a text that was analysed once.
//! - `completions` is the way back: a queue that wakes JavaScript once for many answers; `delivery` writes them.
//!
//! Every function here runs on a JavaScript thread and returns at once; none waits for I/O or a contended lock.

mod answers;
mod background;
mod cache;
mod calls;
mod completions;
mod delivery;
mod group;
mod keyset;
mod limits;
mod pool;
mod session;
mod statement;
mod ticket;
