//! The API's description, made from its handlers.

use std::sync::LazyLock;

use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{accounts, batch, route, servers, sessions, webhook_events};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Unstick",
        description = "What back ends tell Unstick: accounts, sessions as they live, and, for an embedded router, servers and \
                       where to send a session. Every call carries `Authorization: Bearer sac_…`; make a token with \
                       `admin-tool token create`. Failures are problems of RFC 9457."
    ),
    paths(
        accounts::put, accounts::get, accounts::list,
        sessions::put, sessions::get, sessions::list, sessions::touch, sessions::end,
        batch::accounts, batch::sessions, batch::touches, batch::ends,
        route::ask, servers::feed,
    ),
    modifiers(&Bearer),
    security(("token" = [])),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("sac_… with a scope")).build();
        openapi.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The description as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let with_events = serde_json::to_value(Api::openapi()).and_then(|mut document| {
            if let Some(map) = document.as_object_mut() {
                map.insert("webhooks".to_owned(), webhook_events::described());
            }
            serde_json::to_string_pretty(&document)
        });
        with_events.unwrap_or_else(|error| {
            tracing::error!(%error, "the API's description cannot be written");
            "{}".to_owned()
        })
    });
    &DOCUMENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_answers_is_described() {
        let document: serde_json::Value = serde_json::from_str(document()).unwrap();
        let result = &document["components"]["schemas"]["ItemResult"]["properties"];
        assert!(result["session"].to_string().contains("SessionView"), "{result}");
        assert!(document["components"]["schemas"]["ItemError"]["properties"]["field"].is_object());
        assert!(document["components"]["schemas"]["SessionView"]["properties"]["route"].is_object());
    }

    #[test]
    fn the_description_is_of_openapi_3_1_and_every_operation_has_an_example_or_no_body() {
        let document: serde_json::Value = serde_json::from_str(document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let Some(body) = operation.get("requestBody") else {
                    continue;
                };
                assert!(body.pointer("/content/application~1json/example").is_some(), "{method} {path}");
            }
        }
    }
}
