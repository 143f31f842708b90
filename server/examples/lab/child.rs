//! Children that end with the lab, even when it is killed: a shell holds the end of a pipe and, when the pipe closes,
//! ends its child by its process id, first kindly; when the pipe says `KILL`, not kindly. A child that ends by itself takes
//! the shell with it.

use std::{ffi::OsStr, path::Path, process::Stdio};

use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, Command},
};

use crate::Outcome;

/// Waits for the pipe to close, then ends the child; after ten seconds not kindly. When the child is gone the guard goes
/// too: left alone it would one day end whoever has the child's process id by then.
const KEEPER: &str = "exec 3<&0; \"$@\" </dev/null & child=$!; \
                      (read -r how <&3; kill -${how:-TERM} $child 2>/dev/null; \
                       for ((i = 0; i < 200; i++)); do kill -0 $child 2>/dev/null || exit; sleep 0.05; done; \
                       kill -KILL $child) & guard=$!; \
                      wait $child; code=$?; kill $guard 2>/dev/null; exit $code";

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
            // A terminal's Ctrl-C is for the lab, which then ends its children in order.
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

    /// Ends it by SIGKILL, as a power cut would, and waits until it is gone.
    pub async fn kill(mut self) -> Outcome<()> {
        if let Some(pipe) = &mut self.pipe {
            pipe.write_all(b"KILL\n").await?;
        }
        self.stop().await
    }

    /// Whether it ended by itself.
    pub fn ended(&mut self) -> bool {
        !matches!(self.keeper.try_wait(), Ok(None))
    }
}
