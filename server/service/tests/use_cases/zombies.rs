//! A worker that stops past its lease, while another one finishes, changes nothing when it goes on (goal R7): a call that
//! does not come back, at every call of a clean-up; and a process that is stopped by the kernel.

use std::process::{Child, Command, Stdio};

use domain::{CleanupId, Mode, Span, Status};
use service::BulkSource;
use store::testing;

use crate::{
    bulk::order,
    world::{Stop, WOKEN, World, account, request, shell, sqlite_in, stop_this_process, times},
};

both!(
    a_worker_that_stalls_at_any_call_writes_nothing_later,
    of_a_team_only_those_drop_out_that_another_one_took_over,
    a_worker_that_is_too_late_leaves_no_fence,
);

/// How a process is told to stop inside a transaction.
const INSIDE: &str = "inside";

async fn force(world: &World, name: &str) -> CleanupId {
    world.unstick.request_cleanup(&shell(), request(name, Mode::Force)).await.unwrap().id
}

async fn a_worker_that_stalls_at_any_call_writes_nothing_later(world: World) {
    let first = world.stuck("base").await;
    let (id, before) = (force(&world, "base").await, world.calls());
    assert_eq!(world.drive(&id, 1).await, Status::Done);
    world.assert_clean(&first, "nobody stalls").await;
    let calls = world.calls() - before;
    for nth in 0..calls {
        for stop in [Stop::Before, Stop::After] {
            let name = format!("z{nth}{stop:?}");
            let account = world.stuck(&name).await;
            let id = force(&world, &name).await;
            let gate = world.gate(nth, stop);
            let zombie = async {
                let look = |_: &domain::view::LedgerView| ();
                world.unstick.drive(&id, &look).await.unwrap()
            };
            let others = async {
                gate.reached.notified().await;
                world.clock.advance(Span::from_secs(60));
                assert_eq!(world.drive(&id, 5).await, Status::Done, "another one finishes");
                let facts = world.facts(&id).await;
                gate.open.notify_one();
                facts
            };
            let (seen, finished) = tokio::join!(zombie, others);
            assert_eq!(seen, Status::Done, "it sees what the other did");
            assert_eq!(world.facts(&id).await, finished, "{name}: and wrote nothing of its own");
            world.assert_clean(&account, &name).await;
        }
    }
}

/// Three clean-ups of a bulk one, to be worked on side by side.
async fn team(world: &World, name: &str) -> Vec<CleanupId> {
    let mut list = String::new();
    for at in 0..3 {
        list.push_str(world.stuck(&format!("{name}{at}")).await.as_str());
        list.push('\n');
    }
    let source = BulkSource::List(Box::new(std::io::Cursor::new(list.into_bytes())));
    let bulk = world.unstick.draft_bulk(&shell(), source, order(Mode::Force)).await.unwrap();
    world.unstick.request_bulk(&shell(), &bulk.id, &bulk.hash).await.unwrap();
    // Its pace allows all three.
    world.clock.advance(Span::from_secs(1));
    world.unstick.bulk_once().await.unwrap();
    let ids = world.due(10).await;
    assert_eq!(ids.len(), 3);
    ids
}

async fn of_a_team_only_those_drop_out_that_another_one_took_over(world: World) {
    team(&world, "base").await;
    let before = world.calls();
    world.unstick.clean_up_once().await.unwrap();
    let calls = world.calls() - before;
    assert_eq!(world.due(10).await, [], "all were done at once");
    for nth in 0..calls {
        for stop in [Stop::Before, Stop::After] {
            let name = format!("t{nth}{stop:?}");
            let ids = team(&world, &name).await;
            let gate = world.gate(nth, stop);
            let others = async {
                gate.reached.notified().await;
                world.clock.advance(Span::from_secs(60));
                assert_eq!(world.drive(&ids[1], 5).await, Status::Done, "another one takes this one over");
                let facts = world.facts(&ids[1]).await;
                gate.open.notify_one();
                facts
            };
            let (ended, finished) = tokio::join!(world.unstick.clean_up_once(), others);
            ended.unwrap();
            assert_eq!(world.facts(&ids[1]).await, finished, "{name}: of that one it wrote nothing");
            for (at, id) in ids.iter().enumerate() {
                assert_eq!(world.drive(id, 5).await, Status::Done, "{name}: {at}");
            }
            for at in 0..3 {
                world.assert_clean(&account(&format!("{name}{at}")), &name).await;
            }
        }
    }
}

/// It had not fenced its keys yet when it stalled; when it goes on all is done, and nobody would lift its fence.
async fn a_worker_that_is_too_late_leaves_no_fence(world: World) {
    world.script.fenced.store(true, std::sync::atomic::Ordering::SeqCst);
    world.stuck("late").await;
    let id = force(&world, "late").await;
    let gate = world.gate_fence();
    let zombie = async {
        let look = |_: &domain::view::LedgerView| ();
        world.unstick.drive(&id, &look).await.unwrap()
    };
    let others = async {
        gate.reached.notified().await;
        world.clock.advance(Span::from_secs(60));
        assert_eq!(world.drive(&id, 5).await, Status::Done);
        for _ in 0..30 {
            world.clock.advance(Span::from_secs(61));
            world.unstick.watch_once().await.unwrap();
        }
        assert!(world.store.watch(&id).await.unwrap().is_some_and(|watch| watch.is_over()));
        assert_eq!(world.fences(), 0, "the watch lifted them");
        gate.open.notify_one();
    };
    let (seen, ()) = tokio::join!(zombie, others);
    assert_eq!(seen, Status::Done);
    assert_eq!(world.fences(), 0, "and none came too late");
}

#[tokio::test]
async fn a_process_that_is_stopped_inside_a_transaction_holds_others_up_and_nothing_is_lost_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    stopped_inside(&sqlite_in(&folder)).await;
}

#[tokio::test]
async fn a_process_that_is_stopped_inside_a_transaction_holds_others_up_and_nothing_is_lost_on_postgres() {
    stopped_inside(&testing::postgres().await).await;
}

/// What a lock is: while a process stands still inside a transaction, nobody else writes what it wrote (on SQLite: anything),
/// and nobody can take the lock away, for the database cannot know that it will not go on. Who wants to write is told that it is
/// busy, reads are answered, and when it goes on or dies (PostgreSQL ends it after a minute) all goes on.
async fn stopped_inside(url: &str) {
    let world = World::open(url, Span::ZERO).await;
    let account = world.stuck("stop").await;
    let id = force(&world, "stop").await;
    let mut child = Frozen::start(url, INSIDE);
    child.wait_until_stopped();
    let began = std::time::Instant::now();
    let locked = async {
        let mut tx = world.store.begin().await?;
        tx.account_for_update(&account).await?;
        tx.rollback().await
    };
    assert!(locked.await.is_err(), "a lock is a lock");
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    assert!(world.store.account(&account).await.unwrap().is_some(), "to look is allowed");
    assert_ne!(world.facts(&id).await.cleanup.status, Status::Done);
    assert!(child.go_on(), "the one that was stopped ends in order");
    assert_eq!(world.drive(&id, 5).await, Status::Done);
    world.assert_clean(&account, "stopped inside a transaction").await;
    world.store.close().await;
}

#[tokio::test]
async fn a_process_that_is_stopped_past_its_lease_writes_nothing_later_on_sqlite() {
    let runs = times("UNSTICK_TORTURE_ZOMBIES", 2);
    for run in 0..runs {
        let folder = tempfile::tempdir().unwrap();
        stopped(&sqlite_in(&folder), run).await;
    }
    told(runs, "SQLite");
}

#[tokio::test]
async fn a_process_that_is_stopped_past_its_lease_writes_nothing_later_on_postgres() {
    let runs = times("UNSTICK_TORTURE_ZOMBIES", 2);
    for run in 0..runs {
        stopped(&testing::postgres().await, run).await;
    }
    told(runs, "PostgreSQL");
}

fn told(runs: usize, engine: &str) {
    if runs > 2 {
        println!(
            "R7  {engine:10}  {runs} processes stopped (SIGSTOP) past their lease, outside a transaction, and woken after the end: \
             0 stale writes, 0 held others up"
        );
    }
}

/// A process is stopped at one of the calls of its clean-up; another one finishes; then it goes on.
async fn stopped(url: &str, run: usize) {
    let world = World::open(url, Span::ZERO).await;
    let account = world.stuck("stop").await;
    let id = force(&world, "stop").await;
    // Every call of the clean-up in turn, before and after it is done.
    let when = if run.is_multiple_of(2) { Stop::Before } else { Stop::After };
    let mut child = Frozen::start(url, &format!("{} {when:?}", run / 2 % 6));
    child.wait_until_stopped();
    world.clock.advance(Span::from_secs(60));
    assert_eq!(child.locks(), Vec::<String>::new(), "run {run}: it stands still with a lock");
    assert_eq!(world.drive(&id, 5).await, Status::Done, "another one finishes");
    let finished = world.facts(&id).await;
    assert!(child.go_on(), "the one that was stopped ends in order");
    assert_eq!(world.facts(&id).await, finished, "run {run}: it wrote something");
    world.assert_clean(&account, "stopped").await;
    world.store.close().await;
}

/// A process that stops itself; ended when it is dropped.
struct Frozen {
    child: Child,
    /// Where the file will be that says that it was woken.
    folder: tempfile::TempDir,
}

impl Frozen {
    fn start(url: &str, stop: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "zombies::child", "--ignored", "--quiet"])
            .env("UNSTICK_TEST_DATABASE", url)
            .env("UNSTICK_TEST_STOP", stop)
            .env(WOKEN, folder.path().join("woken"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// The kernel says when a thread is stopped: state `T` (proc(5)). They stop one by one.
    fn wait_until_stopped(&mut self) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let state = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            stat.rsplit(") ").next()?.chars().next()
        };
        loop {
            let states: Vec<_> = std::fs::read_dir(&tasks).unwrap().map(|task| state(task.unwrap())).collect();
            if !states.is_empty() && states.iter().all(|state| *state == Some('T')) {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before it stopped");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Locks on files that it alone has (proc(5)): SQLite's for writing.
    fn locks(&self) -> Vec<String> {
        let pid = format!(" {} ", self.child.id());
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(" WRITE ") && line.contains(&pid)).map(str::to_owned).collect()
    }

    /// Wakes it, and waits for its end.
    fn go_on(&mut self) -> bool {
        std::fs::write(self.folder.path().join("woken"), "").unwrap();
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-CONT", &id]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process that stops.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn child() {
    let (Ok(url), Ok(stop)) = (std::env::var("UNSTICK_TEST_DATABASE"), std::env::var("UNSTICK_TEST_STOP")) else {
        return;
    };
    let world = World::open(&url, Span::ZERO).await;
    let id = world.store.live_cleanup(&account("stop")).await.unwrap().unwrap();
    if stop == INSIDE {
        let mut tx = world.store.begin().await.unwrap();
        tx.account_for_update(&account("stop")).await.unwrap();
        stop_this_process();
        tx.rollback().await.unwrap();
        return;
    }
    let (call, when) = stop.split_once(' ').unwrap();
    let when = if when == "Before" { Stop::Before } else { Stop::After };
    *world.script.freeze.lock().unwrap() = Some((world.calls() + call.parse::<u64>().unwrap(), when));
    assert_eq!(world.drive(&id, 5).await, Status::Done);
}
