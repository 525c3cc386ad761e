//! When JavaScript is woken for answers that are ready.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use tokio::task::yield_now;

use crate::pool::Wake;

/// Who is to be woken for answers that have been handed over. Waking a thread costs more than a small answer, so it is
/// put off until there is nothing to do but wait, and other tasks have had their turn; but never beyond the second wait.
#[derive(Default)]
pub struct News {
    sleeper: Option<Arc<dyn Wake>>,
    /// Whether they have been held back once.
    is_late: bool,
}

impl News {
    pub fn add(&mut self, sleeper: Option<Arc<dyn Wake>>) {
        if sleeper.is_some() {
            self.sleeper = sleeper;
        }
    }

    pub async fn tell(&mut self) {
        if self.sleeper.is_some() {
            yield_now().await;
        }
        self.wake();
    }

    /// Awaits `work`, which may wait for whoever is to be woken.
    pub async fn during<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> T {
        let mut turn_of_others = pin!(yield_now());
        poll_fn(|context| {
            let polled = work.as_mut().poll(context);
            if polled.is_pending() && self.sleeper.is_some() {
                self.hold_back(turn_of_others.as_mut(), context);
            }
            polled
        })
        .await
    }

    /// The first time, lets others have their turn; the second time wakes.
    fn hold_back(
        &mut self,
        turn_of_others: Pin<&mut impl Future<Output = ()>>,
        context: &mut Context<'_>,
    ) {
        if self.is_late {
            return self.wake();
        }
        self.is_late = true;
        // Has this task polled again when the others have had their turn.
        let Poll::Pending = turn_of_others.poll(context) else {
            return self.wake();
        };
    }

    fn wake(&mut self) {
        self.is_late = false;
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::time::timeout;

    use super::*;

    #[derive(Default)]
    struct Sleeper(AtomicUsize);

    impl Wake for Sleeper {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Sleeper {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn news_are_told_while_nothing_comes() {
        let sleeper = Arc::new(Sleeper::default());
        let mut news = News::default();
        news.add(Some(sleeper.clone()));
        let seen = sleeper.clone();
        let work = pin!(async move {
            while seen.woken() == 0 {
                yield_now().await;
            }
        });
        let told = timeout(Duration::from_secs(5), news.during(work)).await;
        assert!(told.is_ok(), "the sleeper was not woken during the wait");
    }

    #[tokio::test]
    async fn news_are_told_at_the_second_wait_however_short_the_waits_are() {
        let sleeper = Arc::new(Sleeper::default());
        let mut news = News::default();
        news.add(Some(sleeper.clone()));
        news.during(pin!(ready(()))).await;
        assert_eq!(sleeper.woken(), 0, "nobody waited");
        // Each wait is over as soon as the others had their turn, as on a thread that is always behind its server.
        news.during(pin!(yield_now())).await;
        assert_eq!(sleeper.woken(), 0, "more may come");
        news.during(pin!(yield_now())).await;
        assert_eq!(sleeper.woken(), 1);
    }

    #[tokio::test]
    async fn news_are_told_when_their_bearer_ends() {
        let sleeper = Arc::new(Sleeper::default());
        let mut news = News::default();
        news.add(Some(sleeper.clone()));
        drop(news);
        assert_eq!(sleeper.woken(), 1);
    }
}
