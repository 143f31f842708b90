//! The document around every page.

use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*, reactive::owner::Owner};
use leptos_meta::{MetaTags, provide_meta_context};

use crate::{api::me::theme, islands::Comfort, routes};

/// The loader of islands, as leptos 0.8.23 writes it into its own `HydrationScripts`, which also asks for the wasm of
/// pages; here the nonce stands where the content security policy looks for it.
const LOADER: &str = include_str!("loader.js");

/// The whole document of a page, which shows nothing but what its request's context gives.
pub fn shell(options: &LeptosOptions, page: fn() -> AnyView) -> AnyView {
    provide_meta_context();
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
                {scripts(options)}
                <MetaTags/>
            </head>
            <body>
                {page()}
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
