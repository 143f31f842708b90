//! P12: what a bulk clean-up of many accounts takes of the server's memory. The server is a process of its own.

use std::sync::Mutex;

use service::SampleSpec;

use crate::{
    Outcome,
    measure::{Table, grouped, rate_text},
    watchers::{Site, bulk, finished},
};

pub async fn run(accounts: u64, sessions: u64, table: &mut Table) -> Outcome<()> {
    let spec = SampleSpec { accounts, sessions_per_account: sessions, seed: 12 };
    let Site { store, folder, unstick, ids, server } = Site::start("job", spec).await?;
    let before = server.most_idle_kb().await?;
    let job = bulk(&unstick, &ids).await?;
    let seen = Mutex::default();
    let done = Box::pin(finished(&store, &job, &seen));
    let (took, most) = server.most_kb_until(done).await?;
    let took = took?;
    table.add(
        "P12",
        format!("memory of the server over a bulk clean-up of {} accounts (PSS)", grouped(accounts)),
        format!("{} MB, at most {} MB", before >> 10, most >> 10),
        format!("{:.0} s, {}", took.as_secs_f64(), rate_text(accounts, took)),
        format!("+ {} MB", most.saturating_sub(before) >> 10),
        "+ 64 MB",
    );
    store.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
