//! The folder that the lab writes in. It is one lab's at a time; what an earlier lab left there is removed, and nothing
//! that is not a lab's ever is.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::Outcome;

/// Says that a folder is a lab's; locked while one runs.
const MARK: &str = ".unstick-lab";
/// The longest path of a folder with a unix socket in it (`sun_path`: 108 bytes), and what HAProxy appends while it binds.
const LONGEST: usize = 76;

/// The lab's folder.
pub struct Folder {
    pub path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes `path`: emptied, or with last time's files when they are to be kept.
    ///
    /// # Errors
    /// There is something else in it, another lab runs in it, or its path is too long for a socket.
    pub fn take(path: &Path, keep: bool) -> Outcome<Self> {
        fs::create_dir_all(path)?;
        let path = path.canonicalize()?;
        let shown = path.display();
        let known = path.join(MARK).exists() || path.join("lab.json").exists();
        if !known && path.read_dir()?.next().is_some() {
            return Err(format!("{shown} holds something that is not a lab's: it stays").into());
        }
        if path.as_os_str().len() > LONGEST {
            return Err(format!("{shown} is too long for a socket in it: choose another --folder").into());
        }
        let lock = File::create(path.join(MARK))?;
        if lock.try_lock().is_err() {
            return Err(format!("another lab runs in {shown}").into());
        }
        let folder = Self { path, _lock: lock };
        folder.forget()?;
        if !keep {
            folder.empty()?;
        }
        Ok(folder)
    }

    /// Removes what is only true while the lab runs.
    pub fn forget(&self) -> Outcome<()> {
        for name in ["lab.json", "haproxy.sock", "haproxy-lb-2.sock", "lb-1.peer", "lb-2.peer", "map.sock"] {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn empty(&self) -> Outcome<()> {
        for entry in self.path.read_dir()? {
            let entry = entry?;
            if entry.file_name() == MARK {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}
