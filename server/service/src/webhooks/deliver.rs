//! The worker that sends. Several processes may: each claims what it sends, and the first of each lane alone is there to be
//! claimed, so the order of an account's events holds whoever sends them.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditDraft, DeliveryState, DeliveryVerdict, Webhook, WebhookId, WebhookState, delivery_verdict, new_id,
};
use futures::{
    FutureExt,
    stream::{FuturesUnordered, StreamExt},
};
use store::{DeliveryLease, Settled, Tx};
use tokio::sync::watch;

use super::send::{Sender, Sent};
use crate::{Error, Result, Unstick, crash, workers::report};

/// Events that one process sends at once, and to one receiver.
const AT_ONCE: usize = 32;
const TO_ONE: usize = 8;
/// How often the database is asked what is due.
const POLL: std::time::Duration = std::time::Duration::from_millis(500);

/// What came of sending one event.
struct Tried {
    lease: DeliveryLease,
    settled: Settled,
    gone: bool,
}

impl Unstick {
    pub(crate) async fn webhook_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut busy: HashMap<WebhookId, usize> = HashMap::new();
        loop {
            if !*stop.borrow() {
                match self.claim_due(&mut busy, AT_ONCE - running.len()).await {
                    Ok(claimed) => running.extend(claimed.into_iter().map(|(hook, lease)| self.try_one(hook, lease))),
                    Err(error) => tracing::error!(error = %report(&error), "could not ask which webhooks are due"),
                }
            } else if running.is_empty() {
                return;
            }
            tokio::select! {
                Some(first) = running.next(), if !running.is_empty() => {
                    let mut tried = vec![first];
                    while let Some(Some(next)) = running.next().now_or_never() {
                        tried.push(next);
                    }
                    for it in &tried {
                        if let Some(count) = busy.get_mut(&it.lease.webhook) {
                            *count = count.saturating_sub(1);
                        }
                    }
                    if let Err(error) = self.settle(&tried).await {
                        tracing::error!(error = %report(&error), "what came of a webhook could not be written; it is sent again");
                    }
                }
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One pass: what is due is sent once, and what came of it is written. Answers how many events that were.
    ///
    /// # Errors
    /// Failures of the database; a receiver that does not answer is no error.
    #[boxed]
    pub async fn deliver_once(&self) -> Result<usize> {
        let claimed = self.claim_due(&mut HashMap::new(), AT_ONCE).await?;
        let tried = claimed.into_iter().map(|(hook, lease)| self.try_one(hook, lease));
        let tried: Vec<Tried> = tried.collect::<FuturesUnordered<_>>().collect().await;
        self.settle(&tried).await?;
        Ok(tried.len())
    }

    /// Claims at most `room` events. To a receiver that failed many times one goes at a time: it is a question whether it is
    /// there again.
    async fn claim_due(
        &self,
        busy: &mut HashMap<WebhookId, usize>,
        room: usize,
    ) -> Result<Vec<(Webhook, DeliveryLease)>> {
        let (mut room, mut claimed) = (room, Vec::new());
        if room == 0 {
            return Ok(claimed);
        }
        let mut due = self.store().due_webhooks(self.now()).await?;
        // Who has least under way comes first: of many receivers none waits for the others.
        due.sort_by_key(|(id, _)| busy.get(id).copied().unwrap_or(0));
        for (id, failures) in due {
            let most = if failures >= self.settings().webhooks.pace.patience { 1 } else { TO_ONE };
            let count = busy.entry(id.clone()).or_default();
            let free = most.saturating_sub(*count).min(room);
            if free == 0 {
                continue;
            }
            let Some(hook) = self.store().webhook(&id).await? else { continue };
            let leases = self.claim_events(&id, free).await?;
            *count += leases.len();
            room -= leases.len();
            claimed.extend(leases.into_iter().map(|lease| (hook.clone(), lease)));
        }
        if !claimed.is_empty() {
            crash::point("webhook:claimed");
        }
        Ok(claimed)
    }

    async fn claim_events(&self, id: &WebhookId, limit: usize) -> Result<Vec<DeliveryLease>> {
        let now = self.now();
        let until = now + self.settings().lease;
        let claim = format!("{} {}", self.settings().instance, new_id("l", self.entropy()));
        let limit = u32::try_from(limit).unwrap_or(1);
        transact!(self, tx => { Ok(tx.claim_deliveries(id, &claim, now, until, limit).await?) })
    }

    async fn try_one(&self, hook: Webhook, lease: DeliveryLease) -> Tried {
        let settings = &self.settings().webhooks;
        let began = self.now();
        let sent = match self.sender() {
            _ if lease.until <= began => Sent::late(),
            Ok(sender) => sender.send(&hook, &lease, settings, began).await,
            Err(error) => Sent::broken(&error),
        };
        crash::point("webhook:sent");
        let now = self.now();
        let attempts = lease.attempts + 1;
        let verdict = delivery_verdict(sent.answered, attempts, &settings.pace, self.jitter());
        let (state, next_at) = match verdict {
            DeliveryVerdict::Delivered => (DeliveryState::Delivered, None),
            DeliveryVerdict::Later(wait) => (DeliveryState::Waiting, Some(now + wait)),
            DeliveryVerdict::GivenUp | DeliveryVerdict::Gone => (DeliveryState::Failed, None),
        };
        let took_ms = now.since(began).millis().max(0);
        let settled = Settled { state, next_at, at: now, status: sent.status, took_ms, said: sent.said };
        Tried { lease, settled, gone: verdict == DeliveryVerdict::Gone }
    }

    fn sender(&self) -> io::Result<&Sender> {
        if let Some(sender) = self.0.webhooks.0.get() {
            return Ok(sender);
        }
        let sender = Sender::new(&self.settings().webhooks)?;
        Ok(self.0.webhooks.0.get_or_init(|| sender))
    }

    /// Writes what came of `tried`, in one transaction.
    async fn settle(&self, tried: &[Tried]) -> Result<()> {
        if tried.is_empty() {
            return Ok(());
        }
        let mut lanes: Vec<String> = tried.iter().map(|it| it.lease.lane.clone()).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let mut hooks: BTreeMap<&WebhookId, Vec<&Tried>> = BTreeMap::new();
        for it in tried {
            hooks.entry(&it.lease.webhook).or_default().push(it);
        }
        let (hooks, jitter) = (&hooks, self.jitter());
        transact!(self, tx => {
            tx.lock_lanes(&lanes).await?;
            let mut stopped = Vec::new();
            for (hook, theirs) in hooks {
                stopped.extend(self.settle_hook(&mut tx, hook, theirs, jitter).await?);
            }
            // The log is locked last, as everywhere.
            for draft in &stopped {
                tx.append_audit(draft).await?;
            }
            crash::point("webhook:before-commit");
            Ok(())
        })?;
        crash::point("webhook:settled");
        Ok(())
    }

    /// Writes what came of one webhook's events; with what is to be told where it is not served any more.
    async fn settle_hook(
        &self,
        tx: &mut Tx,
        hook: &WebhookId,
        tried: &[&Tried],
        jitter: u64,
    ) -> Result<Option<AuditDraft>> {
        let (now, pace) = (self.now(), &self.settings().webhooks.pace);
        let (mut taken, mut failed, mut gone) = (0_i64, 0_i64, false);
        for it in tried {
            if !tx.settle_delivery(&it.lease, &it.settled).await? {
                tracing::warn!(webhook.id = %hook, event.id = %it.lease.event, "another worker sent this event too");
                continue;
            }
            if it.settled.state == DeliveryState::Delivered {
                taken += 1;
            } else {
                failed += 1;
                gone |= it.gone;
            }
        }
        if taken > 0 {
            tx.webhook_succeeded(hook, now).await?;
        } else if failed > 0 {
            let closed = |failures| pace.closed(failures, jitter).map(|span| now + span);
            let since = tx.webhook_failed(hook, failed, now, closed).await?;
            if !gone && pace.is_hopeless(since, now) {
                let why = format!("it took nothing for {}", pace.pause_after);
                return self.stop(tx, hook, WebhookState::Paused, &why).await;
            }
        }
        if gone {
            return self.stop(tx, hook, WebhookState::Disabled, "it answered 410 Gone: it wants no more events").await;
        }
        Ok(None)
    }

    async fn stop(&self, tx: &mut Tx, hook: &WebhookId, state: WebhookState, why: &str) -> Result<Option<AuditDraft>> {
        if !tx.stop_webhook(hook, state, why).await? {
            return Ok(None);
        }
        tracing::warn!(webhook.id = %hook, why, "a webhook is {} now", state.as_str());
        let action = if state == WebhookState::Paused { "webhook.paused" } else { "webhook.disabled" };
        let mut draft = self.draft(&Actor::System, action, hook.as_str());
        draft.detail = serde_json::json!({ "why": why });
        Ok(Some(draft))
    }
}

impl Sent {
    /// This process stood still until the lease ran out: another one may be sending by now.
    fn late() -> Self {
        Self { answered: domain::Answered::Refused, status: None, said: "not sent: the lease had run out".to_owned() }
    }

    fn broken(error: &io::Error) -> Self {
        let (answered, said) = (domain::Answered::Refused, report(&Error::internal(error.to_string())));
        Self { answered, status: None, said }
    }
}
