//! The console's files: what cargo-leptos put into the site's folder, compressed beforehand. Nothing here knows sessions.
//!
//! Names do not change with their content, so browsers ask each time whether it changed (an answer of 304 and no bytes);
//! a name with a hash in it is kept for a year.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::services::{ServeDir, ServeFile};

use super::{Site, answer, frame::Quiet};

const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"7\" \
                    fill=\"#3b5bdb\"/><path d=\"M9 8v9a7 7 0 0 0 14 0V8\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4\" \
                    stroke-linecap=\"round\"/></svg>";

pub fn routes(site: &Site) -> Router<Site> {
    let mut router = Router::new();
    let mut has_icon = false;
    if let Some(root) = site.config().site_dir() {
        let missing = get(|| async { answer::refuse("/pkg", StatusCode::NOT_FOUND, "There is no such file.", None) });
        let package = ServeDir::new(root.join("pkg"))
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip()
            .fallback(missing.with_state(()));
        router = router.nest_service("/pkg", package);
        for name in plain_files(&root) {
            has_icon |= name == "favicon.ico";
            let file = ServeFile::new(root.join(&name)).precompressed_br().precompressed_gzip();
            router = router.route_service(&format!("/{name}"), file);
        }
    }
    if !has_icon {
        router = router.route("/favicon.ico", get(icon));
    }
    router.layer(from_fn(caching))
}

/// The names of the files at the top of the site's folder.
fn plain_files(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.path().is_file()).filter_map(|entry| entry.file_name().into_string().ok());
    let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let packed = |name: &String| Path::new(name).extension().is_some_and(|end| end == "br" || end == "gz");
    names.filter(plain).filter(|name| !packed(name)).collect()
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)
}

async fn caching(request: Request, next: Next) -> Response {
    let hashed = has_hash(request.uri().path());
    let mut response = next.run(request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let text = if hashed { "public, max-age=31536000, immutable" } else { "public, max-age=0, must-revalidate" };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(text));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response.extensions_mut().insert(Quiet);
    response
}

/// Whether a file's name has a hash of its content in it: `unstick.0mGd7VmJmyVxuIm-hkIj8A.wasm`.
fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.split('.').rev().skip(1);
    let hash = parts.next().unwrap_or_default();
    parts.next().is_some()
        && hash.len() >= 16
        && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hashed_name_is_kept_for_long() {
        assert!(has_hash("/pkg/unstick.0mGd7VmJmyVxuIm-hkIj8A.wasm"));
        for name in ["/pkg/unstick.wasm", "/pkg/unstick.min.js", "/favicon.ico", "/pkg/averyveryverylongname.js"] {
            assert!(!has_hash(name), "{name}");
        }
    }
}
