//! Pins a key to a chosen server by writing its value, and reads it back. What else the value says stays, and so does the
//! time that it has left.

use domain::{RouteKey, ServerName};
use redis::{Pipeline, Value};

use super::{Redis, config::Pool, value::MAX_VALUE};
use crate::{Entry, RouterError, no_server};

impl Redis {
    /// Writes an entry for `key` that names `server`, and returns what was read back.
    pub(super) async fn re_pin(
        &self,
        pool: &Pool,
        key: &RouteKey,
        server: &ServerName,
    ) -> Result<Option<Entry>, RouterError> {
        if !pool.servers.contains(server) {
            return Err(no_server(&self.config.name, &pool.name, server));
        }
        let name = pool.entry.name(key);
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("PTTL").arg(&name).cmd("GETRANGE").arg(&name).arg(0).arg(MAX_VALUE);
        let mut answers = self.transport.ask(&mut commands).await?.1.into_iter();
        let left = self.number(answers.next())?;
        let old = self.value(answers.next())?.unwrap_or_default();
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("SET").arg(&name).arg(pool.value.write(&old, server));
        if left > 0 {
            commands.arg("PX").arg(left);
        }
        let (_, answers) = self.transport.ask(&mut commands).await?;
        match answers.into_iter().next() {
            Some(Ok(Value::Okay)) => {}
            Some(Err(error)) => return Err(self.transport.answered(&error)),
            _ => return Err(self.transport.foreign()),
        }
        Ok(self.entries(pool, &[key]).await?.pop())
    }

    /// Why no state can be set here.
    pub(super) fn has_no_states(&self, pool: &Pool, server: &ServerName) -> RouterError {
        if !pool.servers.contains(server) {
            return no_server(&self.config.name, &pool.name, server);
        }
        RouterError::Refused(format!(
            "{} is an affinity map: it has no servers whose state could be set, only entries that name them. Take {server} \
             out of rotation in the proxy that keeps the map, then clean up or pin elsewhere who is on it",
            self.config.name
        ))
    }
}
