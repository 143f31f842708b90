//! Asking for a bulk clean-up, and the second person's approval of exactly the list that was asked for.

use async_recursion::async_recursion as boxed;
use domain::{Actor, AuditOutcome, Bulk, BulkId, BulkMove, BulkStatus, Freshness, Intent, Permission, PlanHash};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// Asks for the bulk clean-up with the list `hash`. Above the limit ([`crate::Settings::bulk_approval_above`]) it waits
    /// for a second admin, else it begins. A person proves who they are for it, above the limit for exactly this list.
    ///
    /// # Errors
    /// `Unproved`; `Conflict` when its list is another one, it is somebody else's, or it was asked for before; `NotFound`; `Denied`.
    #[boxed]
    pub async fn request_bulk(&self, actor: &Actor, id: &BulkId, hash: &PlanHash) -> Result<Bulk> {
        self.authorize_fresh(actor, Permission::BulkCleanUp, Freshness::FiveMinutes, id.as_str()).await?;
        let bulk = self.bulk_by_id(id).await?;
        if bulk.hash != *hash {
            return Err(Error::Conflict("this is not the list that was shown: look at it again".to_owned()));
        }
        if bulk.actor != actor.label() {
            return Err(Error::Conflict(format!("{} made this list: only they can ask for it", bulk.actor)));
        }
        let needs_approval = bulk.counts.total() > i64::from(self.settings().bulk_approval_above);
        let now = self.now();
        let until = needs_approval.then(|| now + self.settings().bulk_approval_time);
        let mut draft = self.draft(actor, "bulk.requested", id.as_str());
        draft.reason.clone_from(&bulk.order.reason);
        draft.ticket.clone_from(&bulk.order.ticket);
        draft.detail = serde_json::json!({
            "mode": bulk.order.mode, "hash": bulk.hash, "accounts": bulk.counts.total(),
            "live_sessions": bulk.live_sessions, "leftover_sessions": bulk.leftover_sessions,
            "needs_approval": needs_approval,
        });
        let moved = transact!(self, tx => {
            let moved = tx.move_bulk(id, BulkMove::Request { needs_approval }, now).await?;
            if moved {
                if needs_approval {
                    self.use_intent(&mut tx, actor, Intent::RequestBulk, hash).await?;
                }
                tx.bulk_requested(id, now, until).await?;
                tx.append_audit(&draft).await?;
            }
            Ok(moved)
        })?;
        if !moved {
            return Err(Error::Conflict("it was asked for already".to_owned()));
        }
        self.0.bulk_kick.notify_one();
        self.bulk_by_id(id).await
    }

    /// Approves exactly the list `hash`, as a second admin who proved for it who they are; it begins.
    ///
    /// # Errors
    /// `Unproved`; `Conflict` for whoever asked for it, for anybody but a person in the console, for another list, or when somebody
    /// else approved it; `Gone` when its time is over; `NotFound`; `Denied`. Refusals are written to the audit log.
    #[boxed]
    pub async fn approve_bulk(&self, actor: &Actor, id: &BulkId, hash: &PlanHash) -> Result<Bulk> {
        self.authorize_fresh(actor, Permission::BulkCleanUp, Freshness::FiveMinutes, id.as_str()).await?;
        let bulk = self.bulk_by_id(id).await?;
        let mut draft = self.draft(actor, "bulk.approved", id.as_str());
        draft.ticket.clone_from(&bulk.order.ticket);
        draft.detail = serde_json::json!({ "hash": hash, "accounts": bulk.counts.total(), "asked_by": bulk.actor });
        if let Err(why) = may_approve(actor, &bulk) {
            draft.outcome = AuditOutcome::Denied;
            transact!(self, tx => { Ok(tx.append_audit(&draft).await?) })?;
            return Err(Error::Conflict(why.to_owned()));
        }
        let Actor::Staff { id: second, .. } = actor else { return Err(Error::NotFound("staff member")) };
        let now = self.now();
        let approved = transact!(self, tx => {
            let approved = tx.approve_bulk(id, hash, second, now).await?
                && tx.move_bulk(id, BulkMove::Approve, now).await?;
            if approved {
                self.use_intent(&mut tx, actor, Intent::ApproveBulk, hash).await?;
                tx.append_audit(&draft).await?;
            }
            Ok(approved)
        })?;
        if !approved {
            let bulk = self.bulk_by_id(id).await?;
            return Err(match bulk.status {
                BulkStatus::AwaitingApproval if bulk.hash != *hash => {
                    Error::Conflict("this is not the list that was shown: look at it again".to_owned())
                }
                BulkStatus::AwaitingApproval | BulkStatus::Expired => Error::Gone("time for its approval"),
                status => Error::Conflict(format!("it does not wait for approval: it is {}", status.label())),
            });
        }
        self.0.bulk_kick.notify_one();
        self.bulk_by_id(id).await
    }

    pub(super) async fn bulk_by_id(&self, id: &BulkId) -> Result<Bulk> {
        self.store().bulk(id).await?.ok_or(Error::NotFound("bulk clean-up"))
    }
}

/// Whether `actor` is somebody who could approve `bulk`, or why not. Four eyes are two people: not who asked for it, not a
/// token, and not the same name in a shell.
pub(super) fn may_approve(actor: &Actor, bulk: &Bulk) -> std::result::Result<(), &'static str> {
    let Actor::Staff { id, .. } = actor else {
        return Err("a second admin approves it, signed in to the console");
    };
    let of_shell = bulk.actor.strip_prefix("cli:").and_then(|rest| rest.split('@').next());
    if bulk.staff.as_ref() == Some(id) || of_shell == Some(id.as_str()) {
        return Err("you asked for it: another admin must approve it");
    }
    Ok(())
}
