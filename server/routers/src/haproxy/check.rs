//! What the doctor asks of a pool: the same refusals that a clean-up would meet, before there is a customer who waits.

use domain::RouteKey;

use super::{Haproxy, config::Pool};
use crate::{Listing, RouterError, probe};

/// Length of the longest key.
const LONGEST: usize = 64;

/// Rows of a table that is looked through for one that shows whether it keeps keys whole.
const LOOKED_THROUGH: u64 = 1_000;

impl Haproxy {
    /// Everything that keeps `pool` from being cleaned. One that does not answer ends the questions.
    pub(super) async fn troubles_of(&self, pool: &Pool) -> Vec<RouterError> {
        let answers = [self.check_table(pool).await, self.check_backend(pool).await, self.check_acl(pool).await];
        answers.into_iter().filter_map(Result::err).collect()
    }

    /// The table is there, its keys are texts, and it keeps them whole as far as its rows show.
    async fn check_table(&self, pool: &Pool) -> Result<(), RouterError> {
        self.rows(pool, &[&probe()]).await?;
        let Listing::All(entries) = self.list_rows(pool, LOOKED_THROUGH).await? else { return Ok(()) };
        // A table that cuts keys finds the row of its longest key when asked for one that begins alike.
        let longest = entries.iter().map(|entry| entry.key.as_str()).max_by_key(|key| key.len());
        let Some(longer) = longest.and_then(|key| RouteKey::parse(format!("{key:-<LONGEST$}")).ok()) else {
            return Ok(());
        };
        self.rows(pool, &[&longer]).await.map(|_| ())
    }

    async fn check_backend(&self, pool: &Pool) -> Result<(), RouterError> {
        if !self.readings_of(pool).await?.is_empty() {
            return Ok(());
        }
        Err(self.transport.refused(&format!(
            "has no servers in its back end {}: correct `backend` of pool {}",
            pool.backend, pool.name
        )))
    }

    async fn check_acl(&self, pool: &Pool) -> Result<(), RouterError> {
        match &pool.acl {
            Some(file) => self.knows_acl(file).await,
            None => Ok(()),
        }
    }
}
