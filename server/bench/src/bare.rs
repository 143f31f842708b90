//! What whole pages are compared with: a Leptos page that has the list page's table (the same elements and attributes, as
//! many bytes) from rows in memory, and a plain axum answer of two letters.

use std::sync::Arc;

use axum::{Router, routing::get};
use leptos::prelude::*;
use leptos_axum::{generate_route_list, render_app_async};
use tokio::net::TcpListener;

use crate::Outcome;

/// Rows of the list page.
const ROWS: usize = 50;

/// Serves both until it is ended. The Leptos page has about `bytes` bytes.
pub async fn serve(port: u16, bytes: usize) -> Outcome<()> {
    // What the elements of the page take without the padding in each row.
    const BARE: usize = 25_500;
    let rows: Arc<[Row]> = (0..ROWS).map(|number| Row::new(number, bytes.saturating_sub(BARE) / ROWS)).collect();
    let page = render_app_async(move || {
        let rows = Arc::clone(&rows);
        view! { <Bare rows /> }
    });
    // Leptos starts its executor here.
    generate_route_list(|| ());
    let router = Router::new().route("/leptos", get(page)).route("/plain", get(|| async { "ok" }));
    let listener = axum::serve::ListenerExt::tap_io(TcpListener::bind(("127.0.0.1", port)).await?, |socket| {
        socket.set_nodelay(true).ok();
    });
    println!("ready");
    Ok(axum::serve(listener, router).await?)
}

struct Row {
    url: String,
    name: String,
    email: String,
    id: String,
    live: String,
    left: String,
    at: String,
    at_text: String,
    ago: String,
}

impl Row {
    fn new(number: usize, padding: usize) -> Self {
        let id = format!("acc_{number:010}");
        Self {
            url: format!("/accounts/{id}"),
            name: format!("Name Surname{}", "x".repeat(padding)),
            email: format!("name.surname{number}@example.com"),
            id,
            live: number.to_string(),
            left: "0".to_owned(),
            at: "2026-11-23T12:20:17.691Z".to_owned(),
            at_text: "2026-11-23 12:20:17 UTC".to_owned(),
            ago: "2 h ago".to_owned(),
        }
    }
}

#[component]
fn Bare(rows: Arc<[Row]>) -> impl IntoView {
    view! {
        <html lang="en">
            <head><meta charset="utf-8" /><title>"All accounts"</title><link rel="stylesheet" href="/pkg/bare.css" /></head>
            <body>
                <main>
                    <h1>"All accounts"</h1>
                    <Suspense>{Suspend::new(async move { view! { <table><tbody>{table(&rows)}</tbody></table> } })}</Suspense>
                </main>
            </body>
        </html>
    }
}

fn table(rows: &[Row]) -> impl IntoView + use<> {
    let row = |row: &Row| {
        view! {
            <tr>
                <td class="who-cell">
                    <a class="go" href=row.url.clone()><bdi>{row.name.clone()}</bdi></a>
                    <div class="sub"><bdi>{row.email.clone()}</bdi></div>
                </td>
                <td class="x">
                    <span class="id">
                        <code>{row.id.clone()}</code>
                        <button type="button" class="copy" data-copy aria-label="Copy"></button>
                    </span>
                </td>
                <td><span class="tag ok">"clean"</span></td>
                <td class="x n">{row.live.clone()}</td>
                <td class="n">{row.left.clone()}</td>
                <td class="x"><time datetime=row.at.clone() title=row.at_text.clone()>{row.ago.clone()}</time></td>
            </tr>
        }
    };
    rows.iter().map(row).collect_view()
}
