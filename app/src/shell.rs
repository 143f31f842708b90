//! The document around every page.

use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};

use crate::{
    api::me::theme,
    components::markup::{Markup, Pieces, Written},
    islands::Comfort,
    pages::{Loaded, Loading},
    routes,
};

/// The loader of islands, as leptos 0.8.23 writes it into its own `HydrationScripts`, which also asks for the wasm of
/// pages; here the nonce stands where the content security policy looks for it.
const LOADER: &str = include_str!("loader.js");

/// The whole document of a page, which shows nothing but what its request's context gives. To be awaited in the owner of
/// that context. A page has loaded before anything of it is written, and nothing of it but islands comes to life: so it
/// needs neither leptos' streams nor its `<Suspense>`, which cost as much as a list's rows.
pub async fn document(options: &LeptosOptions, page: fn() -> Loading) -> String {
    let Loaded { title, body } = page().await;
    let mut to = Pieces::with_room(body.html_len() + ROOM);
    to.html(r#"<!DOCTYPE html><html lang="en" data-theme=""#).html(theme().as_str());
    to.html(r#""><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">"#);
    to.html(r#"<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">"#);
    to.html(r#"<link rel="stylesheet" href=""#).html(routes::STYLE);
    to.html(r#""><link rel="icon" type="image/svg+xml" href=""#).html(routes::ICON).html(r#"">"#);
    to.part(scripts(options)).html("<title>").text(&title).html("</title></head><body>");
    to.part(body).part(view! { <Comfort/> }.written()).html("</body></html>").taken()
}

/// About what is around a page's body, in bytes.
const ROOM: usize = 2_000;

fn scripts(options: &LeptosOptions) -> Markup {
    let base = format!("/{}/{}", options.site_pkg_dir, options.output_name);
    let (js, wasm, nonce) = (format!("{base}.js"), format!("{base}.wasm"), use_nonce().map(|nonce| nonce.to_string()));
    let script = format!("{}({js:?}, {wasm:?})", LOADER.trim_end().trim_end_matches(';'));
    view! {
        <link rel="modulepreload" href=js nonce=nonce.clone()/>
        <link rel="preload" href=wasm r#as="fetch" type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce inner_html=script></script>
    }
    .written()
}
