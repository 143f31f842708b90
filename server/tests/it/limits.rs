//! Too much, too slow, too many.

use std::time::{Duration, Instant};

use domain::{Role, TokenScope};
use server::http::Holding;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::TestApp;

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = TestApp::new().await;
    let token = app.token(&[TokenScope::SessionsWrite]).await;
    let admin = app.signed_in(Role::Admin).await;
    for (path, size, status) in [
        ("/api/v1/accounts/a", (1 << 20) + 1, 413),
        ("/api/v1/batch/accounts", (4 << 20) + 1, 413),
        ("/api/v1/batch/accounts", (1 << 20) + 1, 400),
    ] {
        let method = if path.contains("batch") { "POST" } else { "PUT" };
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from("x".repeat(size)))
            .unwrap();
        assert_eq!(admin.send(request).await.status, status, "{path} {size}");
    }
    for size in [(1 << 20) + 1, 5 << 20] {
        admin.send(admin.form("/fn/me/theme", &[("theme", &"x".repeat(size))])).await.expect(413);
        let nobody = app.browser();
        nobody.send(nobody.form("/fn/sign-in", &[("name", &"x".repeat(size))])).await.expect(413);
    }
}

#[tokio::test]
async fn a_token_that_asks_too_often_waits() {
    let app = TestApp::with(&[("UNSTICK_API_RATE", "5")]).await;
    let token = app.token(&[TokenScope::SessionsRead]).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let request = axum::http::Request::get("/api/v1/accounts")
            .header("authorization", format!("Bearer {token}"))
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = app.browser().send(request).await;
        if answer.status == 429 {
            assert!(!answer.header("retry-after").is_empty());
        }
        statuses.push(answer.status);
    }
    assert!(statuses.iter().take(10).all(|status| *status == 200) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_search_that_is_too_much_is_refused_and_wildcards_are_letters() {
    let app = TestApp::new().await;
    app.stuck("acc_a").await;
    let mut viewer = app.signed_in(Role::Viewer).await;
    let long = "x".repeat(10_000);
    for query in [long.as_str(), "%25_", "%25%25%25", "x%00y", "%F0%9F%92%A9", "'%20OR%201=1--"] {
        let answer = viewer.get(&format!("/?q={query}")).await;
        assert!([200, 422].contains(&answer.status), "{query:.20}: {}", answer.status);
        assert!(!answer.text.contains("acc_a"), "{query:.20} found an account");
    }
    for after in ["x", "1e18", "%00", "-1"] {
        let answer = viewer.get(&format!("/accounts?after={after}")).await;
        assert!(answer.status < 500, "{after}: {}", answer.status);
    }
}

struct Listening {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

async fn listen(app: &TestApp, connections: usize) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let holding = Holding { connections, head: Duration::from_secs(1), drain: Duration::from_secs(2) };
    let router = app.router();
    let task = tokio::spawn(async move { server::http::serve(listener, router, holding, stopped).await.unwrap() });
    Listening { address, stop, task }
}

#[tokio::test]
async fn slow_heads_are_closed_and_disturb_nobody() {
    let app = TestApp::new().await;
    let listening = listen(&app, 1_000).await;
    let mut slow = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(listening.address).await.unwrap();
        let part: &[u8] = match n % 4 {
            0 => b"",
            1 => b"P",
            2 => b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            _ => b"PRI * HTTP/2.0\r\n",
        };
        stream.write_all(part).await.unwrap();
        slow.push(stream);
    }
    let began = Instant::now();
    let mut healthy = TcpStream::connect(listening.address).await.unwrap();
    healthy.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    healthy.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    for mut stream in slow {
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a slow head was left open");
    }
    listening.stop.send_replace(true);
    listening.task.await.unwrap();
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait() {
    let app = TestApp::new().await;
    let listening = listen(&app, 2).await;
    let idle =
        [TcpStream::connect(listening.address).await.unwrap(), TcpStream::connect(listening.address).await.unwrap()];
    let began = Instant::now();
    let mut third = TcpStream::connect(listening.address).await.unwrap();
    third.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    third.read_to_string(&mut text).await.unwrap();
    // It is served when an idle one was closed for saying nothing.
    assert!(text.starts_with("HTTP/1.1 200") && began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    drop(idle);
    listening.stop.send_replace(true);
    listening.task.await.unwrap();
}

#[tokio::test]
async fn a_request_that_takes_too_long_gets_an_answer() {
    let app = TestApp::with(&[("UNSTICK_REQUEST_TIMEOUT", "1s")]).await;
    let listening = listen(&app, 10).await;
    let mut stream = TcpStream::connect(listening.address).await.unwrap();
    // The head is whole, the body never comes.
    let head = "POST /fn/sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 100\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\nname=";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&answer[..read]);
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    drop(stream);
    listening.stop.send_replace(true);
    listening.task.await.unwrap();
}
