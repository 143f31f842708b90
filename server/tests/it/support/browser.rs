//! A browser as far as it matters here: one cookie, the headers that browsers send, forms with their token.

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use tower::ServiceExt;

use super::Answer;

/// A browser.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    /// The session's cookie.
    pub cookie: Option<String>,
    /// All others.
    jar: std::collections::BTreeMap<String, String>,
    /// The address that it connects from.
    pub address: std::net::SocketAddr,
    agent: String,
}

impl Browser {
    pub fn new(router: Router) -> Self {
        Self {
            router,
            cookie: None,
            jar: std::collections::BTreeMap::new(),
            address: "203.0.113.7:4711".parse().unwrap(),
            agent: "Tests/1.0".to_owned(),
        }
    }

    /// A request as it would be sent for a click, to be changed.
    pub fn request(&self, method: &Method, path: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:3000")
            .header(header::USER_AGENT, &self.agent)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        let own = self.cookie.as_ref().map(|cookie| format!("{}={cookie}", server::http::COOKIE));
        let others = self.jar.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies: Vec<String> = own.into_iter().chain(others).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        request.extension(ConnectInfo(self.address)).body(Body::empty()).unwrap()
    }

    /// Sends a request as it is and reads the answer; keeps no cookie.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Sends a request and answers the response unread, for streams.
    pub async fn open(&self, path: &str) -> axum::http::Response<Body> {
        self.router.clone().oneshot(self.request(&Method::GET, path)).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = self.send(self.request(&Method::GET, path)).await;
        self.keep(&answer);
        answer
    }

    /// Posts a form with the token of this session.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = if self.cookie.is_some() { self.token().await } else { String::new() };
        let mut fields = fields.to_vec();
        fields.push((server::http::CSRF_FIELD, &token));
        let answer = self.send(self.form(path, &fields)).await;
        self.keep(&answer);
        answer
    }

    /// A form as it would be sent, to be changed.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        let mut request = self.request(&Method::POST, path);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        headers.insert(header::ORIGIN, "null".parse().unwrap());
        *request.body_mut() = Body::from(encode(fields));
        request
    }

    /// The token in the forms of this session's pages; empty when nobody is signed in.
    pub async fn token(&self) -> String {
        let page = self.send(self.request(&Method::GET, "/me")).await;
        let marker = "name=\"csrf\" value=\"";
        let start = page.text.find(marker).map(|at| at + marker.len());
        start.map_or_else(String::new, |start| page.text[start..].split('"').next().unwrap().to_owned())
    }

    /// Keeps the cookie that an answer sets.
    pub fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if name == server::http::COOKIE {
                self.cookie = (!value.is_empty()).then(|| value.to_owned());
            } else if value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Signs in with a password.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.post("/fn/sign-in", &[("name", name), ("password", password)]).await
    }

    /// Whether somebody is signed in.
    pub async fn is_signed_in(&self) -> bool {
        self.send(self.request(&Method::GET, "/me")).await.status == 200
    }
}

fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
