//! The API's description, made from its handlers. What is the same for all of them is added here once: the problems that
//! every operation can answer, the headers of every answer, and the key that makes a call happen once.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{
    accounts, audit, batch, bulk, census, cleanups, diagnosis, overview, problem, route, routing, self_service,
    servers, sessions, token, webhook_events, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Unstick",
        description = "What back ends tell Unstick (accounts, sessions as they live, and, for an embedded router, servers and \
                       where to send a session), and all that the console can do: diagnosis, clean-ups, bulk clean-ups, the \
                       census, routing, webhooks, the audit log. Every call carries `Authorization: Bearer sac_…`; make a token with \
                       `admin-tool token create`. Failures are problems of RFC 9457. Lists go on by `next`. Calls that \
                       change something take an `Idempotency-Key`: sent again within 24 hours with the same key, the same \
                       call gets the same answer and nothing happens twice. One whose answer was lost after it changed something is 409 \
                       `answer-lost`: read what came of it."
    ),
    paths(
        token::get,
        accounts::put, accounts::get, accounts::list,
        overview::get,
        diagnosis::search, diagnosis::filtered, diagnosis::diagnose, diagnosis::routes, diagnosis::timeline, diagnosis::history,
        sessions::put, sessions::get, sessions::list, sessions::touch, sessions::end,
        batch::accounts, batch::sessions, batch::touches, batch::ends,
        cleanups::plan, cleanups::request, cleanups::list, cleanups::get, cleanups::steps, cleanups::retry,
        cleanups::evidence, cleanups::evidence_text,
        bulk::draft, bulk::list, bulk::get, bulk::accounts, bulk::request, bulk::approve, bulk::control, bulk::csv, bulk::ndjson,
        census::run, census::latest, census::trend, census::findings, census::plan, census::repair, census::repaired,
        routing::get, routing::owed, routing::state, routing::set_state, routing::move_off, routing::pin, routing::set_pin,
        route::ask, servers::feed,
        webhooks::list, webhooks::add, webhooks::get, webhooks::delete, webhooks::control, webhooks::rotate, webhooks::test,
        webhooks::replay, webhooks::deliveries,
        audit::search, audit::event, audit::verify, audit::csv, audit::ndjson,
        self_service::who, self_service::diagnosis, self_service::reset, self_service::progress, self_service::issue,
        self_service::link,
    ),
    components(schemas(problem::Shown)),
    modifiers(&Bearer),
    security(("token" = [])),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("sac_… with a scope")).build();
        let own = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let own = own.description(Some("self_…, the credential of a customer's live session")).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        components.add_security_scheme("credential", SecurityScheme::Http(own));
    }
}

/// The description as JSON.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let with_events = serde_json::to_value(described()).and_then(|mut document| {
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

/// The description.
pub fn described() -> &'static Value {
    static DESCRIBED: LazyLock<Value> = LazyLock::new(|| {
        let mut document = serde_json::to_value(Api::openapi()).unwrap_or_else(|error| {
            tracing::error!(%error, "the API's description cannot be made");
            json!({})
        });
        complete(&mut document);
        document
    });
    &DESCRIBED
}

/// Adds what is the same for all operations.
fn complete(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(path, method, operation);
            }
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let (has_body, changes) = (operation.contains_key("requestBody"), method != "get");
    if changes {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(key_parameter());
        }
    }
    let reads = operation.get("parameters").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.remove("4XX");
    for (status, text, may_be) in [
        ("400", "The request is not understood", true),
        ("401", "Without a good token", true),
        ("403", "The token lacks the scope, which the problem names", true),
        ("404", "There is no such thing", changes || path.contains('{')),
        (
            "409",
            "It does not fit what is there, or a call with the Idempotency-Key is under way or lost its answer",
            changes,
        ),
        ("413", "The body is too large", changes),
        ("415", "The body is of another type", has_body),
        ("422", "A field is not understood, or the Idempotency-Key was used for another call", changes || reads),
        ("429", "Too often: see Retry-After", true),
        ("500", "Something went wrong on our side: quote the request's id", true),
        ("503", "Too busy: see Retry-After", true),
    ] {
        if may_be {
            responses.entry(status).or_insert_with(|| {
                let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
                json!({ "description": text, "content": { "application/problem+json": schema } })
            });
        }
    }
    for (status, response) in responses {
        if let Some(response) = response.as_object_mut() {
            response.insert("headers".to_owned(), headers(status, changes));
        }
    }
}

/// The key that makes a call happen once.
fn key_parameter() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "Makes the call happen once: sent again within 24 hours with the same key, it gets the same answer.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]{1,255}$" },
    })
}

/// The headers of an answer.
fn headers(status: &str, changes: bool) -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let mut headers = json!({ "x-request-id": text("The id of the request, to ask about") });
    let Some(all) = headers.as_object_mut() else { return headers };
    if status != "401" {
        all.insert("RateLimit".to_owned(), text("What the token has left: `\"token\";r=9999;t=1`"));
        all.insert("RateLimit-Policy".to_owned(), text("What it may: `\"token\";q=10000;w=2`"));
    }
    if matches!(status, "429" | "503") {
        let schema = json!({ "description": "Seconds to wait", "schema": { "type": "integer" } });
        all.insert("Retry-After".to_owned(), schema);
    }
    if changes && !status.starts_with('5') {
        all.insert("Idempotency-Replayed".to_owned(), text("`true` on an answer that was given before"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                all.push((format!("{method} {path}"), operation));
            }
        }
        assert!(all.len() > 50);
        all
    }

    #[test]
    fn what_a_batch_answers_is_described() {
        let document = described();
        let result = &document["components"]["schemas"]["ItemResult"]["properties"];
        assert!(result["session"].to_string().contains("SessionView"), "{result}");
        assert!(document["components"]["schemas"]["ItemError"]["properties"]["field"].is_object());
        assert!(document["components"]["schemas"]["SessionView"]["properties"]["route"].is_object());
    }

    #[test]
    fn the_description_is_of_openapi_3_1_and_every_operation_has_an_example_of_what_it_needs() {
        let document = described();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        for (name, operation) in operations(document) {
            if let Some(body) = operation.get("requestBody") {
                assert!(body.pointer("/content/application~1json/example").is_some(), "{name}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["required"] == true {
                    assert!(parameter.get("example").is_some(), "{name}: {parameter}");
                }
            }
        }
    }

    #[test]
    fn every_operation_says_what_it_may_answer_in_numbers_and_which_scope_it_needs() {
        for (name, operation) in operations(described()) {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().all(|status| status.parse::<u16>().is_ok()), "{name}");
            for status in ["400", "401", "403", "429", "500", "503"] {
                assert!(responses.contains_key(status), "{name} {status}");
            }
            let text = operation["description"].as_str().unwrap();
            // Customers' own: the credential of a session, and no token.
            let own = name.contains("/api/v1/self");
            let known =
                own || text.contains("scope") || ["Every good token", "no token"].iter().any(|all| text.contains(all));
            assert!(known || text.contains("always with 403"), "{name}: {text}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        let at = reference.trim_start_matches('#');
                        assert!(document.pointer(at).is_some(), "{reference}");
                    }
                    map.values().for_each(|value| check(value, document));
                }
                Value::Array(all) => all.iter().for_each(|value| check(value, document)),
                _ => {}
            }
        }
        check(described(), described());
    }
}
