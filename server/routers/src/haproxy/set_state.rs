//! Sets what is done with a server, and proves it: `set server` answers an empty line, so the states are read in the same
//! line.

use domain::{ServerName, ServerState, StateReading};

use super::{
    Haproxy,
    answer::Reply,
    command::{Command, Word},
    config::Pool,
    parse_state,
};
use crate::{RouterError, no_server};

impl Haproxy {
    /// What is set of `server`, and how it is.
    pub(super) async fn read_state(&self, pool: &Pool, server: &ServerName) -> Result<StateReading, RouterError> {
        let answer = self.transport.ask(&[Command::States(&pool.backend)]).await?;
        self.found(pool, server, answer.replies().next())
    }

    /// Sets `state`, and reads it back.
    pub(super) async fn change_state(
        &self,
        pool: &Pool,
        server: &ServerName,
        state: ServerState,
    ) -> Result<StateReading, RouterError> {
        // HAProxy takes the first `/` for the one between back end and server.
        let named = Word::parse("server", server.as_str()).map_err(RouterError::Refused)?;
        if pool.backend.as_str().contains('/') {
            return Err(no_server(&self.config.name, &pool.name, server));
        }
        // Not there: said before anything is set.
        self.read_state(pool, server).await?;
        let commands = [Command::SetState(&pool.backend, &named, state), Command::States(&pool.backend)];
        let answer = self.transport.ask(&commands).await?;
        let mut replies = answer.replies();
        match replies.next() {
            Some(Reply::Message(_, text)) if text.contains("Permission denied") => {
                return Err(self.transport.refused(
                    "does not let Unstick set the state of a server: its `stats socket` needs `level admin`",
                ));
            }
            reply => self.transport.nothing(reply, pool.backend.as_str())?,
        }
        self.found(pool, server, replies.next())
    }

    fn found(&self, pool: &Pool, server: &ServerName, reply: Option<Reply<'_>>) -> Result<StateReading, RouterError> {
        let text = self.transport.data(reply, pool.backend.as_str())?;
        let states = parse_state::states(text).map_err(|()| self.transport.foreign())?;
        let found = states.into_iter().find(|state| state.name == server.as_str());
        found
            .map(|found| StateReading { state: found.set, health: found.health })
            .ok_or_else(|| no_server(&self.config.name, &pool.name, server))
    }
}
