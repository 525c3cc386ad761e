//! One statement for all who want the same result at the same time.
//!
//! Who comes later waits for the statement that is under way, if nothing has been written since it began: its result may
//! be older than that write, so somebody who comes after the write gets a statement of their own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{Digest, entry::Entry, epochs::Stamp};

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
    /// Waits for the result that is under way, whose number is the answer; the waiter back if there is none to wait for, or
    /// it is no good by the epochs and the time before it began. `older` will do if it comes to nothing.
    pub fn join(
        &self,
        digest: &Digest,
        waiter: Option<Waiter<W>>,
        older: Option<&Arc<Entry>>,
        is_good: impl FnOnce(&Stamp, Instant) -> bool,
    ) -> Result<u64, Option<Waiter<W>>> {
        let mut state = self.lock();
        let Some(&number) = state.current.get(digest) else {
            return Err(waiter);
        };
        match state.flights.get_mut(&number) {
            Some(flight) if is_good(&flight.stamp, flight.began) => {
                flight.waiters.extend(waiter);
                if flight.older.is_none() {
                    flight.older = older.cloned();
                }
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
        self.lock().remove(number)
    }

    /// Ends a flight that nobody waits for; whether it is at an end is the answer.
    pub fn end_unless_awaited(&self, number: u64) -> bool {
        let mut state = self.lock();
        let flight = state.flights.get(&number);
        if flight.is_some_and(|flight| !flight.waiters.is_empty()) {
            return false;
        }
        state.remove(number);
        true
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

    /// Those whose patience is at an end, and what they are to be given, unless that is no good any more.
    pub fn impatient(
        &self,
        number: u64,
        now: Instant,
        is_good: impl FnOnce(&Entry) -> bool,
    ) -> Option<(Vec<W>, Arc<Entry>)> {
        let mut state = self.lock();
        let flight = state.flights.get_mut(&number)?;
        let older = flight.older.clone()?;
        if !is_good(&older) {
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

impl<W> State<W> {
    fn remove(&mut self, number: u64) -> Option<Flight<W>> {
        let flight = self.flights.remove(&number)?;
        if self.current.get(&flight.digest) == Some(&number) {
            self.current.remove(&flight.digest);
        }
        Some(flight)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::epochs::{Epochs, Place},
        *,
    };

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

    fn join(
        flights: &Flights<u32>,
        epochs: &Epochs,
        caller: u32,
    ) -> Result<u64, Option<Waiter<u32>>> {
        flights.join(&DIGEST, waiter(caller), None, |stamp, _| epochs.are(stamp))
    }

    #[test]
    fn a_flight_for_nobody_ends_unless_somebody_came() {
        let (flights, epochs) = (Flights::default(), Epochs::default());
        let number = flights.begin(DIGEST, epochs.stamp([]), None, None);
        assert!(flights.end_unless_awaited(number));
        assert!(join(&flights, &epochs, 1).is_err());
        let number = flights.begin(DIGEST, epochs.stamp([]), None, None);
        assert!(join(&flights, &epochs, 2).is_ok());
        assert!(!flights.end_unless_awaited(number));
        assert_eq!(callers(flights.end(number)), [2]);
    }

    #[test]
    fn who_comes_later_waits_for_what_is_under_way() {
        let (flights, epochs) = (Flights::default(), Epochs::default());
        assert!(join(&flights, &epochs, 0).is_err());
        let number = flights.begin(DIGEST, epochs.stamp([]), None, waiter(1));
        assert_eq!(join(&flights, &epochs, 2).ok(), Some(number));
        assert_eq!(callers(flights.end(number)), [1, 2]);
        assert!(join(&flights, &epochs, 3).is_err());
        assert!(flights.end(number).is_none());
    }

    #[test]
    fn nobody_waits_for_what_began_before_a_write() {
        let (flights, epochs) = (Flights::default(), Epochs::default());
        let table = Place::of("t:products");
        let old = flights.begin(DIGEST, epochs.stamp([table]), None, waiter(1));
        epochs.bump(table);
        assert!(join(&flights, &epochs, 2).is_err());
        let new = flights.begin(DIGEST, epochs.stamp([table]), None, waiter(2));
        assert_eq!(callers(flights.end(old)), [1]);
        assert_eq!(join(&flights, &epochs, 3).ok(), Some(new));
        assert_eq!(callers(flights.end(new)), [2, 3]);
    }
}
