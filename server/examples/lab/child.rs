//! Children that end with the lab, even when it is killed: a shell holds the end of a pipe and, when the pipe closes,
//! ends its child by its process id.

use std::{ffi::OsStr, path::Path, process::Stdio};

use tokio::process::{ChildStdin, Command};

use crate::Outcome;

/// Waits for the pipe to close, then ends the child and waits for it.
const KEEPER: &str = "exec 3<&0; \"$@\" </dev/null & child=$!; \
                      (read -r _ <&3; kill -TERM $child 2>/dev/null) & \
                      wait $child; exit $?";

/// A program that runs until this is dropped.
pub struct Child {
    keeper: tokio::process::Child,
    pipe: Option<ChildStdin>,
}

impl Child {
    /// Starts `program`; what it prints goes into `log`.
    pub fn start(program: &Path, arguments: &[&OsStr], log: &Path) -> Outcome<Self> {
        let out = std::fs::File::options().create(true).append(true).open(log)?;
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()?;
        let pipe = keeper.stdin.take();
        Ok(Self { keeper, pipe })
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(mut self) -> Outcome<()> {
        drop(self.pipe.take());
        self.keeper.wait().await?;
        Ok(())
    }

    /// Whether it ended by itself.
    pub fn ended(&mut self) -> bool {
        !matches!(self.keeper.try_wait(), Ok(None))
    }
}
