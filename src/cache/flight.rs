//! One statement for all who want the same result at the same time.
//!
//! Who comes later waits for the statement that is under way, if nothing has been written since it began: its result may
//! be older than that write, so somebody who comes after the write gets a statement of their own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{
    Digest,
    entry::Entry,
    epochs::{Epochs, Stamp},
};

/// What is under way, with those who wait for it.
#[derive(Debug)]
pub struct Flights<W> {
    /// Guards the books; held to enter or leave.
    state: Mutex<State<W>>,
}

#[derive(Debug)]
struct State<W> {
    flights: HashMap<u64, Flight<W>>,
    /// Which one to join.
    current: HashMap<Digest, u64>,
    next: u64,
}

/// A result on its way.
#[derive(Debug)]
pub struct Flight<W> {
    digest: Digest,
    /// The epochs before it began.
    pub stamp: Stamp,
    pub began: Instant,
    pub waiters: Vec<Waiter<W>>,
    /// What can be given instead.
    pub older: Option<Arc<Entry>>,
}

#[derive(Debug)]
pub struct Waiter<W> {
    pub caller: W,
    /// From when on the older result will do.
    pub patience: Option<Instant>,
}

impl<W> Default for Flights<W> {
    fn default() -> Flights<W> {
        Flights {
            state: Mutex::new(State {
                flights: HashMap::new(),
                current: HashMap::new(),
                next: 1,
            }),
        }
    }
}

impl<W> Flights<W> {
    /// Waits for the result that is under way, whose number is the answer; the waiter back if there is none to wait for.
    pub fn join(
        &self,
        digest: &Digest,
        epochs: &Epochs,
        waiter: Option<Waiter<W>>,
    ) -> Result<u64, Option<Waiter<W>>> {
        let mut state = self.lock();
        let Some(&number) = state.current.get(digest) else {
            return Err(waiter);
        };
        match state.flights.get_mut(&number) {
            Some(flight) if epochs.are(&flight.stamp) => {
                flight.waiters.extend(waiter);
                Ok(number)
            }
            _ => Err(waiter),
        }
    }

    /// Begins to load a result. One that is under way for the same goes on for those who wait for it already.
    pub fn begin(
        &self,
        digest: Digest,
        stamp: Stamp,
        older: Option<Arc<Entry>>,
        waiter: Option<Waiter<W>>,
    ) -> u64 {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.current.insert(digest, number);
        state.flights.insert(
            number,
            Flight {
                digest,
                stamp,
                began: Instant::now(),
                waiters: waiter.into_iter().collect(),
                older,
            },
        );
        number
    }

    /// Ends a flight; nobody joins it any more.
    pub fn end(&self, number: u64) -> Option<Flight<W>> {
        let mut state = self.lock();
        let flight = state.flights.remove(&number)?;
        if state.current.get(&flight.digest) == Some(&number) {
            state.current.remove(&flight.digest);
        }
        Some(flight)
    }

    /// The epochs before a flight began, and when that was.
    pub fn began(&self, number: u64) -> Option<(Stamp, Instant)> {
        let state = self.lock();
        let flight = state.flights.get(&number)?;
        Some((flight.stamp.clone(), flight.began))
    }

    /// Begins a flight anew: what it gives is read after this moment.
    pub fn restamp(&self, number: u64, stamp: Stamp) {
        if let Some(flight) = self.lock().flights.get_mut(&number) {
            flight.stamp = stamp;
            flight.began = Instant::now();
        }
    }

    /// What can be given if the flight comes to nothing.
    pub fn fall_back(&self, number: u64, older: Arc<Entry>) {
        if let Some(flight) = self.lock().flights.get_mut(&number) {
            flight.older = Some(older);
        }
    }

    /// Those whose patience is at an end, and what they are to be given, unless that has been written since.
    pub fn impatient(
        &self,
        number: u64,
        now: Instant,
        epochs: &Epochs,
    ) -> Option<(Vec<W>, Arc<Entry>)> {
        let mut state = self.lock();
        let flight = state.flights.get_mut(&number)?;
        let older = flight.older.clone()?;
        if !epochs.are(&older.stamp) {
            return None;
        }
        let is_due = |waiter: &mut Waiter<W>| waiter.patience.is_some_and(|until| until <= now);
        let due = flight.waiters.extract_if(.., is_due);
        Some((due.map(|waiter| waiter.caller).collect(), older))
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::epochs::Place, *};

    fn waiter(caller: u32) -> Option<Waiter<u32>> {
        Some(Waiter {
            caller,
            patience: None,
        })
    }

    fn callers(flight: Option<Flight<u32>>) -> Vec<u32> {
        let waiters = flight.map(|flight| flight.waiters).unwrap_or_default();
        waiters.into_iter().map(|waiter| waiter.caller).collect()
    }

    const DIGEST: Digest = Digest([7; 16]);

    #[test]
    fn who_comes_later_waits_for_what_is_under_way() {
        let (flights, epochs) = (Flights::default(), Epochs::default());
        assert!(flights.join(&DIGEST, &epochs, waiter(0)).is_err());
        let number = flights.begin(DIGEST, epochs.stamp([]), None, waiter(1));
        assert_eq!(flights.join(&DIGEST, &epochs, waiter(2)).ok(), Some(number));
        assert_eq!(callers(flights.end(number)), [1, 2]);
        assert!(flights.join(&DIGEST, &epochs, waiter(3)).is_err());
        assert!(flights.end(number).is_none());
    }

    #[test]
    fn nobody_waits_for_what_began_before_a_write() {
        let (flights, epochs) = (Flights::default(), Epochs::default());
        let table = Place::of("t:products");
        let old = flights.begin(DIGEST, epochs.stamp([table]), None, waiter(1));
        epochs.bump(table);
        assert!(flights.join(&DIGEST, &epochs, waiter(2)).is_err());
        let new = flights.begin(DIGEST, epochs.stamp([table]), None, waiter(2));
        assert_eq!(callers(flights.end(old)), [1]);
        assert_eq!(flights.join(&DIGEST, &epochs, waiter(3)).ok(), Some(new));
        assert_eq!(callers(flights.end(new)), [2, 3]);
    }
}
