//! `import`: accounts and sessions from JSON lines, a batch at a time. What is wrong with a line is told with its number
//! and stops nobody else. Records are idempotent, so after an end in the middle it goes on at the last batch.

mod read;

use std::path::PathBuf;

use domain::Actor;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use service::{Reached, Unstick};
use store::StoreError;
use tokio::sync::mpsc;

use self::read::{Lines, Piece, Reading, Source, open, read};
use super::{
    Context, Exit, Failure,
    desk::{Desk, import},
    output, terminal,
};
use crate::compose::Purpose;

/// Lines of one request to a server.
const BATCH: usize = 1_000;
/// Lines of one transaction here: less than half a second of it.
const LARGE_BATCH: usize = 10_000;
/// The same where there is no session yet, so that nobody else has much to write. Each transaction writes most pages of the
/// indexes that are in another order than the file; so it is a share of what came before it, and what is written grows with
/// the file and not with its square.
const FIRST_BATCH: Lines = Lines { least: 40_000, most: 400_000 };

/// Lines whose trouble is told; more are only counted.
const TOLD: usize = 100;

/// What `--help` says of the records. Lines with a record are short enough for any terminal, so that none is broken.
const RECORDS: &str = r#"Records, one a line, as the API takes them. An account:
  {"account_id":"acc_7Q2m","email":"dana@example.com","name":"Dana Ortiz"}
A session, after its account:
  {"session_id":"s_9fK2x","account_id":"acc_7Q2m","client":"Desktop 4.2"}
A session that ended, in one line:
  {"session_id":"s_8aB1y","account_id":"acc_7Q2m","reason":"signed_out"}
The end of a session that came before:
  {"session_id":"s_9fK2x","reason":"expired","at":"2026-11-22T10:00:00Z"}

Fields that may be there too:
  account  plan, time_zone, created_at
  session  user_agent, ip, created_at; if it ended: reason, ended_at, released
  end      released
  any      type: account, session or end

A reason is signed_out, expired or revoked. "released":true says that record and routes were removed.
Instants look like 2026-11-22T10:00:00Z.

Examples:
  admin-tool import accounts.ndjson
  gzip -dc accounts.ndjson.gz | admin-tool import - --json"#;

/// Load accounts and sessions from a file of JSON lines
///
/// Each line is one record. What is wrong with a line is told with its number and stops nobody else. Repeating an import
/// changes nothing; one that was broken off goes on where it was.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:
  admin-tool import accounts.ndjson
  gzip -dc accounts.ndjson.gz | admin-tool import - --json

--help shows what the records look like.",
    after_long_help = RECORDS
)]
pub struct Args {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Begin at the first line although an earlier import of this file was broken off
    #[arg(long)]
    restart: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// A line that was not taken.
#[derive(Debug, Serialize)]
struct Refused {
    line: i64,
    error: String,
}

/// What became of the lines.
struct Report {
    taken: u64,
    refused: u64,
    told: Vec<Refused>,
    as_json: bool,
    bar: ProgressBar,
}

impl Report {
    const fn new(as_json: bool, bar: ProgressBar) -> Self {
        Self { taken: 0, refused: 0, told: Vec::new(), as_json, bar }
    }

    fn refuse(&mut self, line: i64, error: String) {
        self.refused += 1;
        if self.told.len() >= TOLD {
            return;
        }
        if !self.as_json {
            self.bar.suspend(|| output::say(&format!("line {line}: {error}")));
        }
        self.told.push(Refused { line, error });
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let source = open(&args.file)?;
    let desk = context.desk(Purpose::Bulk).await?;
    let began_at = match (&desk, &source.key, args.restart) {
        (Desk::Here { unstick, .. }, Some(key), false) => unstick.store().import_line(key).await.map_err(of_store)?,
        _ => None,
    };
    let began_at = began_at.unwrap_or(0);
    if began_at > 0 && !args.json {
        output::say(&format!(
            "Goes on after line {began_at}, where an earlier import was broken off (--restart begins anew)."
        ));
    }
    let bar = terminal::bar(source.bytes, "bytes", args.json);
    let mut report = Report::new(args.json, bar.clone());
    match &desk {
        Desk::Here { unstick, actor } => take_here(unstick, actor, source, began_at, &mut report).await?,
        Desk::There(remote) => {
            let batch = Lines::always(BATCH);
            let pieces = read(source, Reading { began_at, batch }, |records| records)?;
            load(pieces, &mut report, async |records, _| import(remote, records).await).await?;
        }
    }
    bar.finish_and_clear();
    desk.note_import(report.taken, report.refused).await?;
    let exit = if report.refused == 0 { Exit::Done } else { Exit::Failed };
    if args.json {
        output::document(&json!({
            "outcome": exit.as_str(), "taken": report.taken, "refused": report.refused, "errors": report.told,
            "began_after_line": began_at,
        }));
    } else {
        output::print(&format!("{} records taken, {} refused", report.taken, report.refused));
    }
    Ok(exit)
}

fn of_store(error: StoreError) -> Failure {
    service::Error::from(error).into()
}

/// Into the database beside this; `report` tells what became of each line.
async fn take_here(
    unstick: &Unstick,
    actor: &Actor,
    source: Source,
    began_at: i64,
    report: &mut Report,
) -> Result<(), Failure> {
    let (key, store) = (source.key.clone(), unstick.store());
    let first = store.bulk_begin().await.map_err(of_store)?;
    let batch = if first { FIRST_BATCH } else { Lines::always(LARGE_BATCH) };
    let vetting = unstick.clone();
    let loaded = async {
        let pieces = read(source, Reading { began_at, batch }, move |records| vetting.vet_import(records))?;
        let take = async |records, line: Option<i64>| {
            let reached = key.clone().zip(line).map(|(source, line)| Reached { source, line });
            Ok(Box::pin(unstick.import_batch(actor, records, reached, first)).await?)
        };
        load(pieces, report, take).await?;
        match &key {
            Some(key) => forget(unstick, key).await.map_err(of_store),
            None => Ok(()),
        }
    }
    .await;
    // Also after a failure, of which the first one is told.
    let ended = if first { store.bulk_end().await.map_err(of_store) } else { Ok(()) };
    loaded.and(ended)
}

/// Has all `pieces` taken by `take`, which is told how far the file was read with each but the last one.
async fn load<R>(
    mut pieces: mpsc::Receiver<Result<Piece<R>, Failure>>,
    report: &mut Report,
    mut take: impl AsyncFnMut(R, Option<i64>) -> Result<Vec<Result<(), String>>, Failure>,
) -> Result<(), Failure> {
    while let Some(piece) = pieces.recv().await {
        let Piece { records, numbers, mut refused, line, bytes, is_last } = piece?;
        for (number, outcome) in numbers.into_iter().zip(take(records, Some(line).filter(|_| !is_last)).await?) {
            match outcome {
                Ok(()) => report.taken += 1,
                Err(error) => refused.push((number, error)),
            }
        }
        refused.sort_unstable_by_key(|(number, _)| *number);
        for (number, error) in refused {
            report.refuse(number, error);
        }
        report.bar.inc(bytes);
        if is_last {
            return Ok(());
        }
    }
    // The thread that reads is gone, and never said that this was all.
    Err(Failure::failed("reading the input was broken off: run the import again, it goes on where it was"))
}

/// Forgets how far the file is in: it is done.
async fn forget(unstick: &service::Unstick, key: &str) -> Result<(), StoreError> {
    let mut tx = unstick.store().begin().await?;
    tx.clear_import(key).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use service::ImportRecord;

    use super::*;

    #[test]
    fn every_record_that_the_help_shows_is_taken() {
        let (shown, _) = RECORDS.split_once("\n\n").unwrap();
        let records: Vec<&str> = shown.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(records.len(), 4);
        assert!(shown.lines().all(|line| line.len() < 78), "a terminal would break it");
        for record in records {
            ImportRecord::parse(format!("{{{record}}}").as_bytes()).unwrap_or_else(|error| panic!("{record}: {error}"));
        }
    }
}
