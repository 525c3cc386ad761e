//! How often what a cached result depends on may have changed.
//!
//! Whatever a result depends on is a *mark*: a table (`t:products`), a tag (`g:home`), its own key (`k:product:7`), a
//! prefix of that key (`p:product:`), or everything. A mark has a place in a fixed table of epochs by its hash, so
//! marks take no memory and need no lock. Marks that share a place are invalidated together, which costs a load and
//! never an error. A result is valid while the epochs that were noted before its statement was sent are still the same.
//!
//! An epoch is the number of the last change of its place among all changes. So whoever notes the number of the last
//! change can say later, for marks that it did not know then, whether they have changed since.
//!
//! JavaScript reads the same memory, so a hit needs no call into Rust.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How many places there are. With 200 tables written all the time, one in 160 others shares a place with them.
pub const PLACES: usize = 1 << 15;
/// Where everything has its place; no name has this one.
const EVERYTHING: u32 = 0;
/// Behind the epochs: until when results are known to be as fresh as the epochs say, see [`Epochs::extend_horizon`].
pub const HORIZON: usize = PLACES;
/// Behind that: a word by which JavaScript sees whether it has the same memory,
const PROBE: usize = HORIZON + 1;
/// and the number of the last change of any place.
const SEQUENCE: usize = PROBE + 1;
/// The unit of the horizon, so that a word holds 13 years.
const TICK: Duration = Duration::from_millis(100);

/// When times begin that JavaScript is told.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds from the first use of this clock to `instant`.
pub fn milliseconds(instant: Instant) -> f64 {
    let start = *START;
    instant.saturating_duration_since(start).as_secs_f64() * 1000.0
}

/// Where a mark's epoch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(u32);

impl Place {
    pub const EVERYTHING: Place = Place(EVERYTHING);

    /// The place of a mark, by the hash FNV-1a.
    pub fn of(mark: &str) -> Place {
        const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01B3;
        let hash = mark.bytes().fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        });
        Place(1 + (hash % (PLACES as u64 - 1)) as u32)
    }

    pub fn index(self) -> u32 {
        self.0
    }
}

/// The epochs of some marks at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Box<[(Place, u32)]>);

impl Stamp {
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Place, u32)> {
        self.0.iter().copied()
    }
}

/// The table of epochs.
#[derive(Debug)]
pub struct Epochs {
    /// One word for each place, the horizon, the probe and the sequence.
    words: Box<[AtomicU32]>,
    /// How many writes are under way for each place.
    writers: Box<[AtomicU32]>,
}

impl Default for Epochs {
    fn default() -> Epochs {
        // Read here, so that no time lies before the start.
        LazyLock::force(&START);
        let zeros = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
        let epochs = Epochs {
            words: zeros(SEQUENCE + 1),
            writers: zeros(PLACES),
        };
        epochs.open_horizon();
        epochs
    }
}

impl Epochs {
    /// The epochs of these places, and that of everything, as they are now.
    pub fn stamp(&self, places: impl IntoIterator<Item = Place>) -> Stamp {
        let all = std::iter::once(Place::EVERYTHING).chain(places);
        Stamp(all.map(|place| (place, self.at(place))).collect())
    }

    /// The same places as they are now.
    pub fn stamp_again(&self, stamp: &Stamp) -> Stamp {
        Stamp(
            stamp
                .iter()
                .map(|(place, _)| (place, self.at(place)))
                .collect(),
        )
    }

    /// Whether nothing has changed since.
    pub fn are(&self, stamp: &Stamp) -> bool {
        stamp.iter().all(|(place, epoch)| self.at(place) == epoch)
    }

    /// Whether a result read since then may be kept: nothing has changed, and nothing is being written.
    pub fn allow(&self, stamp: &Stamp) -> bool {
        let is_quiet = |(place, _)| self.writers_of(place).load(Ordering::SeqCst) == 0;
        // In this order: a write is counted before it changes the epoch.
        self.are(stamp) && stamp.iter().all(is_quiet)
    }

    /// Whether nothing of these places has changed after the change with this number, nor is being written.
    pub fn are_quiet_since(&self, stamp: &Stamp, since: u32) -> bool {
        // Numbers go round after four billion; half of that is taken for before.
        let is_older = |(_, epoch): (Place, u32)| since.wrapping_sub(epoch) < u32::MAX / 2;
        self.allow(stamp) && stamp.iter().all(is_older)
    }

    /// The number of the last change.
    pub fn now(&self) -> u32 {
        self.words[SEQUENCE].load(Ordering::SeqCst)
    }

    /// Something of this place has changed.
    pub fn bump(&self, place: Place) {
        // Counted as a write, so that nobody looks between its two steps and takes the old epoch for the last.
        self.writers_of(place).fetch_add(1, Ordering::SeqCst);
        self.advance(place);
        self.writers_of(place).fetch_sub(1, Ordering::SeqCst);
    }

    /// A write begins. Results read before are valid no more, and none is kept until it ends.
    pub fn begin(&self, place: Place) {
        self.writers_of(place).fetch_add(1, Ordering::SeqCst);
        self.advance(place);
    }

    /// A write has ended. Results read before are valid no more.
    pub fn end(&self, place: Place) {
        self.advance(place);
        self.writers_of(place).fetch_sub(1, Ordering::SeqCst);
    }

    /// Everything that others have told up to `instant` has been heard, so what is kept is fresh for `bound` from then on.
    pub fn extend_horizon(&self, instant: Instant, bound: Duration) {
        let until = instant.saturating_duration_since(*START) + bound;
        let ticks = until.as_millis() / TICK.as_millis();
        self.set_horizon(u32::try_from(ticks).unwrap_or(u32::MAX - 1));
    }

    /// Others write whom nobody has heard of yet.
    pub fn close_horizon(&self) {
        self.set_horizon(0);
    }

    /// There are no others to be heard of.
    pub fn open_horizon(&self) {
        self.set_horizon(u32::MAX);
    }

    /// Until when what is kept is fresh; `None` where nobody else is to be heard of.
    pub fn horizon(&self) -> Option<Instant> {
        let ticks = self.words.get(HORIZON)?.load(Ordering::SeqCst);
        (ticks != u32::MAX).then(|| *START + TICK * ticks)
    }

    /// The memory for JavaScript: the epochs, and behind them the horizon.
    pub fn words(&self) -> &[AtomicU32] {
        &self.words
    }

    /// Changes the word that JavaScript looks at.
    pub fn probe(&self) {
        if let Some(word) = self.words.get(PROBE) {
            word.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn set_horizon(&self, ticks: u32) {
        if let Some(word) = self.words.get(HORIZON) {
            word.store(ticks, Ordering::SeqCst);
        }
    }

    fn advance(&self, place: Place) {
        let number = self.words[SEQUENCE]
            .fetch_add(1, Ordering::SeqCst)
            .wrapping_add(1);
        let word = self.word(place);
        let mut epoch = word.load(Ordering::SeqCst);
        // Of two at the same time the later number stays: whoever sees it began to look after both had begun.
        while number.wrapping_sub(epoch) < u32::MAX / 2 {
            match word.compare_exchange(epoch, number, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => break,
                Err(other) => epoch = other,
            }
        }
    }

    fn at(&self, place: Place) -> u32 {
        self.word(place).load(Ordering::SeqCst)
    }

    fn word(&self, place: Place) -> &AtomicU32 {
        &self.words[place.0 as usize]
    }

    fn writers_of(&self, place: Place) -> &AtomicU32 {
        &self.writers[place.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_valid_until_one_of_its_marks_changes() {
        let epochs = Epochs::default();
        let (products, orders) = (Place::of("t:products"), Place::of("t:orders"));
        let stamp = epochs.stamp([products]);
        epochs.bump(orders);
        assert!(epochs.are(&stamp));
        epochs.bump(products);
        assert!(!epochs.are(&stamp));
    }

    #[test]
    fn whatever_changes_everything_changes_each() {
        let epochs = Epochs::default();
        let stamp = epochs.stamp([]);
        epochs.bump(Place::EVERYTHING);
        assert!(!epochs.are(&stamp));
    }

    #[test]
    fn nothing_is_kept_that_was_read_before_or_during_a_write() {
        let epochs = Epochs::default();
        let place = Place::of("t:products");
        let before = epochs.stamp([place]);
        epochs.begin(place);
        assert!(!epochs.allow(&before));
        let during = epochs.stamp([place]);
        assert!(epochs.are(&during), "others may wait for the same read");
        assert!(!epochs.allow(&during));
        epochs.end(place);
        assert!(!epochs.allow(&during));
        assert!(epochs.allow(&epochs.stamp([place])));
    }

    #[test]
    fn marks_that_are_known_late_tell_whether_they_have_changed_since() {
        let epochs = Epochs::default();
        let (early, late) = (Place::of("t:products"), Place::of("g:home"));
        epochs.bump(late);
        let since = epochs.now();
        let is_quiet = |place| epochs.are_quiet_since(&epochs.stamp([place]), since);
        assert!(is_quiet(early) && is_quiet(late));
        epochs.bump(early);
        assert!(!is_quiet(early) && is_quiet(late));
        epochs.begin(late);
        assert!(!is_quiet(late));
        epochs.end(late);
        assert!(!is_quiet(late));
        let since = epochs.now();
        assert!(epochs.are_quiet_since(&epochs.stamp([early, late]), since));
        epochs.bump(Place::EVERYTHING);
        assert!(!epochs.are_quiet_since(&epochs.stamp([late]), since));
    }

    #[test]
    fn the_numbers_of_changes_go_round() {
        let epochs = Epochs::default();
        let place = Place::of("t:products");
        epochs.words[SEQUENCE].store(u32::MAX, Ordering::SeqCst);
        epochs.words[place.0 as usize].store(u32::MAX, Ordering::SeqCst);
        let since = epochs.now();
        assert!(epochs.are_quiet_since(&Stamp(Box::new([(place, u32::MAX)])), since));
        epochs.bump(place);
        assert_eq!(epochs.now(), 0);
        assert!(!epochs.are_quiet_since(&Stamp(Box::new([(place, 0)])), since));
    }

    #[test]
    fn no_name_has_the_place_of_everything() {
        assert!((0..200_000).all(|n| Place::of(&format!("t:{n}")) != Place::EVERYTHING));
    }

    #[test]
    fn the_horizon_is_told_in_tenths_of_seconds_and_never_too_late() {
        let epochs = Epochs::default();
        assert_eq!(epochs.horizon(), None);
        let now = Instant::now();
        epochs.extend_horizon(now, Duration::from_secs(1));
        let horizon = epochs.horizon().expect("a horizon");
        assert!(horizon <= now + Duration::from_secs(1));
        assert!(horizon + TICK > now + Duration::from_secs(1));
    }
}
