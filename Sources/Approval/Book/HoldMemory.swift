package import Base
package import JSON

/// How long each client lets a call wait before it gives up, as far as it was seen.
///
/// Clients in the field give up after 30, 60 or 300 seconds and say so nowhere; one that went away
/// while its call was held is held for less from then on. What changes is told, to be kept.
package struct HoldMemory: Sendable {
    /// A credential: whoever calls with it is taken for one program.
    package struct Client: Hashable, Sendable {
        package let tenant: TenantID
        package let credential: String

        package init(_ tenant: TenantID, _ credential: String) {
            self.tenant = tenant
            self.credential = credential
        }
    }

    /// What was seen of one client.
    package struct Seen: Hashable, Sendable {
        var patience: Duration
        /// Holds it sat through since it went away.
        var stays = 0
        var last: Timestamp
    }

    /// A client of which something else is known now; nil where nothing is any more.
    package typealias Change = (client: Client, seen: Seen?)

    /// No client is held for less, unless the operator wants that: one that went away at once was
    /// ended by somebody.
    static let shortest = Duration.seconds(5)
    /// So many are remembered; the one not seen for longest is forgotten.
    package static let clientCount = 1_000
    /// Holds it sits through before it is tried with a longer one.
    static let staysBeforeMore = 3

    private var seen: [Client: Seen]

    package init(restoring kept: [Client: Seen] = [:]) {
        let newest = kept.sorted { $0.value.last > $1.value.last }.prefix(Self.clientCount)
        seen = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }

    /// How long a call of that client waits.
    package func hold(of client: Client, atMost limit: Duration) -> Duration {
        min(limit, seen[client]?.patience ?? limit)
    }

    /// It went away while its call was held.
    package mutating func left(
        _ client: Client,
        after waited: Duration,
        at now: Timestamp
    ) -> [Change] {
        let patience = max(Self.shortest, waited * 4 / 5)
        let known = seen[client]?.patience ?? patience
        seen[client] = Seen(patience: min(patience, known), last: now)
        var changes: [Change] = [(client, seen[client])]
        if seen.count > Self.clientCount,
            let oldest = seen.min(by: { $0.value.last < $1.value.last })?.key
        {
            changes += forget(oldest)
        }
        return changes
    }

    /// It took its answer at the end of a hold.
    package mutating func stayed(
        _ client: Client,
        atMost limit: Duration,
        at now: Timestamp
    ) -> [Change] {
        guard var known = seen[client] else { return [] }
        known.stays += 1
        known.last = now
        if known.stays >= Self.staysBeforeMore {
            known.stays = 0
            known.patience = known.patience * 5 / 4
        }
        seen[client] = known.patience < limit ? known : nil
        return [(client, seen[client])]
    }

    /// Its credential is gone.
    package mutating func forget(_ client: Client) -> [Change] {
        seen.removeValue(forKey: client).map { _ in [(client, nil)] } ?? []
    }
}

extension HoldMemory.Seen {
    package var value: JSONValue {
        [
            "hold": 1,
            "last": .init(last.milliseconds),
            "patience": .init(patience.milliseconds),
            "stays": .init(stays),
        ]
    }

    package init(json node: JSONNode) throws(KeptFormError) {
        let form = try KeptForm(node, of: "hold")
        patience = max(HoldMemory.shortest, .milliseconds(try form.whole("patience")))
        stays = Int(clamping: try form.whole("stays"))
        last = try form.time("last")
    }
}
