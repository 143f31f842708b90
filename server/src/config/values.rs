//! Values of settings: spans of time, origins, networks.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use domain::Span;
use url::Url;

/// Reads `500ms`, `30s`, `5m`, `8h` or `90d`.
///
/// # Errors
/// When it is none of these.
pub fn span(text: &str) -> Result<Span, String> {
    let digits = text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(text.trim().len());
    let (number, unit) = text.trim().split_at(digits);
    let micros = match unit.trim() {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => 0_i64,
    };
    let wrong = || format!("{text:?} is no span of time; write 500ms, 30s, 5m, 8h or 90d");
    if micros == 0 {
        return Err(wrong());
    }
    number.parse::<i64>().ok().and_then(|n| n.checked_mul(micros)).map(Span::from_micros).ok_or_else(wrong)
}

/// The span as one would write it in the configuration.
pub fn span_text(span: Span) -> String {
    let micros = span.micros();
    for (unit, size) in [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)] {
        if micros >= size && micros % size == 0 {
            return format!("{}{unit}", micros / size);
        }
    }
    if micros == 0 { "0s".to_owned() } else { format!("{}ms", span.millis()) }
}

/// A web origin: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    text: String,
    https: bool,
    loopback: bool,
    port: Option<u16>,
}

impl WebOrigin {
    /// What a browser on this machine sees of a listener without anything in front.
    pub fn of_listener(listen: SocketAddr) -> Self {
        let loopback = listen.ip().is_loopback();
        Self { text: format!("http://{listen}"), https: false, loopback, port: Some(listen.port()) }
    }

    /// The text that a browser sends in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Whether it is https.
    pub const fn is_https(&self) -> bool {
        self.https
    }
    /// Whether only this machine can reach it.
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether `origin`, as a browser sent it, is this one. On loopback its other names count too: who typed
    /// `localhost` is the same person on the same machine.
    pub fn admits(&self, origin: &str) -> bool {
        if origin == self.text {
            return true;
        }
        let (true, false, Some(port)) = (self.loopback, self.https, self.port) else {
            return false;
        };
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| origin == format!("http://{host}:{port}"))
    }
}

impl FromStr for WebOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} {why}; write https://unstick.example or http://127.0.0.1:3000");
        let url = Url::parse(text).map_err(|_| wrong("is no origin"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("is neither http nor https")),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(wrong("is more than an origin"));
        }
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err(wrong("has no host")),
        };
        let text = url.origin().ascii_serialization();
        Ok(Self { text, https, loopback, port: url.port_or_known_default() })
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An address or a network of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `ip` is in it. An IPv4 address in IPv6 dress is the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => same_bits(net.to_bits().into(), ip.to_bits().into(), self.bits, 32),
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_bits(net.to_bits(), ip.to_bits(), self.bits, 128),
            _ => false,
        }
    }
}

fn same_bits(a: u128, b: u128, bits: u8, width: u8) -> bool {
    let rest = u32::from(width.saturating_sub(bits));
    a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address or network; write 10.0.0.7 or 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits == 0 || bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for text in ["500ms", "30s", "5m", "8h", "90d"] {
            assert_eq!(span_text(span(text).unwrap()), text);
        }
        for bad in ["", "30", "s", "-5s", "1.5h", "99999999999999999d", "5 weeks"] {
            assert!(span(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_origin_is_no_more_than_an_origin() {
        let origin: WebOrigin = "https://Unstick.Example/".parse().unwrap();
        assert_eq!(
            (origin.as_str(), origin.is_https(), origin.is_loopback()),
            ("https://unstick.example", true, false)
        );
        assert!(origin.admits("https://unstick.example"));
        assert!(!origin.admits("https://unstick.example.evil") && !origin.admits("http://unstick.example"));
        for bad in ["unstick.example", "ftp://a", "https://a/path", "https://u@a", "https://a?q", ""] {
            assert!(bad.parse::<WebOrigin>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn loopback_has_several_names_and_nobody_else_does() {
        let origin: WebOrigin = "http://127.0.0.1:3000".parse().unwrap();
        assert!(origin.admits("http://localhost:3000") && origin.admits("http://[::1]:3000"));
        assert!(!origin.admits("http://localhost:3001") && !origin.admits("http://evil.example:3000"));
        let https: WebOrigin = "https://localhost".parse().unwrap();
        assert!(!https.admits("http://localhost:443"));
    }

    #[test]
    fn networks_hold_their_addresses() {
        let net: Network = "10.0.0.0/8".parse().unwrap();
        assert!(net.contains("10.200.3.4".parse().unwrap()) && net.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!net.contains("11.0.0.1".parse().unwrap()) && !net.contains("::1".parse().unwrap()));
        let one: Network = "2001:db8::1".parse().unwrap();
        assert!(one.contains("2001:db8::1".parse().unwrap()) && !one.contains("2001:db8::2".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().is_err(), "everybody is no proxy");
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
