//! The ways to a Redis: TLS with a certificate of one's own, and doors behind which is none.

use std::{fs, path::Path, process::Command};

use routers::{
    Router,
    redis::{Redis, RedisConfig},
};

use super::{refused, unreachable};
use crate::lab::{Lab, RedisLab, free_port, key, pool};

fn certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output()
        .expect("this test needs openssl: install it with apt-get");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn tls_is_spoken_and_strangers_are_not_trusted() {
    let (app, keys) = (pool("app"), [key("acc_7")]);
    let port = free_port();
    let options = format!(
        "--save '' --tls-port {port} --tls-cert-file {{dir}}/cert.pem --tls-key-file {{dir}}/key.pem \
         --tls-ca-cert-file {{dir}}/cert.pem --tls-auth-clients no"
    );
    let lab = RedisLab::prepared(&options, certificate).await;
    lab.pin("acc_7", "api-2");
    let at = |endpoint: &str, ca: Option<Vec<u8>>| {
        Redis::new(RedisConfig { endpoint: endpoint.parse().unwrap(), ca, ..lab.config() }).unwrap()
    };
    let ca = fs::read(lab.path("cert.pem")).unwrap();
    let good = at(&format!("rediss://localhost:{port}/0"), Some(ca.clone()));
    assert_eq!(good.read(&app, &keys).await.unwrap().len(), 1);
    assert_eq!(good.clear(&app, &keys).await.unwrap(), []);
    refused(at(&format!("rediss://localhost:{port}/0"), None).read(&app, &keys).await, "cannot be trusted");
    refused(at(&format!("rediss://127.0.0.1:{port}/0"), Some(ca.clone())).read(&app, &keys).await, "cannot be trusted");
    assert!(at(&format!("redis://localhost:{port}/0"), None).read(&app, &keys).await.is_err(), "no TLS to a TLS port");
    assert!(Redis::new(RedisConfig { ca: Some(ca), ..lab.config() }).is_err(), "a certificate for a unix socket");
}

#[tokio::test]
async fn somebody_else_at_the_endpoint_is_no_router() {
    let (lab, redis, keys) = (Lab::start().await, RedisLab::start().await, [key("acc_7")]);
    let endpoint = format!("unix:{}", lab.path("web.sock").display()).parse().unwrap();
    let web = Redis::new(RedisConfig { endpoint, ..redis.config() }).unwrap();
    refused(web.read(&pool("app"), &keys).await, "does not answer like Redis");
    refused(web.about().await, "does not answer like Redis");
    // HAProxy's runtime API says things that look like nothing at all.
    let endpoint = format!("unix:{}", lab.path("admin.sock").display()).parse().unwrap();
    let runtime = Redis::new(RedisConfig { endpoint, ..redis.config() }).unwrap();
    assert!(runtime.clear(&pool("app"), &keys).await.is_err());
    let none = RedisConfig { endpoint: "unix:/nonexistent/redis.sock".parse().unwrap(), ..redis.config() };
    unreachable(Redis::new(none).unwrap().about().await, "no such socket");
}
