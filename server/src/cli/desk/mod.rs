//! Where a command's work is done: on the database beside it, or by a server far away (`--server`). Both answer with the
//! same types, so a command says the same, with the same exit code, wherever it works.

mod bulk;
mod census;
mod cleanups;
mod remote;
mod rest;
mod webhooks;

use domain::Actor;
use service::Unstick;

pub use self::{
    remote::{Remote, Target},
    rest::import,
    webhooks::Again,
};
use super::{Context, Failure};
use crate::compose::Purpose;

/// Where a command's work is done.
pub enum Desk {
    /// On the database.
    Here {
        /// The use cases.
        unstick: Unstick,
        /// Who acts.
        actor: Actor,
    },
    /// By a server.
    There(Box<Remote>),
}

impl Context {
    /// Opens the database, or finds the server.
    ///
    /// # Errors
    /// A database that cannot be opened; a server that does not answer, does not know the token, or is of another version.
    pub(super) async fn desk(&self, purpose: Purpose) -> Result<Desk, Failure> {
        match &self.server {
            Some(target) => Ok(Desk::There(Box::new(Remote::connect(target).await?))),
            None => Ok(Desk::Here { unstick: self.open(purpose).await?, actor: self.actor.clone() }),
        }
    }

    /// Opens the database for a command that is of the machine with it.
    ///
    /// # Errors
    /// With `--server`: refused, saying where to run `what`. A database that cannot be opened.
    pub(super) async fn here(&self, purpose: Purpose, what: &str) -> Result<Unstick, Failure> {
        if self.server.is_some() {
            return Err(only_here(what));
        }
        self.open(purpose).await
    }
}

/// What a command says that no server does for somebody far away.
pub fn only_here(what: &str) -> Failure {
    let text =
        format!("{what} works on the database only: run it where the database is, without --server (UNSTICK_SERVER)");
    Failure::refused("only-here", text)
}
