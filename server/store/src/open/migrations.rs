//! The schema changes, which are in the program. Not by `sqlx::migrate!`: for it both drivers, and SQLite itself, are compiled a
//! second time, as parts of the compiler.

use std::sync::LazyLock;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// Those of both databases, of the files of one name in `migrations/`.
macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        pub(super) static SQLITE: LazyLock<Migrator> =
            LazyLock::new(|| migrator([$(($name, include_str!(concat!("../../../../migrations/sqlite/", $name, ".sql")))),+]));
        pub(super) static POSTGRES: LazyLock<Migrator> =
            LazyLock::new(|| migrator([$(($name, include_str!(concat!("../../../../migrations/postgres/", $name, ".sql")))),+]));
    };
}

migrations![
    "0001_accounts",
    "0002_sessions",
    "0003_routes",
    "0004_embedded",
    "0005_cleanups",
    "0006_audit",
    "0007_staff",
    "0008_imports",
    "0009_watches",
    "0010_census",
    "0011_server_states",
    "0012_bulks",
    "0013_factors",
    "0014_idempotency",
    "0015_webhooks",
    "0016_self_service",
    "0017_waves",
    "0018_deleted_webhooks",
    "0020_routes_by_account",
    "0021_repair_plans",
    "0022_deferred_indexes",
    "0023_calls_that_changed_something",
    "0024_bulk_routes",
];

/// As sqlx reads a folder: `0001_accounts.sql` is version 1, «accounts».
fn migrator<const N: usize>(files: [(&'static str, &'static str); N]) -> Migrator {
    let migration = |(name, sql): (&str, &'static str)| {
        let (version, words) = name.split_once('_')?;
        let words = words.replace('_', " ");
        Some(Migration::new(version.parse().ok()?, words.into(), MigrationType::Simple, sql.into_sql_str(), false))
    };
    Migrator::with_migrations(files.into_iter().filter_map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What sqlx finds in the folder is what the program has, to the checksum.
    #[tokio::test]
    async fn every_file_is_in_the_program() {
        for (engine, ours) in [("sqlite", &SQLITE), ("postgres", &POSTGRES)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(engine);
            let files = Migrator::new(folder.as_path()).await.unwrap();
            let told = |all: &Migrator| -> Vec<String> {
                all.iter()
                    .map(|it| format!("{} {} {} {:?}", it.version, it.description, it.no_tx, it.checksum))
                    .collect()
            };
            assert_eq!(told(ours), told(&files), "{engine}");
        }
    }
}
