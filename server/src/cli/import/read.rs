//! Lines of a file, a piece at a time, on a thread of their own.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use service::ImportRecord;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::cli::Failure;

/// Longest line, in bytes.
const LONGEST: u64 = 64 << 10;
/// A transaction is one such part of the lines before it.
const SHARE: i64 = 8;
/// Bytes of the lines of one transaction, however few they are: 400,000 usual ones have 110 MB, as many of the longest 26 GB.
const MOST_BYTES: usize = 128 << 20;

/// How many lines are one transaction.
#[derive(Clone, Copy)]
pub struct Lines {
    /// At first.
    pub least: usize,
    /// However many came before.
    pub most: usize,
}

impl Lines {
    /// The same everywhere.
    pub const fn always(lines: usize) -> Self {
        Self { least: lines, most: lines }
    }

    /// Of them after line `line`.
    fn after(self, line: i64) -> usize {
        usize::try_from(line / SHARE).unwrap_or(0).clamp(self.least, self.most)
    }
}

/// What is read.
pub struct Source {
    reader: Box<dyn BufRead + Send>,
    /// What its progress is kept under; nothing for standard input, which cannot be read again.
    pub key: Option<String>,
    /// How much it is, if that is known.
    pub bytes: Option<u64>,
}

/// Some lines, read.
pub struct Piece<R> {
    /// What is good, as whoever takes it wants it.
    pub records: R,
    /// The number of each line in it.
    pub numbers: Vec<i64>,
    /// The lines that are none, with what is wrong with them.
    pub refused: Vec<(i64, String)>,
    /// How far the file was read.
    pub line: i64,
    /// How much of it.
    pub bytes: u64,
    /// Whether that was all.
    pub is_last: bool,
}

/// Which lines are read: those after line `began_at`, so many at a time.
#[derive(Clone, Copy)]
pub struct Reading {
    /// The last line that is passed over; 0 for none.
    pub began_at: i64,
    /// How many are a piece.
    pub batch: Lines,
}

/// Opens the file at `path`, or standard input for `-`.
///
/// # Errors
/// A file that cannot be read.
pub fn open(path: &Path) -> Result<Source, Failure> {
    if path == Path::new("-") {
        return Ok(Source { reader: Box::new(BufReader::new(std::io::stdin())), key: None, bytes: None });
    }
    let trouble = |error: std::io::Error| Failure::usage("file", format!("{} cannot be read: {error}", path.display()));
    let whole = path.canonicalize().map_err(trouble)?;
    let file = File::open(&whole).map_err(trouble)?;
    let bytes = file.metadata().map_err(trouble)?.len();
    let key = hex::encode(Sha256::digest(format!("{}\n{bytes}", whole.display())));
    Ok(Source { reader: Box::new(BufReader::with_capacity(1 << 20, file)), key: Some(key), bytes: Some(bytes) })
}

/// Reads `source` on a thread of its own, a piece ahead of whoever takes the pieces, and makes of the records what that one
/// wants. Not one of the runtime's threads, which would wait at the end for a standard input that says nothing.
///
/// # Errors
/// When there is no thread to be had.
pub fn read<R: Send + 'static>(
    mut source: Source,
    reading: Reading,
    made: impl Fn(Vec<ImportRecord>) -> R + Send + 'static,
) -> Result<mpsc::Receiver<Result<Piece<R>, Failure>>, Failure> {
    let (sender, pieces) = mpsc::channel(1);
    let read_all = move || {
        let mut line = 0;
        loop {
            let piece = next_piece(source.reader.as_mut(), &mut line, reading, &made);
            let is_last = piece.as_ref().map_or(true, |piece| piece.is_last);
            if sender.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("import".to_owned()).spawn(read_all);
    thread.map_err(|error| Failure::failed(format!("no thread for reading: {error}")))?;
    Ok(pieces)
}

/// A batch of lines with something on them; `line` is the one that was read last.
fn next_piece<R>(
    reader: &mut dyn BufRead,
    line: &mut i64,
    reading: Reading,
    made: impl Fn(Vec<ImportRecord>) -> R,
) -> Result<Piece<R>, Failure> {
    let most = reading.batch.after(*line);
    let (mut records, mut numbers, mut refused) = (Vec::with_capacity(most), Vec::with_capacity(most), Vec::new());
    let (mut bytes, mut kept, mut is_last) = (0, 0, false);
    while numbers.len() + refused.len() < most && kept < MOST_BYTES {
        let Some(text) = next_line(reader)? else {
            is_last = true;
            break;
        };
        *line += 1;
        bytes += text.len() as u64;
        if *line <= reading.began_at || text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        kept += text.len();
        match parse(&text) {
            Ok(record) => {
                records.push(record);
                numbers.push(*line);
            }
            Err(error) => refused.push((*line, error)),
        }
    }
    Ok(Piece { records: made(records), numbers, refused, line: *line, bytes, is_last })
}

/// The next line, cut off when it is too long (then it does not parse); `None` at the end.
fn next_line(mut reader: &mut dyn BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let trouble = |error: std::io::Error| Failure::failed(format!("the input cannot be read: {error}"));
    let mut bytes = Vec::new();
    let read = Read::take(&mut reader, LONGEST).read_until(b'\n', &mut bytes).map_err(trouble)?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 >= LONGEST && bytes.last() != Some(&b'\n') {
        reader.skip_until(b'\n').map_err(trouble)?;
    }
    Ok(Some(bytes))
}

fn parse(bytes: &[u8]) -> Result<ImportRecord, String> {
    if bytes.len() as u64 >= LONGEST {
        return Err(format!("a line is at most {LONGEST} bytes"));
    }
    ImportRecord::parse(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Lines = Lines { least: 40_000, most: 400_000 };

    #[test]
    fn the_larger_a_first_import_has_become_the_more_is_one_transaction() {
        let lines = [0, 100_000, 1_000_000, 1_000_000_000].map(|line| FIRST.after(line));
        assert_eq!(lines, [40_000, 40_000, 125_000, 400_000]);
        assert_eq!(Lines::always(7).after(i64::MAX), 7);
    }

    #[test]
    fn long_lines_are_fewer_in_a_batch() {
        let line = format!("{}\n", "x".repeat(60_000));
        let count = MOST_BYTES / line.len() + 10;
        let text = std::io::Cursor::new(line.repeat(count));
        let (mut reader, mut at): (Box<dyn BufRead>, i64) = (Box::new(text), 0);
        let reading = Reading { began_at: 0, batch: FIRST };
        let mut next = || next_piece(reader.as_mut(), &mut at, reading, |records| records.len()).unwrap();
        let (first, rest) = (next(), next());
        assert!(!first.is_last && first.bytes < (MOST_BYTES as u64) + LONGEST);
        assert!(rest.is_last && first.refused.len() + rest.refused.len() == count);
    }

    #[test]
    fn a_line_without_an_end_does_not_eat_the_memory() {
        let mut text = vec![b'x'; 200_000];
        text.extend_from_slice(b"\n{}\n");
        let mut reader: Box<dyn BufRead> = Box::new(std::io::Cursor::new(text));
        assert!(parse(&vec![b' '; 70_000]).unwrap_err().contains("at most"));
        assert_eq!(next_line(reader.as_mut()).unwrap().unwrap().len() as u64, LONGEST);
        assert_eq!(next_line(reader.as_mut()).unwrap().unwrap(), b"{}\n");
        assert!(next_line(reader.as_mut()).unwrap().is_none());
    }
}
