//! What the pages and the shell show of bulk clean-ups.

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, BulkId, BulkOutcome, BulkSelection, Instant, Permission, ServerStatus, Span,
    view::{BulkPage, BulksPage, Page},
};

use super::ask::may_approve;
use crate::{Error, Result, Unstick};

impl Unstick {
    /// A page of bulk clean-ups, the newest first.
    ///
    /// # Errors
    /// `Invalid` when `after` is not where a page ended; `Denied`.
    #[boxed]
    pub async fn bulks(&self, actor: &Actor, after: Option<&str>) -> Result<BulksPage> {
        self.authorize(actor, Permission::ReadCleanups, "bulk").await?;
        let limit = self.settings().page_size;
        let after = after.map(parse_after).transpose()?;
        let mut items = self.store().bulks_page(after.as_ref(), limit + 1).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|bulk| format!("{}.{}", bulk.created_at.micros(), bulk.id));
        let may_ask = actor.may(Permission::BulkCleanUp);
        Ok(BulksPage { page: Page { items, next }, may_ask, now: self.now() })
    }

    /// A bulk clean-up with a page of its accounts, those with `outcome` alone if one is given.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn bulk_page(
        &self,
        actor: &Actor,
        id: &BulkId,
        outcome: Option<BulkOutcome>,
        after: i64,
    ) -> Result<BulkPage> {
        self.authorize(actor, Permission::ReadCleanups, id.as_str()).await?;
        let limit = self.settings().page_size;
        let bulk = self.bulk_by_id(id).await?;
        let (mut items, counted, records) = tokio::try_join!(
            self.store().bulk_accounts(id, outcome, after, limit + 1),
            self.store().bulk_routes(id),
            self.store().servers(),
        )?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|account| account.no.to_string());
        let servers = self.current_servers(records).await;
        let routes_at = counted.as_ref().map(|counted| counted.at);
        let (mut routes, unread) = counted.map(|counted| (counted.counts, counted.unread)).unwrap_or_default();
        let drain = self.fleet().iter().map(|router| router.drain()).max().unwrap_or(Span::ZERO);
        let moved = self.move_view(id, &servers).await?;
        let (server_move, targets) = match moved {
            Some((view, fleet, targets)) => {
                routes.retain(|(place, server, _)| view.order.is_at(place, &fleet) && *server == view.order.server);
                (Some(view), targets)
            }
            None => (None, targets(&bulk.selection, servers)),
        };
        Ok(BulkPage {
            targets,
            server_move,
            accounts: Page { items, next },
            routes,
            routes_at,
            unread,
            outcome,
            takes: takes(bulk.counts.total(), bulk.order.rate, bulk.order.wave, drain),
            may_control: actor.may(Permission::BulkCleanUp),
            may_request: bulk.actor == actor.label() && actor.may(Permission::BulkCleanUp),
            not_approver: may_approve(actor, &bulk).err().map(str::to_owned),
            needs_approval: bulk.counts.total() > i64::from(self.settings().bulk_approval_above),
            approval_above: self.settings().bulk_approval_above,
            now: self.now(),
            bulk,
        })
    }

    /// Accounts of a bulk clean-up for its report, at most `limit` after number `after`.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn bulk_report(
        &self,
        actor: &Actor,
        id: &BulkId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<domain::BulkAccount>> {
        self.authorize(actor, Permission::ReadCleanups, id.as_str()).await?;
        self.bulk_by_id(id).await?;
        Ok(self.store().bulk_accounts(id, None, after, limit).await?)
    }
}

/// Where those would go who are un-stuck from a whole server: to its pool's other servers that are well.
fn targets(selection: &BulkSelection, servers: Vec<ServerStatus>) -> Vec<ServerStatus> {
    let BulkSelection::Filter(filter) = selection else { return Vec::new() };
    let Some((place, from)) = &filter.server else { return Vec::new() };
    let takes =
        |server: &ServerStatus| server.place == *place && server.name != *from && server.health.takes_customers();
    servers.into_iter().filter(takes).collect()
}

/// What one process clears of a bulk clean-up, in accounts a second: half of what was measured on two cores (`make bench
/// ARGS=--bulk`), for the database is shared with whoever else works.
const CLEARS: i64 = 400;

/// How long it takes: at its rate, or as fast as one process clears, and no faster than waves that each wait for the longest
/// request.
fn takes(accounts: i64, rate: u32, wave: u32, drain: Span) -> Span {
    let per_second = i64::from(rate).clamp(1, CLEARS);
    let working = Span::from_micros(accounts.saturating_mul(1_000_000) / per_second);
    let waves = (accounts + i64::from(wave) - 1) / i64::from(wave.max(1));
    let draining = Span::from_micros(drain.micros().saturating_mul(waves.max(1)));
    working.max(draining)
}

fn parse_after(text: &str) -> Result<(Instant, BulkId)> {
    let parts = text.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, BulkId::parse(id).ok()?)));
    parts
        .map(|(at, id)| (Instant::from_micros(at), id))
        .ok_or_else(|| Error::invalid("after", "that page does not exist: start again"))
}
