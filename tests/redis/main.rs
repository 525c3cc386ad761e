//! The second tier against real Redis servers. Several instances in one process are what several processes would be.

#[path = "../support/redis.rs"]
mod support;

mod consistency;
mod faults;
mod groups;
mod sharing;
mod values;
