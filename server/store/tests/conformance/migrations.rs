//! A death by `kill -9` in each migration, and at any moment of all of them (goal R12): the next start brings the schema up
//! to date as if nothing had happened. The process that dies is this test itself, started again.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection, migrate::Migrator};
use store::{Store, testing};

use crate::world::{Db, Dice, aid};

/// What sqlx itself reads in the folder.
async fn migrator(engine: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
    Migrator::new(folder.as_path()).await.unwrap()
}

const DATABASE: &str = "UNSTICK_TEST_DATABASE";
const DEATH: &str = "UNSTICK_TEST_DEATH";
/// The number of the signal that nothing survives (signal(7)).
const SIGKILL: i32 = 9;

/// How often to die at a moment that is drawn: a few times, or as `make torture` says.
fn random_deaths() -> usize {
    std::env::var("UNSTICK_TORTURE_MIGRATIONS").ok().map_or(3, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_in_any_migration_is_no_matter_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = |number: usize| format!("sqlite://{}", folder.path().join(format!("{number}.db")).display());
    let migrations = migrator("sqlite").await.iter().count();
    let mut deaths = 0;
    for (number, death) in deaths_of(migrations).enumerate() {
        deaths += usize::from(die(&url(number), &death, None));
        starts_cleanly(&url(number)).await;
    }
    assert_eq!(deaths, migrations * 2, "every death was died");
    let dice = Dice::new(7);
    for number in 0..random_deaths() {
        let url = url(1_000 + number);
        deaths += usize::from(die(&url, "", Some(Duration::from_micros(dice.below(60_000) as u64))));
        starts_cleanly(&url).await;
    }
    told(deaths, "SQLite");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_in_any_migration_is_no_matter_on_postgres() {
    let migrations = migrator("postgres").await.iter().count();
    let mut deaths = 0;
    for death in deaths_of(migrations) {
        let url = empty().await;
        deaths += usize::from(die(&url, &death, None));
        starts_cleanly(&url).await;
    }
    assert_eq!(deaths, migrations * 2, "every death was died");
    let dice = Dice::new(7);
    for _ in 0..random_deaths() {
        let url = empty().await;
        deaths += usize::from(die(&url, "", Some(Duration::from_micros(dice.below(200_000) as u64))));
        starts_cleanly(&url).await;
    }
    told(deaths, "PostgreSQL");
}

fn told(deaths: usize, engine: &str) {
    if random_deaths() > 3 {
        println!("R12  {engine:10}  {deaths} deaths by kill -9 in migrations, each followed by a clean start");
    }
}

/// In each migration when all of it is done and nothing committed, and after each.
fn deaths_of(migrations: usize) -> impl Iterator<Item = String> {
    (1..=migrations).flat_map(|number| [format!("{number} within"), format!("{number} after")])
}

/// A database without any schema.
async fn empty() -> String {
    let url = testing::postgres().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    conn.execute("DROP SCHEMA public CASCADE").await.unwrap();
    conn.execute("CREATE SCHEMA public").await.unwrap();
    url
}

/// Runs [`child`] until it dies as `death` says, or after a while. Whether it died of SIGKILL.
fn die(url: &str, death: &str, after: Option<Duration>) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "migrations::child", "--ignored", "--quiet"])
        .env(DATABASE, url)
        .env(DEATH, death)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if let Some(after) = after {
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    child.wait().unwrap().signal() == Some(SIGKILL)
}

/// The schema is what a start makes of nothing, and can be used.
async fn starts_cleanly(url: &str) {
    let store = Store::open(url, testing::options()).await.unwrap();
    let db = Db::at(store, url);
    db.accounts(&["a"]).await;
    assert!(db.store.account(&aid("a")).await.unwrap().is_some());
    let migrations = i64::try_from(migrator("sqlite").await.iter().count()).unwrap();
    assert_eq!(db.number("SELECT count(*) FROM _sqlx_migrations WHERE success").await, migrations, "each once");
    db.store.close().await;
}

/// The process that dies: brings the schema up to a migration, and kills itself in it or after it.
#[tokio::test]
#[ignore = "started by the tests above, in a process of its own"]
async fn child() {
    let (Ok(url), Ok(death)) = (std::env::var(DATABASE), std::env::var(DEATH)) else { return };
    let Some((number, when)) = death.split_once(' ') else {
        Store::open(&url, testing::options()).await.unwrap();
        return;
    };
    let engine = if url.starts_with("sqlite") { "sqlite" } else { "postgres" };
    let (all, number): (_, usize) = (migrator(engine).await, number.parse().unwrap());
    let done = if when == "within" { number - 1 } else { number };
    let some = all.migrations.iter().take(done).cloned().collect::<Vec<_>>();
    let migrator = Migrator { migrations: some.into(), ..Migrator::DEFAULT };
    let last = AssertSqlSafe(all.migrations[number - 1].sql.as_str().to_owned());
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        conn.execute("PRAGMA journal_mode = WAL").await.unwrap();
        migrator.run_direct(None, &mut conn, false).await.unwrap();
        conn.execute("BEGIN").await.unwrap();
        if when == "within" {
            conn.execute(sqlx::raw_sql(last)).await.unwrap();
        }
        kill();
    } else {
        let mut conn = PgConnection::connect(&url).await.unwrap();
        migrator.run_direct(None, &mut conn, false).await.unwrap();
        conn.execute("BEGIN").await.unwrap();
        if when == "within" {
            conn.execute(sqlx::raw_sql(last)).await.unwrap();
        }
        kill();
    }
}

/// Ends this process as nothing else does.
fn kill() {
    let id = std::process::id().to_string();
    let _ = Command::new("kill").args(["-KILL", &id]).status();
}
