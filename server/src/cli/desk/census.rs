//! The census and repairs.

use std::time::Duration;

use domain::{
    Repair, RepairPlan, RepairRequest,
    census::{Census, CensusFinding, CensusOutcome, CensusPhase, CensusRead, FindingFilter},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Desk, Remote};
use crate::{
    cli::Failure,
    wire::{CensusAsked, Censuses},
};

/// How often a server is asked whether its census is over.
const LOOK: Duration = Duration::from_millis(500);

/// A page of findings.
#[derive(Deserialize)]
struct Page {
    items: Vec<CensusFinding>,
    next: Option<String>,
}

impl Desk {
    /// Runs a census to its end.
    pub async fn census(&self, progress: &(dyn Fn(CensusPhase, CensusRead) + Sync)) -> Result<Census, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.run_census(actor, progress)).await?),
            Self::There(remote) => run(remote).await,
        }
    }

    /// The oldest open findings that pass `filter`, and whether there are more.
    pub async fn findings(&self, filter: &FindingFilter) -> Result<(Vec<CensusFinding>, bool), Failure> {
        match self {
            Self::Here { unstick, actor } => {
                let page = Box::pin(unstick.findings(actor, filter, None)).await?.page;
                Ok((page.items, page.next.is_some()))
            }
            Self::There(remote) => {
                let page: Page = remote.get("findings", &query(filter)).await?;
                Ok((page.items, page.next.is_some()))
            }
        }
    }

    /// What a repair would remove.
    pub async fn repair_plan(&self, filter: &FindingFilter, limit: u32) -> Result<RepairPlan, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.repair_plan(actor, filter, limit)).await?),
            Self::There(remote) => {
                let mut query = query(filter);
                query.push(("limit", limit.to_string()));
                remote.get("repair-plan", &query).await
            }
        }
    }

    /// Asks for a repair.
    pub async fn request_repair(&self, request: RepairRequest) -> Result<Repair, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.request_repair(actor, request)).await?),
            Self::There(remote) => {
                let RepairRequest { plan, reason, ticket } = request;
                let body = json!({ "repair_plan": plan, "reason": reason, "ticket": ticket });
                remote.change(Method::POST, "repairs", &body).await
            }
        }
    }
}

fn query(filter: &FindingFilter) -> Vec<(&'static str, String)> {
    let FindingFilter { kind, router, server, age } = filter;
    [
        ("kind", kind.map(|kind| kind.as_str().to_owned())),
        ("router", router.as_ref().map(ToString::to_string)),
        ("server", server.as_ref().map(ToString::to_string)),
        ("older_than", Some(age.as_str().to_owned()).filter(|age| !age.is_empty())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

async fn run(remote: &Remote) -> Result<Census, Failure> {
    let asked: CensusAsked = remote.change(Method::POST, "census", &json!({})).await?;
    loop {
        let Censuses { last, newest } = remote.get("census", &[]).await?;
        if let Some(census) = last.filter(|last| last.no >= asked.census) {
            return Ok(census);
        }
        let failed = newest.is_none_or(|newest| newest.no >= asked.census && newest.outcome != CensusOutcome::Running);
        if failed {
            return Err(Failure::failed("the census failed on the server: its log says why"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
