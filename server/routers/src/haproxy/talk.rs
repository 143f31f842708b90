//! Several lines through one connection. With `prompt` HAProxy keeps it open after a line and ends each reply with a prompt
//! besides the empty line (management.txt, 9.3; seen with 2.6.12). It is the mode that people use by hand, and hatop.
//!
//! The connection stays with the process that accepted it: when HAProxy reloads meanwhile, the rest of the lines is still
//! answered by the old one, as a line under way is. What the new one has is found when it is read back after the drain.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::SemaphorePermit,
    time::Instant,
};

use super::{
    answer::{Answer, BadAnswer},
    command::Command,
    transport::{MAX_ANSWER, SEVERITY, Stream, Transport},
};
use crate::RouterError;

/// What ends a reply.
const PROMPT: &[u8] = b"\n> ";

/// A connection that stays open, with its seat.
pub(super) struct Talk<'t> {
    transport: &'t Transport,
    stream: Box<dyn Stream>,
    /// What was read of answers that were not asked for yet.
    read: Vec<u8>,
    _seat: SemaphorePermit<'t>,
}

impl<'t> Talk<'t> {
    /// Begins to talk.
    pub(super) async fn open(transport: &'t Transport) -> Result<Self, RouterError> {
        let seat = transport.seat().await?;
        let stream = transport.connect().await?;
        let mut talk = Self { transport, stream, read: Vec::with_capacity(32 << 10), _seat: seat };
        talk.write(&format!("prompt;{SEVERITY}\n")).await?;
        let replies = talk.hear(2).await?;
        if replies.replies().any(|reply| !reply.is_nothing()) {
            return Err(transport.foreign());
        }
        Ok(talk)
    }

    /// Sends `commands` in one line.
    pub(super) async fn say(&mut self, commands: &[Command<'_>]) -> Result<(), RouterError> {
        let line = self.transport.line(None, commands)?;
        self.write(&line).await
    }

    async fn write(&mut self, line: &str) -> Result<(), RouterError> {
        self.transport.within(self.stream.write_all(line.as_bytes()), "take a command").await
    }

    /// The next `replies` replies.
    pub(super) async fn hear(&mut self, replies: usize) -> Result<Answer, RouterError> {
        let deadline = self.transport.deadline();
        let mut answer = Answer::default();
        loop {
            let mut from = 0;
            while answer.replies().len() < replies
                && let Some(rest) = self.read.get(from..)
                && let Some(length) = reply_before_prompt(rest)
            {
                answer.push(&rest[..length]);
                from += length + PROMPT.len();
            }
            self.read.drain(..from);
            if answer.replies().len() == replies {
                return Ok(answer);
            }
            if self.read.len() > MAX_ANSWER {
                return Err(self.transport.too_long());
            }
            let read = self.transport.within(self.stream.read_buf(&mut self.read), "answer").await?;
            if read == 0 {
                let nothing = answer.replies().len() == 0 && self.read.is_empty();
                return Err(self.transport.bad(if nothing { BadAnswer::Nothing } else { BadAnswer::Cut }));
            }
            if Instant::now() > deadline {
                return Err(self.transport.endless());
            }
        }
    }

    /// Ends it, when everything that was asked for was heard. The seat is free when HAProxy has closed the connection.
    pub(super) async fn end(mut self) -> Result<(), RouterError> {
        if !self.read.is_empty() {
            return Err(self.transport.foreign());
        }
        self.write("quit\n").await?;
        let deadline = self.transport.deadline();
        while self.transport.within(self.stream.read_buf(&mut self.read), "hang up").await? > 0 {
            if Instant::now() > deadline {
                return Err(self.transport.endless());
            }
        }
        Ok(())
    }
}

/// How long the reply at the beginning of `bytes` is; `None` while its prompt did not come.
fn reply_before_prompt(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(PROMPT) {
        return Some(0);
    }
    let lines = bytes.windows(1 + PROMPT.len());
    lines.enumerate().find(|(_, here)| here[0] == b'\n' && here[1..] == *PROMPT).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_before_its_prompt() {
        for (text, length) in [
            ("\n> rest", Some(0)),
            ("[3]: No such table\n\n> \n> ", Some(19)),
            ("# table: app\n0x1: key=a\n\n> ", Some(24)),
            ("a > b\n> c\n\n> ", Some(10)),
            ("# table: app\n0x1: key=a\n\n>", None),
            ("\n>", None),
            ("", None),
        ] {
            assert_eq!(reply_before_prompt(text.as_bytes()), length, "{text:?}");
        }
    }
}
