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
        let mut text = *b"0000-00-00 00:00:00 UTC";
        write_moment(&mut text, self.moment());
        String::from_utf8_lossy(&text).into_owned()
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
        let mut text = *b"0000-00-00T00:00:00.000Z";
        write_moment(&mut text, at);
        let milli = at.millisecond();
        write_digits(&mut text, &[(20, milli / 100), (21, milli / 10), (22, milli)]);
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Writes date and time over the noughts of `0000-00-00 00:00:00`. By hand, for a list has two instants in each row, and
/// `format!` took a fifth of the time in which it is rendered.
fn write_moment(text: &mut [u8], at: OffsetDateTime) {
    let year = u16::try_from(at.year()).unwrap_or_default();
    write_digits(text, &[(0, year / 1_000), (1, year / 100)]);
    let pairs = [
        (2, year % 100),
        (5, u8::from(at.month()).into()),
        (8, at.day().into()),
        (11, at.hour().into()),
        (14, at.minute().into()),
        (17, at.second().into()),
    ];
    for (place, number) in pairs {
        write_digits(text, &[(place, number / 10), (place + 1, number)]);
    }
}

/// Writes the last decimal digit of each number at its place.
fn write_digits(text: &mut [u8], digits: &[(usize, u16)]) {
    for (place, number) in digits {
        if let (Some(letter), Ok(digit)) = (text.get_mut(*place), u8::try_from(number % 10)) {
            *letter = b'0' + digit;
        }
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

    proptest::proptest! {
        #[test]
        fn every_instant_is_read_back_from_its_text(micros in FIRST_SECOND * 1_000_000..(LAST_SECOND + 1) * 1_000_000) {
            let at = Instant::from_micros(micros);
            let text = at.to_string();
            proptest::prop_assert_eq!(Instant::parse(&text), Ok(at - Span::from_micros(micros.rem_euclid(1_000))));
            proptest::prop_assert_eq!(at.to_text(), format!("{} {} UTC", &text[..10], &text[11..19]));
        }
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
