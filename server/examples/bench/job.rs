//! P12: what a bulk clean-up of many accounts takes of the server's memory. The server is a process of its own.

use std::sync::Mutex;

use service::{SampleSpec, Settings};

use crate::{
    Outcome,
    measure::{Table, grouped, rate_text},
    pages,
    watchers::{bulk, finished},
    world::{World, embedded_fleet, shell, unstick_over},
};

pub async fn run(accounts: u64, sessions: u64, table: &mut Table) -> Outcome<()> {
    let (store, folder) = World::empty("job").await?;
    let settings = Settings { bulk_approval_above: u32::MAX, ..Settings::default() };
    let unstick = unstick_over(store.clone(), embedded_fleet(&store), settings);
    let spec = SampleSpec { accounts, sessions_per_account: sessions, seed: 12 };
    unstick.load_sample(&shell(), spec, &|_, _| ()).await?;
    store.checkpoint_wal().await?;
    let bare = World::bare(&folder.join("unstick.db")).await?;
    let ids: Vec<(String,)> = sqlx::query_as("SELECT id FROM accounts ORDER BY id").fetch_all(&bare).await?;
    bare.close().await;
    let server = pages::Served::start(&folder, &folder.join("unstick.db"), &unstick, domain::Role::Admin).await?;
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
