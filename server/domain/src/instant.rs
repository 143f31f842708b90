//! Instants and spans: microseconds since the Unix epoch in UTC, the one form of time in code, database and API.

use std::{fmt, ops};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

/// A length of time, in microseconds; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const FIRST_SECOND: i64 = -62_167_219_200;
const LAST_SECOND: i64 = 253_402_300_799;

/// A text that is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an instant must look like 2026-11-23T09:14:07Z")]
pub struct ParseInstantError;

impl Instant {
    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `seconds` after the epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is (negative when before).
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Reads an RFC 3339 text.
    ///
    /// # Errors
    /// When `text` is not one.
    pub fn parse(text: &str) -> Result<Self, ParseInstantError> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ParseInstantError)?;
        i64::try_from(moment.unix_timestamp_nanos() / 1000).map(Self).map_err(|_| ParseInstantError)
    }

    fn moment(self) -> OffsetDateTime {
        // Texts have four digits for a year: what is beyond them is told as the last instant that has a text.
        let seconds = self.0.div_euclid(1_000_000).clamp(FIRST_SECOND, LAST_SECOND);
        let within = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        within.replace_microsecond(u32::try_from(self.0.rem_euclid(1_000_000)).unwrap_or(0)).unwrap_or(within)
    }

    /// `2026-11-23 09:14:07 UTC`, for people.
    pub fn to_text(self) -> String {
        let at = self.moment();
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second) = at.to_hms();
        format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
    }

    /// `23 Nov`, for the axis of a drawing.
    pub fn to_day(self) -> String {
        let at = self.moment();
        let month = at.month().to_string();
        format!("{} {}", at.day(), month.get(..3).unwrap_or(&month))
    }

    /// `09:14:07.412`, for a ledger where the day is known.
    pub fn to_clock(self) -> String {
        let (hour, minute, second, milli) = self.moment().to_hms_milli();
        format!("{hour:02}:{minute:02}:{second:02}.{milli:03}")
    }

    /// `3 min ago`, `in 20 s`, `just now`, as seen at `now`.
    pub fn relative_to(self, now: Self) -> String {
        let span = now.since(self);
        if span.0.unsigned_abs() < 1_000_000 {
            "just now".to_owned()
        } else if span.0 > 0 {
            format!("{span} ago")
        } else {
            format!("in {}", Span(span.0.saturating_neg()))
        }
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// A span of milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }
    /// A span of seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }
    /// A span of days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self::from_secs(days.saturating_mul(86_400))
    }
    /// Microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// Whole milliseconds.
    pub const fn millis(self) -> i64 {
        self.0 / 1_000
    }
    /// Whole seconds.
    pub const fn secs(self) -> i64 {
        self.0 / 1_000_000
    }
    /// As the standard library's duration; zero when negative.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }
}

impl ops::Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl ops::Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl ops::Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 with milliseconds, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.moment();
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, milli) = at.to_hms_milli();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
    }
}

impl fmt::Display for Span {
    /// The largest unit that fits, as a person would say it: `12 s`, `3 min`, `5 h`, `9 d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.abs() / 1_000_000;
        match secs {
            0 => write!(f, "{} ms", self.0.abs() / 1_000),
            1..60 => write!(f, "{secs} s"),
            60..3_600 => write!(f, "{} min", secs / 60),
            3_600..86_400 => write!(f, "{} h", secs / 3_600),
            _ => write!(f, "{} d", secs / 86_400),
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_calendar_has_is_no_other_day() {
        let far = Instant::from_micros(i64::MAX);
        assert_eq!(far.to_string(), "9999-12-31T23:59:59.775Z");
        assert!(Instant::from_micros(i64::MIN).to_string().starts_with("0000-01-01"));
        assert_eq!(Instant::parse("2026-11-23T09:14:07Z").unwrap() + Span::from_days(i64::MAX), far);
        assert!(far.relative_to(Instant::from_micros(i64::MIN)).starts_with("in "));
        assert!(Instant::from_micros(i64::MIN).relative_to(far).ends_with(" ago"));
    }

    #[test]
    fn an_instant_survives_its_text() {
        let at = Instant::parse("2026-11-23T09:14:07.412Z").unwrap();
        assert_eq!(at.to_string(), "2026-11-23T09:14:07.412Z");
        assert_eq!(at.to_text(), "2026-11-23 09:14:07 UTC");
        assert_eq!(at.to_day(), "23 Nov");
        assert_eq!(at.to_clock(), "09:14:07.412");
        assert_eq!(Instant::parse("2026-11-23T10:14:07.412+01:00"), Ok(at));
    }

    #[test]
    fn times_past_2038_and_out_of_range_do_not_panic() {
        assert_eq!(Instant::from_secs(4_102_444_800).to_string(), "2100-01-01T00:00:00.000Z");
        assert!(!Instant::from_micros(i64::MAX).to_text().is_empty());
        assert!(!Instant::from_micros(i64::MIN).to_text().is_empty());
    }

    #[test]
    fn people_read_spans() {
        let now = Instant::from_secs(1_000_000);
        assert_eq!((now - Span::from_secs(200)).relative_to(now), "3 min ago");
        assert_eq!((now + Span::from_secs(20)).relative_to(now), "in 20 s");
        assert_eq!(now.relative_to(now), "just now");
        assert_eq!(Span::from_days(9).to_string(), "9 d");
    }
}
