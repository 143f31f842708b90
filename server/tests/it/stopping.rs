//! SIGTERM under load (goal R10): who asked before it is answered, what was accepted is kept, and it ends in time.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use store::Store;

use crate::{
    serve::Server,
    support::{Client, Program, json},
};

/// Back ends that report all the time, some on a connection that they keep, some on a new one each time.
const BACK_ENDS: usize = 6;

/// What a back end saw.
#[derive(Default)]
struct Saw {
    /// Sessions that were accepted.
    accepted: Vec<String>,
    /// Requests that were sent before the signal and had no answer.
    broken: Vec<String>,
}

#[test]
fn a_stop_under_load_answers_all_that_was_asked_and_keeps_all_that_was_accepted() {
    let times = std::env::var("UNSTICK_TORTURE_STOPS").ok().map_or(1, |text| text.parse().unwrap());
    let (mut accepted, mut slowest) = (0, Duration::ZERO);
    for _ in 0..times {
        let (kept, took) = stop_under_load();
        accepted += kept;
        slowest = slowest.max(took);
    }
    if times > 1 {
        println!(
            "R10  {times} stops under load: {accepted} reports accepted, 0 lost, 0 requests from before the signal without an \
             answer, exit 0, at most {} ms",
            slowest.as_millis()
        );
    }
}

/// One server's life: how many reports it accepted, and how long its end took.
fn stop_under_load() -> (usize, Duration) {
    let program = Program::new();
    let made = json(&program.expect(&["token", "create", "a", "--scope", "sessions:write", "--json"], 0).out);
    let token = made["secret"].as_str().unwrap().to_owned();
    let server = Server::start(&program, &[]);
    let mut first = Client::connect(&server.address, &token).unwrap();
    assert_eq!(first.send("PUT", "/api/v1/accounts/acc_1", "{}").unwrap().0, 201);
    // True from before the signal is sent: what is sent while it is false was sent before.
    let asked = AtomicBool::new(false);
    let address = server.address.clone();
    let (saw, (code, took)) = std::thread::scope(|scope| {
        let back_ends: Vec<_> = (0..BACK_ENDS)
            .map(|number| {
                scope.spawn({
                    let (address, token, asked) = (&address, &token, &asked);
                    move || report(number, address, token, asked)
                })
            })
            .collect();
        // Under way: everyone was answered at least once.
        let mut ready = Client::connect(&address, &token).unwrap();
        for _ in 0..40 {
            assert_eq!(ready.send("PUT", "/api/v1/accounts/acc_1", "{}").unwrap().0, 200);
        }
        asked.store(true, Ordering::SeqCst);
        let id = server.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let began = Instant::now();
        let (code, _) = server.terminate_again();
        let took = began.elapsed();
        let saw: Vec<Saw> = back_ends.into_iter().map(|it| it.join().unwrap()).collect();
        (saw, (code, took))
    });
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let broken: Vec<&String> = saw.iter().flat_map(|it| &it.broken).collect();
    assert!(broken.is_empty(), "asked before the signal, and no answer: {broken:?}");
    let accepted: Vec<String> = saw.into_iter().flat_map(|it| it.accepted).collect();
    assert!(accepted.len() > BACK_ENDS, "there was load: {}", accepted.len());
    let kept = stored(&program, &accepted);
    assert_eq!(kept, accepted.len(), "accepted, and not there");
    (kept, took)
}

/// Reports new sessions until the server is gone.
fn report(number: usize, address: &str, token: &str, asked: &AtomicBool) -> Saw {
    let mut saw = Saw::default();
    let keeps = number.is_multiple_of(2);
    let mut client = None;
    for turn in 0.. {
        let id = format!("s_{number}_{turn}");
        let before = !asked.load(Ordering::SeqCst);
        let sent = (|| {
            let mut it = match client.take() {
                Some(it) => it,
                None => Client::connect(address, token)?,
            };
            it.ask("PUT", &format!("/api/v1/sessions/{id}"), r#"{"account_id":"acc_1"}"#)?;
            // Still before: then the whole of it lay in the server's hands before the signal was sent.
            let before = before && !asked.load(Ordering::SeqCst);
            Ok::<_, std::io::Error>((it, before))
        })();
        let (mut it, before) = match sent {
            Ok(sent) => sent,
            Err(error) if before && !asked.load(Ordering::SeqCst) => {
                saw.broken.push(format!("{id}: {error}"));
                continue;
            }
            // It takes no more connections.
            Err(_) => return saw,
        };
        match it.answer() {
            Ok((201, open)) => {
                saw.accepted.push(id);
                client = (open && keeps).then_some(it);
            }
            Ok((503, _)) if !before => {}
            Ok((status, _)) => saw.broken.push(format!("{id}: {status}")),
            Err(error) if before => saw.broken.push(format!("{id}: {error}")),
            Err(_) => {}
        }
    }
    saw
}

/// How many of `sessions` are in the database.
fn stored(program: &Program, sessions: &[String]) -> usize {
    let url = format!("sqlite://{}", program.folder.path().join("data/unstick.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let audit = store::AuditKeys::new([7; 32], Vec::new());
        let options = store::Options { readers: 1, audit, migrate: false, bulk: false };
        let store = Store::open(&url, options).await.unwrap();
        let ids: Vec<_> = sessions.iter().map(|id| domain::SessionId::parse(id).unwrap()).collect();
        store.sessions_by_ids(&ids).await.unwrap().len()
    })
}
