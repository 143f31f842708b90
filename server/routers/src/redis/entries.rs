//! Reads and removes the entries of keys.
//!
//! `GETRANGE` instead of `GET` or `MGET`: it fetches the beginning of a value of any size, and says so when the key holds
//! no text, where `MGET` answers as if there were none. Whether a key exists is known from `PTTL`, which is asked first:
//! an entry that vanishes in between is then still told, and one that appears is not missed.

use std::collections::HashSet;

use domain::{RouteKey, Span};
use redis::{Pipeline, RedisError, Value};

use super::{Redis, config::Pool, value::MAX_VALUE};
use crate::{Entry, RouterError};

/// Keys of one pipeline: what is answered to it fits into 8 MB, however long the values are.
pub(super) const PIECE: usize = 500;

/// What `PTTL` says of a key that is not there.
const MISSING: i64 = -2;

impl Redis {
    /// The entries that exist for `keys`.
    pub(super) async fn entries(&self, pool: &Pool, keys: &[&RouteKey]) -> Result<Vec<Entry>, RouterError> {
        let mut entries = Vec::new();
        for piece in keys.chunks(PIECE) {
            entries.extend(self.piece(pool, piece).await?.1);
        }
        Ok(entries)
    }

    /// The entries of at most [`PIECE`] keys, and the number of the connection that they came over.
    pub(super) async fn piece(&self, pool: &Pool, keys: &[&RouteKey]) -> Result<(u64, Vec<Entry>), RouterError> {
        let mut commands = Pipeline::with_capacity(2 * keys.len());
        for key in keys {
            let name = pool.entry.name(key);
            commands.cmd("PTTL").arg(&name).cmd("GETRANGE").arg(&name).arg(0).arg(MAX_VALUE);
        }
        let (line, answers) = self.transport.ask(&mut commands).await?;
        let mut answers = answers.into_iter();
        let mut entries = Vec::new();
        for key in keys {
            let left = self.number(answers.next())?;
            let value = self.value(answers.next())?;
            if left == MISSING && value.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let generation = value.as_ref().and_then(|bytes| pool.value.generation(bytes));
            let (server, session) = value.map_or((None, None), |bytes| pool.value.read(&bytes));
            let expires_in = (left >= 0).then(|| Span::from_millis(left));
            let key = (*key).clone();
            entries.push(Entry { key, server, session, generation, pinned_at: None, expires_in, in_use: false });
        }
        Ok((line, entries))
    }

    /// Removes the entries of `keys`, then reads every key back.
    pub(super) async fn remove(&self, pool: &Pool, keys: &[&RouteKey]) -> Result<Vec<Entry>, RouterError> {
        let names: Vec<String> = keys.iter().map(|key| pool.entry.name(key)).collect();
        self.unlink(&names).await?;
        self.entries(pool, keys).await
    }

    /// Removes `names`. How many there were proves nothing: what counts is read afterwards.
    pub(super) async fn unlink(&self, names: &[String]) -> Result<(), RouterError> {
        for piece in names.chunks(PIECE) {
            let mut commands = Pipeline::with_capacity(piece.len());
            for name in piece {
                commands.cmd("UNLINK").arg(name);
            }
            let (_, answers) = self.transport.ask(&mut commands).await?;
            for answer in answers {
                self.number(Some(answer))?;
            }
        }
        Ok(())
    }

    /// A number that was answered.
    pub(super) fn number(&self, answer: Option<Result<Value, RedisError>>) -> Result<i64, RouterError> {
        match answer {
            Some(Ok(Value::Int(number))) => Ok(number),
            Some(Err(error)) => Err(self.transport.answered(&error)),
            _ => Err(self.transport.foreign()),
        }
    }

    /// The beginning of a value; `None` when the key holds no text.
    pub(super) fn value(&self, answer: Option<Result<Value, RedisError>>) -> Result<Option<Vec<u8>>, RouterError> {
        match answer {
            Some(Ok(Value::BulkString(bytes))) => Ok(Some(bytes)),
            Some(Err(error)) if error.code() == Some("WRONGTYPE") => Ok(None),
            Some(Err(error)) => Err(self.transport.answered(&error)),
            _ => Err(self.transport.foreign()),
        }
    }
}

/// `keys` without repetitions.
pub(super) fn distinct(keys: &[RouteKey]) -> Vec<&RouteKey> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().filter(|key| seen.insert(*key)).collect()
}
