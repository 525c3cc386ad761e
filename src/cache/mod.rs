//! What is kept of the answers of the database, and how it is never older than a write.
//!
//! Every entry depends on *marks*: names such as `t:products` for a table or `g:home` for a tag. Each mark has an epoch,
//! which a write raises when it starts and when it has ended; an entry counts as long as the epochs from before its read
//! are still the current ones. `redis` is that across processes.

pub mod redis;
