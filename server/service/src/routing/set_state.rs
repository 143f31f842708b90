//! Setting what a router does with a server: recorded, then done on every load balancer of the fleet, then read back and
//! recorded again. Whoever dies in between leaves a record without an answer, and that is shown as not known.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use domain::{
    Actor, AuditOutcome, Freshness, Health, Permission, Place, ServerName, SetState, StateAnswer, StateAt, StateEnd,
    StatePlan, StateRequest, StateSet, Trouble,
};
use futures::future::join_all;
use routers::{Router, RouterError};

use crate::{Error, Result, Unstick, check::why};

impl Unstick {
    /// How `server` is on each load balancer of the fleet of `place`, before somebody sets its state.
    ///
    /// # Errors
    /// `NotFound` for the router, the pool or the server; `Denied`.
    #[boxed]
    pub async fn state_plan(&self, actor: &Actor, place: &Place, server: &ServerName) -> Result<StatePlan> {
        self.authorize(actor, Permission::ReadRouting, server.as_str()).await?;
        let members = self.fleet_of(place)?;
        let kind = members.first().map(|router| router.kind()).ok_or(Error::NotFound("router"))?;
        let (asked, counts, records) =
            tokio::try_join!(self.store().server_states(), self.store().pinned_counts(), self.store().servers())?;
        let of_pool = |it: &Place| it.pool == place.pool && members.iter().any(|router| *router.name() == it.router);
        let statuses = self.current_servers(records).await;
        if !statuses.iter().any(|known| of_pool(&known.place) && known.name == *server) {
            return Err(Error::NotFound("server"));
        }
        let others = statuses.iter().filter(|known| known.place == *place && known.name != *server);
        let last_one = !others.into_iter().any(|known| matches!(known.health, Health::Healthy | Health::Degraded));
        let readings = join_all(members.iter().map(|router| router.state_of(&place.pool, server))).await;
        let at = |(router, reading): (&Arc<dyn Router>, std::result::Result<_, RouterError>)| {
            let here = Place { router: router.name().clone(), pool: place.pool.clone() };
            let pinned = counts.iter().find(|(place, name, _)| *place == here && name == server).map(|(.., n)| *n);
            let asked = asked.iter().find(|asked| asked.place == here && asked.server == *server).cloned();
            StateAt { router: here.router, now: reading.map_err(|error| error.to_string()), pinned, asked }
        };
        Ok(StatePlan {
            place: place.clone(),
            server: server.clone(),
            kind,
            fleet: members.iter().zip(readings).map(at).collect(),
            last_one,
            may_set: actor.require(Permission::SetServerState).is_ok(),
            now: self.now(),
        })
    }

    /// Sets the state of a server on every load balancer of its fleet, and reads it back from each.
    ///
    /// # Errors
    /// `Invalid` for the reason or the ticket; `NotFound` for the router or the pool; `Unproved`; `Denied`. What a load balancer answers
    /// is no error but in [`StateSet::answers`].
    #[boxed]
    pub async fn set_server_state(&self, actor: &Actor, mut request: StateRequest) -> Result<StateSet> {
        let target = format!("{}/{}/{}", request.place.router, request.place.pool, request.server);
        self.authorize_fresh(actor, Permission::SetServerState, Freshness::FiveMinutes, &target).await?;
        (request.reason, request.ticket) = why(&request.reason, &request.ticket)?;
        let members = self.fleet_of(&request.place)?;
        let asked_at = self.now();
        let asked: Vec<SetState> = members
            .iter()
            .map(|router| SetState {
                place: Place { router: router.name().clone(), pool: request.place.pool.clone() },
                server: request.server.clone(),
                state: request.state,
                actor: actor.label(),
                reason: request.reason.clone(),
                ticket: request.ticket.clone(),
                asked_at,
                answer: None,
            })
            .collect();
        let mut draft = self.draft(actor, "server.state_requested", &target);
        draft.reason.clone_from(&request.reason);
        draft.ticket.clone_from(&request.ticket);
        let names: Vec<&str> = members.iter().map(|router| router.name().as_str()).collect();
        draft.detail = serde_json::json!({ "state": request.state, "routers": names });
        transact!(self, tx => {
            for one in &asked {
                tx.ask_server_state(one).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        let answers = join_all(members.iter().map(|router| self.set_on(router.as_ref(), &request))).await;
        let set = StateSet { request, answers };
        draft.at = self.now();
        "server.state_set".clone_into(&mut draft.action);
        draft.outcome = if set.end() == StateEnd::Done { AuditOutcome::Done } else { AuditOutcome::Failed };
        draft.detail = serde_json::json!({ "state": set.request.state, "answers": set.answers });
        transact!(self, tx => {
            for (one, answer) in asked.iter().zip(&set.answers) {
                tx.answer_server_state(&one.place, &one.server, asked_at, answer).await?;
            }
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(set)
    }

    async fn set_on(&self, router: &dyn Router, request: &StateRequest) -> StateAnswer {
        let answer = router.set_state(&request.place.pool, &request.server, request.state).await;
        let (read, trouble) = match answer {
            Ok(read) => (Some(read), None),
            Err(RouterError::Unreachable(text) | RouterError::NotNow(text)) => (None, Some(Trouble::Unreachable(text))),
            Err(RouterError::Refused(text)) => (None, Some(Trouble::Refused(text))),
        };
        StateAnswer { router: router.name().clone(), asked: request.state, read, trouble, at: self.now() }
    }

    /// The load balancers that share the pool of `place`: those of its fleet, or itself alone.
    pub(crate) fn fleet_of(&self, place: &Place) -> Result<Vec<Arc<dyn Router>>> {
        let alone = vec![place.router.clone()];
        let names = self.settings().fleets.iter().find(|names| names.contains(&place.router)).unwrap_or(&alone);
        let members: Vec<Arc<dyn Router>> =
            self.fleet().iter().filter(|router| names.contains(router.name())).cloned().collect();
        if members.is_empty() {
            return Err(Error::NotFound("router"));
        }
        if members.iter().any(|router| router.pools().iter().all(|pool| pool.place.pool != place.pool)) {
            return Err(Error::NotFound("pool"));
        }
        Ok(members)
    }
}
