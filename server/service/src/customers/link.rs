//! A link by which a customer helps themselves: made by staff or a back end, opened once, for minutes. What it opens is a
//! visit, with a cookie of its own that speaks for this one account.

use async_recursion::async_recursion as boxed;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    AccountId, Actor, Instant, Permission, SessionId, Span,
    view::{CustomerLinkPage, SessionFilter},
};
use sha2::{Digest, Sha256};
use store::CustomerLink;

use super::{CustomerSettings, own};
use crate::{Error, Result, Unstick};

/// Sessions that are offered as the one that the customer is on.
const SESSIONS: u32 = 50;

/// A new link.
#[derive(Clone, PartialEq, Eq)]
pub struct MadeLink {
    /// The code that opens it; shown once, kept as a hash.
    pub code: String,
    /// Until when.
    pub expires_at: Instant,
}

/// A visit that a link opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Visit {
    /// The cookie's secret; kept as a hash.
    pub secret: String,
    /// Until when.
    pub until: Instant,
    /// Who visits.
    pub actor: Actor,
}

impl Unstick {
    /// The page on which a link is made for the customer of `id`.
    ///
    /// # Errors
    /// `NotFound`; `Denied`.
    #[boxed]
    pub async fn customer_link_page(&self, actor: &Actor, id: &AccountId) -> Result<CustomerLinkPage> {
        let account = self.readable_account(actor, id).await?;
        let live = self.store().sessions_page(id, SessionFilter::Live, None, SESSIONS).await?;
        let settings = &self.settings().customers;
        Ok(CustomerLinkPage {
            sessions: live.items.iter().map(|session| own(session, None)).collect(),
            account,
            life: settings.link,
            service: settings.service_name.clone(),
            may: actor.may(Permission::HelpCustomers),
            now: self.now(),
        })
    }

    /// Makes a link for the customer of `account`, who is on `session` if that is known. It opens once, within `life`.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a session that is not a live one of the account, or a life over a day; `Denied`.
    #[boxed]
    pub async fn make_customer_link(
        &self,
        actor: &Actor,
        account: &AccountId,
        session: Option<&SessionId>,
        life: Option<Span>,
    ) -> Result<MadeLink> {
        self.authorize(actor, Permission::HelpCustomers, account.as_str()).await?;
        self.own_account(account).await?;
        if let Some(id) = session {
            let session = self.store().session(id).await?;
            if !session.is_some_and(|session| session.account == *account && session.state.is_live()) {
                return Err(Error::invalid("session_id", "the account has no such session that is signed in"));
            }
        }
        let life = life.unwrap_or(self.settings().customers.link);
        if !(Span::from_secs(60)..=CustomerSettings::LONGEST_LINK).contains(&life) {
            return Err(Error::invalid("life", "a link opens for 1 minute to 24 hours"));
        }
        let (now, code) = (self.now(), self.secret());
        let link = CustomerLink {
            account: account.clone(),
            session: session.cloned(),
            created_by: actor.label(),
            created_at: now,
            expires_at: now + life,
            used_at: None,
            visit_until: None,
        };
        let mut draft = self.draft(actor, "customer.link_made", account.as_str());
        draft.account = Some(account.clone());
        draft.detail = serde_json::json!({ "session": session, "expires_at": link.expires_at });
        transact!(self, tx => {
            tx.add_customer_link(&hash(&code), &link).await?;
            tx.append_audit(&draft).await?;
            Ok(())
        })?;
        Ok(MadeLink { code, expires_at: link.expires_at })
    }

    /// Until when the link with `code`, which was made for `account`, opens; `None` when it does not.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn made_link(&self, actor: &Actor, account: &AccountId, code: &str) -> Result<Option<Instant>> {
        self.authorize(actor, Permission::HelpCustomers, account.as_str()).await?;
        Ok(self.good_link(code).await?.filter(|link| link.account == *account).map(|link| link.expires_at))
    }

    /// Whether the link with `code` would open. Changes nothing: programs follow links before people do. Needs no
    /// permission: who has the code may open it.
    ///
    /// # Errors
    /// Failures of the database.
    #[boxed]
    pub async fn link_opens(&self, code: &str) -> Result<bool> {
        Ok(self.good_link(code).await?.is_some())
    }

    /// Opens a link, once: the code is used up, and the visit begins. Needs no permission: the code is what proves.
    ///
    /// # Errors
    /// `Gone`, the same for a code that is used, over or unknown.
    #[boxed]
    pub async fn open_link(&self, code: &str) -> Result<Visit> {
        let link = self.good_link(code).await?.ok_or(Error::Gone("link"))?;
        let (now, secret) = (self.now(), self.secret());
        let until = now + CustomerSettings::VISIT;
        let actor = Actor::Customer { account: link.account.clone(), session: link.session.clone() };
        let mut draft = self.draft(&actor, "customer.link_opened", link.account.as_str());
        draft.account = Some(link.account);
        draft.detail = serde_json::json!({ "made_by": link.created_by, "made_at": link.created_at });
        let opened = transact!(self, tx => {
            let opened = tx.open_customer_link(&hash(code), &hash(&secret), now, until).await?;
            if opened {
                tx.append_audit(&draft).await?;
            }
            Ok(opened)
        })?;
        if opened { Ok(Visit { secret, until, actor }) } else { Err(Error::Gone("link")) }
    }

    /// Who visits with the cookie whose SHA-256 is `visit`; `None` when the visit is over. A session that the link names and
    /// that is over is named no more.
    ///
    /// # Errors
    /// Failures of the database.
    #[boxed]
    pub async fn visitor(&self, visit: &[u8; 32]) -> Result<Option<Actor>> {
        let Some(link) = self.store().customer_visit(visit, self.now()).await? else {
            return Ok(None);
        };
        let session = match &link.session {
            Some(id) => self.store().session(id).await?.filter(|session| session.state.is_live()),
            None => None,
        };
        Ok(Some(Actor::Customer { account: link.account, session: session.map(|session| session.id) }))
    }

    /// Ends the visit with the cookie whose SHA-256 is `visit`.
    ///
    /// # Errors
    /// `Denied`.
    #[boxed]
    pub async fn end_visit(&self, actor: &Actor, visit: &[u8; 32]) -> Result<()> {
        let (account, _) = self.customer(actor).await?;
        let now = self.now();
        let mut draft = self.draft(actor, "customer.visit_ended", account.as_str());
        draft.account = Some(account.clone());
        transact!(self, tx => {
            if tx.end_customer_visit(visit, now).await? {
                tx.append_audit(&draft).await?;
            }
            Ok(())
        })
    }

    async fn good_link(&self, code: &str) -> Result<Option<CustomerLink>> {
        if code.len() > 100 {
            return Ok(None);
        }
        let link = self.store().customer_link(&hash(code)).await?;
        Ok(link.filter(|link| link.used_at.is_none() && link.expires_at > self.now()))
    }

    /// 256 bits of chance.
    fn secret(&self) -> String {
        let mut bytes = [0_u8; 32];
        self.entropy().fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
