import Base
import JSON
import MCP

/// The requests that run, so that `notifications/cancelled` finds them.
///
/// Each stands in a chain with those whose keys fall on the same number.
struct RunningRequests {
    /// Ids live in a scope: two agents may count from 1 with the same credential.
    ///
    /// It is a legacy session, a line-based connection, or one message of modern HTTP, which nothing
    /// but its own connection cancels. Each is of one credential and outlives what runs in it.
    struct Key: Equatable {
        let scope: ObjectIdentifier
        let id: RequestID
    }

    /// One of them.
    ///
    /// INVARIANT loop-thread: touched on its service's loop only, which is what makes
    /// `@unchecked Sendable` true.
    final class Running: @unchecked Sendable {
        let key: Key
        let inbound: AuthenticatedMessage
        let cancellation: CallCancellation
        let channel: any ReplyChannel
        /// When its agent was last told that it still runs; at first, when it began.
        fileprivate var quietSince: Instant
        /// The next in its chain.
        fileprivate var next: Running?

        fileprivate init(
            _ key: Key,
            _ inbound: AuthenticatedMessage,
            _ channel: any ReplyChannel,
            _ cancellation: CallCancellation,
            at now: Instant,
            before next: Running?
        ) {
            self.key = key
            self.inbound = inbound
            self.channel = channel
            self.cancellation = cancellation
            quietSince = now
            self.next = next
        }
    }

    /// The first of each chain, by a number of ten bits.
    private var chains = [Running?](repeating: nil, count: 1 << 10)

    /// Two odd numbers of this process.
    ///
    /// Ids are for agents to choose: multiplied by these, none that they chose fall together more
    /// often than others (Dietzfelbinger et al., "A reliable randomized algorithm for the
    /// closest-pair problem", 1997).
    private let seeds = (
        UInt64(bitPattern: Int64(Hasher().finalize())) | 1,
        UInt64(bitPattern: Int64("chain".hashValue)) | 1
    )

    func chain(of key: Key) -> Int {
        var bits: UInt64
        switch key.id {
        case .integer(let number): bits = UInt64(bitPattern: number)
        case .string(let id): bits = UInt64(bitPattern: Int64(id.hashValue))
        }
        bits &*= seeds.0
        bits &+= UInt64(UInt(bitPattern: key.scope)) &* seeds.1
        return Int(truncatingIfNeeded: bits >> 54)
    }

    /// Takes up a request, to be ended; nil where another of its id runs.
    mutating func begin(
        _ key: Key,
        _ inbound: AuthenticatedMessage,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation,
        at now: Instant
    ) -> Running? {
        let chain = chain(of: key)
        let first = chains[chain]
        guard Self.find(key, from: first) == nil else { return nil }
        let new = Running(key, inbound, channel, cancellation, at: now, before: first)
        chains[chain] = new
        return new
    }

    mutating func end(_ running: Running) {
        let chain = chain(of: running.key)
        if chains[chain] === running {
            chains[chain] = running.next
            return
        }
        var before = chains[chain]
        while let earlier = before, earlier.next !== running { before = earlier.next }
        before?.next = running.next
    }

    func cancellation(of key: Key) -> CallCancellation? {
        Self.find(key, from: chains[chain(of: key)])?.cancellation
    }

    /// Each of them, in no order.
    var all: [Running] {
        var found: [Running] = []
        for first in chains {
            var next = first
            while let running = next {
                found.append(running)
                next = running.next
            }
        }
        return found
    }

    /// Takes note that the agents of those that were quiet for so long are told something now, on the
    /// channels that it gives back.
    func tellOfQuiet(for interval: Duration, at now: Instant) -> [any ReplyChannel] {
        let quiet = all.filter { now.duration(since: $0.quietSince) >= interval }
        for running in quiet { running.quietSince = now }
        return quiet.map(\.channel)
    }

    private static func find(_ key: Key, from first: Running?) -> Running? {
        var next = first
        while let running = next {
            if running.key == key { return running }
            next = running.next
        }
        return nil
    }
}
