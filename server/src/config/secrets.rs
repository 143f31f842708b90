//! Keys in files that only their owner may read. They are made at the first start; a file that others can read is
//! refused, for what others have read is no secret any more.

#[cfg(unix)]
use std::fs::File;
use std::{
    fmt,
    io::{self, Write},
    path::Path,
};

use domain::Entropy;
use tempfile::NamedTempFile;

/// A key of 256 bits that never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The keys in `file`, one a line in hexadecimal: the first is the one in use, the others are older ones that still
    /// count. `None` when there is no such file.
    ///
    /// # Errors
    /// A file that others can read, or that holds something else.
    pub fn read_all(file: &Path) -> Result<Option<Vec<Self>>, String> {
        let Some(text) = private_text(file)? else {
            return Ok(None);
        };
        let keys: Option<Vec<Self>> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(parse).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Some(keys)),
            _ => Err(format!("{}: every line must be a key of 64 hexadecimal digits", file.display())),
        }
    }

    /// Keeps this key in `file`. Answers `false` when there is one already (another process was faster).
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep(&self, file: &Path) -> Result<bool, String> {
        create_private(file, &format!("{}\n", hex::encode(self.0)))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}

fn parse(line: &str) -> Option<Secret> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(line, &mut bytes).ok()?;
    Some(Secret(bytes))
}

/// The text of a file that only its owner may read; `None` when there is none.
///
/// # Errors
/// A file that others can read, or that cannot be read.
pub fn private_text(file: &Path) -> Result<Option<String>, String> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", file.display())),
        Ok(about) => check_mode(file, &about)?,
    }
    std::fs::read_to_string(file).map(Some).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

#[cfg(unix)]
fn check_mode(file: &Path, about: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    let name = file.display();
    Err(format!("{name} holds a secret and others can read it (mode {:o}): chmod 600 {name}", mode & 0o777))
}

#[cfg(not(unix))]
fn check_mode(_file: &Path, _about: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// Makes `file` with `text` in it, for its owner alone, unless it is there: then `false`. It is there with all of its text or
/// not at all, whenever the program or the machine ends: half a key could be told from none only by a person.
///
/// # Errors
/// A file that cannot be written.
pub fn create_private(file: &Path, text: &str) -> io::Result<bool> {
    if file.try_exists()? {
        return Ok(false);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only its owner may read it from the beginning, which is what this crate is for.
    let mut made = NamedTempFile::with_prefix_in(".new-", folder)?;
    made.write_all(text.as_bytes())?;
    made.as_file().sync_all()?;
    match made.persist_noclobber(file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error.error),
    }
    // The name is in the folder, which is a file as well.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use domain::SeededEntropy;

    use super::*;

    #[test]
    fn a_key_is_kept_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.key");
        assert_eq!(Secret::read_all(&file), Ok(None));
        let key = Secret::new(&SeededEntropy::new(1));
        assert_eq!(key.keep(&file), Ok(true));
        assert_eq!(Secret::new(&SeededEntropy::new(2)).keep(&file), Ok(false));
        assert_eq!(Secret::read_all(&file), Ok(Some(vec![key])));
        let there: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(there, ["audit.key"], "nothing is left beside it");
    }

    #[test]
    fn of_many_who_make_a_key_at_once_one_does_and_each_reads_that_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.key");
        let (file, ready) = (&file, &std::sync::Barrier::new(16));
        let read: Vec<(bool, Vec<Secret>)> = std::thread::scope(|scope| {
            let one = |seed: u64| {
                scope.spawn(move || {
                    let key = Secret::new(&SeededEntropy::new(seed));
                    ready.wait();
                    (key.keep(file).unwrap(), Secret::read_all(file).unwrap().unwrap())
                })
            };
            let all: Vec<_> = (0..16).map(one).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(read.iter().filter(|(made, _)| *made).count(), 1);
        assert!(read.iter().all(|(_, key)| *key == read[0].1));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.key");
        Secret::new(&SeededEntropy::new(1)).keep(&file).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let error = Secret::read_all(&file).unwrap_err();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.key");
        create_private(&file, "hunter2\n").unwrap();
        let error = Secret::read_all(&file).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
