//! Whose request it is, by address. `X-Forwarded-For` is believed only as far as configured proxies wrote it: the answer
//! is the rightmost address that is none of them. Whoever connects directly is who connects.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::config::Network;

/// The client's address as text; `unknown` where there is no connection (tests).
pub fn of(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &[Network]) -> String {
    let Some(peer) = peer.map(|peer| peer.to_canonical()) else {
        return "unknown".to_owned();
    };
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut client = peer;
    if is_trusted(peer) {
        let lines = headers.get_all("x-forwarded-for").into_iter().rev();
        let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        for hop in hops {
            let Some(ip) = address(hop) else { break };
            client = ip;
            if !is_trusted(ip) {
                break;
            }
        }
    }
    client.to_string()
}

/// An address, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let ip: Option<IpAddr> = hop.parse().ok();
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    ip.or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        of(&headers, Some(peer.parse().unwrap()), &trusted)
    }

    #[test]
    fn nobody_but_a_proxy_is_believed() {
        assert_eq!(client("198.51.100.7", &["10.9.9.9"], &[]), "198.51.100.7");
        assert_eq!(client("198.51.100.7", &["10.9.9.9"], &["127.0.0.1"]), "198.51.100.7");
    }

    #[test]
    fn the_rightmost_stranger_counts_not_what_he_claims() {
        assert_eq!(client("127.0.0.1", &["1.2.3.4, 203.0.113.9"], &["127.0.0.1"]), "203.0.113.9");
        assert_eq!(
            client("127.0.0.1", &["1.2.3.4, 203.0.113.9, 10.0.0.1"], &["127.0.0.1", "10.0.0.0/8"]),
            "203.0.113.9"
        );
        assert_eq!(client("127.0.0.1", &["1.2.3.4", "203.0.113.9:4711"], &["127.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn nonsense_ends_the_chain() {
        assert_eq!(client("127.0.0.1", &["1.2.3.4, nonsense"], &["127.0.0.1"]), "127.0.0.1");
        assert_eq!(client("::ffff:127.0.0.1", &["2001:db8::1"], &["127.0.0.1"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &[], &["127.0.0.1"]), "127.0.0.1");
    }
}
