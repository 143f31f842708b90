//! Walks through a map with `SCAN`, never `KEYS`: Redis does one thing at a time, and nobody else's request may wait for
//! a whole map to be listed.
//!
//! `SCAN` finds every key that was there all the time, some twice. Its cursor means something to the process that gave
//! it, so a walk over which the connection changed begins anew.

use std::collections::{BTreeMap, HashSet};

use domain::{RouteKey, ServerName};
use redis::{Pipeline, Value};
use tokio::time::Instant;

use super::{Redis, config::Pool, entries::PIECE};
use crate::{Entry, Listing, RouterError};

/// Keys that Redis looks at in one step of a walk: less than a millisecond of its time.
const STEP: usize = 1_000;

/// How many time-outs one walk may take in all.
const PATIENCE: u32 = 10;

/// How often a walk begins anew because the connection changed.
const WALKS: u32 = 3;

/// From so many entries on, of which none can be understood, it is the configuration that is wrong.
const ALL_STRANGE: usize = 10;

impl Redis {
    /// All entries of `pool`, or only those of the server `only`, when there are at most `limit`.
    pub(super) async fn sweep(
        &self,
        pool: &Pool,
        only: Option<&ServerName>,
        limit: u64,
    ) -> Result<Listing, RouterError> {
        for _ in 0..WALKS {
            if let Some(listing) = self.walk(pool, only, limit).await? {
                return Ok(listing);
            }
        }
        Err(self.transport.unreachable("broke off again and again while its keys were listed"))
    }

    /// One walk; `None` when the connection changed on the way.
    async fn walk(&self, pool: &Pool, only: Option<&ServerName>, limit: u64) -> Result<Option<Listing>, RouterError> {
        let deadline = Instant::now() + self.transport.limit() * PATIENCE;
        let (glob, mut cursor, mut line) = (pool.entry.glob(), 0, None);
        let (mut found, mut strange): (BTreeMap<RouteKey, Entry>, usize) = (BTreeMap::new(), 0);
        loop {
            let (number, next, keys) = self.step(pool, &glob, cursor).await?;
            let fresh: Vec<&RouteKey> = keys.iter().filter(|key| !found.contains_key(*key)).collect();
            for piece in fresh.chunks(PIECE) {
                let (number, entries) = self.piece(pool, piece).await?;
                if *line.get_or_insert(number) != number {
                    return Ok(None);
                }
                strange += entries.iter().filter(|entry| entry.server.is_none()).count();
                let wanted = |entry: &Entry| only.is_none_or(|only| entry.server.as_ref() == Some(only));
                found.extend(entries.into_iter().filter(wanted).map(|entry| (entry.key.clone(), entry)));
                if found.len() as u64 > limit {
                    return Ok(Some(Listing::TooMany(found.len() as u64)));
                }
            }
            if *line.get_or_insert(number) != number {
                return Ok(None);
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(self.transport.refused(
                    "has so many keys that those of its affinity map cannot be picked out in time: give the map a database \
                     of its own",
                ));
            }
        }
        if only.is_none() && found.len() >= ALL_STRANGE && strange >= found.len() {
            return Err(self.transport.refused(&format!(
                "has {} entries in pool {}, and none of them names a server as `value` says: correct `value` of that pool",
                found.len(),
                pool.name
            )));
        }
        Ok(Some(Listing::All(found.into_values().collect())))
    }

    /// One step: the number of the connection, the next cursor (0 at the end), and the route keys that were found.
    async fn step(&self, pool: &Pool, glob: &str, cursor: u64) -> Result<(u64, u64, HashSet<RouteKey>), RouterError> {
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("SCAN").arg(cursor).arg("MATCH").arg(glob).arg("COUNT").arg(STEP);
        let (number, answers) = self.transport.ask(&mut commands).await?;
        let answer = answers.into_iter().next().transpose().map_err(|error| self.transport.answered(&error))?;
        let (next, names) = page(answer).ok_or_else(|| self.transport.foreign())?;
        // Tombstones, and names of another make, are nobody's here.
        Ok((number, next, names.iter().filter_map(|name| pool.entry.key(name)).collect()))
    }
}

/// The cursor and the names in an answer to `SCAN`.
fn page(answer: Option<Value>) -> Option<(u64, Vec<Vec<u8>>)> {
    let Some(Value::Array(parts)) = answer else { return None };
    let mut parts = parts.into_iter();
    let (Some(Value::BulkString(cursor)), Some(Value::Array(names)), None) = (parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let bytes = |name| if let Value::BulkString(bytes) = name { Some(bytes) } else { None };
    Some((std::str::from_utf8(&cursor).ok()?.parse().ok()?, names.into_iter().map(bytes).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn only_a_page_is_a_page() {
        let names = Value::Array(vec![bulk("a"), bulk("b")]);
        let read = page(Some(Value::Array(vec![bulk("17"), names.clone()])));
        assert_eq!(read, Some((17, vec![b"a".to_vec(), b"b".to_vec()])));
        for bad in [
            Value::Nil,
            Value::Array(vec![]),
            Value::Array(vec![bulk("x"), names.clone()]),
            Value::Array(vec![bulk("1"), bulk("a")]),
            Value::Array(vec![bulk("1"), Value::Array(vec![Value::Int(1)])]),
            Value::Array(vec![bulk("1"), names, Value::Nil]),
        ] {
            assert_eq!(page(Some(bad.clone())), None, "{bad:?}");
        }
        assert_eq!(page(None), None);
    }
}
