//! The way to a runtime API: several commands a line, one connection for the lines of one call, a time limit on everything.
//!
//! HAProxy closes the connection after the last reply to a line of its own, so its end is the end of the answer; in a talk of
//! several lines replies are counted. A stopped (SIGSTOP'd) one
//! accepts and never answers, its stats socket serves about ten at once, and a line of 16 kB is never answered at all:
//! hence the time-outs, the few seats and the short lines. A line that got no answer may still be obeyed later, when a
//! stopped HAProxy goes on: commands must bear that.

use std::{collections::VecDeque, fmt::Write as _, io, time::Duration};

use domain::{RouteKey, RouterName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout},
};

use super::{
    answer::{Answer, BadAnswer},
    command::{Command, MAX_LINE},
    config::Endpoint,
    talk::Talk,
};
use crate::RouterError;

/// Connections to one endpoint at once. The stats socket serves 10 unless told otherwise; others want some too.
pub(super) const SEATS: usize = 4;

/// Bytes that an answer to a line may have; a dump is read by rows and has no such limit.
pub(super) const MAX_ANSWER: usize = 8 << 20;

/// How many time-outs one answer may take in all, so that nobody holds a seat by sending a byte now and then.
const PATIENCE: u32 = 10;

/// Before every line of its own, and once in a talk: makes messages distinguishable from data. Replies nothing.
pub(super) const SEVERITY: &str = "set severity-output number";

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The way to one runtime API.
#[derive(Debug)]
pub(super) struct Transport {
    router: RouterName,
    endpoint: Endpoint,
    limit: Duration,
    seats: Semaphore,
}

impl Transport {
    pub(super) fn new(router: RouterName, endpoint: Endpoint, limit: Duration) -> Self {
        Self { router, endpoint, limit, seats: Semaphore::new(SEATS) }
    }

    /// Sends `commands` in one line and returns the replies, one a command.
    pub(super) async fn ask(&self, commands: &[Command<'_>]) -> Result<Answer, RouterError> {
        let mut bytes = Vec::with_capacity(4096);
        self.exchange(commands, |part| {
            bytes.extend_from_slice(part);
            if bytes.len() > MAX_ANSWER { Err(self.too_long()) } else { Ok(()) }
        })
        .await?;
        // The reply to SEVERITY is empty: one line feed.
        if !bytes.is_empty() && bytes.remove(0) != b'\n' {
            return Err(self.foreign());
        }
        Answer::cut(bytes, commands.len()).map_err(|why| self.bad(why))
    }

    /// Asks `commands` of each of `runs`, a line each, and hands the answers to `take` in their order. More than one line go
    /// through one connection: making one took HAProxy a quarter of its time for a line of 92 keys cleared and read back.
    pub(super) async fn ask_each<'k>(
        &self,
        runs: &[&'k [&'k RouteKey]],
        commands: impl Fn(&'k [&'k RouteKey]) -> Vec<Command<'k>> + Send,
        mut take: impl FnMut(&'k [&'k RouteKey], &Answer) -> Result<(), RouterError> + Send,
    ) -> Result<(), RouterError> {
        match runs {
            [] => return Ok(()),
            [run] => return take(run, &self.ask(&commands(run)).await?),
            _ => {}
        }
        let mut talk = Talk::open(self).await?;
        // One line more is on its way than is being answered, so that neither side waits for the other.
        let mut ahead = runs.iter();
        let mut under_way = VecDeque::with_capacity(2);
        for run in runs {
            for next in ahead.by_ref().take(2 - under_way.len()) {
                let commands = commands(next);
                talk.say(&commands).await?;
                under_way.push_back(commands.len());
            }
            let replies = under_way.pop_front().unwrap_or_default();
            take(run, &talk.hear(replies).await?)?;
        }
        talk.end().await
    }

    /// An error for an answer that cannot be read.
    pub(super) fn bad(&self, why: BadAnswer) -> RouterError {
        match why {
            BadAnswer::Nothing => self.unreachable("closed the connection without an answer"),
            BadAnswer::Cut => self.unreachable("closed the connection in the middle of its answer"),
            BadAnswer::Foreign => self.foreign(),
        }
    }

    /// Sends one line and hands its answer to `take`, part by part, until the other side closes.
    pub(super) async fn exchange(
        &self,
        commands: &[Command<'_>],
        mut take: impl FnMut(&[u8]) -> Result<(), RouterError> + Send,
    ) -> Result<(), RouterError> {
        let line = self.line(Some(SEVERITY), commands)?;
        let _seat = self.seat().await?;
        let deadline = self.deadline();
        let mut stream = self.connect().await?;
        self.within(stream.write_all(line.as_bytes()), "take a command").await?;
        let mut part = vec![0; 32 << 10];
        loop {
            let read = self.within(stream.read(&mut part), "answer").await?;
            if read == 0 {
                return Ok(());
            }
            take(&part[..read])?;
            if Instant::now() > deadline {
                return Err(self.endless());
            }
        }
    }

    /// `commands` as a line, after `first`.
    pub(super) fn line(&self, first: Option<&str>, commands: &[Command<'_>]) -> Result<String, RouterError> {
        let mut line = first.unwrap_or_default().to_owned();
        for command in commands {
            let between = if line.is_empty() { "" } else { ";" };
            let _ = write!(line, "{between}{command}");
        }
        line.push('\n');
        if line.len() > MAX_LINE + 500 {
            return Err(self.refused("was to get a command line that it would not take"));
        }
        Ok(line)
    }

    /// Until when an answer that begins now must have ended.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.limit * PATIENCE
    }

    /// An error for an answer that no line of ours can have.
    pub(super) fn too_long(&self) -> RouterError {
        self.refused("sends an answer without end")
    }

    /// An error for an answer that goes on after its deadline.
    pub(super) fn endless(&self) -> RouterError {
        self.unreachable(&format!("was still answering after {:?}", self.limit * PATIENCE))
    }

    pub(super) async fn seat(&self) -> Result<SemaphorePermit<'_>, RouterError> {
        match timeout(self.limit, self.seats.acquire()).await {
            Ok(Ok(seat)) => Ok(seat),
            _ => Err(self.unreachable(&format!("kept all {SEATS} connections to it busy for {:?}", self.limit))),
        }
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, RouterError> {
        match &self.endpoint {
            Endpoint::Tcp(address) => {
                let stream = self.within(TcpStream::connect(address), "accept a connection").await?;
                // One small line each way: waiting to fill a packet would only add time.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Endpoint::Unix(path) => {
                // A full queue of a unix socket refuses at once, where TCP waits.
                let patient = async {
                    loop {
                        match UnixStream::connect(path).await {
                            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                                sleep(Duration::from_millis(5)).await;
                            }
                            other => return other,
                        }
                    }
                };
                Ok(Box::new(self.within(patient, "accept a connection").await?))
            }
        }
    }

    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = io::Result<T>>,
        what: &str,
    ) -> Result<T, RouterError> {
        match timeout(self.limit, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(err)) if err.kind() == io::ErrorKind::PermissionDenied => {
                Err(self.refused("may not be talked to: give Unstick's user the right to open its socket"))
            }
            Ok(Err(err)) => Err(self.unreachable(&format!("did not {what}: {}", in_words(&err)))),
            Err(_) => Err(self.unreachable(&format!("did not {what} within {:?}", self.limit))),
        }
    }

    /// An error for a router that may answer later.
    pub(super) fn unreachable(&self, what: &str) -> RouterError {
        RouterError::Unreachable(format!("{} ({}) {what}", self.router, self.endpoint))
    }

    /// An error that somebody has to do something about.
    pub(super) fn refused(&self, what: &str) -> RouterError {
        RouterError::Refused(format!("{} ({}) {what}", self.router, self.endpoint))
    }

    /// An error for an answer that no HAProxy gives.
    pub(super) fn foreign(&self) -> RouterError {
        self.refused("does not answer like HAProxy's runtime API; the endpoint must be a `stats socket` of it")
    }
}

/// An I/O error without the operating system's number.
fn in_words(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "it closed the connection".to_owned(),
        _ => err.to_string(),
    }
}
