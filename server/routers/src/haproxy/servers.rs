//! The servers of all pools: what their operators set, what their checks say, what was counted.

use std::sync::PoisonError;

use domain::{Health, ServerName};

use super::{Haproxy, command::Command, config::Pool, parse_stat, roster::Roster};
use crate::{RouterError, ServerReading};

impl Haproxy {
    /// One reading a server and pool. Pools that share a back end share its reading.
    pub(super) async fn readings(&self) -> Result<Vec<ServerReading>, RouterError> {
        let mut readings: Vec<ServerReading> = Vec::new();
        for (index, pool) in self.pools.iter().enumerate() {
            let twin = self.pools[..index].iter().find(|other| other.backend == pool.backend);
            let more = match twin {
                Some(twin) => {
                    let same = readings.iter().filter(|reading| reading.pool == twin.name);
                    same.map(|reading| ServerReading { pool: pool.name.clone(), ..reading.clone() }).collect()
                }
                None => self.readings_of(pool).await?,
            };
            readings.extend(more);
        }
        Ok(readings)
    }

    pub(super) async fn readings_of(&self, pool: &Pool) -> Result<Vec<ServerReading>, RouterError> {
        let name = pool.backend.as_str();
        // Statistics last: only the last reply of a line may have empty lines in it.
        let answer = self.transport.ask(&[Command::States(&pool.backend), Command::Stats(&pool.backend)]).await?;
        let mut replies = answer.replies();
        let state = self.transport.data(replies.next(), name)?;
        let roster = Roster::read(state).map_err(|()| self.transport.foreign())?;
        let counted = self.transport.data(replies.next(), name)?;
        let found = parse_stat::stats(counted).map_err(|()| self.transport.foreign())?;
        let found: Vec<_> = found.into_iter().filter(|stat| stat.backend == name).collect();
        *pool.lingering.lock().unwrap_or_else(PoisonError::into_inner) = lingering(&found, &roster);
        let read = |stat: parse_stat::Stat| {
            let name = ServerName::parse(stat.name).ok()?;
            let state = match roster.health(&name)? {
                // Up, because nothing has been looked at yet.
                Health::Healthy if stat.unchecked => Health::Unknown,
                health => health,
            };
            Some(ServerReading { pool: pool.name.clone(), name, state, counters: stat.counters })
        };
        Ok(found.into_iter().filter_map(read).collect())
    }
}

/// Backup servers that were given requests in the last minute, and since another server is up: entries that were made while that
/// one was away keep customers there (haproxy#2729).
fn lingering(found: &[parse_stat::Stat], roster: &Roster) -> Vec<ServerName> {
    let named = |stat: &parse_stat::Stat| ServerName::parse(stat.name.as_str()).ok();
    let is_up = |stat: &parse_stat::Stat| {
        named(stat).is_some_and(|name| !stat.unchecked && roster.health(&name) == Some(Health::Healthy))
    };
    let up_for = found.iter().filter(|stat| !stat.backup && is_up(stat)).filter_map(|stat| stat.steady).max();
    let lately = up_for.map_or(0, |seconds| seconds.min(60));
    let serves = |stat: &&parse_stat::Stat| stat.backup && stat.idle.is_some_and(|idle| idle < lately);
    found.iter().filter(serves).filter_map(named).collect()
}
