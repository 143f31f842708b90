//! The doctor: is everything as it should be? For a shell's exit code and a person's eyes.

use std::time::Duration;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, CleanupId, Permission, PoolInfo,
    invariants::{self, Broken},
};
use futures::future::join_all;
use routers::{Fleet, Router};
use store::Verification;

use crate::{Result, Unstick, cleanups::ages::STUCK, routing::lost};

/// How long the proof of the whole audit log may take; after that its end is proven alone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Events at the end of the audit log that are proven in any case.
const TAIL: i64 = 10_000;

/// Unfinished clean-ups, and newest ones, that are held against the invariants.
const LOOKED_AT: u32 = 100;

/// What came of a check, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warn,
    /// It does not work.
    Bad,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub outcome: CheckOutcome,
    /// In words, with what to do.
    pub text: String,
}

pub(crate) fn check(name: impl Into<String>, outcome: CheckOutcome, text: impl Into<String>) -> Check {
    Check { name: name.into(), outcome, text: text.into() }
}

impl Unstick {
    /// Checks database, routers, audit log and clean-ups.
    ///
    /// # Errors
    /// `Denied`; failures of the database past its own check.
    #[boxed]
    pub async fn doctor(&self, actor: &Actor) -> Result<Vec<Check>> {
        self.authorize(actor, Permission::ManageStaff, "doctor").await?;
        let mut checks = vec![match self.store().version().await {
            Ok(version) => check("database", CheckOutcome::Ok, version),
            Err(error) => check("database", CheckOutcome::Bad, format!("does not answer: {error}")),
        }];
        checks.extend(self.check_routers().await);
        checks.push(self.check_audit(actor).await);
        checks.push(self.check_staff().await?);
        checks.push(self.check_cleanups().await?);
        checks.push(self.check_invariants().await?);
        checks.push(self.check_owed().await?);
        checks.push(self.check_states().await?);
        checks.push(self.check_watches().await?);
        checks.push(self.check_census().await?);
        checks.push(self.check_webhooks().await?);
        Ok(checks)
    }

    async fn check_routers(&self) -> Vec<Check> {
        if self.fleet().is_empty() {
            let text = "none is configured: add a [[router]] block to unstick.toml";
            return vec![check("routers", CheckOutcome::Warn, text)];
        }
        join_all(self.fleet().iter().map(|router| check_router(router.as_ref(), self.fleet()))).await.concat()
    }

    /// Proves the whole log when that is quick, else its end.
    async fn check_audit(&self, actor: &Actor) -> Check {
        let (found, what) = match tokio::time::timeout(PATIENCE, self.verify_audit(actor, &|_| ())).await {
            Ok(found) => (found, "all".to_owned()),
            Err(_) => (self.verify_audit_end(actor, TAIL).await, format!("the last {TAIL} of")),
        };
        match found {
            Ok(Verification::Intact { events, .. }) => {
                let whole = if what == "all" { "" } else { " (everything: admin-tool audit verify)" };
                check("audit log", CheckOutcome::Ok, format!("{what} {events} events are as they were written{whole}"))
            }
            Ok(Verification::Broken { seq, why }) => {
                let text =
                    format!("BROKEN at event {seq}: {why}. Keep the database as it is and find out who changed it");
                check("audit log", CheckOutcome::Bad, text)
            }
            Err(error) => {
                let why = std::error::Error::source(&error).map_or_else(String::new, |source| format!(" ({source})"));
                check("audit log", CheckOutcome::Bad, format!("could not be verified: {error}{why}"))
            }
        }
    }

    async fn check_staff(&self) -> Result<Check> {
        let staff = self.store().staff_list().await?;
        let admins = staff.iter().filter(|row| row.role == domain::Role::Admin && row.disabled_at.is_none()).count();
        Ok(match admins {
            0 => check("staff", CheckOutcome::Warn, "there is no admin: admin-tool staff add NAME --role admin"),
            n => check("staff", CheckOutcome::Ok, format!("{} staff members, {n} of them admins", staff.len())),
        })
    }

    async fn check_cleanups(&self) -> Result<Check> {
        let stuck = self.store().stuck_cleanups(self.now() - STUCK, 20).await?;
        if stuck.is_empty() {
            return Ok(check("clean-ups", CheckOutcome::Ok, "none is older than 5 min"));
        }
        let ids: Vec<&str> = stuck.iter().map(|cleanup| cleanup.id.as_str()).collect();
        let text = format!("unfinished for more than 5 min: {}", ids.join(", "));
        Ok(check("clean-ups", CheckOutcome::Bad, text))
    }

    /// Whether what is stored of unfinished and of the newest clean-ups is what can be. Workers go on meanwhile: what does
    /// not fit is read again, and counts when it is the same.
    async fn check_invariants(&self) -> Result<Check> {
        let ids = self.store().cleanups_to_check(LOOKED_AT).await?;
        let first = self.broken(&ids).await?;
        let mut suspects: Vec<CleanupId> = first.iter().map(|it| it.cleanup.clone()).collect();
        suspects.dedup();
        let again = self.broken(&suspects).await?;
        let broken: Vec<&Broken> = first.iter().filter(|it| again.contains(it)).collect();
        let Some(worst) = broken.first() else {
            let text = format!("{} clean-ups are what they can be: each rule holds of each", ids.len());
            return Ok(check("invariants", CheckOutcome::Ok, text));
        };
        let more = if broken.len() > 1 { format!(", and {} more", broken.len() - 1) } else { String::new() };
        let text = format!("{worst}{more}. Keep the database as it is, and tell who looks after this program");
        Ok(check("invariants", CheckOutcome::Bad, text))
    }

    async fn broken(&self, ids: &[CleanupId]) -> Result<Vec<Broken>> {
        let facts = self.store().facts(ids).await?;
        Ok(facts.iter().flat_map(|facts| invariants::broken(facts, self.policy())).collect())
    }

    /// Whether somebody looks after clean-ups that are done: that is a server's work, and a shell's clean-up needs it too.
    async fn check_watches(&self) -> Result<Check> {
        let late = self.store().due_watches(self.now() - STUCK, 100).await?;
        Ok(match late.len() {
            0 => check("watches", CheckOutcome::Ok, "no clean-up that is done waits for a look"),
            n => check(
                "watches",
                CheckOutcome::Warn,
                format!(
                    "{n} clean-ups that are done wait for more than 5 min to be looked at again: is no admin-tool serve running?"
                ),
            ),
        })
    }

    /// Whether servers still have the states that were set from here.
    async fn check_states(&self) -> Result<Check> {
        let (asked, records) = tokio::try_join!(self.store().server_states(), self.store().servers())?;
        let servers = self.current_servers(records).await;
        let lost: Vec<String> = lost(asked, &servers).iter().map(domain::SetState::lost_words).collect();
        if lost.is_empty() {
            return Ok(check("server states", CheckOutcome::Ok, "what was set is still so, or nothing was set"));
        }
        Ok(check("server states", CheckOutcome::Warn, lost.join("; ")))
    }

    async fn check_owed(&self) -> Result<Check> {
        let owed: Vec<_> = self.store().owed_by_router().await?.into_iter().filter(|(_, steps)| *steps > 0).collect();
        if owed.is_empty() {
            return Ok(check("owed", CheckOutcome::Ok, "nothing is owed to any router"));
        }
        let words: Vec<String> = owed.iter().map(|(router, steps)| format!("{steps} steps to {router}")).collect();
        Ok(check("owed", CheckOutcome::Warn, format!("{}; they run when it answers", words.join(", "))))
    }
}

/// A router and each of its pools.
async fn check_router(router: &dyn Router, fleet: &Fleet) -> Vec<Check> {
    let name = format!("router {}", router.name());
    let about = router.about().await;
    let mut checks = vec![match &about {
        Err(error) => check(&name, CheckOutcome::Bad, error.to_string()),
        Ok(about) => check(&name, CheckOutcome::Ok, about.product.clone()),
    }];
    let mut pools = Vec::new();
    if about.is_ok() {
        for pool in router.pools() {
            pools.extend(check_pool(router, pool).await);
        }
    }
    // After the pools were read: some of it shows only then.
    checks.extend(router.caveats().into_iter().map(|caveat| check(&name, CheckOutcome::Warn, caveat)));
    if about.is_ok() {
        checks.extend(unknown_peers(router, fleet).await.map(|text| check(&name, CheckOutcome::Warn, text)));
    }
    checks.extend(pools);
    checks
}

/// Peers that nobody reads: a row that stays on one of them comes back.
async fn unknown_peers(router: &dyn Router, fleet: &Fleet) -> Option<String> {
    let mut peers = router.peers().await.ok()?;
    peers.retain(|peer| fleet.iter().all(|known| known.name().as_str() != peer));
    let names = peers.join(", ");
    (!peers.is_empty()).then(|| {
        format!(
            "it tells its entries to peers that are no routers here by that name ({names}): what stays on them comes back, so \
             add them to endpoints under those names"
        )
    })
}

async fn check_pool(router: &dyn Router, pool: &PoolInfo) -> Vec<Check> {
    let name = format!("pool {}/{}", pool.place.router, pool.place.pool);
    let troubles = router.troubles(&pool.place.pool).await;
    let mut checks: Vec<Check> =
        troubles.iter().map(|trouble| check(&name, CheckOutcome::Bad, trouble.to_string())).collect();
    if checks.is_empty() {
        checks.push(check(&name, CheckOutcome::Ok, "can be read, and has what cleaning it needs"));
    }
    checks
}
