//! Reads `show table`: the overview, the rows of a table, the row of a key.
//!
//! Grammar (`table_dump_entry_to_buffer` in HAProxy's `stick_table.c`): `0x…: key=K use=N exp=MS name=value …`, newer
//! ones with `shard=0` after `exp`. Text keys come with `\` before a blank, `\` and `=`, and `\n`, `\t`, `\xHH`.

/// A line of the overview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table<'a> {
    /// The name.
    pub(super) name: &'a str,
    /// The type of its keys.
    pub(super) kind: &'a str,
    /// Rows that it may have.
    pub(super) size: u64,
    /// Rows that it has.
    pub(super) used: u64,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The key, without escapes.
    pub(super) key: String,
    /// Whether something holds it.
    pub(super) in_use: bool,
    /// Milliseconds until it expires; `None` where it does not say.
    pub(super) expires_ms: Option<i64>,
    /// The number of its server; `None` when it names none (0).
    pub(super) server_id: Option<u64>,
    /// The name of its server (its address with `srvkey addr`); wins over the number.
    pub(super) server_key: Option<String>,
}

/// Begins the line that heads a table.
const HEAD: &str = "# table: ";

/// What a socket of level `user` is told instead of rows.
pub(super) const WITHHELD: &str = "# contents not dumped";

/// The tables in an overview. Lines that are no such thing are left out.
pub(super) fn tables(text: &str) -> impl Iterator<Item = Table<'_>> {
    text.lines().filter_map(head)
}

/// Reads `# table: app, type: string, size:1024, used:2`, in any order after the name.
pub(super) fn head(line: &str) -> Option<Table<'_>> {
    let mut parts = line.strip_prefix(HEAD)?.split(',');
    let name = parts.next()?.trim();
    let mut table = Table { name, kind: "", size: 0, used: 0 };
    let (mut typed, mut counted) = (false, false);
    for (what, value) in parts.filter_map(|part| part.split_once(':')) {
        let value = value.trim();
        match what.trim() {
            "type" => (table.kind, typed) = (value, !value.is_empty()),
            "size" => table.size = value.parse().ok()?,
            "used" => (table.used, counted) = (value.parse().ok()?, true),
            _ => {}
        }
    }
    (typed && counted && !name.is_empty()).then_some(table)
}

/// The row in a reply to `show table T key K`: `Ok(None)` when there is none, `Err` when this is no such reply.
pub(super) fn row_of_key(text: &str) -> Result<Option<Row>, ()> {
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return Ok(None) };
    head(first).ok_or(())?;
    let row = lines.next().and_then(row).ok_or(())?;
    if lines.next().is_some() { Err(()) } else { Ok(Some(row)) }
}

/// Reads one row.
pub(super) fn row(line: &str) -> Option<Row> {
    let (address, rest) = line.split_once(": key=")?;
    if !address.starts_with("0x") || address.contains(' ') {
        return None;
    }
    let (key, rest) = key(rest)?;
    let mut row = Row { key, in_use: false, expires_ms: None, server_id: None, server_key: None };
    let mut told_use = false;
    for (name, value) in rest.split(' ').filter_map(|word| word.split_once('=')) {
        match name {
            // A number that does not fit still says that somebody holds it.
            "use" => (row.in_use, told_use) = (value != "0", true),
            // 0 when the table has no expiry or the row is just expiring.
            "exp" => row.expires_ms = value.parse().ok().filter(|ms| *ms > 0),
            "server_id" => row.server_id = value.parse().ok().filter(|id| *id > 0),
            "server_key" => row.server_key = (!matches!(value, "" | "-")).then(|| value.to_owned()),
            _ => {}
        }
    }
    told_use.then_some(row)
}

/// Reads an escaped text up to the first bare blank, and what follows the blank.
fn key(text: &str) -> Option<(String, &str)> {
    let bytes = text.as_bytes();
    let mut key = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b' ' => break,
            b'\\' => {
                let (byte, length) = unescape(&bytes[at + 1..])?;
                key.push(byte);
                at += 1 + length;
            }
            byte => {
                key.push(byte);
                at += 1;
            }
        }
    }
    // A key with bytes that are no text is nobody's here; it must only not look like one that is.
    Some((String::from_utf8_lossy(&key).into_owned(), text.get(at + 1..)?))
}

/// The byte that an escape stands for, and the length of the escape after its backslash.
fn unescape(rest: &[u8]) -> Option<(u8, usize)> {
    match *rest.first()? {
        b'n' => Some((b'\n', 1)),
        b't' => Some((b'\t', 1)),
        b'r' => Some((b'\r', 1)),
        b'e' => Some((0x1b, 1)),
        b'x' => {
            let digits = std::str::from_utf8(rest.get(1..3)?).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, 3))
        }
        byte => Some((byte, 1)),
    }
}

#[cfg(test)]
#[path = "parse_table_tests.rs"]
mod tests;
