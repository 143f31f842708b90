//! Servers' states, pins, the audit log, imports.

use std::io::Write;

use domain::{Place, RePinRequest, RePinned, ServerName, StatePlan, StateRequest, StateSet, view::AuditFilter};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Ending, ImportRecord};

use super::{Desk, Remote, remote::part};
use crate::{cli::Failure, http::ExportFormat, wire::Verified};

/// Events of one batch of an export.
const BATCH: u32 = 1_000;

impl Desk {
    /// How a server is on each load balancer of a fleet.
    pub async fn state(&self, place: &Place, server: &ServerName) -> Result<StatePlan, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.state_plan(actor, place, server)).await?),
            Self::There(remote) => remote.get(&state_path(place, server), &[]).await,
        }
    }

    /// Sets the state of a server.
    pub async fn set_state(&self, request: StateRequest) -> Result<StateSet, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.set_server_state(actor, request)).await?),
            Self::There(remote) => {
                let StateRequest { place, server, state, reason, ticket } = request;
                let body = json!({ "state": state, "reason": reason, "ticket": ticket });
                remote.change(Method::PUT, &state_path(&place, &server), &body).await
            }
        }
    }

    /// Pins a key to a server.
    pub async fn re_pin(&self, request: RePinRequest) -> Result<RePinned, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.re_pin(actor, request)).await?),
            Self::There(remote) => {
                let RePinRequest { place: Place { router, pool }, key, server, reason, ticket } = request;
                let body = json!({ "server": server, "reason": reason, "ticket": ticket });
                let [router, pool, key] = [router.as_str(), pool.as_str(), key.as_str()].map(part);
                remote.change(Method::PUT, &format!("routers/{router}/pools/{pool}/keys/{key}"), &body).await
            }
        }
    }

    /// Proves the audit log.
    pub async fn verify(&self, progress: &(dyn Fn(i64) + Sync)) -> Result<Verified, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.verify_audit(actor, progress).await?.into()),
            Self::There(remote) => remote.get("audit/verification", &[]).await,
        }
    }

    /// Writes the events that pass `filter` to `out`.
    pub async fn export(
        &self,
        format: ExportFormat,
        filter: &AuditFilter,
        out: &mut (impl Write + Send),
    ) -> Result<(), Failure> {
        let unwritable =
            |error: std::io::Error| Failure::failed(format!("standard output cannot be written to: {error}"));
        let (unstick, actor) = match self {
            Self::Here { unstick, actor } => (unstick, actor),
            Self::There(remote) => {
                let path = format!("audit/export.{}", format.as_str());
                return remote.file(&path, &query(filter), |piece| out.write_all(piece).map_err(unwritable)).await;
            }
        };
        unstick.note_export(actor, filter, format.as_str()).await?;
        out.write_all(format.head().as_bytes()).map_err(unwritable)?;
        let mut before = None;
        loop {
            let events = unstick.audit_batch(actor, filter, before, BATCH).await?;
            let Some(last) = events.last() else { return Ok(()) };
            before = Some(last.seq);
            let bytes = format.lines(&events).map_err(Failure::failed)?;
            out.write_all(&bytes).map_err(unwritable)?;
        }
    }

    /// Writes down that a file was imported. A server does so for the shell alone: what a token reports is a data feed.
    pub async fn note_import(&self, taken: u64, refused: u64) -> Result<(), Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.note_import(actor, taken, refused).await?),
            Self::There(_) => Ok(()),
        }
    }
}

fn state_path(place: &Place, server: &ServerName) -> String {
    let [router, pool, server] = [place.router.as_str(), place.pool.as_str(), server.as_str()].map(part);
    format!("routers/{router}/pools/{pool}/servers/{server}/state")
}

fn query(filter: &AuditFilter) -> Vec<(&'static str, String)> {
    let AuditFilter { actor, account, action, ticket, from, to } = filter;
    [
        ("actor", actor.clone()),
        ("account", account.as_ref().map(ToString::to_string)),
        ("action", action.clone()),
        ("ticket", ticket.clone()),
        ("from", from.map(|at| at.to_string())),
        ("to", to.map(|at| at.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// What came of a batch.
#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<ItemResult>,
}

/// What came of one record.
#[derive(Deserialize)]
struct ItemResult {
    error: Option<ItemError>,
}

/// What was wrong with it.
#[derive(Deserialize)]
struct ItemError {
    detail: String,
}

/// The batches that a record belongs to.
fn batch(record: &ImportRecord) -> &'static str {
    match record {
        ImportRecord::Account { .. } => "batch/accounts",
        ImportRecord::Session { .. } => "batch/sessions",
        ImportRecord::End { .. } => "batch/ends",
    }
}

/// Sends records to a server in order; answers for each what is wrong with it, if anything. Sent anew it changes nothing.
pub async fn import(remote: &Remote, records: Vec<ImportRecord>) -> Result<Vec<Result<(), String>>, Failure> {
    let mut outcomes = Vec::with_capacity(records.len());
    let mut rest = records.as_slice();
    while let Some(first) = rest.first() {
        let path = batch(first);
        let same = rest.iter().take_while(|record| batch(record) == path).count();
        let (run, more) = rest.split_at(same);
        let mut told = post(remote, path, run.iter().map(body).collect()).await?;
        // A session that ended already comes in one line: its end is a second report.
        let over: Vec<(usize, Value)> = run
            .iter()
            .enumerate()
            .filter(|(place, _)| told.get(*place).is_some_and(Result::is_ok))
            .filter_map(|(place, record)| match record {
                ImportRecord::Session { session_id, end: Some(end), .. } => {
                    Some((place, end_body(session_id.as_str(), end)))
                }
                _ => None,
            })
            .collect();
        let (places, ends): (Vec<usize>, Vec<Value>) = over.into_iter().unzip();
        if !ends.is_empty() {
            for (place, outcome) in places.into_iter().zip(post(remote, "batch/ends", ends).await?) {
                if let Some(told) = told.get_mut(place) {
                    *told = outcome;
                }
            }
        }
        outcomes.extend(told);
        rest = more;
    }
    Ok(outcomes)
}

async fn post(remote: &Remote, path: &str, items: Vec<Value>) -> Result<Vec<Result<(), String>>, Failure> {
    let answer: BatchAnswer = remote.change(Method::POST, path, &json!({ "items": items })).await?;
    let told = |result: ItemResult| result.error.map_or(Ok(()), |error| Err(error.detail));
    Ok(answer.results.into_iter().map(told).collect())
}

fn body(record: &ImportRecord) -> Value {
    let mut body = match record {
        ImportRecord::Account { account_id, email, name, plan, time_zone, created_at } => json!({
            "account_id": account_id, "email": email, "name": name, "plan": plan, "time_zone": time_zone,
            "created_at": created_at,
        }),
        ImportRecord::Session { session_id, account_id, client, user_agent, ip, created_at, .. } => json!({
            "session_id": session_id, "account_id": account_id, "client": client, "user_agent": user_agent, "ip": ip,
            "created_at": created_at,
        }),
        ImportRecord::End { session_id, end } => end_body(session_id.as_str(), end),
    };
    if let Some(map) = body.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    body
}

fn end_body(id: &str, Ending { reason, released, at }: &Ending) -> Value {
    let mut body = json!({ "session_id": id, "reason": reason, "released": released });
    if let (Some(map), Some(at)) = (body.as_object_mut(), at) {
        map.insert("at".to_owned(), json!(at));
    }
    body
}
