//! P17: a file of accounts and their sessions, eight of ten of which are over, taken by the program as a shell runs it: with
//! reading and parsing the file, making the schema, and the indexes that are made at the end.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use domain::{Entropy, SeededEntropy};
use tokio::process::Command;

use crate::{
    Outcome,
    measure::{Table, grouped, rate_text},
};

/// Accounts, and sessions of each.
pub type Size = (u64, u64);

/// 2026-01-01T00:00:00Z, in seconds.
const BEGIN: u64 = 1_767_225_600;

/// Imports into SQLite.
pub async fn sqlite(size: Size, table: &mut Table) -> Outcome<()> {
    let folder = folder()?;
    let url = format!("sqlite://{}", folder.join("unstick.db").display());
    run(size, &folder, &url, "SQLite", "≥ 50,000/s", table).await
}

/// Imports into a new, migrated database of Postgres.
pub async fn postgres(size: Size, url: &str, table: &mut Table) -> Outcome<()> {
    run(size, &folder()?, url, "PostgreSQL", "≥ 30,000/s", table).await
}

async fn run(size: Size, folder: &Path, url: &str, engine: &str, must: &'static str, table: &mut Table) -> Outcome<()> {
    let file = folder.join("import.ndjson");
    let lines = write(&file, size)?;
    let started = Instant::now();
    let mut command = Command::new("target/release/admin-tool");
    command.arg("import").arg(&file).arg("--json").kill_on_drop(true);
    command.env("UNSTICK_DATABASE_URL", url).env("UNSTICK_DATA_DIR", folder);
    let output = command.output().await.map_err(|error| format!("admin-tool import: {error} (make build first)"))?;
    let took = started.elapsed();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("admin-tool import: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    if told["taken"] != lines {
        return Err(format!("{lines} lines, and {} were taken: {}", told["taken"], told["errors"]).into());
    }
    table.add("P17", format!("{engine}: import of {} lines", grouped(lines)), rate_text(lines, took), "", "", must);
    Ok(())
}

/// An empty folder of this run.
fn folder() -> Outcome<PathBuf> {
    let folder = PathBuf::from("target/bench/import");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// The file, the same each time; how many lines it has.
fn write(file: &Path, (accounts, sessions): Size) -> Outcome<u64> {
    let (chance, mut text) = (SeededEntropy::new(1), BufWriter::new(File::create(file)?));
    let number = || {
        let mut bytes = [0; 8];
        chance.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    };
    for account in 0..accounts {
        let (who, name) = (number() % 1_000_000, number() % 5_000);
        writeln!(
            text,
            "{{\"account_id\":\"acc_{account:07}\",\"email\":\"person.{who}@example{}.com\",\"name\":\"Robin Example{name}\",\
             \"plan\":\"pro\",\"time_zone\":\"Europe/Berlin\",\"created_at\":\"2025-06-01T10:00:00Z\"}}",
            who % 50
        )?;
        for session in 0..sessions {
            let at = BEGIN + session * 86_400 + number() % 80_000;
            let [_, a, b, c, ..] = number().to_le_bytes();
            write!(
                text,
                "{{\"session_id\":\"s_{:016x}{account:x}\",\"account_id\":\"acc_{account:07}\",\"client\":\"Desktop 4.2\",\
                 \"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/130.0\",\"ip\":\"10.{a}.{b}.{c}\",\
                 \"created_at\":\"{}\"",
                number(),
                instant(at)
            )?;
            if session < 8 {
                write!(
                    text,
                    ",\"reason\":\"signed_out\",\"ended_at\":\"{}\",\"released\":{}",
                    instant(at + 3_600),
                    session < 5
                )?;
            }
            writeln!(text, "}}")?;
        }
    }
    text.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(accounts * (sessions + 1))
}

fn instant(seconds: u64) -> domain::Instant {
    domain::Instant::from_secs(i64::try_from(seconds).unwrap_or(0))
}
