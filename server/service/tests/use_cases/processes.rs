//! Four processes on one database, all after the same accounts (goal R8): of two requests for one account one makes the
//! clean-up and the other joins it, it is worked on by one at a time and completed once, and nobody is told that the
//! database is locked.

use std::process::{Command, Stdio};

use domain::{Mode, Span, Status};
use service::Error;
use store::testing;

use crate::world::{World, account, request, shell, sqlite_in, times};

const PROCESSES: usize = 4;

#[tokio::test]
async fn four_processes_share_one_database_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    shared(&sqlite_in(&folder), "SQLite").await;
}

#[tokio::test]
async fn four_processes_share_one_database_on_postgres() {
    shared(&testing::postgres().await, "PostgreSQL").await;
}

async fn shared(url: &str, engine: &str) {
    let accounts = times("UNSTICK_TORTURE_PROCESSES", 50);
    let world = World::open(url, Span::ZERO).await;
    world.crowd(accounts).await;
    let children: Vec<_> = (0..PROCESSES)
        .map(|turn| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes::child", "--ignored", "--nocapture", "--quiet"])
                .env("UNSTICK_TEST_DATABASE", url)
                .env("UNSTICK_TEST_TURN", format!("{turn} {accounts}"))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    for number in 0..accounts {
        let account = account(&format!("acc{number}"));
        for action in ["cleanup.requested", "cleanup.done"] {
            assert_eq!(world.events(&account, action).await, 1, "{account}: {action}");
        }
        assert_eq!(world.pins(&account).await, 0, "{account}");
    }
    world.assert_invariants("four processes").await;
    let verified = world.store.verify_audit(&[], &|_| ()).await.unwrap();
    assert!(matches!(verified, store::Verification::Intact { .. }), "{verified:?}");
    if accounts > 50 {
        println!(
            "R8  {engine:10}  {PROCESSES} processes, {accounts} accounts, each wanted by all: one clean-up and one completion each, \
             0 times «locked»"
        );
    }
}

/// One of the processes: asks for every account's clean-up and works on it. Each begins elsewhere, two go backwards.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn child() {
    let (Ok(url), Ok(turn)) = (std::env::var("UNSTICK_TEST_DATABASE"), std::env::var("UNSTICK_TEST_TURN")) else {
        return;
    };
    let (turn, accounts) = turn.split_once(' ').unwrap();
    let (turn, accounts): (usize, usize) = (turn.parse().unwrap(), accounts.parse().unwrap());
    let world = World::open(&url, Span::ZERO).await;
    for step in 0..accounts {
        let at = if turn.is_multiple_of(2) { step } else { accounts - 1 - step };
        let name = format!("acc{at}");
        match world.unstick.request_cleanup(&shell(), request(&name, Mode::Force)).await {
            Ok(asked) => assert_eq!(world.drive(&asked.id, 1).await, Status::Done),
            // Another one was faster, and is done.
            Err(Error::NothingToDo | Error::WorldChanged(_)) => {}
            Err(error) => panic!("{name}: {error}: {error:?}"),
        }
    }
}
