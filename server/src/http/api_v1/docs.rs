//! `GET /api/docs`: the description for people, made of it on the server, once. No script, nothing from elsewhere; the
//! browser's own search finds everything, for all of it is on one page.

use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::openapi::described;
use crate::http::answer::escaped;

/// Where the description itself is.
const DESCRIPTION: &str = "/api/openapi.json";

pub async fn page(headers: HeaderMap) -> Response {
    static CONTENT: LazyLock<String> = LazyLock::new(|| content(described()));
    let theme = match theme(&headers) {
        Some(theme) => format!(" data-theme=\"{theme}\""),
        None => String::new(),
    };
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"{theme}><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta \
         name=\"robots\" content=\"noindex\"><title>API · Unstick</title><link rel=\"stylesheet\" \
         href=\"/pkg/unstick.css\"><link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\"></head><body>{}</body></html>",
        *CONTENT
    );
    let mut response = page.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// The theme that the console's visitor chose; `None` follows the system.
fn theme(headers: &HeaderMap) -> Option<&'static str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let chosen = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("theme="))?;
    ["light", "dark"].into_iter().find(|theme| *theme == chosen)
}

/// An operation with where it is.
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    it: &'a Value,
}

impl Operation<'_> {
    fn text(&self, name: &str) -> &str {
        self.it[name].as_str().unwrap_or_default()
    }
    fn id(&self) -> &str {
        self.text("operationId")
    }
}

fn content(document: &Value) -> String {
    let mut nouns: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, it) in methods.as_object().into_iter().flatten() {
            let noun = it["tags"][0].as_str().unwrap_or("other");
            nouns.entry(noun).or_default().push(Operation { method, path, it });
        }
    }
    let mut out = String::with_capacity(400_000);
    // Writing to a text cannot fail.
    let _ = write_content(&mut out, document, &nouns);
    out
}

type Done = std::fmt::Result;

fn write_content(out: &mut String, document: &Value, nouns: &BTreeMap<&str, Vec<Operation<'_>>>) -> Done {
    let about = document["info"]["description"].as_str().unwrap_or_default();
    write!(
        out,
        "<a class=\"skip\" href=\"#main\">To the content</a><div class=\"api\"><nav class=\"api-nav\" aria-label=\"Operations\" \
         tabindex=\"0\"><p class=\"brand\"><a href=\"/\">Unstick</a> API</p>"
    )?;
    for (noun, operations) in nouns {
        write!(out, "<h2 class=\"api-noun\"><a href=\"#{}\">{}</a></h2><ul>", anchor(noun), escaped(noun))?;
        for operation in operations {
            let name = escaped(operation.text("summary"));
            write!(out, "<li><a href=\"#{}\">{name}</a></li>", operation.id())?;
        }
        out.push_str("</ul>");
    }
    write!(
        out,
        "<h2 class=\"api-noun\"><a href=\"#data\">data</a></h2></nav><main id=\"main\" tabindex=\"-1\"><h1>The API</h1><p \
         class=\"lead\">{}</p><p class=\"lead\">For programs: <a href=\"{DESCRIPTION}\">{DESCRIPTION}</a> (OpenAPI {}).</p>",
        marked(about),
        escaped(document["openapi"].as_str().unwrap_or_default()),
    )?;
    for (noun, operations) in nouns {
        write!(out, "<h2 class=\"api-part\" id=\"{}\">{}</h2>", anchor(noun), escaped(noun))?;
        for operation in operations {
            write_operation(out, operation)?;
        }
    }
    out.push_str("<h2 class=\"api-part\" id=\"data\">data</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        write!(
            out,
            "<section class=\"card\" id=\"{0}\"><h3 class=\"h\"><code>{0}</code></h3><div class=\"pad\">",
            data(name)
        )?;
        write_schema(out, schema)?;
        out.push_str("</div></section>");
    }
    out.push_str("</main></div>");
    Ok(())
}

fn write_operation(out: &mut String, operation: &Operation<'_>) -> Done {
    let method = operation.method.to_uppercase();
    write!(
        out,
        "<section class=\"card\" id=\"{id}\" aria-labelledby=\"{id}-name\"><div class=\"h\"><h3 id=\"{id}-name\">{}</h3><code><b>\
         {method}</b> {}</code></div><div class=\"pad stack\"><p>{}</p>",
        escaped(operation.text("summary")),
        escaped(operation.path),
        marked(operation.text("description")),
        id = operation.id(),
    )?;
    let parameters = operation.it["parameters"].as_array().filter(|all| !all.is_empty());
    if let Some(parameters) = parameters {
        table(out, operation, "Parameters", &["name", "in", "type", "what"])?;
        for parameter in parameters {
            let needed = if parameter["required"] == true { " <small>(needed)</small>" } else { "" };
            write!(
                out,
                "<tr><td><code>{}</code>{needed}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(parameter["name"].as_str().unwrap_or_default()),
                escaped(parameter["in"].as_str().unwrap_or_default()),
                kind(&parameter["schema"]),
                marked(parameter["description"].as_str().unwrap_or_default()),
            )?;
        }
        out.push_str("</tbody></table></div>");
    }
    for (media, body) in operation.it.pointer("/requestBody/content").and_then(Value::as_object).into_iter().flatten() {
        write!(out, "<p>Body, <code>{}</code>: {}</p>", escaped(media), kind(&body["schema"]))?;
    }
    code(out, operation.text("summary"), &curl(operation))?;
    table(out, operation, "Answers", &["status", "type", "what"])?;
    for (status, response) in operation.it["responses"].as_object().into_iter().flatten() {
        let (media, body) = response["content"].as_object().and_then(|all| all.iter().next()).unzip();
        write!(
            out,
            "<tr><td><code>{}</code></td><td>{}<br><small>{}</small></td><td>{}</td></tr>",
            escaped(status),
            body.map_or_else(String::new, |body| kind(&body["schema"])),
            media.map_or_else(String::new, |media| escaped(media)),
            marked(response["description"].as_str().unwrap_or_default()),
        )?;
    }
    out.push_str("</tbody></table></div></div></section>");
    Ok(())
}

/// The beginning of a table that scrolls by itself where it is too wide.
fn table(out: &mut String, operation: &Operation<'_>, name: &str, columns: &[&str]) -> Done {
    let label = format!("{name} of: {}", escaped(operation.text("summary")));
    write!(
        out,
        "<div class=\"api-wide\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><table class=\"api-table\"><caption \
         class=\"sr\">{label}</caption><thead><tr>"
    )?;
    for column in columns {
        write!(out, "<th scope=\"col\">{column}</th>")?;
    }
    out.push_str("</tr></thead><tbody>");
    Ok(())
}

fn code(out: &mut String, of: &str, text: &str) -> Done {
    write!(
        out,
        "<pre class=\"api-wide api-code\" role=\"region\" aria-label=\"Example: {}\" tabindex=\"0\"><code>{}</code></pre>",
        escaped(of),
        escaped(text)
    )
}

/// The example as a command.
fn curl(operation: &Operation<'_>) -> String {
    let (mut path, mut query) = (operation.path.to_owned(), Vec::new());
    for parameter in operation.it["parameters"].as_array().into_iter().flatten() {
        let (name, example) = (parameter["name"].as_str().unwrap_or_default(), &parameter["example"]);
        let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &text);
        } else if parameter["in"] == "query" && !example.is_null() && query.is_empty() {
            let value: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            query.push(format!("{name}={value}"));
        }
    }
    // An order in the query belongs to a body that is a list.
    let body = operation.it.pointer("/requestBody/content/application~1json/example");
    let query = if query.is_empty() || body.is_some() { String::new() } else { format!("?{}", query.join("&")) };
    let method = match (operation.method, body) {
        ("get", _) | ("post", Some(_)) => String::new(),
        (other, _) => format!("-X {} ", other.to_uppercase()),
    };
    let mut command = format!("curl {method}\"$UNSTICK{path}{query}\" -H \"Authorization: Bearer $UNSTICK_TOKEN\"");
    if operation.method != "get" {
        command.push_str(" \\\n  -H \"Idempotency-Key: $(uuidgen)\"");
    }
    if let Some(body) = body {
        let _ = write!(command, " \\\n  --json '{body}'");
    }
    command
}

fn write_schema(out: &mut String, schema: &Value) -> Done {
    if let Some(text) = schema["description"].as_str() {
        write!(out, "<p>{}</p>", marked(text))?;
    }
    let Some(properties) = schema["properties"].as_object() else {
        return write!(out, "<p>{}</p>", kind(schema));
    };
    let needed = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
    out.push_str("<dl class=\"api-fields\">");
    for (name, property) in properties {
        let mark = if needed(name) { "" } else { " <small>(may be missing)</small>" };
        let text = marked(property["description"].as_str().unwrap_or_default());
        write!(out, "<dt><code>{}</code>{mark} · {}</dt><dd>{text}</dd>", escaped(name), kind(property))?;
    }
    out.push_str("</dl>");
    Ok(())
}

/// What type something is, in words, with links to what is described elsewhere.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#{}\"><code>{}</code></a>", data(name), escaped(name));
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[several].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| format!("<code>{}</code>", escaped(word.as_str().unwrap_or_default())));
        return words.collect::<Vec<_>>().join(", ");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let fields = properties.iter().map(|(name, field)| format!("<code>{}</code>: {}", escaped(name), kind(field)));
        return format!("object with {}", fields.collect::<Vec<_>>().join(", "));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let name = |name: &&str| match *name {
        "array" => format!("list of {}", kind(&schema["items"])),
        "string" if schema["format"] == "date-time" => "instant".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    };
    if types.is_empty() { "anything".to_owned() } else { types.iter().map(name).collect::<Vec<_>>().join(" or ") }
}

/// `text` as HTML, with what stands between backticks as code.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (place, part) in escaped(text).split('`').enumerate() {
        if place % 2 == 1 {
            let _ = write!(out, "<code>{part}</code>");
        } else {
            out.push_str(part);
        }
    }
    out
}

fn anchor(noun: &str) -> String {
    format!("noun-{}", noun.replace(' ', "-"))
}

fn data(name: &str) -> String {
    format!("data-{}", escaped(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_link_is_there() {
        let page = content(described());
        let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(ids.contains(&link), "{link} leads nowhere");
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len(), "an id is there twice");
        // An example may name another host; nothing is loaded from one, or leads there.
        for never in ["<script", "=\"http", "='http", " style=", "onclick"] {
            assert!(!page.contains(never), "{never}");
        }
        assert!(page.contains("curl &quot;$UNSTICK/api/v1/search?q=dana%40example.com&quot;"), "an example");
    }
}
