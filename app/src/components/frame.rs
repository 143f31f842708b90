//! What is around every page: where one can go, the search, who one is.

use domain::{Permission, view::Me};
use leptos::prelude::*;

use crate::components::markup::{Markup, Written};

use super::form::token;
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

/// The frame around `page`.
pub(crate) fn frame(frame: Frame, page: AnyView) -> AnyView {
    let Frame { me, tab, query, csrf } = frame;
    let Some(me) = me else {
        return view! { <main id="main" class="alone" tabindex="-1">{page}</main> }.into_any();
    };
    view! {
        <a class="skip" href="#main">"Skip to the page"</a>
        <div class="app">
            {navigation(&me, tab)}
            <div class="side">
                <header class="top">
                    {search(me.may(Permission::ReadAccounts), query)}
                    {who(&me, &csrf)}
                </header>
                <main id="main" tabindex="-1">{page}</main>
            </div>
        </div>
    }
    .into_any()
}

fn navigation(me: &Me, here: Tab) -> Markup {
    let item = |tab: Tab| {
        let (url, words, icon, permission) = tab.link();
        let here = (tab == here).then_some("page");
        me.may(permission)
            .then(|| view! { <a href=url aria-current=here><i class=format!("i {icon}")></i><span>{words}</span></a> })
    };
    view! {
        <nav class="main" aria-label="Main"><div>
            <a class="brand" href=routes::HOME>
                <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
                    <circle cx="4" cy="9" r="3"></circle>
                    <path d="M8 9h3M13 9h4" stroke-width="2" stroke-linecap="round"></path>
                </svg>
                "Unstick"
            </a>
            {Tab::ALL.map(item).into_iter().collect_view()}
        </div></nav>
    }
    .written()
}

fn search(may: bool, query: String) -> Markup {
    if !may {
        return view! { <p class="search off">"Your role sees no customers, so it searches none."</p> }.written();
    }
    view! {
        <form class="search" role="search" action=routes::HOME>
            <i class="i i-search"></i>
            <input
                id="q"
                name="q"
                type="search"
                value=query
                maxlength="200"
                autocomplete="off"
                spellcheck="false"
                placeholder="Account, e-mail, name, session, IP"
                aria-label="Search accounts by id, e-mail, name, session or IP address"
                aria-keyshortcuts="/"
            />
            <kbd class="scripted">"/"</kbd>
            <button class="go" aria-label="Search"><i class="i i-go"></i></button>
        </form>
    }
    .written()
}

fn who(me: &Me, csrf: &str) -> Markup {
    view! {
        <div class="who">
            <a href=routes::ME>
                <bdi>{me.name.clone()}</bdi>
                <span class="role">{me.role.as_str()}</span>
            </a>
            <form method="post" action=routes::action::SIGN_OUT>
                {token(csrf)}
                <button class="btn q">"Sign out"</button>
            </form>
        </div>
    }
    .written()
}
