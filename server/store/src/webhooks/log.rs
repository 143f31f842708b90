//! Reading what was sent, the newest first.

use domain::{Delivery, DeliveryFilter, EventId, WebhookId, view::Page};

use super::DeliveryRecord;
use crate::{
    Result, Store,
    accounts::all,
    conn::{Cursor, page},
    sql::{Sql, args, rows, rows_of, sql},
};

impl Store {
    /// A page of what was sent to `hook`, or is to be, the newest event first.
    ///
    /// # Errors
    /// `Cursor` when `after` is not where a page ended; else when the database could not.
    pub async fn deliveries_page(
        &self,
        hook: &WebhookId,
        f: &DeliveryFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Delivery>> {
        let after = after.map(Cursor::parse).transpose()?;
        let (at, id) = after.map_or((i64::MAX, ""), |after| (after.at.micros(), after.id));
        let conditions = [
            (f.state.is_some(), sql!(" AND state = $5")),
            (f.kind.is_some(), sql!(" AND kind = $6")),
            (f.account.is_some(), sql!(" AND account_id IS NOT NULL AND account_id = $7")),
        ];
        let mut pieces =
            vec![rows_of!(delivery, " FROM webhook_deliveries WHERE webhook_id = $1 AND (at, event_id) < ($2, $3)")];
        pieces.extend(conditions.into_iter().filter(|(asked, _)| *asked).map(|(_, condition)| condition));
        pieces.push(sql!(" ORDER BY at DESC, event_id DESC LIMIT $4"));
        pieces.push(Sql::ROWS_END);
        let values = args![
            hook,
            at,
            id,
            limit + 1,
            f.state.map(domain::DeliveryState::as_str),
            f.kind.map(domain::EventKind::as_str),
            f.account.as_ref(),
        ];
        let items: Vec<Delivery> = all(self.rows::<DeliveryRecord>(Sql::joined(&pieces), values).await?)?;
        Ok(page(items, limit, |last| Cursor::text(last.at, last.event.as_str())))
    }

    /// One event on its way to `hook`.
    ///
    /// # Errors
    /// When the database could not.
    pub async fn delivery(&self, hook: &WebhookId, event: &EventId) -> Result<Option<(Delivery, String)>> {
        let sql = rows!(delivery, "FROM webhook_deliveries WHERE webhook_id = $1 AND event_id = $2");
        let Some(record) = self.row::<DeliveryRecord>(sql, args![hook, event]).await? else { return Ok(None) };
        let sql = rows!("body", "FROM webhook_deliveries WHERE webhook_id = $1 AND event_id = $2");
        let body = self.row::<(String,)>(sql, args![hook, event]).await?;
        Ok(Some((record.try_into()?, body.map_or_else(String::new, |(body,)| body))))
    }
}
