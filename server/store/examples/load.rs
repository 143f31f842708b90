//! How fast a store is: loads sample rows, then measures what the goals name. Prints one line a figure.
//!
//! `cargo run --release -p store --features testing --example load -- sqlite 100000 10`: engine, accounts, sessions each.
//! SQLite's file lies in a temporary folder; PostgreSQL is started for the run and stopped with it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool for a terminal")]

use std::time::{Duration, Instant as Stopwatch};

use domain::{
    Account, AccountId, AuditDraft, AuditOutcome, EndReason, Instant, Query, RouteKey, Session, SessionId,
    SessionState, view::SessionFilter,
};
use store::{Options, SessionCreate, Store, Touch, Verification, testing};

/// Accounts that are loaded in one transaction.
const BATCH: i64 = 5_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let engine = args.next().unwrap_or_else(|| "sqlite".to_owned());
    let mut number = |default: i64| args.next().map_or(default, |text| text.parse().unwrap());
    let (accounts, each) = (number(100_000), number(10));
    let folder = tempfile::tempdir().unwrap();
    let url = match engine.as_str() {
        "sqlite" => format!("sqlite://{}", folder.path().join("load.db").display()),
        _ => testing::postgres().await,
    };
    let bulk = Store::open(&url, Options { bulk: true, ..testing::options() }).await.unwrap();
    load(&bulk, accounts, each).await;
    bulk.close().await;
    let store = Store::open(&url, testing::options()).await.unwrap();
    println!("{}", store.version().await.unwrap());
    reads(&store, accounts).await;
    reports(&store, accounts).await;
    log(&store).await;
    if engine == "sqlite" {
        let bytes: u64 = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
        println!("{:<44}{:>12.1} MB", "files", megabytes(bytes));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(what: &str, rows: i64, took: Duration) {
    println!("{what:<44}{:>12.0} a second", rows as f64 / took.as_secs_f64());
}

async fn load(store: &Store, accounts: i64, each: i64) {
    let (started, cpu) = (Stopwatch::now(), cpu_seconds());
    store.bulk_begin().await.unwrap();
    for first in (0..accounts).step_by(usize::try_from(BATCH).unwrap()) {
        let numbers = first..(first + BATCH).min(accounts);
        let new: Vec<Account> = numbers.clone().map(account).collect();
        let sessions: Vec<Session> = numbers.flat_map(|n| (0..each).map(move |k| session(n, k))).collect();
        store.bulk_load(&new, &sessions, &[], &[]).await.unwrap();
    }
    rate("load: rows", accounts * (each + 1), started.elapsed());
    store.bulk_end().await.unwrap();
    rate("load with what comes after: rows", accounts * (each + 1), started.elapsed());
    rate("load: rows, by the processor's time", accounts * (each + 1), Duration::from_secs_f64(cpu_seconds() - cpu));
}

/// Processor time of this process so far (`/proc/self/stat`, fields 14 and 15, in hundredths of a second): what other work
/// on the machine does not change.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    [13, 14].iter().filter_map(|field| fields.get(*field)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Ids without order, as real ones are.
fn scrambled(n: i64) -> String {
    format!("{:016x}", n.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn account(n: i64) -> Account {
    let id = AccountId::parse(format!("acc_{}", scrambled(n))).unwrap();
    Account {
        key: RouteKey::of_account(&id),
        id,
        email: format!("{}.person{n}@example.com", scrambled(n * 7).split_at(6).0),
        name: format!("Person {n}"),
        plan: "pro".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        created_at: Instant::from_secs(1_700_000_000 + n),
        last_seen_at: None,
        generation: 0,
        live_sessions: 0,
        leftover_sessions: 0,
        total_sessions: 0,
        sample: true,
    }
}

fn session(n: i64, k: i64) -> Session {
    let created_at = Instant::from_secs(1_750_000_000 + k * 86_400 + n % 1_000);
    let (reason, at) = (EndReason::Expired, Instant::from_secs(1_760_000_000));
    let id = SessionId::parse(format!("s_{}", scrambled(n * 1_000 + k + 1))).unwrap();
    Session {
        key: RouteKey::parse(id.as_str()).unwrap(),
        id,
        account: AccountId::parse(format!("acc_{}", scrambled(n))).unwrap(),
        client: "Firefox 143 · Linux".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned(),
        ip: format!("10.{}.{}.{}", n % 200, k, n % 251),
        created_at,
        last_seen_at: created_at,
        state: if k % 2 == 0 { SessionState::Active } else { SessionState::Ended { reason, at } },
        generation: 0,
    }
}

/// The median of `work`, done with different numbers.
async fn median(what: &str, work: impl AsyncFn(i64)) {
    let mut times = Vec::new();
    for n in 0..200 {
        let started = Stopwatch::now();
        work(n * 37).await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("{what:<44}{:>12.3} ms", times[100].as_secs_f64() * 1e3);
}

async fn reads(store: &Store, accounts: i64) {
    let id = |n: i64| AccountId::parse(format!("acc_{}", scrambled(n % accounts))).unwrap();
    let search = async |text: String| store.search(&Query::parse(&text).unwrap(), None, 50).await.unwrap();
    median("account by id", async |n| drop(store.account(&id(n)).await.unwrap())).await;
    median("50 accounts", async |n| drop(store.accounts_page(Some(&id(n)), 50).await.unwrap())).await;
    median("sessions of an account", async |n| {
        store.sessions_page(&id(n), SessionFilter::Open, None, 50).await.unwrap();
    })
    .await;
    median("search: account id", async |n| drop(search(id(n).into()).await)).await;
    median("search: session id", async |n| drop(search(session(n % accounts, 1).id.into()).await)).await;
    median("search: beginning of an e-mail", async |n| drop(search(account(n % accounts).email[..9].to_owned()).await))
        .await;
    median("search: part, few hits", async |n| drop(search(format!("rson{}@ex", n % accounts)).await)).await;
    median("search: part, all accounts", async |_| drop(search("example.co".to_owned()).await)).await;
    median("search: address", async |n| drop(search(session(n % accounts, 1).ip).await)).await;
    median("search: beginning of an address", async |_| drop(search("10.7.".to_owned()).await)).await;
    median("search: nothing", async |_| drop(search("nobody-at-all".to_owned()).await)).await;
}

async fn reports(store: &Store, accounts: i64) {
    let now = Instant::from_secs(1_770_000_000);
    let create = |n: i64| SessionCreate {
        id: SessionId::parse(format!("new_{}", scrambled(n))).unwrap(),
        account: AccountId::parse(format!("acc_{}", scrambled(n % accounts))).unwrap(),
        client: "Web".to_owned(),
        user_agent: "x".repeat(80),
        ip: "192.0.2.1".to_owned(),
        created_at: None,
    };
    for size in [1, 20, 1_000] {
        let (rounds, base) = (20, size * 1_000);
        let started = Stopwatch::now();
        for round in 0..rounds {
            let items: Vec<SessionCreate> = (0..size).map(|n| create(base + round * size + n)).collect();
            let mut tx = store.begin().await.unwrap();
            tx.create_sessions(&items, now).await.unwrap();
            tx.commit().await.unwrap();
        }
        rate(&format!("sessions created, {size} a transaction"), rounds * size, started.elapsed());
        let started = Stopwatch::now();
        for round in 0..rounds {
            let touch = |n| Touch {
                id: create(base + round * size + n).id,
                ip: None,
                at: Some(Instant::from_secs(1_770_000_100)),
            };
            let items: Vec<Touch> = (0..size).map(touch).collect();
            let mut tx = store.begin().await.unwrap();
            tx.touch_sessions(&items, now).await.unwrap();
            tx.commit().await.unwrap();
        }
        rate(&format!("sessions touched, {size} a transaction"), rounds * size, started.elapsed());
    }
}

async fn log(store: &Store) {
    let draft = |n: i64| AuditDraft {
        at: Instant::from_secs(1_770_000_000 + n),
        actor: "staff:dana".to_owned(),
        action: "cleanup.requested".to_owned(),
        target: format!("c_{}", scrambled(n)),
        account: AccountId::parse(format!("acc_{}", scrambled(n))).ok(),
        reason: "the customer is stuck since Monday".to_owned(),
        ticket: format!("T-{n}"),
        outcome: AuditOutcome::Done,
        detail: serde_json::json!({ "mode": "stale", "sessions": n, "plan": scrambled(n) }),
    };
    let started = Stopwatch::now();
    for first in (0..100_000).step_by(1_000) {
        let drafts: Vec<AuditDraft> = (first..first + 1_000).map(draft).collect();
        let mut tx = store.begin().await.unwrap();
        tx.append_audits(&drafts).await.unwrap();
        tx.commit().await.unwrap();
    }
    rate("audit events appended, 1,000 a transaction", 100_000, started.elapsed());
    let started = Stopwatch::now();
    let proof = store.verify_audit(&[], &|_| ()).await.unwrap();
    assert!(matches!(proof, Verification::Intact { events: 100_000, .. }));
    rate("audit events verified", 100_000, started.elapsed());
}
