//! P1: each kind of search, the lists and the account page against the bare SQL of the same answer. The bare side asks
//! for the same rows through the same driver: the accounts (those that begin so, and those that contain it elsewhere), how many there are, and what their verdicts are made of (their
//! routes, and how the servers are). It asks for nothing else: it knows which kind of search is meant, checks no
//! permission, says no reason, computes no verdict. Answers are compared before anything is timed.

use domain::view::SessionFilter;
use sqlx::sqlite::SqliteRow;

use crate::{
    Outcome,
    measure::{Table, compare, time_text},
    world::{World, shell},
};

const COLUMNS: &str = "id, route_key, email, name, plan, time_zone, created_at, last_seen_at, generation, live_sessions, \
                       leftover_sessions, total_sessions, sample";

type Found = Vec<String>;

pub async fn run(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    control(world, rounds, table).await?;
    for kind in Kind::ALL {
        search(world, rounds, table, kind).await?;
    }
    list(world, rounds, table).await?;
    account(world, rounds, table).await
}

/// The same beside itself: outside 0.90 to 1.10 the run says nothing.
async fn control(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let by_id = async |call: u32| -> Outcome<()> {
        let account = &world.picks[call as usize % world.picks.len()];
        world.store.account(&account.id).await?;
        Ok(())
    };
    let compared = compare(rounds, 300, by_id, by_id).await?;
    let (ours, beside) = (time_text(compared.ours), time_text(compared.beside));
    table.add("A/A", "control: one query beside itself", ours, beside, compared.ratio_text(), "0.90–1.10");
    Ok(())
}

/// A kind of search.
#[derive(Clone, Copy)]
pub enum Kind {
    Id,
    Email,
    Name,
    Part,
    Session,
    Ip,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::Id, Self::Email, Self::Name, Self::Part, Self::Session, Self::Ip];

    pub const fn what(self) -> &'static str {
        match self {
            Self::Id => "search: account id",
            Self::Email => "search: e-mail, its beginning",
            Self::Name => "search: name, its beginning",
            Self::Part => "search: any part",
            Self::Session => "search: session id",
            Self::Ip => "search: IP address",
        }
    }
}

async fn search(world: &World, rounds: usize, table: &mut Table, kind: Kind) -> Outcome<()> {
    let what = kind.what();
    let queries = queries(world, kind).await?;
    let ours = async |call: u32| -> Outcome<Found> {
        let page = world.unstick.search(&shell(), &queries[call as usize % queries.len()], None).await?;
        Ok(page.hits.into_iter().map(|hit| hit.row.account.id.to_string()).collect())
    };
    let bare = async |call: u32| bare_search(world, kind, &queries[call as usize % queries.len()]).await;
    for call in 0..5 {
        let (mine, other) = (ours(call).await?, bare(call).await?);
        if let Some(missing) = other.iter().find(|id| !mine.contains(id)) {
            return Err(
                format!("{what}: the answers differ for {:?}: {missing} is missing", queries[call as usize]).into()
            );
        }
    }
    let compared =
        compare(rounds, 60, async |call| ours(call).await.map(drop), async |call| bare(call).await.map(drop)).await?;
    let (mine, other) = (time_text(compared.ours), time_text(compared.beside));
    table.add("P1", what, mine, other, compared.ratio_text(), "≤ 3 ×");
    Ok(())
}

async fn queries(world: &World, kind: Kind) -> Outcome<Vec<String>> {
    let mut queries = Vec::new();
    for account in world.picks.iter().take(60) {
        let (session, ip): (String, String) =
            sqlx::query_as("SELECT id, ip FROM sessions WHERE account_id = $1 LIMIT 1")
                .bind(account.id.as_str())
                .fetch_one(&world.bare)
                .await?;
        queries.push(match kind {
            Kind::Id => account.id.to_string(),
            Kind::Email => account.email.chars().take(12).collect(),
            Kind::Name => account.name.to_lowercase(),
            Kind::Part => account.email.chars().skip(2).take(14).collect(),
            Kind::Session => session,
            Kind::Ip => ip,
        });
    }
    Ok(queries)
}

async fn bare_search(world: &World, kind: Kind, query: &str) -> Outcome<Found> {
    let (filter, value, end) = match kind {
        Kind::Id => ("id = $1 AND $2 = $2", query.to_owned(), String::new()),
        // What begins so, and what contains it elsewhere: the box does not know which was meant.
        Kind::Email => (
            "row_no IN (SELECT row_no FROM accounts WHERE email_key >= $1 AND email_key < $2 AND email_key <> '' UNION \
             SELECT rowid FROM accounts_fts WHERE accounts_fts MATCH '\"' || $1 || '\"') ORDER BY id LIMIT 50",
            domain::fold(query),
            end(query),
        ),
        Kind::Name => (
            "row_no IN (SELECT row_no FROM accounts WHERE name_key >= $1 AND name_key < $2 AND name_key <> '' UNION \
             SELECT rowid FROM accounts_fts WHERE accounts_fts MATCH '\"' || replace($1, ' ', '\" AND \"') || '\"') \
             ORDER BY id LIMIT 50",
            domain::fold(query),
            end(query),
        ),
        Kind::Part => (
            "row_no IN (SELECT rowid FROM accounts_fts WHERE accounts_fts MATCH $1 AND $2 = $2) ORDER BY id LIMIT 50",
            format!("\"{}\"", domain::fold(query)),
            String::new(),
        ),
        Kind::Session => {
            ("id = (SELECT account_id FROM sessions WHERE id = $1 AND $2 = $2)", query.to_owned(), String::new())
        }
        Kind::Ip => (
            "id IN (SELECT DISTINCT account_id FROM sessions WHERE ip_key = $1 AND ip_key <> '' AND $2 = $2 ORDER BY account_id LIMIT 50)",
            ip_key(query),
            String::new(),
        ),
    };
    let text = format!("SELECT {COLUMNS} FROM accounts WHERE {filter}");
    let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(&value).bind(&end).fetch_all(&world.bare).await?;
    // A page says how many there are, up to 1,000: that is part of the answer.
    if let Some(condition) = filter.split(" ORDER BY ").next().filter(|_| filter.contains("ORDER BY id LIMIT")) {
        let text = format!("SELECT count(*) FROM (SELECT 1 FROM accounts WHERE {condition} LIMIT 1001)");
        sqlx::query(sqlx::AssertSqlSafe(text)).bind(&value).bind(&end).fetch_all(&world.bare).await?;
    }
    verdicts(world, &rows).await
}

/// Reads what the verdicts of `rows` are made of; answers their ids.
async fn verdicts(world: &World, rows: &[SqliteRow]) -> Outcome<Found> {
    let ids: Found = rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect();
    let list = serde_json::to_string(&ids)?;
    let routes = "SELECT * FROM routes WHERE account_id IN (SELECT value FROM json_each($1))";
    sqlx::query(routes).bind(list).fetch_all(&world.bare).await?;
    sqlx::query("SELECT * FROM servers").fetch_all(&world.bare).await?;
    Ok(ids)
}

/// An address as the index of sessions has it.
fn ip_key(ip: &str) -> String {
    match domain::ip::address(ip) {
        Some(std::net::IpAddr::V4(ip)) => format!("4{:08x}", ip.to_bits()),
        Some(std::net::IpAddr::V6(ip)) => format!("6{:032x}", ip.to_bits()),
        None => String::new(),
    }
}

/// The smallest text after all that begin with `query`, for the letters that the picks have.
fn end(query: &str) -> String {
    let mut end = domain::fold(query);
    end.push('\u{10ffff}');
    end
}

async fn list(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let text = format!("SELECT {COLUMNS} FROM accounts WHERE id > $1 ORDER BY id LIMIT 51");
    let bare = async |after: &str| -> Outcome<()> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(text.clone())).bind(after).fetch_all(&world.bare).await?;
        verdicts(world, &rows).await.map(drop)
    };
    let deep = world.picks[150].id.to_string();
    let ours = async |after: Option<&str>| -> Outcome<()> {
        world.unstick.accounts(&shell(), &domain::AccountFilter::default(), after).await?;
        Ok(())
    };
    let compared = compare(rounds, 60, async |_| ours(None).await, async |_| bare("").await).await?;
    let (mine, other) = (time_text(compared.ours), time_text(compared.beside));
    table.add("P1", "list of 50 accounts, with verdicts", mine, other, compared.ratio_text(), "≤ 3 ×");
    let compared = compare(rounds, 60, async |_| ours(Some(&deep)).await, async |_| ours(None).await).await?;
    let (mine, other) = (time_text(compared.ours), time_text(compared.beside));
    table.add("P5", "a deep page beside page 1", mine, other, compared.ratio_text(), "≤ 1.2 ×");
    Ok(())
}

async fn account(world: &World, rounds: usize, table: &mut Table) -> Outcome<()> {
    let ours = async |call: u32| -> Outcome<()> {
        let account = &world.picks[call as usize % world.picks.len()];
        world.unstick.account_page(&shell(), &account.id, SessionFilter::All, None).await?;
        Ok(())
    };
    let bare = async |call: u32| -> Outcome<()> {
        let id = world.picks[call as usize % world.picks.len()].id.as_str();
        let account = format!("SELECT {COLUMNS} FROM accounts WHERE id = $1");
        let queries = [
            account.as_str(),
            "SELECT * FROM sessions WHERE account_id = $1 AND cleaned_at IS NULL ORDER BY created_at DESC LIMIT 500",
            "SELECT * FROM sessions WHERE account_id = $1 ORDER BY created_at DESC LIMIT 51",
            "SELECT p.* FROM embedded_pins p WHERE p.route_key = $1 AND p.pool = 'edge-1:app'",
            "SELECT p.* FROM sessions s JOIN embedded_pins p ON p.route_key = s.id AND p.pool = 'edge-1:files' WHERE s.account_id = $1 AND s.cleaned_at IS NULL",
            "SELECT * FROM route_changes WHERE account_id = $1 ORDER BY at DESC LIMIT 2000",
            "SELECT * FROM servers WHERE $1 = $1",
            "SELECT * FROM cleanups WHERE account_id = $1 ORDER BY requested_at DESC LIMIT 5",
            "SELECT * FROM audit_events WHERE account_id = $1 ORDER BY seq DESC LIMIT 8",
        ];
        for query in queries {
            sqlx::query(sqlx::AssertSqlSafe(query.to_owned())).bind(id).fetch_all(&world.bare).await?;
        }
        Ok(())
    };
    let compared = compare(rounds, 60, ours, bare).await?;
    let (mine, other) = (time_text(compared.ours), time_text(compared.beside));
    table.add("P1", "account page: all that it reads, diagnosed", mine, other, compared.ratio_text(), "≤ 3 ×");
    Ok(())
}
