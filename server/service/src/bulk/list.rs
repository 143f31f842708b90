//! Lists of account ids: one a line, or a CSV file with a column of them. Nothing is dropped silently: what names no account
//! is told with its line.

use std::{collections::HashSet, io::Read};

use domain::{AccountId, ListProblem, ListReport, MOST_ACCOUNTS};

use crate::{Error, Result};

/// Names of the column with the ids.
const COLUMNS: [&str; 3] = ["account_id", "account", "id"];
/// Lines that are looked at.
const MOST_LINES: i64 = 1_000_000;
/// Problems that are told one by one; the others are counted.
const TOLD: usize = 1_000;
/// Characters of a line that are shown.
const SHOWN: usize = 60;

/// Reads a list piece by piece.
pub(super) struct ListReader<R> {
    records: csv::ByteRecordsIntoIter<R>,
    column: Option<usize>,
    seen: HashSet<AccountId>,
    /// What was found so far.
    pub(super) report: ListReport,
}

impl<R: Read> ListReader<R> {
    pub(super) fn new(from: R) -> Self {
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(from);
        Self { records: reader.into_byte_records(), column: None, seen: HashSet::new(), report: ListReport::default() }
    }

    /// The next ids, at most `limit`, with their lines; none at the end. Ids that came before are not among them.
    ///
    /// # Errors
    /// `Invalid` when it cannot be read, is no list of ids, or is too long.
    pub(super) fn next_ids(&mut self, limit: usize) -> Result<Vec<(i64, AccountId)>> {
        let mut ids = Vec::new();
        while ids.len() < limit {
            let Some(record) = self.records.next() else { break };
            let record = record.map_err(|error| Error::invalid("list", format!("the list cannot be read: {error}")))?;
            let line = record.position().map_or(0, |at| i64::try_from(at.line()).unwrap_or(i64::MAX));
            if line > MOST_LINES {
                let message = format!("the list has more than {MOST_LINES} lines: split it");
                return Err(Error::invalid("list", message));
            }
            let Some(column) = self.column else {
                self.first(&record, line)?;
                if self.report.lines == 0 {
                    continue;
                }
                ids.extend(self.id(&record, 0, line)?);
                continue;
            };
            self.report.lines += 1;
            ids.extend(self.id(&record, column, line)?);
        }
        Ok(ids)
    }

    /// Finds the column: by its name in the first line, else it is the only one.
    fn first(&mut self, record: &csv::ByteRecord, line: i64) -> Result<()> {
        // A file that some programs write begins with a mark that is no part of its first word.
        let cell = |cell: &[u8]| {
            let text = String::from_utf8_lossy(cell).into_owned();
            text.trim_start_matches('\u{feff}').to_lowercase()
        };
        let named = record.iter().position(|text| COLUMNS.contains(&cell(text).as_str()));
        match named {
            Some(column) => self.column = Some(column),
            None if record.len() == 1 => {
                self.column = Some(0);
                self.report.lines = 1;
            }
            None => {
                let message = format!(
                    "line {line} has {} columns and none of them is called account_id: name the column of the ids so in the \
                     first line",
                    record.len()
                );
                return Err(Error::invalid("list", message));
            }
        }
        Ok(())
    }

    fn id(&mut self, record: &csv::ByteRecord, column: usize, line: i64) -> Result<Option<(i64, AccountId)>> {
        let bytes = record.get(column).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(bytes) else {
            let message = format!("line {line} is not UTF-8: save the list with that encoding");
            return Err(Error::invalid("list", message));
        };
        let text = text.trim_start_matches('\u{feff}');
        let id = match AccountId::parse(text) {
            Ok(id) => id,
            Err(error) => {
                self.report.malformed += 1;
                self.tell(line, text, error.to_string());
                return Ok(None);
            }
        };
        if !self.seen.insert(id.clone()) {
            self.report.duplicates += 1;
            self.tell(line, text, "it is on the list already".to_owned());
            return Ok(None);
        }
        if self.seen.len() > MOST_ACCOUNTS {
            let message = format!("a bulk clean-up has at most {MOST_ACCOUNTS} accounts: split the list");
            return Err(Error::invalid("list", message));
        }
        Ok(Some((line, id)))
    }

    /// Tells that an id is no account's.
    pub(super) fn unknown(&mut self, line: i64, id: &AccountId) {
        self.report.unknown += 1;
        self.tell(line, id.as_str(), "no account has this id".to_owned());
    }

    fn tell(&mut self, line: i64, text: &str, why: String) {
        if self.report.problems.len() < TOLD {
            let text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
            self.report.problems.push(ListProblem { line, text, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<(Vec<String>, ListReport)> {
        let mut reader = ListReader::new(text);
        let mut all = Vec::new();
        loop {
            let ids = reader.next_ids(2)?;
            if ids.is_empty() {
                return Ok((all, reader.report));
            }
            all.extend(ids.into_iter().map(|(_, id)| id.to_string()));
        }
    }

    #[test]
    fn ids_stand_one_a_line_or_in_a_named_column() {
        for text in
            ["a\nb\n\n c \n", "name,account_id\nx,a\ny,b\nz,c", "\u{feff}Account_ID\r\na\r\nb\r\nc\r\n", "a\nb\nc"]
        {
            let (ids, report) = read(text.as_bytes()).unwrap();
            assert_eq!(ids, ["a", "b", "c"], "{text:?}");
            assert_eq!((report.lines, report.malformed, report.duplicates), (3, 0, 0), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_dropped_silently() {
        let long = "x".repeat(200);
        let (ids, report) = read(format!("a\na\n{long}\nb,extra\n").as_bytes()).unwrap();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!((report.lines, report.malformed, report.duplicates), (4, 1, 1));
        let told: Vec<(i64, usize)> = report.problems.iter().map(|it| (it.line, it.text.len())).collect();
        assert_eq!(told, [(2, 1), (3, SHOWN)]);
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_line() {
        for (text, word) in [(&b"a,b\nc,d"[..], "account_id"), (b"a\n\xff\xfe\n", "line 2 is not UTF-8")] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let many: Vec<String> = (0..=MOST_ACCOUNTS).map(|n| format!("acc_{n}")).collect();
        let many = many.join("\n");
        assert!(read(many.as_bytes()).unwrap_err().to_string().contains("split the list"));
        let lines = "\"\"\n".repeat(1_000_001);
        assert!(read(lines.as_bytes()).unwrap_err().to_string().contains("lines"));
    }

    #[test]
    fn many_problems_are_counted_and_the_first_ones_told() {
        let (_, report) = read("a\n".repeat(5_000).as_bytes()).unwrap();
        assert_eq!((report.duplicates, report.problems.len()), (4_999, TOLD));
    }
}
