//! What may be connected to. An address that a person types, or that a name server answers, must not make of Unstick a tool
//! to reach what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpRange;

/// Why an address is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to a private or special network that is not allowed.
    #[error("{0} is no public address, and webhook_allow does not name its network")]
    Private(IpAddr),
    /// It is on another machine, and would be asked without TLS.
    #[error("{0} is another machine: only https goes there")]
    Clear(IpAddr),
}

/// Why `ip` is not connected to, with TLS or without; `None` when it may be.
pub fn refusal(ip: IpAddr, tls: bool, allowed: &[IpRange]) -> Option<Refusal> {
    let ip = ip.to_canonical();
    if !tls && !ip.is_loopback() {
        return Some(Refusal::Clear(ip));
    }
    let named =
        allowed.iter().any(|range| range.first.is_ipv4() == ip.is_ipv4() && (range.first..=range.last).contains(&ip));
    (!named && !is_public(ip)).then_some(Refusal::Private(ip))
}

/// Whether the whole Internet can reach it (IANA's special-purpose registries, RFC 6890 and what came after).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    // «This network», private, shared (RFC 6598), loopback, link-local (with clouds' metadata), private.
    let private = matches!(
        ip.octets(),
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..]
    );
    // Protocols, examples, 6to4 relays, benchmarks; multicast, reserved, broadcast.
    let special = matches!(
        ip.octets(),
        [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
    );
    !private && !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Global unicast is 2000::/3. Of that: 2001::/23 (protocols, Teredo), 2001:db8::/32 and 3fff::/20 (examples); 6to4 and
    // 64:ff9b::/96 lead to IPv4 addresses that are not looked at here.
    let global = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    global && !special
}
