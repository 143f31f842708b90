//! A clean-up's evidence pack as a file for the ticket: Markdown for people, JSON for machines.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use domain::{Actor, CleanupId};
use service::Evidence;

use super::{Site, answer};

pub async fn markdown(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Response {
    match pack(&site, &actor, id).await {
        Ok(pack) => {
            let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
            (kind, named(&pack, "md"), pack.to_markdown()).into_response()
        }
        Err(error) => answer::of_error("/clean-ups", &error),
    }
}

pub async fn json(State(site): State<Site>, Extension(actor): Extension<Actor>, Path(id): Path<String>) -> Response {
    match pack(&site, &actor, id).await {
        Ok(pack) => (named(&pack, "json"), Json(pack)).into_response(),
        Err(error) => answer::of_error("/clean-ups", &error),
    }
}

async fn pack(site: &Site, actor: &Actor, id: String) -> service::Result<Evidence> {
    let id = CleanupId::parse(id).map_err(|_| service::Error::NotFound("clean-up"))?;
    site.unstick().evidence(actor, &id).await
}

/// The header that names the file. An id is `[A-Za-z0-9_-]`: nothing in it ends the quoted name.
fn named(pack: &Evidence, end: &str) -> [(HeaderName, String); 1] {
    [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"unstick-{}.{end}\"", pack.cleanup.id))]
}
