//! What is remembered for a while, within a number of bytes, and made once for all who ask for it at the same time.

use std::hash::Hash;
use std::time::Duration;

use quick_cache::sync::{Cache as Shards, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::time::Instant;

/// Parts with a lock of their own, at most.
const SHARDS: usize = 64;
/// Bytes of an entry, usually.
const USUAL: usize = 1024;
/// How long lives what never gets old.
const FOREVER: Duration = Duration::from_hours(30 * 365 * 24);

/// Values by their keys, each until its time is over or others need its room.
pub(crate) struct Cache<K, V, E> {
    entries: Shards<K, Entry<V, E>, Bytes<K, V>>,
}

#[derive(Clone)]
struct Entry<V, E> {
    /// A failure is for those who wait for it.
    made: Result<V, E>,
    at: Instant,
    until: Instant,
}

/// What an entry takes.
struct Bytes<K, V>(fn(&K, &V) -> usize);

impl<K, V> Clone for Bytes<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V, E> Weighter<K, Entry<V, E>> for Bytes<K, V> {
    fn weight(&self, key: &K, entry: &Entry<V, E>) -> u64 {
        entry.made.as_ref().map_or(1, |value| self.0(key, value) as u64)
    }
}

impl<K: Hash + Eq + Clone, V: Clone, E: Clone> Cache<K, V, E> {
    /// An empty one of `size` bytes, where `bytes` tells what an entry takes: `largest` at most.
    pub(crate) fn new(size: usize, largest: usize, bytes: fn(&K, &V) -> usize) -> Self {
        // Shards, a power of two, divide the room evenly: each must hold the largest entry.
        let shards = 1 << (size / (2 * largest)).clamp(1, SHARDS).ilog2();
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(size / USUAL)
            .weight_capacity((size - size % shards) as u64)
            .build()
            .expect("both capacities are told: their lack is a bug");
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { entries: Shards::with_options(options, Bytes(bytes), hasher, lifecycle) }
    }

    /// What is remembered of `key`.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let entry = self.entries.get(key)?;
        entry.made.ok().filter(|_| Instant::now() < entry.until)
    }

    /// Remembers `value` for as long as it `lives`.
    pub(crate) fn insert(&self, key: K, value: V, lives: Duration) {
        self.entries.insert(key, Entry::new(Ok(value), lives));
    }

    /// What is remembered of `key`, or else what `make` makes, and how long that lives. All who ask meanwhile wait for it, and have it,
    /// be it a failure; a failure is not remembered. If `make` is dropped, the next one who waits makes it.
    ///
    /// # Errors
    /// What kept it from being made.
    pub(crate) async fn get_or_make<F>(&self, key: &K, make: F) -> Result<V, E>
    where
        F: Future<Output = Result<(V, Duration), E>>,
    {
        let asked = Instant::now();
        loop {
            match self.entries.get_value_or_guard_async(key).await {
                Ok(entry) if asked <= entry.at || Instant::now() < entry.until => return entry.made,
                Ok(stale) => {
                    self.entries.remove_if(key, |entry| entry.at == stale.at);
                }
                Err(place) => {
                    let (made, lives) = match make.await {
                        Ok((value, lives)) => (Ok(value), lives),
                        Err(failure) => (Err(failure), Duration::ZERO),
                    };
                    // One that another has put there, or removed, meanwhile: this one was made all the same.
                    let _ = place.insert(Entry::new(made.clone(), lives));
                    if made.is_err() {
                        self.entries.remove_if(key, |entry| entry.made.is_err());
                    }
                    return made;
                }
            }
        }
    }

    /// How many entries there are, old ones among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that the entries take.
    pub(crate) fn size(&self) -> u64 {
        self.entries.weight()
    }
}

impl<V, E> Entry<V, E> {
    fn new(made: Result<V, E>, lives: Duration) -> Self {
        let at = Instant::now();
        Self { made, at, until: at + lives.min(FOREVER) }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);
    const SHORT: Duration = Duration::from_secs(1);

    fn cache<E: Clone>(size: usize) -> Cache<u32, String, E> {
        Cache::new(size, 100, |_, value| value.len())
    }

    #[tokio::test(start_paused = true)]
    async fn each_lives_as_long_as_was_said() {
        let cache = cache::<Infallible>(1000);
        cache.insert(1, "one".to_owned(), SHORT);
        cache.insert(2, "two".to_owned(), Duration::MAX);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(cache.get(&1).as_deref(), Some("one"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get(&1), None);
        let Ok(made) = cache.get_or_make(&1, async { Ok(("again".to_owned(), SHORT)) }).await;
        assert_eq!(made, "again");
        assert_eq!(cache.get(&1).as_deref(), Some("again"));
        let Ok(made) = cache.get_or_make(&2, async { unreachable!("it is there") }).await;
        assert_eq!(made, "two");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_has_what_was_made_even_if_it_is_old_at_once() {
        let cache = Arc::new(cache::<&str>(1000));
        let times = Arc::new(AtomicU32::new(0));
        for outcome in [Ok(("fleeting".to_owned(), Duration::ZERO)), Err("a failure")] {
            let asking = (0..20).map(|_| {
                let (cache, times, outcome) = (Arc::clone(&cache), Arc::clone(&times), outcome.clone());
                tokio::spawn(async move {
                    let make = async {
                        tokio::time::sleep(SHORT).await;
                        times.fetch_add(1, Ordering::Relaxed);
                        outcome
                    };
                    cache.get_or_make(&1, make).await
                })
            });
            for made in asking.collect::<Vec<_>>() {
                assert_eq!(made.await.unwrap(), outcome.clone().map(|(value, _)| value));
            }
            assert_eq!(times.swap(0, Ordering::Relaxed), 1);
            assert_eq!(cache.get(&1), None);
            tokio::time::advance(SHORT).await;
        }
        assert_eq!(cache.len(), 0, "a failure takes no room");
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_leaves_the_making_to_the_next() {
        let cache = Arc::new(cache::<Infallible>(1000));
        let ask = |takes| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                let make = async {
                    tokio::time::sleep(takes).await;
                    Ok(("made".to_owned(), LONG))
                };
                cache.get_or_make(&1, make).await
            })
        };
        let (first, second) = (ask(LONG), ask(SHORT));
        tokio::task::yield_now().await;
        first.abort();
        let Ok(made) = second.await.unwrap();
        assert_eq!(made, "made");
    }

    #[test]
    fn it_holds_no_more_than_its_size() {
        for size in [100, 1000, 100_000] {
            let cache = cache::<Infallible>(size);
            for key in 0..2000 {
                cache.insert(key, "v".repeat(90), LONG);
                assert!(cache.size() <= size as u64, "{} of {size}", cache.size());
            }
            assert!(cache.len() > size / 90 / 2, "{} of {size}", cache.len());
            cache.insert(1, "v".repeat(size + 1), LONG);
            assert_eq!(cache.get(&1), None, "it has no room in {size}");
        }
    }
}
