//! Timing two things alternately, and the table of what came out.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::Outcome;

/// One line of the report.
struct Line {
    id: &'static str,
    what: String,
    ours: String,
    beside: String,
    ratio: String,
    aim: &'static str,
}

/// The report.
#[derive(Default)]
pub struct Table(Vec<Line>);

impl Table {
    /// Adds a line.
    pub fn add(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        ours: impl Into<String>,
        beside: impl Into<String>,
        ratio: impl Into<String>,
        aim: &'static str,
    ) {
        let line = Line { id, what: what.into(), ours: ours.into(), beside: beside.into(), ratio: ratio.into(), aim };
        println!(
            "{:4} {:44} {:>14} {:>18} {:>18}  {}",
            line.id, line.what, line.ours, line.beside, line.ratio, line.aim
        );
        self.0.push(line);
    }
}

impl fmt::Display for Table {
    /// As Markdown, for the README.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| goal | what | Unstick | beside it | ratio (min–max) | must |\n|---|---|---|---|---|---|")?;
        for line in &self.0 {
            let Line { id, what, ours, beside, ratio, aim } = line;
            writeln!(f, "| {id} | {what} | {ours} | {beside} | {ratio} | {aim} |")?;
        }
        Ok(())
    }
}

/// The medians of two things that were timed alternately, and of their ratios round by round.
pub struct Compared {
    pub ours: Duration,
    pub beside: Duration,
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
}

impl Compared {
    /// `2.10 (1.95–2.40)`.
    pub fn ratio_text(&self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.ratio, self.low, self.high)
    }
}

/// Times `ours` and `beside` alternately: `rounds` rounds of `times` calls each, after one round that does not count.
pub async fn compare(
    rounds: usize,
    times: u32,
    mut ours: impl AsyncFnMut(u32) -> Outcome<()>,
    mut beside: impl AsyncFnMut(u32) -> Outcome<()>,
) -> Outcome<Compared> {
    let (mut us, mut them, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let started = Instant::now();
        for call in 0..times {
            ours(call).await?;
        }
        let mine = started.elapsed() / times;
        let started = Instant::now();
        for call in 0..times {
            beside(call).await?;
        }
        let other = started.elapsed() / times;
        if round > 0 {
            us.push(mine);
            them.push(other);
            ratios.push(mine.as_secs_f64() / other.as_secs_f64().max(1e-9));
        }
    }
    ratios.sort_by(f64::total_cmp);
    us.sort_unstable();
    them.sort_unstable();
    let low = ratios.first().copied().unwrap_or(f64::NAN);
    let high = ratios.last().copied().unwrap_or(f64::NAN);
    Ok(Compared { ours: us[us.len() / 2], beside: them[them.len() / 2], ratio: ratios[ratios.len() / 2], low, high })
}

/// `123 µs` or `4.56 ms`.
pub fn time_text(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.2} ms", micros / 1_000.0) }
}

/// `12,345/s`.
pub fn rate_text(count: u64, time: Duration) -> String {
    format!("{}/s", grouped(rate(count, time)))
}

/// How many a second.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]
pub fn rate(count: u64, time: Duration) -> u64 {
    (count as f64 / time.as_secs_f64().max(1e-9)) as u64
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds of processor that this process has had (proc(5): nanoseconds of every thread).
pub fn processor() -> Outcome<f64> {
    let mut total = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let told = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let nanos: f64 = told.split(' ').next().unwrap_or_default().parse()?;
        total += nanos / 1e9;
    }
    Ok(total)
}
