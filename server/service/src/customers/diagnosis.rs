//! Whether a customer's sessions are the cause, in plain words.

use async_recursion::async_recursion as boxed;
use domain::{Account, AccountId, Actor, diagnose, diagnosis_words, view::OwnDiagnosis};

use crate::{Error, Result, Unstick};

/// Open sessions that a diagnosis reads: customers ask for it themselves, so it takes less than staff may ask for.
const MOST: u32 = 20_000;

impl Unstick {
    /// What is wrong with the customer's own sessions, without a name of ours in it.
    ///
    /// # Errors
    /// `Throttled`; `Denied`.
    #[boxed]
    pub async fn own_diagnosis(&self, actor: &Actor) -> Result<OwnDiagnosis> {
        let (id, this) = self.customer(actor).await?;
        self.count_read(id).await?;
        let world = self.read_world(self.own_account(id).await?, MOST).await?;
        let (verdict, findings) = diagnose(&world);
        let (says, findings) = diagnosis_words(&world, &verdict, &findings, this);
        let reset_helps = verdict.advice.is_some();
        Ok(OwnDiagnosis { verdict: verdict.kind, says, findings, reset_helps, now: world.read_at })
    }

    pub(super) async fn own_account(&self, id: &AccountId) -> Result<Account> {
        self.store().account(id).await?.ok_or(Error::NotFound("account"))
    }
}
