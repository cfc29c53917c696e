//! What the poller's tokens mean.

/// Whose descriptor is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Source {
    /// The bell of the network loop.
    Bell,
    /// Questions to the resolver by datagram.
    DnsDatagrams,
    /// New streams to the resolver.
    DnsListener,
    /// A stream to the resolver.
    DnsStream,
    /// A nameserver's answer.
    Lookup,
    /// Datagrams of the service to a granted port.
    RelayInside,
    /// Answers of the outside to them.
    RelayOutside,
    /// Datagrams of the outside to a listener of the service.
    ListenOutside,
    /// The service's answers to them.
    ListenInside,
}

impl Source {
    const ALL: [Self; 9] = [
        Self::Bell,
        Self::DnsDatagrams,
        Self::DnsListener,
        Self::DnsStream,
        Self::Lookup,
        Self::RelayInside,
        Self::RelayOutside,
        Self::ListenOutside,
        Self::ListenInside,
    ];
}

/// The token of one descriptor of a source.
pub(super) fn of(source: Source, index: usize) -> u64 {
    u64::from(source as u8) << 32 | u64::from(u32::try_from(index).unwrap_or(u32::MAX))
}

/// What a token means.
pub(super) fn read(token: u64) -> Option<(Source, usize)> {
    let source = Source::ALL.get(usize::try_from(token >> 32).ok()?)?;
    Some((*source, usize::try_from(token & 0xffff_ffff).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is() {
        for source in Source::ALL {
            assert_eq!(read(of(source, 77)), Some((source, 77)));
        }
        assert_eq!(read(u64::MAX), None);
    }
}
