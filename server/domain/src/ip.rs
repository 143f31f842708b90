//! Addresses of clients, and ranges of them: what somebody types who knows only the beginning, or the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Addresses of one family from `first` to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpRange {
    /// The first.
    pub first: IpAddr,
    /// The last, which belongs to it.
    pub last: IpAddr,
}

/// The address in `text`; one of IPv4 that is written as IPv6 (`::ffff:10.2.3.4`) is the one of IPv4.
pub fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// `text` in the one form in which addresses are kept; as it is when it is none.
pub fn canonical(text: String) -> String {
    address(&text).map_or(text, |ip| ip.to_string())
}

impl IpRange {
    /// What `text` may be: a network (`10.106.44.0/24`), or an address's beginning up to the end of an octet or a group
    /// (`10.106`, `10.106.`, `2001:db8:690:2d`). A `::` in the middle stands for two groups or more, so several ranges may
    /// fit, at most six; one at the end is as good as a colon.
    pub fn parse(text: &str) -> Vec<Self> {
        if let Some((ip, bits)) = text.split_once('/') {
            return network(ip, bits).into_iter().collect();
        }
        if text.contains(':') { groups(text) } else { octets(text).into_iter().collect() }
    }

    fn of_v4(ip: Ipv4Addr, bits: u32) -> Self {
        let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
        let first = ip.to_bits() & !rest;
        Self { first: Ipv4Addr::from_bits(first).into(), last: Ipv4Addr::from_bits(first | rest).into() }
    }

    fn of_v6(ip: Ipv6Addr, bits: u32) -> Self {
        let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
        let first = ip.to_bits() & !rest;
        Self { first: Ipv6Addr::from_bits(first).into(), last: Ipv6Addr::from_bits(first | rest).into() }
    }
}

fn network(ip: &str, bits: &str) -> Option<IpRange> {
    let ip: IpAddr = ip.parse().ok()?;
    let bits = digits(bits, 3).and_then(|bits| bits.parse::<u32>().ok())?;
    match ip {
        IpAddr::V4(ip) if bits <= 32 => Some(IpRange::of_v4(ip, bits)),
        IpAddr::V6(ip) if bits <= 128 => Some(IpRange::of_v6(ip, bits)),
        _ => None,
    }
}

/// `10.`, `10.2`, `10.2.33.`: one to three octets. A number alone is more likely a part of an id.
fn octets(text: &str) -> Option<IpRange> {
    let body = text.strip_suffix('.').unwrap_or(text);
    let octets: Option<Vec<u8>> = body.split('.').map(|octet| digits(octet, 3)?.parse().ok()).collect();
    let octets = octets.filter(|octets| octets.len() <= 3 && text.contains('.'))?;
    let mut all = [0; 4];
    all.iter_mut().zip(&octets).for_each(|(place, octet)| *place = *octet);
    Some(IpRange::of_v4(all.into(), 8 * u32::try_from(octets.len()).ok()?))
}

fn digits(text: &str, most: usize) -> Option<&str> {
    let good = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (good && (text.len() == 1 || !text.starts_with('0'))).then_some(text)
}

fn groups(text: &str) -> Vec<IpRange> {
    let (before, after) = text.split_once("::").map_or((text, None), |(before, after)| (before, Some(after)));
    let before = parsed(before);
    let after = after.map_or_else(|| Some(Vec::new()), parsed);
    let (Some(before), Some(after)) = (before, after) else {
        return Vec::new();
    };
    let range = |zeros: usize| {
        let mut all = [0; 8];
        let typed = before.iter().copied().chain(std::iter::repeat_n(0, zeros)).chain(after.iter().copied());
        all.iter_mut().zip(typed).for_each(|(place, group)| *place = group);
        let bits = u32::try_from(16 * (before.len() + zeros + after.len())).unwrap_or(128);
        IpRange::of_v6(all.into(), bits)
    };
    let typed = before.len() + after.len();
    if after.is_empty() {
        return if (1..8).contains(&typed) { vec![range(0)] } else { Vec::new() };
    }
    (2..8_usize.saturating_sub(typed)).map(range).collect()
}

/// Groups of IPv6, with or without a colon at their end; nothing is no group.
fn parsed(text: &str) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let group = |group: &str| {
        let good = (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if good { u16::from_str_radix(group, 16).ok() } else { None }
    };
    text.strip_suffix(':').unwrap_or(text).split(':').map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        IpRange::parse(text).iter().map(|range| format!("{} {}", range.first, range.last)).collect()
    }

    #[test]
    fn beginnings_end_where_an_octet_or_a_group_ends() {
        assert_eq!(told("10.106"), ["10.106.0.0 10.106.255.255"]);
        assert_eq!(told("10.106."), told("10.106"));
        assert_eq!(told("10.1"), ["10.1.0.0 10.1.255.255"], "not 10.106");
        assert_eq!(told("10."), ["10.0.0.0 10.255.255.255"]);
        let of_2d = ["2001:db8:690:2d:: 2001:db8:690:2d:ffff:ffff:ffff:ffff"];
        for text in ["2001:db8:690:2d", "2001:DB8:0690:002d:", "2001:db8:690:2d::"] {
            assert_eq!(told(text), of_2d, "{text}");
        }
        assert_eq!(told("2001:db8:"), ["2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]);
        assert_eq!(told("2001:db8::1:2:").len(), 2);
        assert!(told("2001:db8::1:2:").contains(&"2001:db8::1:2:0:0 2001:db8::1:2:ffff:ffff".to_owned()));
    }

    #[test]
    fn networks_are_read_whatever_their_host_part() {
        assert_eq!(told("10.106.44.0/24"), ["10.106.44.0 10.106.44.255"]);
        assert_eq!(told("10.106.44.9/20"), ["10.106.32.0 10.106.47.255"]);
        assert_eq!(told("2001:db8:690::/44"), ["2001:db8:690:: 2001:db8:69f:ffff:ffff:ffff:ffff:ffff"]);
        assert_eq!(told("0.0.0.0/0"), ["0.0.0.0 255.255.255.255"]);
        assert_eq!(told("10.1.2.3/32"), ["10.1.2.3 10.1.2.3"]);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "10",
            ".",
            "10..",
            "256.1",
            "+1.2",
            "01.2",
            "10.1.2.3",
            "1.2.3.4.",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10/8",
            "10.0.0.0/+8",
            ":",
            "::",
            ":1",
            "12345:",
            "a b:",
            "2001:db8:::",
            "1:2:3:4:5:6:7:8:9",
            "ä:",
            "::/129",
        ] {
            let found = told(text);
            assert!(found.is_empty(), "{text:?}: {found:?}");
        }
    }

    #[test]
    fn one_address_has_one_text() {
        assert_eq!(canonical("2001:0DB8:0:0:0:0:0:1".to_owned()), "2001:db8::1");
        assert_eq!(canonical("::ffff:10.2.3.4".to_owned()), "10.2.3.4");
        assert_eq!(canonical(String::new()), "");
        assert_eq!(canonical("elsewhere".to_owned()), "elsewhere");
    }
}
