//! The address of a caller, as far as it can be known.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Which proxies are believed when they say whom a request is of.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Those of these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whom a request from `peer` is of. Each proxy adds the address that it saw at the end of a list: those of proxies that are
    /// trusted are passed by from there, and the first other one is the caller. `Forwarded` (RFC 7239) is taken where it is
    /// present, else `X-Forwarded-For`; the values are those of all header lines, in order.
    #[must_use]
    pub fn caller<'h>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'h str>,
        forwarded_for: impl DoubleEndedIterator<Item = &'h str>,
    ) -> IpAddr {
        let mut caller = plain(peer);
        if !self.holds(caller) {
            return caller;
        }
        let mut named = forwarded.rev().flat_map(|line| line.rsplit(',')).map(forwarded_address).peekable();
        let listed = forwarded_for.rev().flat_map(|line| line.rsplit(',')).map(address);
        let is_named = named.peek().is_some();
        let hops: Box<dyn Iterator<Item = Option<IpAddr>>> =
            if is_named { Box::new(named) } else { Box::new(listed) };
        for hop in hops {
            // What cannot be read was written by the last one that can.
            let Some(hop) = hop else { break };
            caller = plain(hop);
            if !self.holds(caller) {
                break;
            }
        }
        caller
    }
}

/// What counts as one caller: an address of IPv4, or the /64 of IPv6 that one subscriber has.
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match plain(address) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    text.parse().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok().filter(IpAddr::is_ipv4))
}

/// The `for` of one element of `Forwarded`.
fn forwarded_address(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    address(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &[&str], forwarded_for: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(proxies.to_vec());
        let peer = peer.parse().unwrap();
        proxies.caller(peer, forwarded.iter().copied(), forwarded_for.iter().copied()).to_string()
    }

    #[test]
    fn proxies_that_are_trusted_are_believed_and_no_others() {
        for (peer, forwarded, forwarded_for, expected) in [
            ("192.0.2.1", &[][..], &["198.51.100.7"][..], "192.0.2.1"),
            ("10.1.2.3", &[], &["198.51.100.7"], "198.51.100.7"),
            // What stands before the address that our proxy saw is the caller's own invention.
            ("10.1.2.3", &[], &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &[], &["1.1.1.1", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.1.2.3", &[], &["198.51.100.7:4711, 10.9.9.9:80"], "198.51.100.7"),
            ("::ffff:10.1.2.3", &[], &["[2001:db8::1]:80"], "2001:db8::1"),
            ("10.1.2.3", &[], &["2001:db8::1"], "2001:db8::1"),
            ("10.1.2.3", &[], &["unknown"], "10.1.2.3"),
            ("10.1.2.3", &[], &["198.51.100.7, unknown, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", &[], &["10.0.0.1"], "10.0.0.1"),
            ("10.1.2.3", &[], &[], "10.1.2.3"),
            ("10.1.2.3", &["for=198.51.100.7;proto=https"], &["1.1.1.1"], "198.51.100.7"),
            ("fd00::1", &["for=1.1.1.1, For=\"[2001:db8::1]:80\""], &[], "2001:db8::1"),
            ("10.1.2.3", &["for=_hidden"], &["1.1.1.1"], "10.1.2.3"),
            ("10.1.2.3", &["proto=https"], &["1.1.1.1"], "10.1.2.3"),
            ("192.0.2.1", &["for=198.51.100.7"], &[], "192.0.2.1"),
        ] {
            assert_eq!(
                caller(peer, forwarded, forwarded_for),
                expected,
                "{peer} {forwarded:?} {forwarded_for:?}"
            );
        }
    }

    #[test]
    fn a_subscriber_has_a_64() {
        let of = |text: &str| subscriber(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("192.0.2.2"), "192.0.2.2");
    }
}
