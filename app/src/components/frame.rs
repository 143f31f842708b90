//! What is around every page: where one can go, the search, who one is.

use domain::{Permission, view::Me};
use leptos::prelude::*;

use super::{
    form::token,
    markup::{Markup, Pieces, Written},
};
use crate::routes;

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// Search and accounts.
    Accounts,
    /// Clean-ups.
    Cleanups,
    /// Routers and servers.
    Routing,
    /// What the census found.
    Findings,
    /// The audit log.
    Audit,
    /// Who is told what happens.
    Webhooks,
    /// Who signs in here.
    Staff,
    /// Tokens of back ends.
    Tokens,
    /// One's own sign-ins.
    Me,
    /// None of them.
    Elsewhere,
}

impl Tab {
    const ALL: [Self; 9] = [
        Self::Accounts,
        Self::Cleanups,
        Self::Routing,
        Self::Findings,
        Self::Audit,
        Self::Webhooks,
        Self::Staff,
        Self::Tokens,
        Self::Me,
    ];

    const fn link(self) -> (&'static str, &'static str, &'static str, Permission) {
        match self {
            Self::Accounts => (routes::HOME, "Accounts", "i-accounts", Permission::ReadAccounts),
            Self::Cleanups => (routes::CLEANUPS, "Clean-ups", "i-cleanups", Permission::ReadCleanups),
            Self::Routing => (routes::ROUTING, "Routing", "i-routing", Permission::ReadRouting),
            Self::Findings => (routes::FINDINGS, "Findings", "i-findings", Permission::ReadFindings),
            Self::Audit => (routes::AUDIT, "Audit log", "i-audit", Permission::ReadAudit),
            Self::Webhooks => (routes::WEBHOOKS, "Webhooks", "i-webhooks", Permission::ReadWebhooks),
            Self::Staff => (routes::STAFF, "Staff", "i-staff", Permission::ManageStaff),
            Self::Tokens => (routes::TOKENS, "Tokens", "i-tokens", Permission::ManageTokens),
            Self::Me | Self::Elsewhere => (routes::ME, "Your sign-ins", "i-me", Permission::OwnSessions),
        }
    }
}

/// What the frame shows.
pub(crate) struct Frame {
    /// Who is signed in.
    pub(crate) me: Option<Me>,
    /// Where one is.
    pub(crate) tab: Tab,
    /// What was searched for.
    pub(crate) query: String,
    /// The token for its form.
    pub(crate) csrf: String,
}

/// The frame around `page`. Every page has it, so it is written piece by piece.
pub(crate) fn frame(frame: Frame, page: Markup) -> Markup {
    let Frame { me, tab, query, csrf } = frame;
    let mut to = Pieces::with_room(page.html_len() + ROOM);
    let Some(me) = me else {
        return to.html(r#"<main id="main" class="alone" tabindex="-1">"#).part(page).html("</main>").done();
    };
    to.html(r##"<a class="skip" href="#main">Skip to the page</a><div class="app">"##);
    navigation(&mut to, &me, tab);
    to.html(r#"<div class="side"><header class="top">"#);
    search(&mut to, me.may(Permission::ReadAccounts), &query);
    who(&mut to, &me, &csrf);
    to.html(r#"</header><main id="main" tabindex="-1">"#).part(page).html("</main></div></div>").done()
}

/// About what the frame takes, in bytes.
const ROOM: usize = 3_000;

fn navigation(to: &mut Pieces, me: &Me, here: Tab) {
    to.html(r#"<nav class="main" aria-label="Main"><div><a class="brand" href=""#).html(routes::HOME).html(r#"">"#);
    to.html(
        r#"<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><circle cx="4" cy="9" r="3"></circle>"#,
    );
    to.html(r#"<path d="M8 9h3M13 9h4" stroke-width="2" stroke-linecap="round"></path></svg>Unstick</a>"#);
    for tab in Tab::ALL {
        let (url, words, icon, permission) = tab.link();
        if me.may(permission) {
            to.html(r#"<a href=""#).html(url).html(if tab == here { r#"" aria-current="page">"# } else { r#"">"# });
            to.html(r#"<i class="i "#).html(icon).html(r#""></i><span>"#).html(words).html("</span></a>");
        }
    }
    to.html("</div></nav>");
}

fn search(to: &mut Pieces, may: bool, query: &str) {
    if !may {
        to.html(r#"<p class="search off">Your role sees no customers, so it searches none.</p>"#);
        return;
    }
    to.html(r#"<form class="search" role="search" action=""#).html(routes::HOME);
    to.html(r#""><i class="i i-search"></i><input id="q" name="q" type="search" value=""#).value(query);
    to.html(
        r#"" maxlength="200" autocomplete="off" spellcheck="false" placeholder="Account, e-mail, name, session, IP""#,
    );
    to.html(r#" aria-label="Search accounts by id, e-mail, name, session or IP address" aria-keyshortcuts="/">"#);
    to.html(
        r#"<kbd class="scripted">/</kbd><button class="go" aria-label="Search"><i class="i i-go"></i></button></form>"#,
    );
}

fn who(to: &mut Pieces, me: &Me, csrf: &str) {
    to.html(r#"<div class="who"><a href=""#).html(routes::ME).html(r#""><bdi>"#).text(&me.name);
    to.html(r#"</bdi><span class="role">"#).html(me.role.as_str()).html("</span></a>");
    to.html(r#"<form method="post" action=""#).html(routes::action::SIGN_OUT).html(r#"">"#).part(token(csrf).written());
    to.html(r#"<button class="btn q">Sign out</button></form></div>"#);
}
