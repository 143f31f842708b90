//! The servers of a back end by what a row may call them: name, number or address.

use std::collections::HashMap;

use domain::{Health, ServerName};

use super::{Haproxy, command::Command, config::Pool, parse_state, parse_table::Row};
use crate::RouterError;

/// The servers of a back end.
#[derive(Debug, Default)]
pub(super) struct Roster {
    by_id: HashMap<u64, ServerName>,
    by_address: HashMap<String, ServerName>,
    health: HashMap<ServerName, Health>,
}

impl Haproxy {
    /// The servers of `pool` now.
    pub(super) async fn roster(&self, pool: &Pool) -> Result<Roster, RouterError> {
        let answer = self.transport.ask(&[Command::States(&pool.backend)]).await?;
        let text = self.transport.data(answer.replies().next(), pool.backend.as_str())?;
        Roster::read(text).map_err(|()| self.transport.foreign())
    }
}

impl Roster {
    /// Reads the reply to [`Command::States`].
    pub(super) fn read(text: &str) -> Result<Self, ()> {
        let mut roster = Self::default();
        for state in parse_state::states(text)? {
            let Ok(name) = ServerName::parse(state.name) else {
                tracing::debug!(
                    server = state.name,
                    "a server is passed over: its name is too long or has odd characters"
                );
                continue;
            };
            roster.by_id.insert(state.id, name.clone());
            roster.by_address.insert(state.address, name.clone());
            roster.health.insert(name, state.health);
        }
        Ok(roster)
    }

    /// What its operator and its checks say of a server.
    pub(super) fn health(&self, name: &ServerName) -> Option<Health> {
        self.health.get(name).copied()
    }

    /// The number of a server.
    pub(super) fn id_of(&self, name: &ServerName) -> Option<u64> {
        self.by_id.iter().find(|(_, found)| *found == name).map(|(id, _)| *id)
    }

    /// The server that `row` pins to. The text wins, as it does in HAProxy (`sticking_rule_find_target`), and is told
    /// even when no such server exists any more. A number that no server has pins nothing: HAProxy passes it over.
    pub(super) fn server_of(&self, row: &Row) -> Option<ServerName> {
        match &row.server_key {
            Some(text) => {
                let name = ServerName::parse(text.as_str()).ok();
                match name {
                    Some(name) if self.health.contains_key(&name) => Some(name),
                    name => self.by_address.get(text).cloned().or(name),
                }
            }
            None => self.by_id.get(&row.server_id?).cloned(),
        }
    }

    /// Whether `row` can only be understood with a roster: it has a number alone, or an address (`srvkey addr`).
    pub(super) fn is_needed_for(row: &Row) -> bool {
        match &row.server_key {
            Some(text) => text.contains(':'),
            None => row.server_id.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: Option<u64>, text: Option<&str>) -> Row {
        Row { key: "k".to_owned(), in_use: false, expires_ms: None, server_id: id, server_key: text.map(str::to_owned) }
    }

    #[test]
    fn rows_find_their_server() {
        let roster = Roster::read(include_str!("fixtures/states.txt")).unwrap();
        let name = |id, text| roster.server_of(&row(id, text)).map(String::from);
        assert_eq!(name(Some(2), Some("api-1")).as_deref(), Some("api-1"), "the text wins over the number");
        assert_eq!(name(Some(2), None).as_deref(), Some("api-2"));
        assert_eq!(name(Some(1), Some("127.0.0.1:18081")).as_deref(), Some("api-1"), "srvkey addr");
        assert_eq!(name(Some(1), Some("api-gone")).as_deref(), Some("api-gone"), "a route to a server that went");
        assert_eq!(name(Some(77), None), None);
        assert_eq!(name(None, None), None);
        assert_eq!(name(Some(1), Some("what is this?")), None);
        assert_eq!(roster.id_of(&ServerName::parse("api-3").unwrap()), Some(3));
    }
}
