//! Something happened: what is to be told is kept in the same transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{EventKind, Instant, WebhookEvent, WebhookId};

use super::webhook_id;
use crate::{
    Result, StoreError, Tx,
    sql::{Arg, args, cells, json, json_ids, rows, sql},
};

impl Tx {
    /// Keeps what `events` makes, all of `kind` and in their order, for every webhook that wants it. Without such a webhook
    /// nothing is made: it costs one read of a table with no rows. Locks the accounts' lanes: call it after accounts are
    /// locked, and before the audit log is.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn emit(
        &mut self,
        kind: EventKind,
        now: Instant,
        events: impl FnOnce() -> Vec<WebhookEvent> + Send,
    ) -> Result<i64> {
        let hooks = self.subscribers(kind).await?;
        if hooks.is_empty() {
            return Ok(0);
        }
        let events = events();
        if events.is_empty() {
            return Ok(0);
        }
        let events: Vec<&WebhookEvent> = events.iter().collect();
        let numbers = self.numbers(&events).await?;
        let events: Vec<(&WebhookEvent, i64)> = events.into_iter().zip(numbers).collect();
        let mut kept = 0;
        for hook in &hooks {
            kept += self.keep(hook, &events, now).await?;
        }
        Ok(kept)
    }

    /// Keeps `event` for one webhook alone, whatever it wants to know.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn emit_to(&mut self, hook: &WebhookId, event: &WebhookEvent, now: Instant) -> Result<i64> {
        let numbers = self.numbers(&[event]).await?;
        self.keep(hook, &[(event, numbers.first().copied().unwrap_or(1))], now).await
    }

    async fn subscribers(&mut self, kind: EventKind) -> Result<Vec<WebhookId>> {
        let sql = rows!("id, kinds", "FROM webhooks WHERE state IN ('active', 'paused') ORDER BY id");
        let found: Vec<(String, String)> = self.rows(sql, &[]).await?;
        let wants = |(_, words): &(String, String)| words.split(' ').any(|word| word == kind.as_str());
        found.into_iter().filter(wants).map(|(id, _)| webhook_id(id)).collect()
    }

    /// The number of each of `events` in its lane. The lanes are ours until the transaction ends.
    async fn numbers(&mut self, events: &[&WebhookEvent]) -> Result<Vec<i64>> {
        let lanes: Vec<String> = events.iter().map(|event| event.lane()).collect();
        let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
        for lane in &lanes {
            *counts.entry(lane).or_default() += 1;
        }
        // In the order of lanes: so two transactions never wait for each other.
        let counted: Vec<_> = counts.iter().map(|(lane, count)| cells![*lane, *count]).collect();
        let sql = sql!(
            "INSERT INTO webhook_lanes (lane, last) SELECT value ->> 0, CAST(value ->> 1 AS BIGINT) FROM ",
            each,
            any,
            " ON CONFLICT (lane) DO UPDATE SET last = webhook_lanes.last + excluded.last"
        );
        self.exec(sql, args![json(&counted)?]).await?;
        let sql = rows!("lane, last", "FROM webhook_lanes WHERE lane", among);
        let last: Vec<(String, i64)> = self.rows(sql, args![json_ids(counts.keys().copied())?]).await?;
        let before = |(lane, last): (String, i64)| {
            let count = counts.get(&lane).copied().unwrap_or(0);
            (lane, last - count)
        };
        let mut reached: HashMap<String, i64> = last.into_iter().map(before).collect();
        let number = |lane: &String| {
            let number = reached.get_mut(lane).ok_or_else(|| StoreError::corrupt("a lane is gone"))?;
            *number += 1;
            Ok(*number)
        };
        lanes.iter().map(number).collect()
    }

    async fn keep(&mut self, hook: &WebhookId, events: &[(&WebhookEvent, i64)], now: Instant) -> Result<i64> {
        if events.is_empty() {
            return Ok(0);
        }
        let mut seen = HashSet::new();
        let lanes: Vec<String> = events.iter().map(|(event, _)| event.lane()).collect();
        let row = |((event, no), lane): (&(&WebhookEvent, i64), &String)| {
            let first = i64::from(seen.insert(lane.clone()));
            let account = event.account.as_ref().map(|account| account.as_str().to_owned());
            let cells: [_; 8] = cells![
                event.id.as_str().to_owned(),
                lane.clone(),
                *no,
                event.kind.as_str(),
                Arg::Text(account.map(Into::into)),
                event.at,
                event.body(*no),
                first,
            ];
            cells
        };
        let rows: Vec<_> = events.iter().zip(&lanes).map(row).collect();
        // What is behind another one of its lane has no time.
        let sql = sql!(
            "INSERT INTO webhook_deliveries (webhook_id, event_id, lane, no, kind, account_id, at, body, state, attempts, \
             next_at, lease_token, said) \
             SELECT $2, value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3, value ->> 4, \
             CAST(value ->> 5 AS BIGINT), value ->> 6, 'waiting', 0, \
             CASE WHEN CAST(value ->> 7 AS BIGINT) = 1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS o \
             WHERE o.webhook_id = $2 AND o.lane = value ->> 1 AND o.state = 'waiting') THEN CAST($3 AS BIGINT) END, 0, '' \
             FROM ",
            each,
            any,
            " ON CONFLICT (webhook_id, event_id) DO NOTHING"
        );
        let kept = self.exec(sql, args![json(&rows)?, hook, now]).await?;
        if usize::try_from(kept) != Ok(rows.len()) {
            // One was kept before: if it was the first of its lane, another one is first.
            let lanes: HashSet<&String> = lanes.iter().collect();
            for lane in lanes {
                self.free_lane(hook, lane, now).await?;
            }
        }
        Ok(kept)
    }
}
