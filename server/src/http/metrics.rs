//! Numbers for a monitor, as Prometheus reads them (`text/plain; version=0.0.4`). For who is on this machine alone: what
//! came through a proxy is refused, for it may come from anywhere.

use std::{fmt::Write, net::SocketAddr};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{Actor, census::CensusKind};
use service::Numbers;

use super::{Site, answer, frame::Quiet};

/// Headers that proxies write.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

pub fn routes() -> Router<Site> {
    let quiet = |mut response: Response| async {
        response.extensions_mut().insert(Quiet);
        response
    };
    Router::new().route("/metrics", get(metrics)).layer(map_response(quiet))
}

async fn metrics(State(site): State<Site>, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    if !peer.is_some_and(|peer| peer.to_canonical().is_loopback()) || is_forwarded(request.headers()) {
        let text = "Only a monitor on the same machine may read this, without a proxy in between.";
        return answer::refuse("/metrics", StatusCode::FORBIDDEN, text, None);
    }
    match site.unstick().numbers(&Actor::System).await {
        Ok(numbers) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(&numbers)).into_response(),
        Err(error) => answer::of_error("/metrics", &error),
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

fn text(numbers: &Numbers) -> String {
    let mut out = String::new();
    write(&mut out, numbers).ok();
    out
}

fn write(out: &mut String, numbers: &Numbers) -> std::fmt::Result {
    let it = &numbers.unfinished;
    let mut gauge = |name: &str, help: &str, values: &[(String, i64)]| metric(out, name, "gauge", help, values);
    let status = |word: &str, count| (format!("{{status=\"{word}\"}}"), count);
    gauge(
        "unstick_cleanups_unfinished",
        "Clean-ups that are not finished, by status.",
        &[status("running", it.running), status("owed", it.owed), status("needs_attention", it.needs_attention)],
    )?;
    let alone = |value| [(String::new(), value)];
    gauge("unstick_cleanups_stuck", "Clean-ups that are unfinished for more than 5 minutes.", &alone(it.late))?;
    let age = it.oldest.map_or(0, |at| numbers.now.since(at).secs().max(0));
    gauge("unstick_cleanup_oldest_seconds", "Age of the oldest unfinished clean-up.", &alone(age))?;
    // A router's name has no character that a label must escape.
    let owed: Vec<_> = numbers.owed.iter().map(|(router, n)| (format!("{{router=\"{router}\"}}"), *n)).collect();
    gauge("unstick_steps_owed", "Steps of clean-ups that wait for a router.", &owed)?;
    let late = i64::try_from(numbers.late_watches).unwrap_or(i64::MAX);
    gauge("unstick_watches_late", "Finished clean-ups that wait for more than 5 minutes for a look.", &alone(late))?;
    let kind = |(kind, open): &(CensusKind, i64)| (format!("{{kind=\"{}\"}}", kind.as_str()), *open);
    let findings: Vec<_> = numbers.findings.iter().map(kind).collect();
    gauge("unstick_findings_open", "Findings that were open when the last census ended, by kind.", &findings)?;
    let longest = i64::try_from(numbers.longest_write.as_millis()).unwrap_or(i64::MAX);
    gauge(
        "unstick_write_longest_milliseconds",
        "The longest write transaction since this process began.",
        &alone(longest),
    )?;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let returned = numbers.returned.iter();
    let returned: Vec<_> =
        returned.map(|(router, way, n)| (format!("{{router=\"{router}\",way=\"{way}\"}}"), count(*n))).collect();
    let help = "Entries that came back after they were cleaned and were cleaned again, by the way they probably came.";
    metric(out, "unstick_came_back_total", "counter", help, &returned)
}

fn metric(out: &mut String, name: &str, kind: &str, help: &str, values: &[(String, i64)]) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    values.iter().try_for_each(|(labels, value)| writeln!(out, "{name}{labels} {value}"))
}
