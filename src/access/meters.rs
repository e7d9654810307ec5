//! The meters of all callers, and the file in which quotas are kept.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use quick_cache::sync::Cache;
use redb::{Database, ReadableDatabase, TableDefinition};

use super::meter::{Meter, Used};

/// Callers that no file names, of which meters are kept: whoever is seen least makes room, and begins anew. Divided evenly among the
/// shards of a cache, of which there are as many as there are cores, or more: a power of two.
const STRANGERS: usize = 48 * 1024;
/// Memory of redb for its pages.
const CACHE: usize = 1024 * 1024;
/// Subject to the beginning of its period and the requests in it.
const QUOTAS: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("quotas");

/// The meters.
pub(super) struct Meters {
    /// Of callers that files name; each belongs to those callers.
    named: Mutex<HashMap<String, Weak<Meter>>>,
    /// Of the subjects of tokens.
    subjects: Cache<Arc<str>, Arc<Meter>>,
    /// Of addresses.
    addresses: Cache<IpAddr, Arc<Meter>>,
    store: Option<QuotaStore>,
}

impl Meters {
    pub(super) fn new(store: Option<QuotaStore>) -> Self {
        let (subjects, addresses) = (Cache::new(STRANGERS), Cache::new(STRANGERS));
        Self { named: Mutex::default(), subjects, addresses, store }
    }

    /// The meter of the caller that a file calls so, over all the times that the file is read.
    pub(super) fn of(&self, kind: &str, name: &str) -> Arc<Meter> {
        let subject = format!("{kind}:{name}");
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = named.get(&subject).and_then(Weak::upgrade) {
            return meter;
        }
        let meter = self.kept(&subject);
        named.insert(subject, Arc::downgrade(&meter));
        meter
    }

    /// The meter of the subject of tokens.
    pub(super) fn of_subject(&self, subject: &Arc<str>) -> Arc<Meter> {
        let Ok::<_, Infallible>(meter) =
            self.subjects.get_or_insert_with(subject, || Ok(self.kept(&format!("token:{subject}"))));
        meter
    }

    /// The meter of an address.
    pub(super) fn of_address(&self, address: IpAddr) -> Arc<Meter> {
        let Ok::<_, Infallible>(meter) =
            self.addresses.get_or_insert_with(&address, || Ok(Arc::new(Meter::new(Used::default()))));
        meter
    }

    /// How many callers that files name have one.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn kept(&self, subject: &str) -> Arc<Meter> {
        Arc::new(Meter::new(self.store.as_ref().map(|store| store.used(subject)).unwrap_or_default()))
    }

    /// Saves what has changed.
    pub(super) fn save(&self) -> Result<(), redb::Error> {
        let mut meters: Vec<(String, Arc<Meter>)> = Vec::new();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|subject, meter| {
            let meter = meter.upgrade();
            let lives = meter.is_some();
            meters.extend(meter.map(|meter| (subject.clone(), meter)));
            lives
        });
        drop(named);
        let Some(store) = &self.store else { return Ok(()) };
        meters.extend(self.subjects.iter().map(|(subject, meter)| (format!("token:{subject}"), meter)));
        let unsaved = |(subject, meter): (String, Arc<Meter>)| Some((subject, meter.unsaved()?, meter));
        let changed: Vec<_> = meters.into_iter().filter_map(unsaved).collect();
        if changed.is_empty() {
            return Ok(());
        }
        store.save(changed.iter().map(|(subject, used, _)| (subject.as_str(), *used))).inspect_err(|_| {
            for (_, _, meter) in &changed {
                meter.is_unsaved();
            }
        })
    }
}

/// The file in which quotas are kept.
pub(super) struct QuotaStore(Database);

impl QuotaStore {
    /// Opens or makes it, with its folder. What is older than any period is thrown away.
    pub(super) fn open(path: &Path, oldest: u64) -> Result<Self, redb::Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let database = Database::builder().set_cache_size(CACHE).create(path)?;
        let transaction = database.begin_write()?;
        transaction.open_table(QUOTAS)?.retain(|_, (since, _)| since >= oldest)?;
        transaction.commit()?;
        Ok(Self(database))
    }

    /// What is not there, or cannot be read, is nothing used.
    fn used(&self, subject: &str) -> Used {
        let read = || -> Result<Option<Used>, redb::Error> {
            let table = self.0.begin_read()?.open_table(QUOTAS)?;
            Ok(table.get(subject)?.map(|found| {
                let (since, requests) = found.value();
                Used { since, requests }
            }))
        };
        read()
            .unwrap_or_else(|error| {
                tracing::error!("access.quota_store: the use of a quota cannot be read: {error}");
                None
            })
            .unwrap_or_default()
    }

    fn save<'s>(&self, changed: impl Iterator<Item = (&'s str, Used)>) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        {
            let mut table = transaction.open_table(QUOTAS)?;
            for (subject, Used { since, requests }) in changed {
                table.insert(subject, (since, requests))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::meter::Now;
    use crate::config::access::{Limits, Period, Quota};

    const LIMITS: Limits = Limits { rate: None, quota: Some(Quota { requests: 3, period: Period::Month }) };

    #[test]
    fn quotas_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/quotas.redb");
        let now = Now::get();
        let meters = Meters::new(Some(QuotaStore::open(&path, 0).unwrap()));
        let subject: Arc<str> = "alice".into();
        let (shop, alice) = (meters.of("key", "shop"), meters.of_subject(&subject));
        for _ in 0..2 {
            shop.take(&LIMITS, now).unwrap();
            alice.take(&LIMITS, now).unwrap();
        }
        meters.save().unwrap();
        drop((meters, shop, alice));
        let meters = Meters::new(Some(QuotaStore::open(&path, 0).unwrap()));
        for meter in [meters.of("key", "shop"), meters.of_subject(&subject)] {
            assert_eq!(meter.take(&LIMITS, now).unwrap().quota.unwrap().requests, 0);
            assert!(meter.take(&LIMITS, now).is_err());
        }
        // Another kind of caller of the same name is another.
        assert!(meters.of("sigv4", "shop").take(&LIMITS, now).is_ok());
        meters.save().unwrap();
        drop(meters);
        // What is of an older period than any that lasts is not kept.
        let meters = Meters::new(Some(QuotaStore::open(&path, u64::MAX).unwrap()));
        assert_eq!(meters.of("key", "shop").take(&LIMITS, now).unwrap().quota.unwrap().requests, 2);
    }

    #[test]
    fn one_file_is_of_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quotas.redb");
        let _first = QuotaStore::open(&path, 0).unwrap();
        assert!(QuotaStore::open(&path, 0).is_err());
    }

    #[test]
    fn strangers_are_bounded() {
        let meters = Meters::new(None);
        for at in 0..60_000_u32 {
            meters.of_address(IpAddr::from(at.to_be_bytes()));
        }
        assert!(meters.addresses.len() <= STRANGERS);
    }
}
