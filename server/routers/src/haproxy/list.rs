//! Reads tables row by row, with a limit on what is kept, never on what is believed.

use domain::{RouteKey, ServerName};

use super::{
    Haproxy,
    answer::Reply,
    command::Command,
    config::Pool,
    parse_table::{self, Row, Table, WITHHELD},
    roster::Roster,
};
use crate::{Entry, Listing, RouterError};

/// Bytes that one row may have: a key of 64 and some dozens of counters need a tenth of it.
const MAX_ROW: usize = 16 << 10;

/// What was kept and counted of a dump.
#[derive(Debug, Default)]
struct Sieve {
    kept: Vec<Entry>,
    count: u64,
}

impl Haproxy {
    /// All rows whose keys are ours, when the table has at most `limit` rows.
    pub(super) async fn list_rows(&self, pool: &Pool, limit: u64) -> Result<Listing, RouterError> {
        let used = self.used(pool).await?;
        if used > limit {
            return Ok(Listing::TooMany(used));
        }
        self.sift(pool, Command::Dump(&pool.table), limit, None).await
    }

    /// The rows that pin to `server`. Small tables are read whole, for only so a row is found whose text names the
    /// server and whose number another; big ones by the server's number.
    pub(super) async fn rows_of_server(
        &self,
        pool: &Pool,
        server: &ServerName,
        limit: u64,
    ) -> Result<Listing, RouterError> {
        let used = self.used(pool).await?;
        let id = if used > limit { self.roster(pool).await?.id_of(server) } else { None };
        let command = id.map_or(Command::Dump(&pool.table), |id| Command::DumpOfServer(&pool.table, id));
        self.sift(pool, command, limit, Some(server)).await
    }

    async fn used(&self, pool: &Pool) -> Result<u64, RouterError> {
        let answer = self.transport.ask(&[Command::Tables]).await?;
        let overview = self.transport.data(answer.replies().next(), pool.table.as_str())?;
        Ok(self.table(pool, overview)?.used)
    }

    async fn sift(
        &self,
        pool: &Pool,
        command: Command<'_>,
        limit: u64,
        only: Option<&ServerName>,
    ) -> Result<Listing, RouterError> {
        let roster = self.roster(pool).await?;
        let mut sieve = Sieve::default();
        let mut dump = Dump::default();
        self.transport
            .exchange(&[command], |part| {
                dump.feed(part, &mut |line| self.line_of_dump(pool, &roster, line, limit, only, &mut sieve))
                    .map_err(|bad| bad.unwrap_or_else(|| self.transport.foreign()))
            })
            .await?;
        if !dump.is_whole() {
            return Err(self.transport.unreachable("closed the connection in the middle of its answer"));
        }
        Ok(if sieve.count > limit { Listing::TooMany(sieve.count) } else { Listing::All(sieve.kept) })
    }

    fn line_of_dump(
        &self,
        pool: &Pool,
        roster: &Roster,
        line: &str,
        limit: u64,
        only: Option<&ServerName>,
        sieve: &mut Sieve,
    ) -> Result<(), RouterError> {
        if line.starts_with('#') || line.starts_with('[') {
            return self.head_of_dump(pool, line);
        }
        let row = parse_table::row(line).ok_or_else(|| self.transport.foreign())?;
        // A key of another grammar was not made by Unstick: it is nobody's here.
        let Ok(key) = RouteKey::parse(row.key.as_str()) else {
            return Ok(());
        };
        let server = roster.server_of(&row);
        if only.is_some() && server.as_ref() != only {
            return Ok(());
        }
        sieve.count += 1;
        if sieve.count <= limit {
            sieve.kept.push(entry(key, server, &row));
        }
        Ok(())
    }

    fn head_of_dump(&self, pool: &Pool, line: &str) -> Result<(), RouterError> {
        let name = pool.table.as_str();
        if line.starts_with(WITHHELD) {
            return self.transport.nothing(Some(Reply::Data(line)), name);
        }
        match Reply::of(line) {
            message @ Reply::Message(..) => self.transport.nothing(Some(message), name),
            Reply::Data(text) => match parse_table::head(text) {
                Some(Table { kind: "string", .. }) => Ok(()),
                _ => Err(self.transport.foreign()),
            },
        }
    }
}

/// A row as the rest of Unstick sees it.
pub(super) fn entry(key: RouteKey, server: Option<ServerName>, row: &Row) -> Entry {
    let expires_in = row.expires_ms.map(domain::Span::from_millis);
    Entry { key, server, session: None, generation: None, pinned_at: None, expires_in, in_use: row.in_use }
}

/// Cuts a dump that comes in parts into lines: an empty one (the reply to the setting of the severity), the reply's,
/// and an empty one at the end.
#[derive(Debug, Default)]
struct Dump {
    rest: Vec<u8>,
    empty: u32,
}

impl Dump {
    /// Hands every full line of `part` to `take`. `Err(None)`: this is no dump.
    fn feed(
        &mut self,
        part: &[u8],
        take: &mut dyn FnMut(&str) -> Result<(), RouterError>,
    ) -> Result<(), Option<RouterError>> {
        self.rest.extend_from_slice(part);
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|byte| *byte == b'\n') {
            let line = &self.rest[start..start + length];
            start += length + 1;
            match (line.is_empty(), self.empty) {
                (true, 0 | 1) => self.empty += 1,
                (false, 1) => take(&String::from_utf8_lossy(line)).map_err(Some)?,
                _ => return Err(None),
            }
        }
        self.rest.drain(..start);
        if self.rest.len() > MAX_ROW { Err(None) } else { Ok(()) }
    }

    /// Whether its end was seen.
    fn is_whole(&self) -> bool {
        self.empty == 2 && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(parts: &[&[u8]]) -> Option<(Vec<String>, bool)> {
        let mut dump = Dump::default();
        let mut lines = Vec::new();
        for part in parts {
            let mut take = |line: &str| {
                lines.push(line.to_owned());
                Ok(())
            };
            dump.feed(part, &mut take).ok()?;
        }
        Some((lines, dump.is_whole()))
    }

    #[test]
    fn a_dump_comes_in_any_parts() {
        let whole = Some((vec!["head".to_owned(), "row".to_owned()], true));
        assert_eq!(lines(&[b"\nhead\nrow\n\n"]), whole);
        assert_eq!(lines(&[b"\n", b"he", b"ad\nro", b"w\n", b"\n"]), whole);
        assert_eq!(lines(&[b"\n\n"]), Some((Vec::new(), true)));
    }

    #[test]
    fn a_dump_that_is_cut_is_not_whole() {
        for cut in ["", "\n", "\nhead\n", "\nhead\nro", "\nhead\nrow\n"] {
            assert!(lines(&[cut.as_bytes()]).is_some_and(|(_, whole)| !whole), "{cut:?}");
        }
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        assert_eq!(lines(&[b"HTTP/1.1 400 Bad request\r\n"]), None);
        assert_eq!(lines(&[b"\nrow\n\nmore\n"]), None);
        assert_eq!(lines(&[b"\n", &vec![b'x'; MAX_ROW + 1]]), None);
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let _ = lines(&parts);
        }
    }
}
