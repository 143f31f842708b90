//! Loading much at once: sample data, and a first import. The accounts' counters come from the sessions that are loaded with them.

use std::collections::{HashMap, HashSet};

use domain::{Account, AccountId, Session, SessionState};

use crate::{
    Engine, Pin, Result, RouteChange, Store, StoreError, Tx,
    accounts::insert_accounts,
    embedded::{count_pins, insert_pins},
    open::indexes,
    routes::insert_changes,
    sessions::{Deltas, insert_sessions},
};

impl Store {
    /// Before much is loaded: empties SQLite's log, so that it grows from nothing, and puts off some indexes where there is no
    /// session yet. Returns whether there is none: then nobody else has much to write meanwhile.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_begin(&self) -> Result<bool> {
        self.checkpoint_wal().await?;
        indexes::defer(&self.pools).await
    }

    /// Loads rows as they are, in one transaction. New accounts get the counters that the sessions in the same call
    /// amount to; other accounts' counters grow by theirs. What is there already (by id) stays as it is.
    ///
    /// # Errors
    /// When the database could not, or a session's account is neither there nor among `accounts`.
    pub async fn bulk_load(
        &self,
        accounts: &[Account],
        sessions: &[Session],
        pins: &[Pin],
        history: &[(AccountId, RouteChange)],
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        if !load_fresh(&mut tx, accounts, sessions).await? {
            // Something was there already: once more, looking at each.
            tx.rollback().await?;
            tx = self.begin().await?;
            load_known(&mut tx, accounts, sessions).await?;
        }
        if usize::try_from(insert_pins(&mut tx, pins).await?) != Ok(pins.len()) {
            return Err(StoreError::Raced);
        }
        count_pins(&mut tx, pins.iter().map(|pin| (pin, 1))).await?;
        insert_changes(&mut tx, history).await?;
        tx.commit().await
    }

    /// After [`Self::bulk_begin`], however the load ended: tidies the search index (SQLite) or has the database look
    /// at what came (Postgres), and makes the indexes that were put off.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn bulk_end(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        let statements = match self.engine() {
            Engine::Sqlite => ["INSERT INTO accounts_fts (accounts_fts) VALUES ('optimize')"].as_slice(),
            Engine::Postgres => &["ANALYZE accounts", "ANALYZE sessions", "ANALYZE embedded_pins"],
        };
        for statement in statements {
            tx.exec(crate::sql::Sql::fixed(statement, statement), &[]).await?;
        }
        tx.commit().await?;
        indexes::make(&self.pools).await?;
        self.checkpoint_wal().await
    }
}

/// The fast way, when nothing of it is there; `false` when something was, and then the transaction must not be committed.
async fn load_fresh(tx: &mut Tx, accounts: &[Account], sessions: &[Session]) -> Result<bool> {
    let (accounts, others) = counted(accounts, sessions);
    if usize::try_from(insert_accounts(tx, accounts.iter()).await?) != Ok(accounts.len())
        || usize::try_from(insert_sessions(tx, sessions).await?) != Ok(sessions.len())
    {
        return Ok(false);
    }
    others.write(tx).await?;
    Ok(true)
}

async fn load_known(tx: &mut Tx, accounts: &[Account], sessions: &[Session]) -> Result<()> {
    let empty = |account: &Account| Account {
        live_sessions: 0,
        leftover_sessions: 0,
        total_sessions: 0,
        last_seen_at: None,
        ..account.clone()
    };
    let accounts: Vec<Account> = accounts.iter().map(empty).collect();
    insert_accounts(tx, accounts.iter()).await?;
    let latest = sessions.iter().map(|session| session.last_seen_at).max().unwrap_or_default();
    tx.import_sessions(sessions, latest).await?;
    Ok(())
}

/// `accounts` with the counters that `sessions` amount to, and what other accounts' counters change by.
fn counted(accounts: &[Account], sessions: &[Session]) -> (Vec<Account>, Deltas) {
    let mut others = Deltas::default();
    let ids: HashSet<&AccountId> = accounts.iter().map(|account| &account.id).collect();
    let mut of: HashMap<&AccountId, Vec<&Session>> = HashMap::new();
    for session in sessions {
        if ids.contains(&session.account) {
            of.entry(&session.account).or_default().push(session);
        } else {
            others.add(session);
        }
    }
    let counted = accounts.iter().map(|account| {
        let sessions = of.get(&account.id).map_or(&[][..], Vec::as_slice);
        let count = |of: fn(SessionState) -> bool| {
            i64::try_from(sessions.iter().filter(|session| of(session.state)).count()).unwrap_or(i64::MAX)
        };
        Account {
            live_sessions: count(SessionState::is_live),
            leftover_sessions: count(SessionState::is_left_over),
            total_sessions: count(|_| true),
            last_seen_at: sessions.iter().map(|session| session.last_seen_at).max(),
            ..account.clone()
        }
    });
    (counted.collect(), others)
}
