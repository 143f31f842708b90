//! Freezing a list: whoever passes the filter at this moment, or whoever a list names. It is written down a piece at a time,
//! so that no transaction is long, and closed with its hash; before that nobody can ask for it.

use std::{collections::HashSet, io::Read};

use async_recursion::async_recursion as boxed;
use domain::{
    AccountFilter, AccountId, Actor, Bulk, BulkCounts, BulkHasher, BulkId, BulkOrder, BulkRoutes, BulkSelection,
    BulkStatus, MOST_ACCOUNTS, Mode, Permission, PlanHash, ServerMove, new_id,
};

use super::list::ListReader;
use crate::{Error, Result, Unstick, check::why};

/// Accounts of one piece.
const PIECE: usize = 2_000;

/// Where the accounts come from.
pub enum BulkSource {
    /// Those that pass a filter.
    Filter(AccountFilter),
    /// Those that a list names, one a line or in a column called `account_id`.
    List(Box<dyn Read + Send>),
    /// Those that have a route to a server, which they leave; of mode [`Mode::Unstick`].
    Server(Box<ServerMove>),
}

impl Unstick {
    /// Freezes a list of accounts for `order`. Nothing is done to them before somebody asks for it.
    ///
    /// # Errors
    /// `Invalid` for a filter that says nothing, a list that is none, an order that cannot be, or when no account is meant;
    /// `Denied`.
    #[boxed]
    pub async fn draft_bulk(&self, actor: &Actor, source: BulkSource, mut order: BulkOrder) -> Result<Bulk> {
        self.authorize(actor, Permission::BulkCleanUp, "bulk").await?;
        (order.reason, order.ticket) = why(&order.reason, &order.ticket)?;
        if let Some((field, message)) = order.problem() {
            return Err(Error::invalid(field, message));
        }
        if let BulkSource::Filter(filter) = &source
            && filter.is_empty()
        {
            let message = "say which accounts are meant: a filter that says nothing does not mean all of them";
            return Err(Error::invalid("filter", message));
        }
        let off = match &source {
            BulkSource::Server(off) if order.mode != Mode::Unstick => {
                let message = format!("{} are routes, so the mode is unstick", off.words());
                return Err(Error::invalid("mode", message));
            }
            BulkSource::Server(off) => Some(off.clone()),
            _ => None,
        };
        if let Some(off) = &off {
            self.check_move(off).await?;
        }
        let bulk = self.new_bulk(actor, &source, order);
        transact!(self, tx => { Ok(tx.insert_bulk(&bulk).await?) })?;
        match self.freeze_list_of(&bulk, source).await {
            Ok(frozen) => self.close_list(actor, bulk, frozen, off.as_deref()).await,
            Err(error) => {
                self.discard(&bulk.id).await?;
                Err(error)
            }
        }
    }

    fn new_bulk(&self, actor: &Actor, source: &BulkSource, order: BulkOrder) -> Bulk {
        let text = new_id("b", self.entropy());
        Bulk {
            id: BulkId::parse(text).unwrap_or_else(|_| unreachable!("base64url is a token")),
            selection: match source {
                BulkSource::Filter(filter) => BulkSelection::Filter(filter.clone()),
                BulkSource::List(_) => BulkSelection::List(domain::ListReport::default()),
                BulkSource::Server(off) => BulkSelection::Filter(off.filter()),
            },
            order,
            actor: actor.label(),
            staff: match actor {
                Actor::Staff { id, .. } => Some(id.clone()),
                _ => None,
            },
            hash: PlanHash(String::new()),
            status: BulkStatus::Freezing,
            created_at: self.now(),
            requested_at: None,
            approve_until: None,
            approved_by: None,
            started_at: None,
            finished_at: None,
            stopped_why: String::new(),
            live_sessions: 0,
            leftover_sessions: 0,
            counts: BulkCounts::default(),
        }
    }

    async fn freeze_list_of(&self, bulk: &Bulk, source: BulkSource) -> Result<Closed> {
        let mut frozen = Frozen { hasher: BulkHasher::new(bulk.order.mode), accounts: 0 };
        let mut unknown = 0;
        let selection = match source {
            BulkSource::Filter(filter) => {
                self.freeze_filter(&bulk.id, &filter, &mut frozen).await?;
                BulkSelection::Filter(filter)
            }
            BulkSource::List(from) => {
                let mut reader = ListReader::new(from);
                self.freeze_list(&bulk.id, &mut reader, &mut frozen).await?;
                BulkSelection::List(reader.report)
            }
            BulkSource::Server(off) => {
                unknown = self.freeze_server(&bulk.id, &off, &mut frozen).await?;
                if frozen.accounts == 0 {
                    return Err(Error::invalid("server", format!("nobody is on {} now", off.server)));
                }
                BulkSelection::Filter(off.filter())
            }
        };
        if frozen.accounts == 0 {
            let (field, message) = match &selection {
                BulkSelection::Filter(_) => ("filter", "no account passes this filter".to_owned()),
                BulkSelection::List(report) => {
                    let first = report.problems.first().map(|it| format!("; line {}: {}", it.line, it.why));
                    ("list", format!("the list names no account{}", first.unwrap_or_default()))
                }
            };
            return Err(Error::invalid(field, message));
        }
        let routes = store::behind(self.count_routes(&bulk.id, frozen.accounts)).await?;
        Ok(Closed { selection, hash: frozen.hasher.finish(), unknown, routes })
    }

    /// Those who are on a server now; how many routes to it belong to nobody known.
    async fn freeze_server(&self, id: &BulkId, off: &ServerMove, frozen: &mut Frozen) -> Result<i64> {
        let on = self.who_is_on(off, MOST_ACCOUNTS).await?;
        if on.accounts.len() > MOST_ACCOUNTS {
            let message = format!("more than {MOST_ACCOUNTS} accounts are on {}: one job takes no more", off.server);
            return Err(Error::invalid("server", message));
        }
        frozen.hasher.add_move(off);
        for ids in on.accounts.chunks(PIECE) {
            self.add_frozen(id, ids, frozen).await?;
        }
        Ok(on.unknown)
    }

    async fn freeze_filter(&self, id: &BulkId, filter: &AccountFilter, frozen: &mut Frozen) -> Result<()> {
        let mut after: Option<AccountId> = None;
        loop {
            let limit = u32::try_from(PIECE).unwrap_or(u32::MAX);
            let page = self.store().accounts_filtered(filter, after.as_ref(), limit).await?;
            let ids: Vec<AccountId> = page.into_iter().map(|account| account.id).collect();
            let Some(last) = ids.last() else { return Ok(()) };
            after = Some(last.clone());
            if frozen.accounts + ids.len() > MOST_ACCOUNTS {
                let message = format!("more than {MOST_ACCOUNTS} accounts pass this filter: narrow it");
                return Err(Error::invalid("filter", message));
            }
            self.add_frozen(id, &ids, frozen).await?;
        }
    }

    async fn freeze_list(
        &self,
        id: &BulkId,
        reader: &mut ListReader<Box<dyn Read + Send>>,
        frozen: &mut Frozen,
    ) -> Result<()> {
        loop {
            let lines = reader.next_ids(PIECE)?;
            if lines.is_empty() {
                return Ok(());
            }
            let ids: Vec<AccountId> = lines.iter().map(|(_, id)| id.clone()).collect();
            let known: HashSet<AccountId> = self.store().known_accounts(&ids).await?.into_iter().collect();
            for (line, id) in lines.iter().filter(|(_, id)| !known.contains(id)) {
                reader.unknown(*line, id);
            }
            let ids: Vec<AccountId> = ids.into_iter().filter(|id| known.contains(id)).collect();
            self.add_frozen(id, &ids, frozen).await?;
        }
    }

    async fn add_frozen(&self, id: &BulkId, ids: &[AccountId], frozen: &mut Frozen) -> Result<()> {
        let first = i64::try_from(frozen.accounts).unwrap_or(i64::MAX).saturating_add(1);
        let added = transact!(self, tx => { Ok(tx.add_to_bulk(id, ids, first).await?) })?;
        if usize::try_from(added) != Ok(ids.len()) {
            return Err(Error::Conflict("the list was written by somebody else as well: try again".to_owned()));
        }
        frozen.accounts += ids.len();
        for id in ids {
            frozen.hasher.add(id);
        }
        Ok(())
    }

    async fn close_list(&self, actor: &Actor, bulk: Bulk, closed: Closed, off: Option<&ServerMove>) -> Result<Bulk> {
        let Closed { selection, hash, unknown, routes } = closed;
        let mut draft = self.draft(actor, "bulk.drafted", bulk.id.as_str());
        draft.reason.clone_from(&bulk.order.reason);
        draft.ticket.clone_from(&bulk.order.ticket);
        let meant = match &selection {
            BulkSelection::Filter(filter) => serde_json::json!({ "filter": filter }),
            BulkSelection::List(report) => serde_json::json!({
                "lines": report.lines, "unknown": report.unknown, "duplicates": report.duplicates,
                "malformed": report.malformed,
            }),
        };
        draft.detail = serde_json::json!({ "mode": bulk.order.mode, "hash": hash, "selection": meant, "off": off });
        transact!(self, tx => {
            tx.close_bulk(&bulk.id, &hash, &selection, &routes).await?;
            if let Some(off) = off {
                tx.insert_move(&bulk.id, off, unknown).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        self.store().bulk(&bulk.id).await?.ok_or(Error::NotFound("bulk clean-up"))
    }

    /// Forgets a list that was not closed.
    async fn discard(&self, id: &BulkId) -> Result<()> {
        loop {
            if transact!(self, tx => { Ok(tx.discard_bulk(id, 5_000).await?) })? == 0 {
                return Ok(());
            }
        }
    }
}

/// What is frozen so far.
struct Frozen {
    hasher: BulkHasher,
    accounts: usize,
}

/// A list that is written down.
struct Closed {
    selection: BulkSelection,
    hash: PlanHash,
    unknown: i64,
    routes: BulkRoutes,
}
