//! The file of keys, and the caller whose key it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::key::{Hash, hash, unhex};
use super::lines::{self, LineError};
use super::scope::Scopes;
use super::{Caller, Meters, Plans};

/// The keys in force. A look-up takes the same steps and compares the same bytes whether it finds something or not.
#[derive(Default)]
pub(super) struct Keys {
    /// The first half of each hash, in order: where to look is no secret, as nobody can choose the hash of a guess.
    places: Vec<u128>,
    /// Those hashes and their callers, in the same order. The last one is nobody's, for look-ups beyond the others.
    entries: Vec<(Hash, Arc<Caller>)>,
}

impl Keys {
    /// Reads the lines `name,hash,plan,scopes`.
    pub(super) fn read(text: &str, plans: &Plans, meters: &Meters) -> Result<Self, LineError> {
        let (mut names, mut hashes) = (HashSet::new(), HashSet::new());
        let mut entries = Vec::new();
        for line in lines::read(text, "name,hash,plan,scopes") {
            let (number, [name, digest, plan, scopes]) = line?;
            let wrong = |what: String| LineError { line: number, what };
            let caller = lines::caller("key", name, plan, scopes, plans, meters).map_err(wrong)?;
            let digest = unhex(digest).ok_or_else(|| {
                wrong("the hash is not 64 hexadecimal digits, the SHA-256 of the key".to_owned())
            })?;
            if !names.insert(name) {
                return Err(wrong(format!("there is a key {name:?} already")));
            }
            if !hashes.insert(digest) {
                return Err(wrong("this hash is another key's already".to_owned()));
            }
            entries.push((digest, Arc::new(caller)));
        }
        let nobody =
            Caller { kind: "key", name: "nobody".into(), scopes: Scopes::default(), plan: None, meter: None };
        entries.push(([0xff; 32], Arc::new(nobody)));
        entries.sort_unstable_by_key(|(hash, _)| *hash);
        Ok(Self { places: entries.iter().map(|(hash, _)| place(hash)).collect(), entries })
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len().saturating_sub(1)
    }

    /// Whose key it is.
    pub(super) fn find(&self, key: &str) -> Option<Arc<Caller>> {
        let hash = hash(key);
        let at = self.places.partition_point(|found| *found < place(&hash));
        let (found, caller) = self.entries.get(at.min(self.entries.len().checked_sub(1)?))?;
        // Taken in any case, as that takes time too.
        let caller = Arc::clone(caller);
        bool::from(found.ct_eq(&hash)).then_some(caller)
    }
}

fn place(hash: &Hash) -> u128 {
    u128::from_be_bytes(hash[..16].try_into().expect("half of a hash: this is a bug"))
}

/// Callers that sign their requests, by access key id.
pub(super) type Signers = HashMap<String, Signer>;

/// One of them. Its secret is not printed.
pub(super) struct Signer {
    pub(super) secret: String,
    pub(super) caller: Arc<Caller>,
}

/// Reads the lines `access key id,secret access key,plan,scopes`.
pub(super) fn read_signers(text: &str, plans: &Plans, meters: &Meters) -> Result<Signers, LineError> {
    let mut signers = Signers::new();
    for line in lines::read(text, "access key id,secret access key,plan,scopes") {
        let (number, [id, secret, plan, scopes]) = line?;
        let wrong = |what: String| LineError { line: number, what };
        let caller = lines::caller("sigv4", id, plan, scopes, plans, meters).map_err(wrong)?;
        if secret.len() < 16 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("the secret is shorter than 16 visible ASCII characters".to_owned()));
        }
        let signer = Signer { secret: secret.to_owned(), caller: Arc::new(caller) };
        if signers.insert(id.to_owned(), signer).is_some() {
            return Err(wrong(format!("there is an access key id {id:?} already")));
        }
    }
    Ok(signers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::key::{generate, hex};
    use crate::access::meter::Now;
    use crate::config::access::{Limits, Period, Quota, Rate};
    use crate::telemetry::metrics::AccessMetrics;

    fn plans() -> Plans {
        let rate = Some(Rate { per_second: 1e6, burst: 1_000_000 });
        let quota = Some(Quota { requests: 2_000_000, period: Period::Month });
        Plans::new(&[("gold".to_owned(), Limits { rate, quota })].into(), &AccessMetrics::default())
    }

    /// A million requests of a thousand callers leave nothing behind but what each caller has used.
    #[test]
    fn a_thousand_keys_and_a_million_requests() {
        let (plans, meters) = (plans(), Meters::new(None));
        let keys: Vec<String> = (0..1000).map(|_| generate().unwrap()).collect();
        let line = |(at, key): (usize, &String)| format!("shop-{at},{},gold,predict\n", hex(&hash(key)));
        let file: String = keys.iter().enumerate().map(line).collect();
        let read = || Keys::read(&file, &plans, &meters).unwrap();
        let known = read();
        let now = Now::get();
        for round in 0..500 {
            for (at, key) in keys.iter().enumerate() {
                let caller = known.find(key).unwrap();
                let left = caller.take(now).unwrap().unwrap();
                assert_eq!(left.quota.unwrap().requests, 2_000_000 - round - 1);
                // One letter less is another key.
                assert!(known.find(&key[..key.len() - 1]).is_none(), "{at}");
            }
        }
        assert_eq!(&*known.find(&keys[7]).unwrap().name, "shop-7");
        for _ in 0..10 {
            let again = read();
            assert_eq!(again.find(&keys[7]).unwrap().take(now).map(|_| ()), Ok(()));
        }
        assert_eq!((known.len(), meters.count()), (1000, 1000));
        drop(known);
        meters.save().unwrap();
        assert_eq!(meters.count(), 0);
    }

    #[test]
    fn no_keys_let_nobody_in() {
        for keys in [Keys::default(), Keys::read("", &plans(), &Meters::new(None)).unwrap()] {
            for key in ["", "imba_", "x"] {
                assert!(keys.find(key).is_none());
            }
        }
    }
}
