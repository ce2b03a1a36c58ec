package import Base
import JSON
import MCP
import System

/// A resource of one server, by the name the server gives it.
package struct ResourceKey: Hashable, Sendable {
    package let tenant: TenantID
    package let server: ServerName
    package let uri: String
}

/// One stream on which an agent hears what it did not ask for just now.
struct Feed {
    let principal: Principal
    let endpoint: Endpoint
    let revision: Revision
    /// Of a handshake revision: whose subscriptions count.
    let session: SessionID?
    /// Of 2026-07-28: the request that opened it; each message carries its id.
    let subscription: RequestID?
    /// The lists whose changes are told.
    let lists: Set<OfferKind>
    /// Of 2026-07-28: resources by what the server calls them, with what the agent does.
    let resources: [ResourceKey: String]
    let outbox: Outbox
    /// Ends the stream from our side.
    let end: @Sendable () -> Void
    /// What the agent saw when it was last told.
    var seen: [OfferKind: Int] = [:]
    var quietSince: Instant
}

/// The streams of all agents, and what sessions of handshake revisions subscribed to.
struct Feeds {
    private(set) var all: [UInt64: Feed] = [:]
    private var next: UInt64 = 1
    private var subscribed: [SessionID: [ResourceKey: String]] = [:]

    /// Opens it; nil where there are too many already.
    mutating func open(_ feed: Feed) -> UInt64? {
        guard all.count < Limits.feedCount else { return nil }
        defer { next &+= 1 }
        all[next] = feed
        return next
    }

    @discardableResult
    mutating func close(_ number: UInt64) -> Feed? { all.removeValue(forKey: number) }

    mutating func note(_ seen: Int, of kind: OfferKind, in number: UInt64) {
        all[number]?.seen[kind] = seen
    }

    mutating func noteAwake(_ number: UInt64, at now: Instant) { all[number]?.quietSince = now }

    func isSubscribed(_ session: SessionID, _ key: ResourceKey) -> Bool {
        subscribed[session]?[key] != nil
    }

    /// False where the session has too many.
    mutating func subscribe(_ session: SessionID, _ key: ResourceKey, as uri: String) -> Bool {
        var mine = subscribed[session] ?? [:]
        guard mine[key] != nil || mine.count < Limits.subscriptionCount else { return false }
        mine[key] = uri
        subscribed[session] = mine
        return true
    }

    mutating func unsubscribe(_ session: SessionID, _ key: ResourceKey) {
        subscribed[session]?[key] = nil
        if subscribed[session]?.isEmpty == true { subscribed[session] = nil }
    }

    /// Forgets a session; what it subscribed to.
    mutating func forget(_ session: SessionID) -> [ResourceKey] {
        (subscribed.removeValue(forKey: session) ?? [:]).map(\.key)
    }

    var subscribedSessions: [SessionID] { Array(subscribed.keys) }

    /// What an agent calls the resource it subscribed to, where an update of `key` is one of it: of
    /// the same URI, or of a part below it (2025-11-25, server/resources, "Subscriptions").
    func name(of key: ResourceKey, to feed: Feed) -> String? {
        let mine = feed.session.map { subscribed[$0] ?? [:] } ?? feed.resources
        if let exact = mine[key] { return exact }
        for (subscribed, name) in mine
        where subscribed.tenant == key.tenant && subscribed.server == key.server
            && key.uri.utf8.starts(with: (subscribed.uri + "/").utf8)
        {
            let rest = key.uri.utf8.dropFirst(subscribed.uri.utf8.count)
            return name + String(decoding: rest, as: UTF8.self)
        }
        return nil
    }
}
