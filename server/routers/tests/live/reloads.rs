//! A reload (`systemctl reload`): a new process takes over with an empty table and no fences, and the old one still has requests.

use routers::Router;

use crate::lab::{Lab, Pair, key, pool};

/// What the old process still serves it writes into its own table, which nobody asks any more.
#[tokio::test]
async fn a_reload_forgets_rows_and_fences_and_the_next_round_fences_again() {
    let (mut lab, accounts, keys) = (Lab::start().await, pool("accounts"), [key("acc_7")]);
    let router = lab.router();
    let server = lab.get("accounts", "acc_7", "/").await.server;
    let gate = lab.origin(&server).gate();
    let (socket, before) = (lab.path("web.sock"), router.about().await.unwrap());
    let held = tokio::spawn(async move { crate::lab::get(&socket, "accounts", "acc_7", "/hold").await });
    gate.arrival().await;
    router.fence(&keys).await.unwrap();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    lab.reload().await;
    assert!(router.about().await.unwrap().uptime <= before.uptime, "whoever looks is told that it is another one");
    assert_eq!(router.read(&accounts, &keys).await.unwrap(), [], "its table is empty");
    // The trap: the fence is down, and a request pins the customer as if nothing had been asked for.
    lab.get("accounts", "acc_7", "/").await;
    assert_eq!(router.read(&accounts, &keys).await.unwrap().len(), 1);
    // Each round of a clean-up fences before it clears.
    router.fence(&keys).await.unwrap();
    assert_eq!(router.clear(&accounts, &keys).await.unwrap(), []);
    lab.get("accounts", "acc_7", "/").await;
    gate.release();
    assert_eq!(held.await.unwrap().status, 200, "nobody's request was cut");
    assert_eq!(router.read(&accounts, &keys).await.unwrap(), [], "and its end brings nothing back");
}

/// With peers the old process teaches the new one, cleared rows stay cleared, and what a request in the old one writes back is
/// seen and cleared by the next round.
#[tokio::test]
async fn a_reload_between_peers_keeps_what_was_cleared() {
    let mut pair = Pair::start().await;
    let (routers, app, keys) = ([pair.router(0), pair.router(1)], pool("app"), [key("acc_7")]);
    let server = pair.get(0, "acc_7", "/").await.server;
    let other = pair.get(0, "acc_8", "/").await.server;
    for which in [0, 1] {
        pair.until(which, "acc_7", &format!("server_key={server}")).await;
        pair.until(which, "acc_8", &format!("server_key={other}")).await;
    }
    for router in &routers {
        router.fence(&keys).await.unwrap();
        assert_eq!(router.clear(&app, &keys).await.unwrap(), []);
    }
    pair.reload(0).await;
    pair.until(0, "acc_8", &format!("server_key={other}")).await;
    pair.settle(1).await;
    for router in &routers {
        assert_eq!(router.read(&app, &keys).await.unwrap(), [], "who was not cleaned is there, who was is not");
    }
}
