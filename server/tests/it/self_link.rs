//! Customers help themselves by a link: it opens once, and what it opens speaks for one account.

use std::{
    cell::Cell,
    io::Write,
    sync::{Arc, Mutex},
};

use axum::http::{Method, header};
use domain::{Actor, Role, Span};
use serde_json::json;
use tracing_subscriber::{Layer, filter::dynamic_filter_fn, layer::SubscriberExt};

use crate::{
    api::BackEnd,
    self_service::on_bad_server,
    support::{Answer, Browser, Stuck, TestApp},
};

/// A customer's browser: it keeps the visit's cookie, whatever else it has.
struct Customer {
    browser: Browser,
    visit: Option<String>,
}

impl Customer {
    fn with(browser: Browser) -> Self {
        Self { browser, visit: None }
    }

    async fn send(&mut self, mut request: axum::http::Request<axum::body::Body>) -> Answer {
        if let Some(visit) = &self.visit {
            let cookie = format!("{}={visit}", server::http::CUSTOMER_COOKIE);
            request.headers_mut().append(header::COOKIE, cookie.parse().unwrap());
        }
        let answer = self.browser.send(request).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            if let Some(rest) = line.strip_prefix(&format!("{}=", server::http::CUSTOMER_COOKIE)) {
                for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
                    assert!(line.contains(part), "{line}");
                }
                let value = rest.split(';').next().unwrap();
                self.visit = (!value.is_empty()).then(|| value.to_owned());
            }
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = self.browser.request(&Method::GET, path);
        self.send(request).await
    }

    /// Posts a form with the token of the page at `page`.
    async fn post(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = field(&self.get(page).await.text, "csrf");
        let mut fields = fields.to_vec();
        fields.push(("csrf", &token));
        let request = self.browser.form(path, &fields);
        self.send(request).await
    }

    /// Opens the link with `code`.
    async fn open(&mut self, code: &str) -> Answer {
        self.post(&format!("/self?code={code}"), "/fn/self/open", &[("code", code)]).await
    }
}

/// The value of a hidden field in a page; empty without one.
fn field(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = page.find(&marker).map(|at| at + marker.len());
    start.map_or_else(String::new, |start| page[start..].split('"').next().unwrap().to_owned())
}

async fn code(app: &TestApp, stuck: &Stuck, named: bool) -> String {
    let session = named.then_some(&stuck.live);
    app.unstick.make_customer_link(&Actor::System, &stuck.account, session, None).await.unwrap().code
}

/// A customer who came in by a link that names the live session.
async fn visitor(app: &TestApp, stuck: &Stuck) -> Customer {
    let mut customer = Customer::with(app.browser());
    let code = code(app, stuck, true).await;
    assert_eq!(customer.open(&code).await.expect(303).location(), "/self");
    customer
}

#[tokio::test]
async fn a_link_is_looked_at_as_often_as_one_likes_and_opened_once() {
    let app = TestApp::new().await;
    let stuck = on_bad_server(&app, "acc_a").await;
    let code = code(&app, &stuck, true).await;
    let address = format!("/self?code={code}");
    // As programs do that look at links in mails.
    for _ in 0..3 {
        let page = app.browser().get(&address).await.expect(200);
        assert!(page.text.contains("Check and reset your sessions") && page.header("set-cookie").is_empty());
        assert!(!page.text.contains("Dana") && !page.text.contains("Desktop"), "the door tells nothing of the account");
    }
    let mut customer = Customer::with(app.browser());
    assert_eq!(customer.open(&code).await.expect(303).location(), "/self");
    assert_eq!(app.newest_event().await, ("customer.link_opened".to_owned(), "customer:acc_a".to_owned(), "done"));
    let own = customer.get("/self").await.expect(200).text;
    assert!(own.contains("Dana Ortiz") && own.contains("Your account is stuck") && own.contains("this one"), "{own}");
    for inner in ["198.51.100.4", "embedded", "<b>bad", "Audit", "href=\"/accounts", "/sign-in"] {
        assert!(!own.contains(inner), "{inner} is on the customer's page");
    }
    let mut second = Customer::with(app.browser());
    assert_eq!(second.open(&code).await.expect(303).location(), "/self?told=link");
    assert!(second.visit.is_none(), "a link opened twice");
    app.browser().get(&address).await.expect(410);
}

#[tokio::test]
async fn a_link_ends_in_its_time_and_so_does_the_visit() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let late = code(&app, &stuck, true).await;
    let mut customer = visitor(&app, &stuck).await;
    app.clock.advance(Span::from_secs(15 * 60));
    let mut other = Customer::with(app.browser());
    assert_eq!(other.open(&late).await.expect(303).location(), "/self?told=link");
    assert!(other.visit.is_none());
    assert!(customer.get("/self").await.text.contains("Dana Ortiz"));
    app.clock.advance(Span::from_secs(15 * 60));
    assert!(!customer.get("/self").await.expect(200).text.contains("Dana Ortiz"), "a visit lasts half an hour");
    assert_eq!(customer.get("/self/reset").await.expect(303).location(), "/self?told=over");
    let far = Span::from_days(2);
    let refused = app.unstick.make_customer_link(&Actor::System, &stuck.account, None, Some(far)).await;
    assert_eq!(refused.err().unwrap().status(), 422);
}

#[tokio::test]
async fn preview_confirm_progress_result() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let mut customer = visitor(&app, &stuck).await;
    let preview = customer.get("/self/reset").await.expect(200).text;
    assert!(preview.contains("You stay signed in here.") && preview.contains("This device"), "{preview}");
    let hash = field(&preview, "hash");
    let fields = [("stays", "this"), ("hash", hash.as_str())];
    let progress = customer.post("/self/reset", "/fn/self/reset", &fields).await.expect(303).location().to_owned();
    let running = customer.get(&progress).await.expect(200);
    assert!(running.text.contains("We are at it") && running.header("refresh") == "2", "{}", running.text);
    let id = progress.strip_prefix("/self/reset/").unwrap().parse().unwrap();
    app.unstick.drive(&id, &|_| ()).await.unwrap();
    let done = customer.get(&progress).await.expect(200);
    assert!(done.text.contains("Done.") && done.header("refresh").is_empty(), "{}", done.text);
    assert!(app.unstick.store().session(&stuck.live).await.unwrap().unwrap().state.is_live());
    let other = app.stuck("acc_b").await;
    let theirs = app.cleanup(&other.account).await;
    customer.get(&format!("/self/reset/{theirs}")).await.expect(404);
    customer.post("/self", "/fn/self/leave", &[]).await.expect(303);
    assert!(customer.visit.is_none());
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_shown_anew_and_not_done() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let mut customer = visitor(&app, &stuck).await;
    let fields = [("stays", "this"), ("hash", "of-yesterday")];
    let again = customer.post("/self/reset", "/fn/self/reset", &fields).await.expect(303).location().to_owned();
    assert_eq!(again, "/self/reset?stays=this&told=changed");
    assert!(customer.get(&again).await.expect(200).text.contains("changed since this was shown"));
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none());
}

#[tokio::test]
async fn who_came_by_a_link_that_names_no_device_chooses_one() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let other = app.stuck("acc_b").await;
    let mut customer = Customer::with(app.browser());
    let code = code(&app, &stuck, false).await;
    customer.open(&code).await.expect(303);
    let page = customer.get("/self/reset").await.expect(200).text;
    assert!(page.contains("Which device stays signed in?") && field(&page, "hash").is_empty(), "nothing is assumed");
    // Somebody else's is none that could be chosen.
    let page = customer.get(&format!("/self/reset?stays={}", other.live)).await.expect(200).text;
    assert!(field(&page, "hash").is_empty(), "{page}");
    let address = format!("/self/reset?stays={}", stuck.live);
    let page = customer.get(&address).await.expect(200).text;
    assert!(page.contains("The device that you chose stays signed in."), "{page}");
    let (hash, stays) = (field(&page, "hash"), stuck.live.to_string());
    let fields = [("stays", stays.as_str()), ("hash", hash.as_str())];
    let progress = customer.post(&address, "/fn/self/reset", &fields).await.expect(303).location().to_owned();
    assert!(progress.starts_with("/self/reset/c_"), "{progress}");
    assert!(app.unstick.store().session(&stuck.live).await.unwrap().unwrap().state.is_live());
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_visit_and_comes_from_here() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let (mut mine, mut other) = (visitor(&app, &stuck).await, visitor(&app, &stuck).await);
    let (own, theirs) = (field(&mine.get("/self").await.text, "csrf"), field(&other.get("/self").await.text, "csrf"));
    let hash = field(&mine.get("/self/reset").await.text, "hash");
    for wrong in ["", "x", &theirs] {
        let request = mine.browser.form("/fn/self/reset", &[("stays", "this"), ("hash", &hash), ("csrf", wrong)]);
        mine.send(request).await.expect(403);
    }
    for site in ["cross-site", "same-site", "none"] {
        let mut request = mine.browser.form("/fn/self/reset", &[("stays", "this"), ("hash", &hash), ("csrf", &own)]);
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        mine.send(request).await.expect(403);
    }
    assert!(app.unstick.store().live_cleanup(&stuck.account).await.unwrap().is_none());
    let request = mine.browser.form("/fn/self/reset", &[("stays", "this"), ("hash", &hash), ("csrf", &own)]);
    mine.send(request).await.expect(303);
}

/// The same browser may be signed in to the console: neither is taken for the other.
#[tokio::test]
async fn a_console_session_in_the_same_browser_counts_for_nothing_here_and_a_visit_nothing_there() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    app.stuck("acc_b").await;
    let mut customer = Customer::with(app.signed_in(Role::Admin).await);
    assert_eq!(customer.get("/self/reset").await.expect(303).location(), "/self?told=over");
    let code = code(&app, &stuck, true).await;
    customer.open(&code).await.expect(303);
    let page = customer.get("/self/reset").await.expect(200).text;
    assert!(!page.contains("Sign out") && !page.contains("/fn/sign-out"), "{page}");
    let fields = [("stays", "this"), ("hash", &*field(&page, "hash"))];
    customer.post("/self/reset", "/fn/self/reset", &fields).await.expect(303);
    assert_eq!(app.newest_event().await.1, "customer:acc_a");
    customer.get("/accounts/acc_b").await.expect(200);
    let mut alone = visitor(&app, &stuck).await;
    assert!(alone.get("/accounts/acc_a").await.expect(303).location().starts_with("/sign-in"));
    alone.get("/clean-ups/c_1/events").await.expect(401);
}

#[tokio::test]
async fn staff_make_a_link_that_is_shown_once_and_is_nowhere_else() {
    let app = TestApp::with(&[("UNSTICK_SERVICE_NAME", "Acme")]).await;
    let stuck = app.stuck("acc_a").await;
    let mut support = app.signed_in(Role::Support).await;
    assert!(support.get("/accounts/acc_a").await.expect(200).text.contains("href=\"/accounts/acc_a/link\""));
    let fields = [("account", "acc_a"), ("session", stuck.live.as_str()), ("minutes", "60")];
    let made = support.post("/fn/accounts/link", &fields).await.expect(303);
    assert_eq!(made.location(), "/accounts/acc_a/link");
    assert_eq!(app.newest_event().await, ("customer.link_made".to_owned(), "staff:support".to_owned(), "done"));
    let mut lines = made.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let cookie = lines.find(|line| line.starts_with("__Host-link=")).unwrap().split(';').next().unwrap().to_owned();
    let code = cookie.split_once('=').unwrap().1.to_owned();
    let mut request = support.request(&Method::GET, made.location());
    let both = format!("{}; {cookie}", request.headers()[header::COOKIE].to_str().unwrap());
    request.headers_mut().insert(header::COOKIE, both.parse().unwrap());
    let page = support.send(request).await.expect(200);
    assert!(page.text.contains(&format!("http://127.0.0.1:3000/self?code={code}")) && page.text.contains("Acme"));
    assert!(page.header("set-cookie").starts_with("__Host-link=; "), "it is shown once");
    support.keep(&page);
    assert!(!support.get("/accounts/acc_a/link").await.expect(200).text.contains("self?code="));
    let mut auditor = app.signed_in(Role::Auditor).await;
    assert!(!auditor.get("/audit/export.ndjson").await.expect(200).text.contains(&code), "the code is in the log");
    // For another account the same cookie shows nothing.
    app.stuck("acc_b").await;
    let mut request = support.request(&Method::GET, "/accounts/acc_b/link");
    request.headers_mut().insert(header::COOKIE, both.parse().unwrap());
    assert!(!support.send(request).await.expect(200).text.contains(&code));
    let mut viewer = app.signed_in(Role::Viewer).await;
    let page = viewer.get("/accounts/acc_a/link").await.expect(200).text;
    assert!(page.contains("Your role may not make links") && page.contains("disabled"), "{page}");
    let mut customer = Customer::with(app.browser());
    assert!(customer.get(&format!("/self?code={code}")).await.text.contains("your sessions of Acme"));
    customer.open(&code).await.expect(303);
}

#[tokio::test]
async fn a_back_end_makes_a_link_too() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let other = app.stuck("acc_b").await;
    let back_end = BackEnd::of(&app).await;
    let body = json!({ "session_id": stuck.live, "expires_in": 300 });
    let told = back_end.post("/accounts/acc_a/self-link", body).await.expect(201).json();
    let code = told["url"].as_str().unwrap().split_once("code=").unwrap().1.to_owned();
    Customer::with(app.browser()).open(&code).await.expect(303);
    for (path, body, status) in [
        ("/accounts/nosuch/self-link", json!({}), 404),
        ("/accounts/acc_a/self-link", json!({ "session_id": other.live }), 422),
        ("/accounts/acc_a/self-link", json!({ "session_id": stuck.ended }), 422),
        ("/accounts/acc_a/self-link", json!({ "expires_in": 59 }), 422),
        ("/accounts/acc_a/self-link", json!({ "expires_in": 86_401 }), 422),
    ] {
        back_end.post(path, body.clone()).await.expect(status);
    }
}

thread_local! {
    /// Whether what this thread logs is kept.
    static IS_LOGGED: Cell<bool> = const { Cell::new(false) };
}

/// What is logged in this thread, to be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_code_no_cookie_and_no_credential_is_in_the_log() {
    let app = TestApp::new().await;
    let stuck = app.stuck("acc_a").await;
    let log = Log::default();
    let writer = log.clone();
    let here = dynamic_filter_fn(|_, _| IS_LOGGED.get());
    let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_filter(here);
    // For the whole process: one of this thread alone may not be asked about what other threads logged first.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
    IS_LOGGED.set(true);
    let code = code(&app, &stuck, true).await;
    let mut customer = Customer::with(app.browser());
    customer.get(&format!("/self?code={code}")).await.expect(200);
    customer.open(&code).await.expect(303);
    Customer::with(app.browser()).open(&code).await.expect(303);
    customer.get("/self").await.expect(200);
    let secret = app.unstick.issue_credential(&Actor::System, &stuck.live).await.unwrap().secret;
    BackEnd::with(&app, secret.clone()).get("/self").await.expect(200);
    BackEnd::with(&app, format!("{secret}x")).get("/self").await.expect(401);
    IS_LOGGED.set(false);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/self") && text.contains("customer:acc_a"), "the requests are logged: {text}");
    for hidden in [code.as_str(), customer.visit.as_deref().unwrap(), secret.as_str()] {
        assert!(!text.contains(hidden), "{hidden} is in the log:\n{text}");
    }
}
