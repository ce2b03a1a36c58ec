package import Base

/// How long each client lets a call wait before it gives up, as far as it was seen.
///
/// Clients in the field give up after 30, 60 or 300 seconds and say so nowhere; one that went away
/// while its call was held is held for less from then on. Forgotten with the process.
package struct HoldMemory: Sendable {
    private struct Seen {
        var patience: Duration
        /// Holds it sat through since it went away.
        var stays = 0
        var last: Instant
    }

    /// No client is held for less, unless the operator wants that: one that went away at once was
    /// ended by somebody.
    static let shortest = Duration.seconds(5)
    /// So many are remembered; the one not seen for longest is forgotten.
    static let clientCount = 1_000
    /// Holds it sits through before it is tried with a longer one.
    static let staysBeforeMore = 3

    private var seen: [String: Seen] = [:]

    package init() {}

    /// How long a call of that client waits.
    package func hold(of client: String, atMost limit: Duration) -> Duration {
        min(limit, seen[client]?.patience ?? limit)
    }

    /// It went away while its call was held.
    package mutating func left(_ client: String, after waited: Duration, at now: Instant) {
        let patience = max(Self.shortest, waited * 4 / 5)
        let known = seen[client]?.patience ?? patience
        seen[client] = Seen(patience: min(patience, known), last: now)
        guard seen.count > Self.clientCount,
            let oldest = seen.min(by: { $0.value.last < $1.value.last })
        else { return }
        seen[oldest.key] = nil
    }

    /// It took its answer at the end of a hold.
    package mutating func stayed(_ client: String, atMost limit: Duration, at now: Instant) {
        guard var known = seen[client] else { return }
        known.stays += 1
        known.last = now
        if known.stays >= Self.staysBeforeMore {
            known.stays = 0
            known.patience = known.patience * 5 / 4
        }
        seen[client] = known.patience < limit ? known : nil
    }
}
