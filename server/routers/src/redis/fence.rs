//! Tombstones: while the key `fence_pattern` exists, the proxy that keeps the map makes no entry for that route key.
//!
//! Redis cannot refuse one key, so the fence holds only with a proxy that looks (`EXISTS affinity:app:K:fence`) in the
//! same transaction or script in which it writes the entry. A tombstone expires by itself, so that a key whose clean-up
//! is forgotten sticks again.

use domain::RouteKey;
use redis::Pipeline;

use super::{Redis, entries::PIECE};
use crate::RouterError;

impl Redis {
    /// Sets the tombstones of `keys` in every pool whose proxy heeds them, and reads them back.
    pub(super) async fn raise(&self, keys: &[&RouteKey]) -> Result<(), RouterError> {
        let names = self.tombstones(keys);
        for piece in names.chunks(PIECE) {
            let mut commands = Pipeline::with_capacity(piece.len());
            for name in piece {
                commands.cmd("SET").arg(name).arg("unstick").arg("PX").arg(self.config.fence_ttl.millis());
            }
            for answer in self.transport.ask(&mut commands).await?.1 {
                answer.map_err(|error| self.transport.answered(&error))?;
            }
        }
        match self.standing(&names).await? {
            count if count == names.len() => Ok(()),
            count => Err(self.transport.refused(&format!("did not keep {} fences", names.len() - count))),
        }
    }

    /// Removes the tombstones of `keys`, and reads them back.
    pub(super) async fn lower(&self, keys: &[&RouteKey]) -> Result<(), RouterError> {
        let names = self.tombstones(keys);
        self.unlink(&names).await?;
        match self.standing(&names).await? {
            0 => Ok(()),
            count => Err(self.transport.refused(&format!("did not give up {count} fences: somebody sets them again"))),
        }
    }

    fn tombstones(&self, keys: &[&RouteKey]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let fences = self.pools.iter().filter_map(|pool| pool.fence.as_ref());
        fences.for_each(|fence| names.extend(keys.iter().map(|key| fence.name(key))));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How many of `names` exist.
    async fn standing(&self, names: &[String]) -> Result<usize, RouterError> {
        let mut count = 0;
        for piece in names.chunks(PIECE) {
            let mut commands = Pipeline::with_capacity(piece.len());
            for name in piece {
                commands.cmd("EXISTS").arg(name);
            }
            for answer in self.transport.ask(&mut commands).await?.1 {
                count += usize::from(self.number(Some(answer))? > 0);
            }
        }
        Ok(count)
    }
}
