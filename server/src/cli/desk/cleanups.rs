//! Diagnosis and clean-ups of single accounts.

use std::time::Duration;

use domain::{
    AccountId, CleanupId, Mode, Status, Step,
    view::{CleanupRequest, LedgerView, PlanPage},
};
use reqwest::Method;
use serde_json::{Value, json};
use service::Requested;

use super::{Desk, Remote, remote::part};
use crate::{
    cli::Failure,
    wire::{CleanupAsked, Diagnosis},
};

/// How often a server is asked how far a clean-up is.
const LOOK: Duration = Duration::from_millis(250);

impl Desk {
    /// What is wrong with an account.
    pub async fn diagnose(&self, id: &AccountId) -> Result<Diagnosis, Failure> {
        match self {
            Self::Here { unstick, actor } => {
                let (world, verdict, findings) = Box::pin(unstick.diagnose(actor, id)).await?;
                Ok(Diagnosis::new(world, &verdict, findings))
            }
            Self::There(remote) => remote.get(&format!("accounts/{}/diagnosis", part(id.as_str())), &[]).await,
        }
    }

    /// What a clean-up would do.
    pub async fn plan(&self, id: &AccountId, mode: Mode) -> Result<PlanPage, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.plan_page(actor, id, mode)).await?),
            Self::There(remote) => {
                let path = format!("accounts/{}/cleanup-plan", part(id.as_str()));
                remote.get(&path, &[("mode", mode.as_str().to_owned())]).await
            }
        }
    }

    /// Asks for a clean-up.
    pub async fn request(&self, request: CleanupRequest) -> Result<Requested, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(Box::pin(unstick.request_cleanup(actor, request)).await?),
            Self::There(remote) => {
                let CleanupRequest { account, mode, reason, ticket, hash } = request;
                let body = json!({
                    "account_id": account, "mode": mode, "reason": reason, "ticket": ticket, "plan_hash": hash,
                });
                let CleanupAsked { cleanup_id: id, joined } = remote.change(Method::POST, "cleanups", &body).await?;
                Ok(Requested { id, joined })
            }
        }
    }

    /// Sees a clean-up through: works on it here, or watches the server work.
    pub async fn drive(&self, id: &CleanupId, on_change: &(dyn Fn(&LedgerView) + Sync)) -> Result<Status, Failure> {
        match self {
            Self::Here { unstick, .. } => Ok(Box::pin(unstick.drive(id, on_change)).await?),
            Self::There(remote) => watch(remote, id, on_change).await,
        }
    }

    /// Where a clean-up is.
    pub async fn ledger(&self, id: &CleanupId) -> Result<LedgerView, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.ledger(actor, id).await?),
            Self::There(remote) => ledger(remote, id).await,
        }
    }

    /// Every step of a clean-up.
    pub async fn steps(&self, id: &CleanupId) -> Result<Vec<Step>, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.ledger_steps(actor, id).await?),
            Self::There(remote) => remote.get(&format!("cleanups/{id}/steps"), &[]).await,
        }
    }

    /// All that is known of a clean-up, as data.
    pub async fn evidence(&self, id: &CleanupId) -> Result<Value, Failure> {
        match self {
            Self::Here { unstick, actor } => {
                let pack = unstick.evidence(actor, id).await?;
                serde_json::to_value(&pack).map_err(|error| Failure::failed(error.to_string()))
            }
            Self::There(remote) => remote.get(&format!("cleanups/{id}/evidence"), &[]).await,
        }
    }

    /// The same as Markdown.
    pub async fn evidence_text(&self, id: &CleanupId) -> Result<String, Failure> {
        match self {
            Self::Here { unstick, actor } => Ok(unstick.evidence(actor, id).await?.to_markdown()),
            Self::There(remote) => remote.text(&format!("cleanups/{id}/evidence.md")).await,
        }
    }
}

async fn ledger(remote: &Remote, id: &CleanupId) -> Result<LedgerView, Failure> {
    remote.get(&format!("cleanups/{id}"), &[]).await
}

async fn watch(remote: &Remote, id: &CleanupId, on_change: &(dyn Fn(&LedgerView) + Sync)) -> Result<Status, Failure> {
    let mut shown = None;
    loop {
        let view = ledger(remote, id).await?;
        let state = (view.cleanup.status, view.counts, view.cleanup.next_at);
        if shown != Some(state) {
            on_change(&view);
            shown = Some(state);
        }
        if view.cleanup.status != Status::Running {
            return Ok(view.cleanup.status);
        }
        tokio::time::sleep(LOOK).await;
    }
}
