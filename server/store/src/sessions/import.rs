//! Sessions of any state at once, from elsewhere.

use std::collections::HashSet;

use domain::{AccountId, Instant, Session, ip::canonical};

use super::{Deltas, insert_sessions};
use crate::{
    Result, StoreError, Tx,
    sql::{args, clean, json_ids, rows},
};

impl Tx {
    /// Inserts sessions as they are, of any state. Those whose id is known, and those of unknown accounts, are left out.
    /// Returns how many were inserted.
    ///
    /// # Errors
    /// `Raced` when another transaction made one of them at this moment; else when the database could not.
    pub async fn import_sessions(&mut self, items: &[Session], now: Instant) -> Result<i64> {
        let ids = json_ids(items.iter().map(|item| &item.id))?;
        let sql = rows!("id", "FROM sessions WHERE id", among);
        let mut known: HashSet<String> =
            self.rows::<(String,)>(sql, args![ids]).await?.into_iter().map(|(id,)| id).collect();
        let mut ids: Vec<&AccountId> = items.iter().map(|item| &item.account).collect();
        ids.sort_unstable();
        ids.dedup();
        let sql = rows!("id", "FROM accounts WHERE id", among, " ORDER BY id", lock);
        let accounts: HashSet<String> =
            self.rows::<(String,)>(sql, args![json_ids(ids)?]).await?.into_iter().map(|(id,)| id).collect();
        let mut deltas = Deltas::default();
        let mut new = Vec::new();
        for item in items {
            if accounts.contains(item.account.as_str()) && known.insert(item.id.as_str().to_owned()) {
                let mut session = item.clone();
                // A session of the future would stay «just seen» for ever.
                session.last_seen_at = session.last_seen_at.min(now.max(session.created_at));
                session.ip = canonical(clean(&session.ip).into_owned());
                deltas.add(&session);
                new.push(session);
            }
        }
        if new.is_empty() {
            return Ok(0);
        }
        let inserted = insert_sessions(self, &new).await?;
        if usize::try_from(inserted) != Ok(new.len()) {
            return Err(StoreError::Raced);
        }
        deltas.write(self).await?;
        Ok(inserted)
    }
}
