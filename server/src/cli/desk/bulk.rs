//! Bulk clean-ups.

use std::{io::Read, time::Duration};

use domain::{
    Bulk, BulkAccount, BulkId, BulkMove, BulkOrder, BulkOutcome, BulkStatus, Guard, Place, PlanHash, ServerMove,
    view::BulkPage,
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::BulkSource;

use super::{Desk, Remote};
use crate::{
    cli::{Context, Failure},
    wire::HashBody,
};

/// How often a server is asked how far it is.
const LOOK: Duration = Duration::from_millis(500);
/// Longest list that a server takes, in bytes.
const LONGEST: u64 = 8 << 20;

/// A page of a list.
#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Desk {
    /// Where the console is in which a second admin approves.
    pub fn console(&self, context: &Context) -> String {
        match self {
            Self::Here { .. } => context.config.public_origin.to_string(),
            Self::There(remote) => remote.base().to_owned(),
        }
    }

    /// The newest bulk clean-ups.
    pub async fn bulks(&self) -> Result<Vec<Bulk>, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.bulks(actor, None).await?.page.items),
            Self::There(remote) => Ok(remote.get::<Items<Bulk>>("bulk-cleanups", &[]).await?.items),
        }
    }

    /// A bulk clean-up with its preview.
    pub async fn bulk(&self, id: &BulkId) -> Result<BulkPage, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.bulk_page(actor, id, None, 0)).await?),
            Self::There(remote) => remote.get(&format!("bulk-cleanups/{id}"), &[]).await,
        }
    }

    /// Some accounts of a bulk clean-up that are there, at most `limit`.
    pub async fn bulk_accounts(
        &self,
        id: &BulkId,
        outcome: BulkOutcome,
        limit: u32,
    ) -> Result<Vec<BulkAccount>, Failure> {
        match self {
            Self::Here { unstick, .. } => {
                let found = unstick.store().bulk_accounts(id, Some(outcome), 0, limit).await;
                Ok(found.map_err(service::Error::from)?)
            }
            Self::There(remote) => {
                let query = [("outcome", outcome.as_str().to_owned())];
                let page: Items<BulkAccount> = remote.get(&format!("bulk-cleanups/{id}/accounts"), &query).await?;
                Ok(page.items.into_iter().take(limit as usize).collect())
            }
        }
    }

    /// Freezes a list.
    pub async fn draft_bulk(&self, source: BulkSource, order: BulkOrder) -> Result<Bulk, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.draft_bulk(actor, source, order)).await?),
            Self::There(remote) => draft(remote, source, order).await,
        }
    }

    /// Asks for a list.
    pub async fn request_bulk(&self, id: &BulkId, hash: &PlanHash) -> Result<Bulk, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.request_bulk(actor, id, hash).await?),
            Self::There(remote) => {
                let body = HashBody { hash: hash.clone() };
                remote.change(Method::POST, &format!("bulk-cleanups/{id}/request"), &body).await
            }
        }
    }

    /// Pauses it, lets it go on, ends it, or tries again what could not be asked for.
    pub async fn control_bulk(&self, id: &BulkId, what: BulkMove) -> Result<Bulk, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.control_bulk(actor, id, what).await?),
            Self::There(remote) => {
                let word = match what {
                    BulkMove::Pause => "pause",
                    BulkMove::Resume => "resume",
                    BulkMove::Retry => "retry",
                    _ => "cancel",
                };
                remote.change(Method::POST, &format!("bulk-cleanups/{id}/control"), &json!({ "what": word })).await
            }
        }
    }

    /// Sees it through: works on it here, or watches the server work.
    pub async fn drive_bulk(&self, id: &BulkId, on_change: &(dyn Fn(&Bulk) + Sync)) -> Result<Bulk, Failure> {
        match self {
            Self::Here { unstick, .. } => Ok(Box::pin(unstick.drive_bulk(id, on_change)).await?),
            Self::There(remote) => loop {
                let bulk = remote.get::<BulkPage>(&format!("bulk-cleanups/{id}"), &[]).await?.bulk;
                on_change(&bulk);
                let waits =
                    matches!(bulk.status, BulkStatus::Running | BulkStatus::Paused | BulkStatus::AwaitingApproval);
                if !waits && bulk.counts.get(BulkOutcome::Running) == 0 {
                    return Ok(bulk);
                }
                tokio::time::sleep(LOOK).await;
            },
        }
    }
}

async fn draft(remote: &Remote, source: BulkSource, order: BulkOrder) -> Result<Bulk, Failure> {
    let BulkOrder { mode, reason, ticket, wave, rate, failure_limit } = order;
    match source {
        BulkSource::Filter(filter) => {
            let said = filter.pairs().into_iter().filter(|(_, value)| !value.is_empty());
            let mut fields: Map<String, Value> =
                said.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
            if let Some(leftover) = filter.leftover {
                fields.insert("leftover".to_owned(), leftover.into());
            }
            let body = json!({
                "filter": fields, "mode": mode, "reason": reason, "ticket": ticket, "wave": wave, "rate": rate,
                "failure_limit": failure_limit,
            });
            remote.change(Method::POST, "bulk-cleanups", &body).await
        }
        BulkSource::List(list) => {
            let mut bytes = Vec::new();
            let read = list.take(LONGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| {
                Failure::usage("file", format!("the list cannot be read: {error}")).about("from_file")
            })?;
            if bytes.len() as u64 > LONGEST {
                let text = "a server takes a list of at most 8 MiB: run this where the database is, or in parts";
                return Err(Failure::usage("file", text).about("from_file"));
            }
            let query = [
                ("mode", mode.as_str().to_owned()),
                ("reason", reason),
                ("ticket", ticket),
                ("wave", wave.to_string()),
                ("rate", rate.to_string()),
                ("failure_limit", failure_limit.to_string()),
            ];
            remote.post_text("bulk-cleanups", &query, bytes).await
        }
        BulkSource::Server(off) => {
            let ServerMove { place: Place { router, pool }, server, to, guard: Guard { errors, response } } = *off;
            let off = json!({
                "router": router, "pool": pool, "server": server, "to": to, "max_errors": errors,
                "max_response": response,
            });
            let body = json!({
                "off_server": off, "mode": mode, "reason": reason, "ticket": ticket, "wave": wave, "rate": rate,
                "failure_limit": failure_limit,
            });
            remote.change(Method::POST, "bulk-cleanups", &body).await
        }
    }
}
