import Base

/// What the hosted servers of one tenant may use together, and what those that run have taken of it.
///
/// A server takes what it may use at most, not what it uses: what it was given stays its own, whatever
/// the others do. Where the caps are lowered nothing that runs is ended; the next start has to fit.
package final class TenantRoom: Sendable {
    /// What one server may use, as its cage bounds it.
    package struct Share: Sendable, Equatable {
        package var processCount: UInt64
        package var memoryByteCount: UInt64

        package init(processCount: UInt64, memoryByteCount: UInt64) {
            self.processCount = processCount
            self.memoryByteCount = memoryByteCount
        }
    }

    /// What all that run have taken.
    package struct Use: Sendable, Equatable {
        package var serverCount = 0
        package var processCount: UInt64 = 0
        package var memoryByteCount: UInt64 = 0
    }

    /// Which process took a share: a server that is replaced keeps its own until its tree is gone.
    package typealias Taker = UInt64

    private struct State {
        var caps = Configuration.Hosting()
        var taken: [Taker: Share] = [:]
        var lastTaker: Taker = 0
    }

    private let state = Lock(State())

    package init() {}

    package var caps: Configuration.Hosting { state.withLock { $0.caps } }
    package var use: Use { state.withLock { Self.use(of: $0.taken.values) } }

    package func change(_ caps: Configuration.Hosting) { state.withLock { $0.caps = caps } }

    package func newTaker() -> Taker {
        state.withLock { state in
            state.lastTaker += 1
            return state.lastTaker
        }
    }

    /// Takes a share, unless not all of it is there; returns what is short then.
    ///
    /// Who has one already keeps it.
    package func take(_ share: Share, as taker: Taker) -> String? {
        state.withLock { state in
            guard state.taken[taker] == nil else { return nil }
            if let short = Self.short(share, state.caps, Self.use(of: state.taken.values)) {
                return short
            }
            state.taken[taker] = share
            return nil
        }
    }

    /// Whether a share would be there without what these have.
    package func fits(_ share: Share, without others: Set<Taker>) -> Bool {
        state.withLock { state in
            let rest = state.taken.filter { !others.contains($0.key) }
            return Self.short(share, state.caps, Self.use(of: rest.values)) == nil
        }
    }

    package func giveBack(_ taker: Taker) { state.withLock { $0.taken[taker] = nil } }

    private static func use(of shares: some Sequence<Share>) -> Use {
        shares.reduce(into: Use()) { use, share in
            use.serverCount += 1
            use.processCount &+= share.processCount
            use.memoryByteCount &+= share.memoryByteCount
        }
    }

    private static func short(
        _ share: Share,
        _ caps: Configuration.Hosting,
        _ use: Use
    ) -> String? {
        if let cap = caps.serverCount, use.serverCount >= cap {
            return "\(use.serverCount) of \(cap) servers run"
        }
        if let cap = caps.processCount, use.processCount &+ share.processCount > cap {
            return
                "\(use.processCount) of \(cap) processes are taken, it needs \(share.processCount)"
        }
        if let cap = caps.memoryByteCount, use.memoryByteCount &+ share.memoryByteCount > cap {
            return "\(use.memoryByteCount >> 20) of \(cap >> 20) MiB of memory are taken, it needs "
                + "\(share.memoryByteCount >> 20)"
        }
        return nil
    }
}

/// A hosted server's part of its tenant's room.
package struct HostingPlace: Sendable {
    /// Asked before each start; returns why there is no room yet, or nil when it was taken.
    package let take: @Sendable () async -> ServerProcessError?
    /// Its process is gone, or never was.
    package let giveBack: @Sendable () -> Void

    package init(
        take: @escaping @Sendable () async -> ServerProcessError?,
        giveBack: @escaping @Sendable () -> Void
    ) {
        self.take = take
        self.giveBack = giveBack
    }

    /// Of a server that nothing is shared with.
    package static let own = HostingPlace(take: { nil }, giveBack: {})
}
