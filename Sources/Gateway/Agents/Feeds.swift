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
    /// Of each handshake session the one stream it has.
    private var standing: [SessionID: UInt64] = [:]
    private var next: UInt64 = 1
    private var countByPrincipal: [PrincipalKey: Int] = [:]
    private var subscribed: [SessionID: [ResourceKey: String]] = [:]
    /// What agents saw: one storage for all who saw the same, as most do.
    private var views: Set<[OfferKind: Int]> = []
    private static let viewCount = 64
    /// What agents saw when they lost their session's stream.
    private var parted: [SessionID: [OfferKind: Int]] = [:]

    /// Opens it; nil where there are too many already, of this credential or in all.
    mutating func open(_ feed: Feed) -> UInt64? {
        let mine = countByPrincipal[feed.principal.key, default: 0]
        guard all.count < Limits.feedCount, mine < Limits.feedsPerPrincipal else { return nil }
        defer { next &+= 1 }
        var feed = feed
        feed.seen = shared(feed.seen)
        all[next] = feed
        countByPrincipal[feed.principal.key] = mine + 1
        if let session = feed.session { standing[session] = next }
        return next
    }

    /// The stream that session has now.
    func stream(of session: SessionID) -> UInt64? { standing[session] }

    @discardableResult
    mutating func close(_ number: UInt64) -> Feed? {
        let feed = all.removeValue(forKey: number)
        if let feed {
            let left = (countByPrincipal[feed.principal.key] ?? 1) - 1
            countByPrincipal[feed.principal.key] = left == 0 ? nil : left
        }
        if let feed, let session = feed.session {
            parted[session] = feed.seen
            if standing[session] == number { standing[session] = nil }
        }
        return feed
    }

    /// What that session's agent saw last; nothing where it had no stream yet.
    func parted(from session: SessionID) -> [OfferKind: Int] { parted[session] ?? [:] }

    func subscriptions(of session: SessionID) -> [String] {
        (subscribed[session]?.values).map { $0.sorted() } ?? []
    }

    mutating func note(_ imprint: Int, of kind: OfferKind, in number: UInt64) {
        guard var seen = all[number]?.seen else { return }
        seen[kind] = imprint
        seen = shared(seen)
        all[number]?.seen = seen
    }

    private mutating func shared(_ seen: [OfferKind: Int]) -> [OfferKind: Int] {
        if views.count >= Self.viewCount, !views.contains(seen) { views = [] }
        return views.insert(seen).memberAfterInsert
    }

    mutating func noteAwake(_ number: UInt64, at now: Instant) { all[number]?.quietSince = now }

    func isSubscribed(_ session: SessionID, _ key: ResourceKey) -> Bool {
        subscribed[session]?[key] != nil
    }

    /// What that session subscribed to by that name, whether it may still read it or not.
    func subscribed(_ session: SessionID, as uri: String) -> ResourceKey? {
        subscribed[session]?.first { $0.value == uri }?.key
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
        parted[session] = nil
        return (subscribed.removeValue(forKey: session) ?? [:]).map(\.key)
    }

    var knownSessions: Set<SessionID> { Set(subscribed.keys).union(parted.keys) }

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
