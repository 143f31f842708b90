//! Findings as a census writes them: looked at in batches, marked gone in batches, counted on the way.

use domain::{
    AccountId, FindingId, Instant, Place, PoolName, RouterName, ServerName, SessionId, Severity,
    census::{CensusFinding, CensusKind, FindingState, Seen, TrendPoint},
};
use serde::Deserialize;

use super::CensusLease;
use crate::{
    Result, Store, StoreError, Tx,
    accounts::all,
    sql::{Arg, args, cells, json, rows, sql},
};

/// The piece `finding` as a row.
#[derive(Deserialize)]
pub(super) struct FindingRecord {
    kind: String,
    router: String,
    pool: String,
    subject: String,
    id: String,
    server: Option<String>,
    account_id: Option<String>,
    session_id: Option<String>,
    severity: String,
    since: Option<i64>,
    things: i64,
    detail: String,
    state: String,
    first_seen_at: i64,
    last_seen_at: i64,
    looks: i64,
    census: i64,
    gone_at: Option<i64>,
}

impl TryFrom<FindingRecord> for CensusFinding {
    type Error = StoreError;

    fn try_from(record: FindingRecord) -> Result<Self> {
        let corrupt = |error: domain::IdError| StoreError::corrupt(error);
        Ok(Self {
            id: FindingId::parse(record.id).map_err(corrupt)?,
            seen: Seen {
                kind: kind(&record.kind)?,
                place: place(record.router, record.pool)?,
                subject: record.subject,
                server: record.server.map(ServerName::parse).transpose().map_err(corrupt)?,
                account: record.account_id.map(AccountId::parse).transpose().map_err(corrupt)?,
                session: record.session_id.map(SessionId::parse).transpose().map_err(corrupt)?,
                severity: severity(&record.severity)?,
                since: record.since.map(Instant::from_micros),
                count: record.things,
                detail: record.detail,
            },
            state: state(&record.state)?,
            first_seen: Instant::from_micros(record.first_seen_at),
            last_seen: Instant::from_micros(record.last_seen_at),
            looks: record.looks,
            census: record.census,
            gone_at: record.gone_at.map(Instant::from_micros),
        })
    }
}

pub(super) fn kind(word: &str) -> Result<CensusKind> {
    CensusKind::parse(word).ok_or_else(|| StoreError::corrupt("a finding is of no known kind"))
}
fn state(word: &str) -> Result<FindingState> {
    FindingState::parse(word).ok_or_else(|| StoreError::corrupt("a finding is in no known state"))
}
fn severity(word: &str) -> Result<Severity> {
    [Severity::Notice, Severity::Warning, Severity::Critical]
        .into_iter()
        .find(|it| severity_word(*it) == word)
        .ok_or_else(|| StoreError::corrupt("a finding has no known severity"))
}
const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
fn place(router: String, pool: String) -> Result<Option<Place>> {
    if router.is_empty() && pool.is_empty() {
        return Ok(None);
    }
    let router = RouterName::parse(router).map_err(StoreError::corrupt)?;
    Ok(Some(Place { router, pool: PoolName::parse(pool).map_err(StoreError::corrupt)? }))
}

/// What a finding is about: its key in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// Its kind's word.
    pub kind: String,
    /// Its router; empty without one.
    pub router: String,
    /// Its pool; empty without one.
    pub pool: String,
    /// What exactly.
    pub subject: String,
}

impl FindingKey {
    /// The key of `seen`.
    pub fn of(seen: &Seen) -> Self {
        let (router, pool) = seen
            .place
            .as_ref()
            .map_or((String::new(), String::new()), |place| (place.router.to_string(), place.pool.to_string()));
        Self { kind: seen.kind.as_str().to_owned(), router, pool, subject: seen.subject.clone() }
    }
}

/// A finding, as far as the end of a census needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingMark {
    /// Its key.
    pub key: FindingKey,
    /// Its kind.
    pub kind: CensusKind,
    /// Its place.
    pub place: Option<Place>,
    /// The server that it is about.
    pub server: Option<ServerName>,
    /// How far it is believed.
    pub state: FindingState,
    /// The census that saw it last.
    pub census: i64,
}

/// How many findings are open, for the trend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingCount {
    /// Of what kind.
    pub kind: CensusKind,
    /// On which router; empty for none.
    pub router: String,
    /// About which server; empty for none.
    pub server: String,
    /// How many.
    pub open: i64,
}

impl Tx {
    /// The findings that are known for `keys`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn known_findings(&mut self, keys: &[FindingKey]) -> Result<Vec<CensusFinding>> {
        let sql = rows!(
            finding,
            "FROM census_findings WHERE (kind, router, pool, subject) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM ",
            each,
            ")"
        );
        all(self.rows::<FindingRecord>(sql, args![json(&key_rows(keys))?]).await?)
    }

    /// Keeps findings as a look left them.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_findings(&mut self, findings: &[CensusFinding]) -> Result<()> {
        let sql = sql!(
            "INSERT INTO census_findings (",
            finding,
            ") SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
             value ->> 7, value ->> 8, CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT), value ->> 11, \
             value ->> 12, CAST(value ->> 13 AS BIGINT), CAST(value ->> 14 AS BIGINT), CAST(value ->> 15 AS BIGINT), \
             CAST(value ->> 16 AS BIGINT), CAST(value ->> 17 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (kind, router, pool, subject) DO UPDATE SET server = excluded.server, \
             account_id = excluded.account_id, session_id = excluded.session_id, severity = excluded.severity, \
             since = excluded.since, things = excluded.things, detail = excluded.detail, state = excluded.state, \
             first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, looks = excluded.looks, \
             census = excluded.census, gone_at = excluded.gone_at"
        );
        let keys: Vec<FindingKey> = findings.iter().map(|finding| FindingKey::of(&finding.seen)).collect();
        let rows: Vec<_> = findings.iter().zip(&keys).map(|(finding, key)| row(finding, key)).collect();
        self.exec(sql, args![json(&rows)?]).await.map(|_| ())
    }

    /// Marks findings as gone that census `no` did not see, and that nobody saw since.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn findings_gone(&mut self, no: i64, keys: &[FindingKey], now: Instant) -> Result<i64> {
        let sql = sql!(
            "UPDATE census_findings SET state = 'gone', gone_at = $2 WHERE census < $3 AND state <> 'gone' \
             AND (kind, router, pool, subject) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM ",
            each,
            ")"
        );
        self.exec(sql, args![json(&key_rows(keys))?, now, no]).await
    }

    /// Keeps how many findings are open at the end of a census.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn save_points(&mut self, lease: CensusLease, at: Instant, counts: &[FindingCount]) -> Result<()> {
        let sql = sql!(
            "INSERT INTO census_points (census, kind, router, server, at, things) \
             SELECT $2, value ->> 0, value ->> 1, value ->> 2, $3, CAST(value ->> 3 AS BIGINT) FROM ",
            each
        );
        let row = |count: &FindingCount| {
            let (router, server) = (count.router.clone(), count.server.clone());
            cells![count.kind.as_str(), router, server, count.open]
        };
        let rows: Vec<_> = counts.iter().map(row).collect();
        self.exec(sql, args![json(&rows)?, lease.no, at]).await.map(|_| ())
    }
}

#[derive(Deserialize)]
struct MarkRecord {
    kind: String,
    router: String,
    pool: String,
    subject: String,
    server: Option<String>,
    state: String,
    census: i64,
}

impl TryFrom<MarkRecord> for FindingMark {
    type Error = StoreError;

    fn try_from(record: MarkRecord) -> Result<Self> {
        Ok(Self {
            kind: kind(&record.kind)?,
            place: place(record.router.clone(), record.pool.clone())?,
            server: record.server.map(ServerName::parse).transpose().map_err(StoreError::corrupt)?,
            state: state(&record.state)?,
            census: record.census,
            key: FindingKey { kind: record.kind, router: record.router, pool: record.pool, subject: record.subject },
        })
    }
}

impl Store {
    /// At most `limit` findings of any state, after `after`, in the order of keys.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn finding_marks(&self, after: Option<&FindingKey>, limit: u32) -> Result<Vec<FindingMark>> {
        let sql = rows!(
            "kind, router, pool, subject, server, state, census",
            "FROM census_findings WHERE (kind, router, pool, subject) > ($1, $2, $3, $4) \
             ORDER BY kind, router, pool, subject LIMIT $5"
        );
        let none =
            FindingKey { kind: String::new(), router: String::new(), pool: String::new(), subject: String::new() };
        let after = after.unwrap_or(&none);
        let values = args![&after.kind, &after.router, &after.pool, &after.subject, limit];
        all(self.rows::<MarkRecord>(sql, values).await?)
    }

    /// When the last `censuses` censuses came to their ends, oldest first, and how many findings of each kind were open
    /// then. A kind of which none was open has no point.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn census_trend(&self, censuses: u32) -> Result<(Vec<Instant>, Vec<TrendPoint>)> {
        let sql = rows!(
            "no, ended_at",
            "FROM censuses WHERE outcome = 'done' AND ended_at IS NOT NULL ORDER BY no DESC LIMIT $1"
        );
        let mut ends: Vec<(i64, i64)> = self.rows(sql, args![censuses]).await?;
        ends.reverse();
        let sql = rows!(
            "at, kind, things" as
            "SELECT at, kind, CAST(sum(things) AS BIGINT) AS things FROM census_points WHERE census IN \
             (SELECT no FROM censuses WHERE outcome = 'done' ORDER BY no DESC LIMIT $1) \
             GROUP BY census, at, kind ORDER BY census, kind"
        );
        let points: Vec<(i64, String, i64)> = self.rows(sql, args![censuses]).await?;
        let point = |(at, word, open): (i64, String, i64)| {
            Ok(TrendPoint { at: Instant::from_micros(at), kind: kind(&word)?, open })
        };
        let points = points.into_iter().map(point).collect::<Result<_>>()?;
        Ok((ends.into_iter().map(|(_, at)| Instant::from_micros(at)).collect(), points))
    }
}

fn key_rows(keys: &[FindingKey]) -> Vec<[Arg<'_>; 4]> {
    keys.iter().map(|key| cells![&key.kind, &key.router, &key.pool, &key.subject]).collect()
}

fn row<'a>(finding: &'a CensusFinding, key: &'a FindingKey) -> [Arg<'a>; 18] {
    let seen = &finding.seen;
    cells![
        &key.kind,
        &key.router,
        &key.pool,
        &key.subject,
        finding.id.as_str(),
        seen.server.as_ref(),
        seen.account.as_ref(),
        seen.session.as_ref(),
        severity_word(seen.severity),
        seen.since,
        seen.count,
        &seen.detail,
        finding.state.as_str(),
        finding.first_seen,
        finding.last_seen,
        finding.looks,
        finding.census,
        finding.gone_at,
    ]
}
