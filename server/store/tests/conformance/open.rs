//! Opening: safe files, clear errors, migrations that may be repeated and meet each other.

use store::{Engine, Options, Store, StoreError, testing};

use crate::world::{Db, aid};

both! {
    opening_again_finds_what_was_there,
    a_schema_of_another_version_is_refused_by_name,
    a_bulk_store_is_a_store,
}

async fn opening_again_finds_what_was_there(db: &Db) {
    db.accounts(&["a"]).await;
    db.store.close().await;
    let again = Store::open(&db.url, Options { migrate: false, ..testing::options() }).await.unwrap();
    assert!(again.account(&aid("a")).await.unwrap().is_some());
    again.ping().await.unwrap();
    again.checkpoint_wal().await.unwrap();
    let version = again.version().await.unwrap();
    match again.engine() {
        Engine::Sqlite => assert_eq!(version, "SQLite 3.51.3"),
        Engine::Postgres => assert!(version.starts_with("PostgreSQL "), "{version}"),
    }
}

async fn a_schema_of_another_version_is_refused_by_name(db: &Db) {
    db.raw("UPDATE _sqlx_migrations SET version = 999 WHERE version = 8").await.unwrap();
    for migrate in [true, false] {
        let refused = Store::open(&db.url, Options { migrate, ..testing::options() }).await;
        assert!(matches!(refused, Err(StoreError::Version(_))), "migrate {migrate}");
    }
    db.raw("DELETE FROM _sqlx_migrations WHERE version > 5").await.unwrap();
    let old = Store::open(&db.url, Options { migrate: false, ..testing::options() }).await;
    assert!(matches!(old, Err(StoreError::Version(_))));
}

async fn a_bulk_store_is_a_store(db: &Db) {
    let bulk = Store::open(&db.url, Options { bulk: true, readers: 1, ..testing::options() }).await.unwrap();
    bulk.ping().await.unwrap();
    bulk.bulk_begin().await.unwrap();
    bulk.bulk_end().await.unwrap();
}

#[tokio::test]
async fn two_processes_may_open_one_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("new/unstick.db").display());
    let open = || Store::open(&url, testing::options());
    let (one, two, three) = tokio::join!(open(), open(), open());
    for store in [one, two, three] {
        store.unwrap().ping().await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let db = Db::sqlite().await;
    db.accounts(&["a"]).await;
    let path = std::path::PathBuf::from(db.url.trim_start_matches("sqlite://"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for url in [
        "",
        "unstick.db",
        "mysql://x/y",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://x.db?mode=memory",
        "postgres://[",
        "sqlite://",
    ] {
        let refused = Store::open(url, testing::options()).await;
        assert!(matches!(refused, Err(StoreError::Config(_))), "{url:?}");
    }
}

#[tokio::test]
async fn readers_of_sqlite_cannot_write_and_do_not_wait_for_the_writer() {
    let db = Db::sqlite().await;
    let mut tx = db.store.begin().await.unwrap();
    tx.upsert_accounts(&[crate::world::upsert("a")], crate::world::at(0)).await.unwrap();
    assert_eq!(db.store.account(&aid("a")).await.unwrap(), None, "what is not committed is not seen");
    tx.commit().await.unwrap();
    assert!(db.store.account(&aid("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_without_advisory_locks_can_be_migrated() {
    let db = Db::postgres().await;
    for end in ["&migration_lock=off", "&migration_lock=off&application_name=x"] {
        Store::open(&format!("{}{end}", db.url), testing::options()).await.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cut_off_and_that_is_busy() {
    let db = Db::postgres().await;
    let mut one = db.store.begin().await.unwrap();
    one.upsert_accounts(&[crate::world::upsert("a")], crate::world::at(0)).await.unwrap();
    let mut two = db.store.begin().await.unwrap();
    let cut = two.upsert_accounts(&[crate::world::upsert("a")], crate::world::at(0)).await;
    assert!(cut.is_err_and(|error| error.is_busy()));
}

#[tokio::test]
async fn a_writer_that_nobody_gives_back_is_busy() {
    let db = Db::sqlite().await;
    let _held = db.store.begin().await.unwrap();
    assert!(db.store.begin().await.is_err_and(|error| error.is_busy()));
    let other = Store::open(&db.url, Options { migrate: false, ..testing::options() }).await.unwrap();
    assert!(other.begin().await.is_err_and(|error| error.is_busy()), "another process waits for the file");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_with_its_address() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = Store::open(&format!("postgres://u@127.0.0.1:{port}/x"), testing::options()).await;
    let error = refused.err().unwrap();
    assert!(error.to_string().contains(&format!("nobody answers at 127.0.0.1:{port}")), "{error}");
    assert!(error.is_busy(), "it may be there in a moment");
}
