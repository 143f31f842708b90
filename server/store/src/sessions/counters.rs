//! The counters on accounts, kept in the transaction that changes the sessions that they count.

use std::collections::BTreeMap;

use domain::{Account, AccountId, Instant, Session, SessionState};

use crate::{
    Engine, Result, StoreError, Tx,
    sql::{args, cells, json, sql},
};

/// What one account's counters change by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Delta {
    live: i64,
    leftover: i64,
    total: i64,
    seen: Option<Instant>,
}

impl Delta {
    /// A session appears.
    fn add(&mut self, session: &Session) {
        self.count(session, 1);
        self.saw(session.last_seen_at);
    }

    /// `by` sessions like this appear.
    const fn count(&mut self, session: &Session, by: i64) {
        self.total += by;
        match session.state {
            SessionState::Active => self.live += by,
            SessionState::Ended { .. } => self.leftover += by,
            SessionState::Cleaned { .. } => {}
        }
    }

    fn saw(&mut self, at: Instant) {
        self.seen = self.seen.max(Some(at));
    }
}

/// What accounts' counters change by, by account.
#[derive(Debug, Default)]
pub(crate) struct Deltas(BTreeMap<AccountId, Delta>);

impl Deltas {
    /// `new` sessions appear.
    pub fn of_new(new: &[(&Session, i64)]) -> Self {
        let mut deltas = Self::default();
        for run in new.chunk_by(|(one, _), (next, _)| one.account == next.account) {
            if let Some((first, _)) = run.first() {
                let delta = deltas.of(&first.account);
                for (session, _) in run {
                    delta.add(session);
                }
            }
        }
        deltas
    }

    /// A session appears.
    pub fn add(&mut self, session: &Session) {
        self.of(&session.account).add(session);
    }

    /// A session disappears, or is about to be something else.
    pub fn remove(&mut self, session: &Session) {
        self.of(&session.account).count(session, -1);
    }

    /// The account was seen at `at`.
    pub fn saw(&mut self, account: &AccountId, at: Instant) {
        self.of(account).saw(at);
    }

    /// `n` live sessions of `account` became left over.
    pub fn ended(&mut self, account: &AccountId, n: i64) {
        let delta = self.of(account);
        delta.live -= n;
        delta.leftover += n;
    }

    /// `n` left-over sessions of `account` were cleaned.
    pub fn cleaned(&mut self, account: &AccountId, n: i64) {
        self.of(account).leftover -= n;
    }

    /// Counts into `account` itself, which is not written yet, what it changes by.
    pub fn count_into(&mut self, account: &mut Account) {
        if let Some(delta) = self.0.remove(&account.id) {
            account.live_sessions += delta.live;
            account.leftover_sessions += delta.leftover;
            account.total_sessions += delta.total;
            account.last_seen_at = account.last_seen_at.max(delta.seen);
        }
    }

    /// The accounts that change.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.0.keys().cloned().collect()
    }

    fn of(&mut self, account: &AccountId) -> &mut Delta {
        if !self.0.contains_key(account) {
            self.0.insert(account.clone(), Delta::default());
        }
        self.0.entry(account.clone()).or_default()
    }

    /// Writes them, in one statement.
    ///
    /// # Errors
    /// `Corrupt` when an account is not there.
    pub async fn write(self, tx: &mut Tx) -> Result<()> {
        let changed = self.0.iter().filter(|(_, delta)| **delta != Delta::default());
        let rows: Vec<_> =
            changed.map(|(id, delta)| cells![id, delta.live, delta.leftover, delta.total, delta.seen]).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let sql = sql!(
            "UPDATE accounts SET live_sessions = accounts.live_sessions + i.live, \
             leftover_sessions = accounts.leftover_sessions + i.leftover, \
             total_sessions = accounts.total_sessions + i.total, \
             last_seen_at = CASE WHEN accounts.last_seen_at >= i.seen OR i.seen IS NULL THEN accounts.last_seen_at \
             ELSE i.seen END \
             FROM (SELECT value ->> 0 AS id, CAST(value ->> 1 AS BIGINT) AS live, \
             CAST(value ->> 2 AS BIGINT) AS leftover, CAST(value ->> 3 AS BIGINT) AS total, \
             CAST(value ->> 4 AS BIGINT) AS seen FROM ",
            each,
            ") AS i WHERE accounts.id = i.id"
        );
        let changed = tx.exec(sql, args![json(&rows)?]).await?;
        if usize::try_from(changed) == Ok(rows.len()) { Ok(()) } else { Err(StoreError::corrupt("an account is gone")) }
    }
}

/// Locks the accounts of the sessions in `ids` (a JSON array) until the transaction ends, in the order of account ids.
/// SQLite has one writer at a time: nothing to do there.
pub(super) async fn lock_accounts_of(tx: &mut Tx, ids: &str) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        let sql = sql!(
            "SELECT id FROM accounts WHERE id IN (SELECT account_id FROM sessions WHERE id",
            among,
            ") ORDER BY id",
            lock
        );
        tx.exec(sql, args![ids]).await?;
    }
    Ok(())
}

/// Locks the accounts in `ids` (a JSON array), like [`lock_accounts_of`].
pub(super) async fn lock_accounts(tx: &mut Tx, ids: &str) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        let sql = sql!("SELECT id FROM accounts WHERE id", among, " ORDER BY id", lock);
        tx.exec(sql, args![ids]).await?;
    }
    Ok(())
}
