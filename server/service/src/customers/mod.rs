//! Customers help themselves: they see their own sessions, are told in plain words whether those are the cause, and reset
//! them. Two ways lead here, and both name exactly one account: a credential of a live session, which the service's back end
//! hands to its own client, and a link that opens once. Every use case takes the account from the [`Actor`]; none takes it
//! as an argument, so there is no other account that could be asked for.

mod credential;
mod diagnosis;
mod link;
mod progress;
mod quota;
mod reset;
mod settings;
mod whoami;

use domain::{AccountId, Actor, Denied, Permission, Session, SessionId, view::OwnSession};

pub(crate) use self::quota::Quota;
pub use self::{
    credential::Credential,
    link::{MadeLink, Visit},
    settings::{CustomerKeys, CustomerSettings},
};
use crate::{Error, Result, Unstick};

impl Unstick {
    /// The customer that acts: the account, and the session if it is known. Nobody else gets further, not even Unstick
    /// itself or a shell: who may act for a customer has use cases of their own.
    pub(crate) async fn customer<'a>(&self, actor: &'a Actor) -> Result<(&'a AccountId, Option<&'a SessionId>)> {
        self.authorize(actor, Permission::SelfService, "self").await?;
        match actor {
            Actor::Customer { account, session } => Ok((account, session.as_ref())),
            _ => Err(Error::Denied(Denied(Permission::SelfService), false)),
        }
    }
}

/// A session as its owner sees it.
fn own(session: &Session, this: Option<&SessionId>) -> OwnSession {
    OwnSession {
        id: session.id.clone(),
        client: session.client.clone(),
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        this: this == Some(&session.id),
    }
}
