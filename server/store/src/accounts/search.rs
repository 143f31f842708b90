//! Search: every term of a query is tried as an indexed range, exact ones first; of one account the best reason counts.
//!
//! An answer has at most [`MOST`] hits in all, so that what is typed halfway costs no more than what is typed in full:
//! their ids are gathered in a fixed order (reason, then account id), and a page is a stretch of them.

use std::collections::HashMap;

use domain::{
    Account, AccountId, IpRange, Query, Term, fold,
    ip::address,
    view::{Count, Field},
};
use serde::Deserialize;

use super::{AccountRecord, all, text::after_prefix};
use crate::{
    Engine, Result, Store, StoreError,
    sessions::{ip_key, ip_of_key},
    sql::{Sql, args, json, json_ids, rows},
};

/// The most hits that are told apart; «1,000+» beyond.
const MOST: u32 = 1_000;
/// Sessions that are looked at for a beginning: several may be of one account, hence more than [`MOST`].
const SCANNED: u32 = 2 * MOST;
/// Accounts that are looked at for words too short for the index.
const LOOKED_AT: u32 = 10 * MOST;

/// From this length on (bytes) an id is not also a part of somebody's name.
const UNMISTAKABLE: usize = 12;

/// An account that a query met.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRow {
    /// The account.
    pub account: Account,
    /// What met the query.
    pub field: Field,
    /// Whether all of it is the query.
    pub exact: bool,
    /// The text that met it.
    pub text: String,
}

/// A page of what a query met.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The hits.
    pub rows: Vec<FoundRow>,
    /// How many there are in all.
    pub count: Count,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Reasons in their order.
mod rank {
    pub const ID: i64 = 0;
    pub const SESSION: i64 = 1;
    pub const IP: i64 = 2;
    pub const WHOLE_EMAIL: i64 = 3;
    pub const WHOLE_NAME: i64 = 4;
    pub const ID_BEGINS: i64 = 5;
    pub const SESSION_BEGINS: i64 = 6;
    pub const EMAIL_BEGINS: i64 = 7;
    pub const NAME_BEGINS: i64 = 8;
    pub const IP_BEGINS: i64 = 9;
    pub const PART: i64 = 10;
    pub const WORDS: i64 = 11;
}

/// What a query met.
struct Gathered {
    /// The best reason of every account.
    met: HashMap<String, Hit>,
    /// Whether more was there than was looked at.
    cut: bool,
}

/// An account that a term met: the reason's place in the order, the account's id, and what met it.
#[derive(Deserialize)]
struct Hit {
    rank: i64,
    id: String,
    text: String,
}

impl Store {
    /// At most `limit` accounts that `query` meets, after where the page that gave `after` ended: exact hits first, then
    /// beginnings, then parts.
    ///
    /// # Errors
    /// `Cursor` when `after` is not one; else when the database could not.
    pub async fn search(&self, query: &Query, after: Option<&str>, limit: u32) -> Result<Found> {
        let after = after.map(parse_cursor).transpose()?;
        let Gathered { met, cut } = self.gather(query).await?;
        let mut order: Vec<(i64, String)> = met.values().map(|hit| (hit.rank, hit.id.clone())).collect();
        order.sort_unstable();
        let n = order.len().min(MOST as usize);
        let count = Count { n: i64::try_from(n).unwrap_or(i64::MAX), more: cut || order.len() > n };
        order.truncate(n);
        let from = after.map_or(0, |after| order.partition_point(|place| *place <= after));
        let page: Vec<_> = order.iter().skip(from).take(limit as usize).collect();
        let next = page.last().filter(|last| order.last() != Some(last)).map(|(rank, id)| format!("{rank}.{id}"));
        let mut accounts: HashMap<String, Account> = HashMap::new();
        let sql = rows!(account, "FROM accounts WHERE id", among).settled();
        let ids = json_ids(page.iter().map(|(_, id)| id))?;
        for account in all::<Account, _>(self.rows::<AccountRecord>(sql, args![ids]).await?)? {
            accounts.insert(account.id.as_str().to_owned(), account);
        }
        let rows = page.into_iter().filter_map(|(_, id)| {
            let account = accounts.remove(id)?;
            Some(explain(account, met.get(id)?, query))
        });
        Ok(Found { rows: rows.collect(), count, next })
    }

    /// The best reason of every account that is met.
    async fn gather(&self, query: &Query) -> Result<Gathered> {
        let texts = Texts::of(query);
        let mut hits = self.beginnings(&texts).await?;
        let mut cut = false;
        let met = |rank| hits.iter().any(|hit| hit.rank == rank);
        // An address that is met whole is what was meant, not those that begin like it.
        let (address, id) = (met(rank::IP), met(rank::ID) || met(rank::SESSION));
        if !address {
            for range in &texts.ranges {
                let found = self.addresses(*range).await?;
                cut |= found.len() >= SCANNED as usize;
                hits.extend(found);
            }
        }
        // So is a long id: nobody who types one of them looks for accounts that contain it somewhere.
        let named = address || id && texts.id.len() >= UNMISTAKABLE;
        if !named && hits.len() <= MOST as usize {
            hits.extend(self.parts(&texts).await?);
        }
        let mut met: HashMap<String, Hit> = HashMap::new();
        for mut hit in hits {
            // An e-mail or a name that is the query whole is worth as much as an id.
            match hit.rank {
                rank::EMAIL_BEGINS if hit.text == texts.folded => hit.rank = rank::WHOLE_EMAIL,
                rank::NAME_BEGINS if hit.text == texts.folded => hit.rank = rank::WHOLE_NAME,
                _ => {}
            }
            match met.get(&hit.id) {
                Some(best) if (best.rank, &best.text) <= (hit.rank, &hit.text) => {}
                _ => drop(met.insert(hit.id.clone(), hit)),
            }
        }
        Ok(Gathered { met, cut })
    }

    /// Sessions whose address is in `range`, the first ones by address.
    async fn addresses(&self, range: IpRange) -> Result<Vec<Hit>> {
        let sql = rows!(
            "rank, account_id, ip_key" as
            "SELECT CAST(9 AS BIGINT) AS rank, account_id, ip_key FROM sessions \
             WHERE ip_key >= $1 AND ip_key <= $2 AND ip_key <> '' ORDER BY ip_key, account_id LIMIT $3"
        )
        .settled();
        let found: Vec<(i64, String, String)> =
            self.rows(sql, args![ip_key(range.first), ip_key(range.last), SCANNED]).await?;
        Ok(found.into_iter().map(|(rank, id, text)| Hit { rank, id, text }).collect())
    }

    /// Accounts that contain the query as it stands, or all of its words.
    async fn parts(&self, texts: &Texts) -> Result<Vec<Hit>> {
        let phrase = texts.part.as_slice();
        if texts.words.is_empty() {
            return if phrase.is_empty() { Ok(Vec::new()) } else { self.containing(phrase, &texts.folded).await };
        }
        // Who contains the query contains its words: one look through the index finds both, unless it found too many.
        let mut hits = self.containing(&texts.words, &texts.folded).await?;
        if hits.len() > MOST as usize && !phrase.is_empty() {
            hits.extend(self.containing(phrase, &texts.folded).await?);
        }
        Ok(hits)
    }

    /// Accounts that contain all of `words`, the longest of which come first, as `PART` where they contain `whole` too:
    /// the oldest (SQLite) or the first by id (Postgres), either way the same on every page.
    async fn containing(&self, words: &[String], whole: &str) -> Result<Vec<Hit>> {
        let (long, short): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| word.chars().nth(2).is_some());
        let look = |others: &[&String]| if others.is_empty() { MOST + 1 } else { LOOKED_AT };
        let found: Vec<(String, bool)> = match self.engine() {
            Engine::Sqlite => {
                let phrases: Vec<String> = long.iter().map(|word| phrase(word)).collect();
                let values = args![phrases.join(" AND "), MOST + 1, look(&short), json(&short)?, whole];
                self.rows(substring(), values).await?
            }
            Engine::Postgres => {
                // Three through the index, the others looked for in what these find.
                let first = |at: usize| long.get(at).or(long.first()).map(|word| like(word)).unwrap_or_default();
                let others: Vec<&String> = long.iter().skip(3).chain(&short).copied().collect();
                let values = args![first(0), MOST + 1, look(&others), json(&others)?, first(1), first(2), whole];
                self.rows(substring(), values).await?
            }
        };
        let hit = |(id, whole)| Hit { rank: if whole { rank::PART } else { rank::WORDS }, id, text: String::new() };
        Ok(found.into_iter().map(hit).collect())
    }

    /// What is met whole or by its beginning, in one statement. A term that the query has not is an empty range.
    async fn beginnings(&self, texts: &Texts) -> Result<Vec<Hit>> {
        let sql = rows!(
            "rank, id, text" as
            "SELECT CAST(0 AS BIGINT) AS rank, id, id AS text FROM accounts WHERE id = $1 \
             UNION ALL SELECT * FROM (SELECT CAST(5 AS BIGINT), id, id FROM accounts \
             WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $7) AS ids \
             UNION ALL SELECT * FROM (SELECT CAST(7 AS BIGINT), id, email_key FROM accounts \
             WHERE email_key >= $3 AND email_key < $4 AND email_key <> '' ORDER BY email_key, id LIMIT $7) AS emails \
             UNION ALL SELECT * FROM (SELECT CAST(8 AS BIGINT), id, name_key FROM accounts \
             WHERE name_key >= $3 AND name_key < $4 AND name_key <> '' ORDER BY name_key, id LIMIT $7) AS names \
             UNION ALL SELECT CAST(1 AS BIGINT), account_id, id FROM sessions WHERE id = $1 \
             UNION ALL SELECT * FROM (SELECT CAST(6 AS BIGINT), account_id, id FROM sessions \
             WHERE id >= $1 AND id < $5 ORDER BY id LIMIT $8) AS sessions_begin \
             UNION ALL SELECT * FROM (SELECT DISTINCT CAST(2 AS BIGINT), account_id, ip_key FROM sessions \
             WHERE ip_key = $6 AND ip_key <> '' ORDER BY account_id LIMIT $7) AS addresses"
        )
        .settled();
        let values = args![
            &texts.id,
            &texts.id_end,
            &texts.folded,
            &texts.folded_end,
            &texts.session_end,
            &texts.ip,
            MOST + 1,
            SCANNED,
        ];
        self.rows(sql, values).await
    }
}

/// The terms of a query as the bounds of ranges; empty where the query has no such term.
#[derive(Default)]
struct Texts {
    id: String,
    id_end: String,
    folded: String,
    folded_end: String,
    session_end: String,
    ip: String,
    ranges: Vec<IpRange>,
    part: Option<String>,
    words: Vec<String>,
}

impl Texts {
    fn of(query: &Query) -> Self {
        let mut texts = Self { id: query.text.clone(), folded: query.folded.clone(), ..Self::default() };
        for term in &query.terms {
            match term {
                // A session id that is met whole is looked for under `id`: both are the text as it was typed.
                Term::AccountId(_) | Term::SessionId(_) | Term::NamePrefix(_) => {}
                Term::AccountIdPrefix(text) => texts.id_end = after_prefix(text),
                Term::EmailPrefix(text) => texts.folded_end = after_prefix(text),
                Term::SessionIdPrefix(text) => texts.session_end = after_prefix(text),
                Term::Ip(text) => texts.ip = address(text).map(ip_key).unwrap_or_default(),
                Term::IpRanges(ranges) => texts.ranges.clone_from(ranges),
                Term::Substring(text) => texts.part = Some(text.clone()),
                Term::Words(words) => texts.words.clone_from(words),
            }
        }
        texts
    }
}

/// `part` as a phrase of trigrams.
pub(super) fn phrase(part: &str) -> String {
    format!("\"{}\"", part.replace('"', "\"\""))
}

/// `part` as a pattern in which `%` and `_` are letters.
pub(super) fn like(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// `$1` (and, on Postgres, `$5` and `$6`) through the index; of what these find, what contains all in the list `$4`, and
/// whether it contains the last parameter.
fn substring() -> Sql {
    Sql::fixed(
        "SELECT id, instr(text, $5) > 0 AS whole FROM (SELECT a.row_no AS row_no, a.id AS id, a.search_text AS text FROM accounts_fts AS f JOIN accounts AS a ON a.row_no = f.rowid \
         WHERE f.search_text MATCH $1 ORDER BY f.rowid LIMIT $3) \
         WHERE NOT EXISTS (SELECT 1 FROM json_each($4) AS w WHERE instr(text, w.value) = 0) ORDER BY row_no LIMIT $2",
        "SELECT id, strpos(search_text, $7) > 0 AS whole FROM (SELECT id, search_text FROM accounts \
         WHERE search_text LIKE $1 AND search_text LIKE $5 AND search_text LIKE $6 ORDER BY id LIMIT $3) AS found \
         WHERE NOT EXISTS (SELECT 1 FROM json_array_elements_text(CAST($4 AS json)) AS w (value) \
         WHERE strpos(search_text, w.value) = 0) ORDER BY id LIMIT $2",
    )
}

/// Says why `account` is a hit, in its own spelling.
fn explain(account: Account, hit: &Hit, query: &Query) -> FoundRow {
    let folded = query.folded.as_str();
    let holds = |text: &str| {
        let text = fold(text);
        if hit.rank == rank::WORDS {
            folded.split_whitespace().all(|word| text.contains(word))
        } else {
            text.contains(folded)
        }
    };
    let field = match hit.rank {
        rank::ID | rank::ID_BEGINS => Field::AccountId,
        rank::SESSION | rank::SESSION_BEGINS => Field::SessionId,
        rank::IP | rank::IP_BEGINS => Field::Ip,
        rank::WHOLE_EMAIL | rank::EMAIL_BEGINS => Field::Email,
        rank::WHOLE_NAME | rank::NAME_BEGINS => Field::Name,
        _ if holds(account.id.as_str()) => Field::AccountId,
        _ if holds(&account.email) || account.name.is_empty() => Field::Email,
        _ => Field::Name,
    };
    let text = match field {
        Field::AccountId => account.id.as_str().to_owned(),
        Field::SessionId => hit.text.clone(),
        // Read from the index alone: the row holds the same.
        Field::Ip => ip_of_key(&hit.text),
        Field::Email => account.email.clone(),
        Field::Name => account.name.clone(),
    };
    let exact = match field {
        Field::Email | Field::Name => fold(&text) == folded,
        Field::AccountId | Field::SessionId => text == query.text,
        Field::Ip => hit.rank == rank::IP,
    };
    FoundRow { account, field, exact, text }
}

fn parse_cursor(text: &str) -> Result<(i64, String)> {
    let (rank, id) = text.split_once('.').ok_or(StoreError::Cursor)?;
    let id = AccountId::parse(id).map_err(|_| StoreError::Cursor)?;
    Ok((rank.parse().map_err(|_| StoreError::Cursor)?, id.into()))
}
