//! A signal that something is over, given once and for good.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Ends what is under way.
#[derive(Debug, Default)]
pub struct Abort {
    called: AtomicBool,
    bell: Notify,
}

impl Abort {
    pub const fn new() -> Abort {
        Abort {
            called: AtomicBool::new(false),
            bell: Notify::const_new(),
        }
    }

    pub fn is_called(&self) -> bool {
        self.called.load(Ordering::Acquire)
    }

    pub fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    pub async fn wait(&self) {
        let bell = self.bell.notified();
        // Looked at after the bell has been taken up, so a call in between is not missed.
        if !self.is_called() {
            bell.await;
        }
    }
}
