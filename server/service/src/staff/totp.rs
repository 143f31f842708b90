//! Codes of an authenticator app (RFC 6238: SHA-1, six digits, steps of 30 seconds, which is what every app does).
//!
//! A code counts in its own step and in the next one: people type slowly, and telephones are a little late. So it is good for
//! at most a minute, twice what ASVS 5.0 6.5.5 names, and each step counts once. Codes of the future never count.

use std::fmt::Write;

use domain::{Instant, view::NewFactor};
use qrcodegen::{QrCode, QrCodeEcc};
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};

use crate::{Error, Result};

/// Bytes of a seed (RFC 4226, R6: 160 bits are recommended).
pub(super) const SEED: usize = 20;
/// Seconds of a step.
const STEP: i64 = 30;
/// Steps that a code may be late.
const LATE: i64 = 1;
/// The clear margin of the picture, in squares (ISO/IEC 18004: four).
const MARGIN: i32 = 4;

fn totp(seed: &[u8; SEED]) -> Result<Totp> {
    let built = Builder::new().with_secret(Secret::new_stack(*seed)).build();
    built.map_err(|error| Error::internal(error.to_string()))
}

/// The step whose code `typed` is at `now`, if it is one.
pub(super) fn step_of(seed: &[u8; SEED], typed: &str, now: Instant) -> Result<Option<i64>> {
    let typed: String = typed.chars().filter(|letter| !letter.is_whitespace()).take(8).collect();
    let totp = totp(seed)?;
    let step = now.micros().div_euclid(1_000_000).div_euclid(STEP);
    let fits = |step: &i64| {
        let code = u64::try_from(step * STEP).map(|at| totp.generate(at).to_string()).unwrap_or_default();
        !code.is_empty() && bool::from(code.as_bytes().ct_eq(typed.as_bytes()))
    };
    Ok((step - LATE..=step).rev().find(fits))
}

/// What an app needs to make codes for `staff` at `host`.
pub(super) fn shown(seed: &[u8; SEED], staff: &str, host: &str) -> Result<NewFactor> {
    let plain = Secret::new_stack(*seed).to_base32();
    // A staff name needs no encoding; a host's port does.
    let label = format!("Unstick%20{}:{staff}", host.replace(':', "%3A"));
    let issuer = format!("Unstick%20{}", host.replace(':', "%3A"));
    let address = format!("otpauth://totp/{label}?secret={plain}&issuer={issuer}&algorithm=SHA1&digits=6&period=30");
    let code = QrCode::encode_text(&address, QrCodeEcc::Medium).map_err(|error| Error::internal(error.to_string()))?;
    let groups: Vec<&str> =
        (0..plain.len()).step_by(4).filter_map(|at| plain.get(at..(at + 4).min(plain.len()))).collect();
    let (picture, size) = (path(&code), i64::from(code.size() + 2 * MARGIN));
    Ok(NewFactor { secret: groups.join(" "), address, picture, size })
}

/// The dark squares as the path of a drawing, each row's neighbours in one piece.
fn path(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let wide = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            let wide = i32::try_from(wide).unwrap_or(0);
            if wide > 0 {
                // Writing to a String cannot fail.
                write!(path, "M{},{}h{wide}v1h-{wide}z", x + MARGIN, y + MARGIN).ok();
            }
            x += wide.max(1);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six digits of the codes of SHA-1.
    const SEED_OF_RFC: &[u8; SEED] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            let step = step_of(SEED_OF_RFC, code, Instant::from_secs(at)).unwrap();
            assert_eq!(step, Some(at / 30), "{code}");
        }
        assert_eq!(step_of(SEED_OF_RFC, " 287 082 ", Instant::from_secs(59)).unwrap(), Some(1), "as apps show it");
    }

    #[test]
    fn a_code_may_be_one_step_late_and_never_early() {
        let at = |seconds| step_of(SEED_OF_RFC, "287082", Instant::from_secs(seconds)).unwrap();
        assert_eq!((at(29), at(30), at(59), at(89), at(90)), (None, Some(1), Some(1), Some(1), None));
        for bad in ["", "28708", "2870820", "+87082", "abcdef", "２８７０８２"] {
            assert_eq!(step_of(SEED_OF_RFC, bad, Instant::from_secs(59)).unwrap(), None, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_is_what_apps_take() {
        let shown = shown(SEED_OF_RFC, "dana", "127.0.0.1:3000").unwrap();
        assert_eq!(shown.secret, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert!(shown.address.starts_with("otpauth://totp/Unstick%20127.0.0.1%3A3000:dana?secret=GEZDGNBVGY3TQOJQ"));
        assert!(shown.size > 30 && shown.picture.starts_with("M4,4h7v1h-7z"));
    }
}
