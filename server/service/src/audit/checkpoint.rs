//! Proving the log, and checkpoints: the signed head of the chain, in a file outside the database. Only that shows a tail
//! that was cut off.

use std::{io::Write, path::Path};

use async_recursion::async_recursion as boxed;
use domain::{Actor, Permission};
use store::{Checkpoint, Verification};

use crate::{Error, Result, Unstick};

impl Unstick {
    /// Recomputes the chain from its first event and holds it against the checkpoints. `progress` is told the sequence
    /// number reached.
    ///
    /// # Errors
    /// `Denied`; a checkpoint file that cannot be read.
    #[boxed]
    pub async fn verify_audit(&self, actor: &Actor, progress: &(dyn Fn(i64) + Sync)) -> Result<Verification> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let checkpoints = self.checkpoints()?;
        Ok(self.store().verify_audit(&checkpoints, progress).await?)
    }

    /// The same for the last `events` events, for a look that must be short: the one before them is believed.
    ///
    /// # Errors
    /// Like [`Self::verify_audit`].
    pub(crate) async fn verify_audit_end(&self, actor: &Actor, events: i64) -> Result<Verification> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let checkpoints = self.checkpoints()?;
        let (head, _) = self.store().audit_head().await?;
        Ok(self.store().verify_audit_after((head - events).max(0), &checkpoints, &|_| ()).await?)
    }

    fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.settings().checkpoint_file.as_deref().map_or_else(|| Ok(Vec::new()), read)
    }

    /// Signs the head of the chain and adds it to the checkpoint file.
    ///
    /// # Errors
    /// `Denied`; `Conflict` without a checkpoint file; a file that cannot be written.
    #[boxed]
    pub async fn checkpoint(&self, actor: &Actor) -> Result<Checkpoint> {
        self.authorize(actor, Permission::ReadAudit, "audit").await?;
        let Some(file) = self.settings().checkpoint_file.clone() else {
            return Err(Error::Conflict("no checkpoint file is configured: set data_dir".to_owned()));
        };
        let (seq, hash) = self.store().audit_head().await?;
        let checkpoint = self.store().sign_checkpoint(seq, &hash, self.now());
        append(&file, &checkpoint)?;
        Ok(checkpoint)
    }

    /// Writes a checkpoint when enough events came since the last one, or some did a minute ago.
    pub(crate) async fn checkpoint_if_due(&self) -> Result<()> {
        let Some(file) = &self.settings().checkpoint_file else {
            return Ok(());
        };
        let (seq, _) = self.store().audit_head().await?;
        let last = read(file)?.pop();
        let due = match last {
            None => seq > 0,
            Some(last) => {
                let news = seq.saturating_sub(last.seq);
                let old = self.now().since(last.at) > domain::Span::from_secs(60);
                news >= self.settings().checkpoint_every || (news > 0 && old)
            }
        };
        if due {
            self.checkpoint(&Actor::System).await?;
        }
        Ok(())
    }
}

fn read(file: &Path) -> Result<Vec<Checkpoint>> {
    match std::fs::read_to_string(file) {
        Ok(text) => text
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).map_err(Error::internal))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::internal(error)),
    }
}

fn append(file: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let mut line = serde_json::to_string(checkpoint).map_err(Error::internal)?;
    line.push('\n');
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file).map_err(Error::internal)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::internal)
}
