//! Which kinds of routers [`crate::conformance`] is held against here.

use crate::conformance::subject::Subject;

macro_rules! run {
    (all: $($all:ident)+; outside: $($outside:ident)+) => {
        mod embedded { $(#[tokio::test] async fn $all() { crate::conformance::$all(super::Subject::embedded()).await; })+ }
        mod haproxy {
            $(#[tokio::test] async fn $all() { crate::conformance::$all(super::Subject::haproxy().await).await; })+
            $(#[tokio::test] async fn $outside() { crate::conformance::$outside(super::Subject::haproxy().await).await; })+
        }
        mod redis {
            $(#[tokio::test] async fn $all() { crate::conformance::$all(super::Subject::redis().await).await; })+
            $(#[tokio::test] async fn $outside() { crate::conformance::$outside(super::Subject::redis().await).await; })+
        }
    };
}

promises!(run);
