//! Reading the log, newest first.

use domain::{AuditEvent, Instant, view::AuditFilter};

use super::EventRecord;
use crate::{
    Result, Store, StoreError,
    accounts::all,
    sql::{Sql, args, rows, rows_of, sql},
};

/// Events of a stretch of time that are sorted by number; of a longer stretch the newest are looked for from the end.
const SORTED: i64 = 5_000;

impl Store {
    /// At most `limit` events that pass `f`, with numbers below `before`, newest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn audit_page(&self, f: &AuditFilter, before: Option<i64>, limit: u32) -> Result<Vec<AuditEvent>> {
        let Some(wanted) = &f.action else {
            return self.filtered(f, None, before, limit).await;
        };
        // `cleanup` also means every `cleanup.…`. Each action has its own place in an index, in the order of numbers; of
        // all actions there are a few dozen.
        let begins = format!("{}.", wanted.trim_end_matches('.'));
        let actions = self.audit_actions().await?;
        let mut events = Vec::new();
        for action in actions.iter().filter(|action| *action == wanted || action.starts_with(&begins)) {
            events.extend(self.filtered(f, Some(action), before, limit).await?);
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.seq));
        events.truncate(limit as usize);
        Ok(events)
    }

    async fn filtered(
        &self,
        f: &AuditFilter,
        action: Option<&String>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>> {
        let conditions = [
            (f.actor.is_some(), sql!(" AND actor = $3")),
            (f.account.is_some(), sql!(" AND account_id IS NOT NULL AND account_id = $4")),
            (action.is_some(), sql!(" AND action = $5")),
            (f.from.is_some(), sql!(" AND at >= $6")),
            (f.to.is_some(), sql!(" AND at < $7")),
            (f.ticket.is_some(), sql!(" AND ticket = $8 AND ticket <> ''")),
        ];
        let mut pieces = vec![rows_of!(event, " FROM audit_events WHERE seq < $1")];
        pieces.extend(conditions.into_iter().filter(|(asked, _)| *asked).map(|(_, condition)| condition));
        // The sum keeps the engine from walking the log by number, past all that is newer than the stretch.
        pieces.push(if self.is_short(f).await? {
            sql!(" ORDER BY seq + 0 DESC LIMIT $2")
        } else {
            sql!(" ORDER BY seq DESC LIMIT $2")
        });
        pieces.push(Sql::ROWS_END);
        let values = args![
            before.unwrap_or(i64::MAX),
            limit,
            f.actor.as_deref(),
            f.account.as_ref(),
            action.map(String::as_str),
            f.from,
            f.to,
            f.ticket.as_deref(),
        ];
        let sql = Sql::joined(&pieces);
        // How long the stretch is decides about the plan.
        let sql = if f.from.is_none() && f.to.is_none() { sql.settled() } else { sql };
        all(self.rows::<EventRecord>(sql, values).await?)
    }

    /// Whether `f` asks for a stretch of time with few events. Numbers are not asked about time: clocks are set back.
    async fn is_short(&self, f: &AuditFilter) -> Result<bool> {
        if f.from.is_none() && f.to.is_none() {
            return Ok(false);
        }
        let sql = rows!(
            "n" as
            "SELECT count(*) AS n FROM (SELECT 1 FROM audit_events WHERE at >= $1 AND at < $2 LIMIT $3) AS stretch"
        );
        let (from, to) =
            (f.from.unwrap_or(Instant::from_micros(i64::MIN)), f.to.unwrap_or(Instant::from_micros(i64::MAX)));
        let counted: Option<(i64,)> = self.row(sql, args![from, to, SORTED + 1]).await?;
        Ok(counted.is_some_and(|(n,)| n <= SORTED))
    }

    /// At most `limit` events from number `from_seq` on, oldest first.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn audit_range(&self, from_seq: i64, limit: u32) -> Result<Vec<AuditEvent>> {
        let sql = rows!(event, "FROM audit_events WHERE seq >= $1 ORDER BY seq LIMIT $2");
        all(self.rows::<EventRecord>(sql, args![from_seq, limit]).await?)
    }

    /// The number and the hash of the last event; 0 and `domain::GENESIS` of an empty log.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn audit_head(&self) -> Result<(i64, String)> {
        let head = self.row(rows!("seq, hash", "FROM audit_head WHERE one = 1"), &[]).await?;
        head.ok_or_else(|| StoreError::corrupt("the audit log has no end"))
    }

    /// Every action that occurs, in order: found by one jump in an index each.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn audit_actions(&self) -> Result<Vec<String>> {
        let sql = rows!(
            "action" as
            "WITH RECURSIVE found(action) AS (SELECT min(action) FROM audit_events \
             UNION ALL SELECT (SELECT min(action) FROM audit_events WHERE action > found.action) \
             FROM found WHERE found.action IS NOT NULL) \
             SELECT action FROM found WHERE action IS NOT NULL ORDER BY action"
        );
        Ok(self.rows::<(String,)>(sql, &[]).await?.into_iter().map(|(action,)| action).collect())
    }
}
