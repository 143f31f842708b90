//! The schemas of both engines are one schema.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::world::Db;

/// What only SQLite has: the search index's tables, and the number that it refers to.
const ONLY_SQLITE: &str = "accounts.row_no";

/// Columns by `table.column`: type, and whether NULL is allowed.
type Columns = BTreeMap<String, (String, bool)>;

async fn sqlite_columns(db: &Db) -> Columns {
    let mut conn = SqliteConnection::connect(&db.url).await.unwrap();
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'accounts\\_fts%' ESCAPE '\\' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
         AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    columns
        .into_iter()
        .map(|(table, column, kind, null)| {
            let kind = match kind.as_str() {
                "INTEGER" => "bigint",
                "TEXT" => "text",
                "REAL" => "double precision",
                other => panic!("{table}.{column} is {other}"),
            };
            (format!("{table}.{column}"), (kind.to_owned(), null))
        })
        .collect()
}

async fn postgres_columns(db: &Db) -> Columns {
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let columns: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES' FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    columns.into_iter().map(|(table, column, kind, null)| (format!("{table}.{column}"), (kind, null))).collect()
}

#[tokio::test]
async fn tables_and_columns_are_the_same() {
    let (sqlite, postgres) = (Db::sqlite().await, Db::postgres().await);
    let mut columns = sqlite_columns(&sqlite).await;
    assert!(columns.remove(ONLY_SQLITE).is_some());
    assert!(columns.len() > 100, "there are columns to compare");
    assert_eq!(columns, postgres_columns(&postgres).await);
}

#[tokio::test]
async fn indexes_are_the_same() {
    let (sqlite, postgres) = (Db::sqlite().await, Db::postgres().await);
    let mut conn = SqliteConnection::connect(&sqlite.url).await.unwrap();
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            .fetch_all(&mut conn)
            .await
            .unwrap();
    let here: BTreeSet<String> = names.into_iter().collect();
    let mut conn = PgConnection::connect(&postgres.url).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'public' AND c.relkind = 'i' AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = c.oid)",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let mut there: BTreeSet<String> = names.into_iter().collect();
    assert!(there.remove("accounts_by_text"), "Postgres' own search index");
    assert_eq!(here, there);
}

#[tokio::test]
async fn migrations_have_the_same_numbers_and_names() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let names = |engine: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(root.join(engine)).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

/// What Postgres compares by its own locale would be in another order, or equal, than on SQLite.
#[tokio::test]
async fn every_text_in_an_index_is_compared_by_bytes() {
    let db = Db::postgres().await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let wrong: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname || '.' || a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'public' \
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) \
         JOIN pg_type AS t ON t.oid = a.atttypid JOIN pg_collation AS l ON l.oid = a.attcollation \
         WHERE t.typname = 'text' AND l.collname <> 'C' AND c.relname NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(wrong, [""; 0]);
}
