//! The document around every page, and which page belongs to which URL.

use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*, reactive::owner::Owner};
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
};

use crate::{api::me::theme, islands::Comfort, pages, routes};

/// The loader of islands, as leptos 0.8.23 writes it into its own `HydrationScripts`, which also asks for the wasm of
/// pages; here the nonce stands where the content security policy looks for it.
const LOADER: &str = include_str!("loader.js");

/// The whole document.
#[expect(clippy::needless_pass_by_value, reason = "the shape that leptos_axum asks a shell for")]
pub fn shell(options: LeptosOptions) -> AnyView {
    // Nothing of a page is ever hydrated, only islands: so nothing of its data is written into it a second time.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme().as_str()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                <link rel="stylesheet" href=routes::STYLE/>
                <link rel="icon" href=routes::ICON type="image/svg+xml"/>
                {scripts(&options)}
                <MetaTags/>
            </head>
            <body>
                {console()}
                <Comfort/>
            </body>
        </html>
    }
    .into_any()
}

fn scripts(options: &LeptosOptions) -> impl IntoView + use<> {
    let base = format!("/{}/{}", options.site_pkg_dir, options.output_name);
    let (js, wasm, nonce) = (format!("{base}.js"), format!("{base}.wasm"), use_nonce().map(|nonce| nonce.to_string()));
    let script = format!("{}({js:?}, {wasm:?})", LOADER.trim_end().trim_end_matches(';'));
    view! {
        <link rel="modulepreload" href=js nonce=nonce.clone()/>
        <link rel="preload" href=wasm r#as="fetch" type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce inner_html=script></script>
    }
}

/// The pages. Renders nothing but what its request's context gives; without one (while the list of routes is made) it
/// only names the routes.
pub fn console() -> AnyView {
    use routes::pattern as at;
    provide_meta_context();
    let mode = SsrMode::Async;
    view! {
        <Router>
            <FlatRoutes fallback=pages::not_found>
                <Route path=at::home() view=pages::home::Home ssr=mode.clone()/>
                <Route path=at::sign_in() view=pages::sign_in::SignIn ssr=mode.clone()/>
                <Route path=at::accounts() view=pages::accounts::Accounts ssr=mode.clone()/>
                <Route path=at::account() view=pages::account::Account ssr=mode.clone()/>
                <Route path=at::plan() view=pages::plan::Plan ssr=mode.clone()/>
                <Route path=at::account_link() view=pages::customer::CustomerLink ssr=mode.clone()/>
                <Route path=at::own() view=pages::customer::Own ssr=mode.clone()/>
                <Route path=at::own_reset() view=pages::customer::OwnReset ssr=mode.clone()/>
                <Route path=at::own_progress() view=pages::customer::OwnProgress ssr=mode.clone()/>
                <Route path=at::cleanups() view=pages::cleanups::Cleanups ssr=mode.clone()/>
                <Route path=at::cleanup() view=pages::cleanup::Cleanup ssr=mode.clone()/>
                <Route path=at::routing() view=pages::routing::Routing ssr=mode.clone()/>
                <Route path=at::bulks() view=pages::bulk::list::Bulks ssr=mode.clone()/>
                <Route path=at::bulk_new() view=pages::bulk::new::NewBulk ssr=mode.clone()/>
                <Route path=at::bulk() view=pages::bulk::Bulk ssr=mode.clone()/>
                <Route path=at::server() view=pages::server::Server ssr=mode.clone()/>
                <Route path=at::move_off() view=pages::move_off::MoveOff ssr=mode.clone()/>
                <Route path=at::re_pin() view=pages::re_pin::RePin ssr=mode.clone()/>
                <Route path=at::findings() view=pages::findings::Findings ssr=mode.clone()/>
                <Route path=at::repair() view=pages::repair::Repair ssr=mode.clone()/>
                <Route path=at::audit() view=pages::audit::Audit ssr=mode.clone()/>
                <Route path=at::webhooks() view=pages::webhooks::Webhooks ssr=mode.clone()/>
                <Route path=at::webhook() view=pages::webhook::Webhook ssr=mode.clone()/>
                <Route path=at::sign_in_code() view=pages::sign_in_code::SignInCode ssr=mode.clone()/>
                <Route path=at::setup() view=pages::setup::Setup ssr=mode.clone()/>
                <Route path=at::welcome() view=pages::welcome::Welcome ssr=mode.clone()/>
                <Route path=at::confirm() view=pages::confirm::Confirm ssr=mode.clone()/>
                <Route path=at::staff() view=pages::staff::Staff ssr=mode.clone()/>
                <Route path=at::staff_member() view=pages::staff::member::Member ssr=mode.clone()/>
                <Route path=at::tokens() view=pages::tokens::Tokens ssr=mode.clone()/>
                <Route path=at::second_factor() view=pages::second_factor::SecondFactor ssr=mode.clone()/>
                <Route path=at::me() view=pages::me::Me ssr=mode/>
            </FlatRoutes>
        </Router>
    }
    .into_any()
}
