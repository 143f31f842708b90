//! Pins a key to a chosen server, and proves it.
//!
//! `set table … data.server_id` on a row that is there moves nobody: HAProxy heeds the row's `server_key`, which cannot be
//! set. So the row is removed first, in the same line. A row that a request holds cannot be removed, and a request in
//! between makes one of its own: what is read back counts, and it is tried again for a short while.

use domain::{RouteKey, ServerName};
use tokio::time::sleep;

use super::{
    Haproxy,
    answer::Reply,
    clear::{HELD, PAUSES},
    command::Command,
    config::Pool,
    list::entry,
    parse_table::Row,
    roster::Roster,
};
use crate::{Entry, RouterError, no_server};

impl Haproxy {
    /// Pins `key` to `server` and returns what was read back.
    pub(super) async fn re_pin(
        &self,
        pool: &Pool,
        key: &RouteKey,
        server: &ServerName,
    ) -> Result<Option<Entry>, RouterError> {
        let roster = self.roster(pool).await?;
        let id = roster.id_of(server).ok_or_else(|| no_server(&self.config.name, &pool.name, server))?;
        self.refuse_a_cutting_table(pool, &[key]).await?;
        let mut row = self.re_pin_once(pool, key, id).await?;
        for pause in PAUSES {
            if row.as_ref().is_some_and(|row| roster.server_of(row).as_ref() == Some(server)) {
                break;
            }
            sleep(pause).await;
            row = self.re_pin_once(pool, key, id).await?;
        }
        Ok(row.map(|row| named(key, &roster, &row)))
    }

    async fn re_pin_once(&self, pool: &Pool, key: &RouteKey, id: u64) -> Result<Option<Row>, RouterError> {
        let table = &pool.table;
        let commands =
            [Command::Tables, Command::Clear(table, key), Command::Set(table, key, id), Command::Show(table, key)];
        let answer = self.transport.ask(&commands).await?;
        let mut replies = self.replies_after_overview(pool, &answer)?;
        let cleared = replies.next();
        let held = matches!(cleared, Some(Reply::Message(_, text)) if text.contains(HELD));
        if !held {
            self.transport.nothing(cleared, table.as_str())?;
        }
        self.transport.nothing(replies.next(), table.as_str())?;
        let row = self.row(pool, key, replies.next())?;
        Ok(row.map(|row| Row { in_use: row.in_use || held, ..row }))
    }
}

fn named(key: &RouteKey, roster: &Roster, row: &Row) -> Entry {
    entry(key.clone(), roster.server_of(row), row)
}
