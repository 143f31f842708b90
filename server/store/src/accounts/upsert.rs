//! Making accounts and changing what is known of them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
};

use domain::{Account, AccountId, Instant, RouteKey};

use super::{AccountRecord, SearchKeys, all};
use crate::{
    Result, StoreError, Tx,
    insert::insert,
    sql::{Arg, args, cells, clean_owned, json_ids, rows, sql},
};

/// What is told of an account. `None` keeps what is stored (of a new account: nothing, and now).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUpsert {
    /// Its id.
    pub id: AccountId,
    /// E-mail address.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Plan or tier.
    pub plan: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// When the customer joined.
    pub created_at: Option<Instant>,
    /// Whether a new account is sample data; of an old one that stays as it is.
    pub sample: bool,
}

/// Accounts that are to be made or changed, and are locked; nothing of it is written yet.
#[derive(Debug)]
pub struct Upserts {
    /// Each account that was told of, as it then is, and whether it is new, in the order of telling.
    pub results: Vec<(Account, bool)>,
    /// Each as it is written.
    known: HashMap<AccountId, Account>,
    changed: BTreeSet<AccountId>,
    new: HashSet<AccountId>,
}

impl Upserts {
    /// The account called `id`, if it was told of.
    pub(crate) fn get(&self, id: &AccountId) -> Option<&Account> {
        self.known.get(id)
    }

    /// The accounts that were told of, with what their sessions are made of.
    pub(crate) fn generations(&self) -> impl Iterator<Item = (&AccountId, i64)> {
        self.known.iter().map(|(id, account)| (id, account.generation))
    }

    /// The account called `id`, if it is new: what is not written yet can be counted before.
    pub(crate) fn new_mut(&mut self, id: &AccountId) -> Option<&mut Account> {
        if self.new.contains(id) { self.known.get_mut(id) } else { None }
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        write(tx, self.changed.iter().filter_map(|id| self.known.get(id))).await
    }

    /// Writes them, those that are new with their counters.
    ///
    /// # Errors
    /// `Raced` when another transaction made one of them at this moment, which counted otherwise.
    pub(crate) async fn write_counted(mut self, tx: &mut Tx) -> Result<()> {
        let new = mem::take(&mut self.new);
        let accounts = new.iter().filter_map(|id| self.known.get(id));
        if !new.is_empty() && usize::try_from(insert_accounts(tx, accounts).await?) != Ok(new.len()) {
            return Err(StoreError::Raced);
        }
        self.changed.retain(|id| !new.contains(id));
        self.write(tx).await
    }
}

impl Tx {
    /// Makes or changes accounts. Returns each as it then is, and whether it is new. One that is told of twice in a
    /// batch ends up as the last one says.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn upsert_accounts(&mut self, items: &[AccountUpsert], now: Instant) -> Result<Vec<(Account, bool)>> {
        let mut upserts = self.plan_upserts(items, now).await?;
        let results = mem::take(&mut upserts.results);
        upserts.write(self).await?;
        Ok(results)
    }

    /// What [`Self::upsert_accounts`] would write.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn plan_upserts(&mut self, items: &[AccountUpsert], now: Instant) -> Result<Upserts> {
        let ids = json_ids(items.iter().map(|item| &item.id))?;
        let sql = rows!(account, "FROM accounts WHERE id", among, " ORDER BY id", lock);
        let stored: Vec<Account> = all(self.rows::<AccountRecord>(sql, args![ids]).await?)?;
        let mut known: HashMap<AccountId, Account> =
            stored.into_iter().map(|account| (account.id.clone(), account)).collect();
        let (mut changed, mut new) = (BTreeSet::new(), HashSet::new());
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let before = known.get(&item.id);
            let after = merged(before, item, now);
            if before != Some(&after) {
                changed.insert(item.id.clone());
            }
            if before.is_none() {
                new.insert(item.id.clone());
            }
            results.push((after.clone(), before.is_none()));
            known.insert(item.id.clone(), after);
        }
        Ok(Upserts { results, known, changed, new })
    }

    /// Makes the sessions that `account` has now void, by number. Returns the new number.
    ///
    /// # Errors
    /// `Corrupt` when there is no such account; else when the database could not.
    pub async fn bump_generation(&mut self, account: &AccountId) -> Result<i64> {
        let bumped = self.bump(&json_ids([account])?).await?;
        bumped.first().copied().ok_or_else(|| StoreError::corrupt("an account is gone"))
    }

    /// The same for many.
    ///
    /// # Errors
    /// `Corrupt` when an account is not there.
    pub async fn bump_generations(&mut self, accounts: &[&AccountId]) -> Result<()> {
        let bumped = self.bump(&json_ids(accounts)?).await?.len();
        if bumped == accounts.len() { Ok(()) } else { Err(StoreError::corrupt("an account is gone")) }
    }

    async fn bump(&mut self, ids: &str) -> Result<Vec<i64>> {
        let sql = sql!("UPDATE accounts SET generation = generation + 1 WHERE id", among, " RETURNING generation");
        let bumped: Vec<(i64,)> = self.conn().all_returned(sql, args![ids]).await?;
        Ok(bumped.into_iter().map(|(generation,)| generation).collect())
    }

    /// The account, which stays as it is until this transaction ends.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn account_for_update(&mut self, id: &AccountId) -> Result<Option<Account>> {
        Ok(self.accounts_for_update(&[id]).await?.pop())
    }

    /// Those of `ids` that exist, in the order of ids, which stay as they are until this transaction ends.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn accounts_for_update(&mut self, ids: &[&AccountId]) -> Result<Vec<Account>> {
        let sql = rows!(account, "FROM accounts WHERE id", among, " ORDER BY id", lock);
        all(self.rows::<AccountRecord>(sql, args![json_ids(ids)?]).await?)
    }
}

fn merged(before: Option<&Account>, item: &AccountUpsert, now: Instant) -> Account {
    let told = |new: &Option<String>, old: fn(&Account) -> &String| {
        new.clone().map(clean_owned).or_else(|| before.map(|account| old(account).clone())).unwrap_or_default()
    };
    Account {
        id: item.id.clone(),
        key: RouteKey::of_account(&item.id),
        email: told(&item.email, |account| &account.email),
        name: told(&item.name, |account| &account.name),
        plan: told(&item.plan, |account| &account.plan),
        time_zone: told(&item.time_zone, |account| &account.time_zone),
        created_at: item.created_at.or_else(|| before.map(|account| account.created_at)).unwrap_or(now),
        last_seen_at: before.and_then(|account| account.last_seen_at),
        generation: before.map_or(0, |account| account.generation),
        live_sessions: before.map_or(0, |account| account.live_sessions),
        leftover_sessions: before.map_or(0, |account| account.leftover_sessions),
        total_sessions: before.map_or(0, |account| account.total_sessions),
        sample: before.map_or(item.sample, |account| account.sample),
    }
}

/// Inserts an account; what follows says what becomes of one that is there.
macro_rules! insert_account {
    ($end:literal) => {
        insert!(
            ["accounts (id, route_key, email, name, plan, time_zone, email_key, name_key, search_text, created_at, \
                 last_seen_at, generation, live_sessions, leftover_sessions, total_sessions, sample)"],
            "value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
             value ->> 8, CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT), CAST(value ->> 11 AS BIGINT), \
             CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT), CAST(value ->> 14 AS BIGINT), \
             CAST(value ->> 15 AS BIGINT)",
            $end
        )
    };
}

async fn write(tx: &mut Tx, accounts: impl Iterator<Item = &Account>) -> Result<()> {
    let insert = insert_account!(
        " ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, plan = excluded.plan, \
         time_zone = excluded.time_zone, email_key = excluded.email_key, name_key = excluded.name_key, \
         search_text = excluded.search_text, created_at = excluded.created_at"
    );
    let accounts: Vec<&Account> = accounts.collect();
    tx.insert_all(&insert, &accounts, |account| row(account)).await.map(|_| ())
}

/// Inserts `accounts` as they are, counters too, except those that are there already, in the order of their ids, in which
/// everybody locks them. Returns how many were not there.
pub(crate) async fn insert_accounts(tx: &mut Tx, accounts: impl Iterator<Item = &Account>) -> Result<i64> {
    let mut accounts: Vec<&Account> = accounts.collect();
    accounts.sort_by_key(|account| &account.id);
    let insert = insert_account!(" ON CONFLICT (id) DO NOTHING");
    tx.insert_all(&insert, &accounts, |account| row(account)).await
}

fn row(account: &Account) -> [Arg<'_>; 16] {
    let keys = SearchKeys::of(account.id.as_str(), &account.email, &account.name);
    let key = Some(account.key.as_str()).filter(|key| *key != account.id.as_str());
    cells![
        &account.id,
        key,
        &account.email,
        &account.name,
        &account.plan,
        &account.time_zone,
        keys.email,
        keys.name,
        keys.text,
        account.created_at,
        account.last_seen_at,
        account.generation,
        account.live_sessions,
        account.leftover_sessions,
        account.total_sessions,
        i64::from(account.sample),
    ]
}
