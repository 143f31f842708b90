//! Removes the rows of keys, and proves it.
//!
//! Key by key, never a table or a filter: those leave rows behind without a word, and stall traffic. `clear` answers an
//! empty line whether it removed a row, found none or missed, so each key is read back in the same line. A row that a
//! request holds cannot be removed until it is let go: it is tried again for a short while and then reported.

use std::{collections::HashSet, sync::atomic::Ordering, time::Duration};

use domain::RouteKey;
use tokio::time::sleep;

use super::{
    Haproxy,
    answer::{Answer, Reply},
    command::{Command, batches},
    config::Pool,
    parse_table::Row,
    rows::LINE_HEAD,
};
use crate::RouterError;

/// Pauses before a row that is still there is tried again: 95 ms in all, for a whole clean-up has 100 without drain.
/// What is held for longer is held by a request, and the clearing after the drain removes it.
pub(super) const PAUSES: [Duration; 4] =
    [Duration::from_millis(5), Duration::from_millis(15), Duration::from_millis(25), Duration::from_millis(50)];

/// How a row that is held answers.
pub(super) const HELD: &str = "Entry currently in use";

/// Keys of the first line that finds out whether the table keeps them whole.
const PROBE: usize = 100;

impl Haproxy {
    /// Clears `keys` and returns the rows that are still there.
    pub(super) async fn clear_rows(&self, pool: &Pool, keys: &[&RouteKey]) -> Result<Vec<Row>, RouterError> {
        self.refuse_a_cutting_table(pool, keys).await?;
        let mut left = self.clear_once(pool, keys).await?;
        for pause in PAUSES {
            if left.is_empty() {
                break;
            }
            sleep(pause).await;
            let texts: HashSet<&str> = left.iter().map(|row| row.key.as_str()).collect();
            let again: Vec<&RouteKey> = keys.iter().copied().filter(|key| texts.contains(key.as_str())).collect();
            left = self.clear_once(pool, &again).await?;
        }
        if !left.is_empty() {
            tracing::debug!(router = %self.config.name, pool = %pool.name, rows = left.len(), "rows are still there");
        }
        Ok(left)
    }

    /// Before anything is removed: a table that cuts keys would lose another customer's row. Keys no longer than one
    /// that was seen whole need no look; of the others the longest come first, for a row of theirs answers for the rest.
    pub(super) async fn refuse_a_cutting_table(&self, pool: &Pool, keys: &[&RouteKey]) -> Result<(), RouterError> {
        let unproven = |key: &&&RouteKey| key.as_str().len() > pool.proven.load(Ordering::Relaxed);
        let mut long: Vec<&RouteKey> = keys.iter().filter(unproven).copied().collect();
        long.sort_by_key(|key| std::cmp::Reverse(key.as_str().len()));
        let mut rest = long.as_slice();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(PROBE));
            self.rows(pool, head).await?;
            let known = tail.partition_point(|key| key.as_str().len() > pool.proven.load(Ordering::Relaxed));
            rest = &tail[..known];
        }
        Ok(())
    }

    async fn clear_once<'k>(&self, pool: &'k Pool, keys: &'k [&'k RouteKey]) -> Result<Vec<Row>, RouterError> {
        let fixed = "clear table  key ;show table  key ;".len() + 2 * pool.table.as_str().len();
        let commands = |keys: &[&'k RouteKey]| {
            let pairs = keys.iter().flat_map(|key| [Command::Clear(&pool.table, key), Command::Show(&pool.table, key)]);
            [Command::Tables].into_iter().chain(pairs).collect()
        };
        let mut left = Vec::new();
        let take = |keys: &[&RouteKey], answer: &Answer| {
            let mut replies = self.replies_after_overview(pool, answer)?;
            for key in keys {
                let cleared = replies.next();
                let held = matches!(cleared, Some(Reply::Message(_, text)) if text.contains(HELD));
                if !held {
                    self.transport.nothing(cleared, pool.table.as_str())?;
                }
                // Held and yet gone: whoever held it let it go and it expired. What was read counts.
                if let Some(row) = self.row(pool, key, replies.next())? {
                    left.push(Row { in_use: row.in_use || held, ..row });
                }
            }
            Ok(())
        };
        self.transport.ask_each(&batches(keys, 2, fixed, LINE_HEAD), commands, take).await?;
        Ok(left)
    }
}
