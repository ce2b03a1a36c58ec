package import Base

/// The addresses names have for one cage; a value, given the time.
///
/// What a cage was told holds for its connections as long as it was told: one look-up serves the
/// questions for both versions, and what is connected to then.
package struct ToldAddresses: Sendable {
    private let limit: Int
    private var entries: [String: (addresses: [IPAddress], end: Instant)] = [:]

    package init(limit: Int) { self.limit = limit }

    package func addresses(of name: String, at now: Instant) -> [IPAddress]? {
        guard let known = entries[name], known.end > now else { return nil }
        return known.addresses
    }

    /// Keeps what a name was looked up to, unless it still has an answer.
    ///
    /// - Returns: for how many seconds it may be told; asking again makes that no longer.
    package mutating func keep(
        _ addresses: [IPAddress],
        of name: String,
        at now: Instant
    ) -> UInt8 {
        if let known = entries[name], known.end > now {
            return UInt8(clamping: known.end.duration(since: now).components.seconds)
        }
        if entries[name] == nil, entries.count >= limit {
            entries = entries.filter { $0.value.end > now }
            // All were asked for in this minute: none of them is kept, all are looked up again.
            if entries.count >= limit { entries = [:] }
        }
        let end = now.advanced(by: .seconds(Int(NameQuery.lifetime)))
        entries[name] = (addresses, end)
        return NameQuery.lifetime
    }
}
