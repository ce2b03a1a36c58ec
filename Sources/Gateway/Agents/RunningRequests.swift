import Base
import JSON
import MCP

/// The requests that run, so that `notifications/cancelled` finds them.
///
/// Each stands in a chain with those whose keys fall on the same number. Ids are for agents to choose:
/// a chain grows by as many as one of them has running at once.
struct RunningRequests {
    /// Ids live in a scope: two agents may count from 1 with the same credential.
    ///
    /// It is a legacy session, a line-based connection, or one message of modern HTTP, which nothing
    /// but its own connection cancels. Each is of one credential and outlives what runs in it.
    struct Key: Equatable {
        let scope: ObjectIdentifier
        let id: RequestID

        fileprivate var chain: Int {
            var bits = UInt64(UInt(bitPattern: scope))
            switch id {
            case .integer(let number): bits ^= UInt64(bitPattern: number)
            case .string(let id): for byte in id.text.utf8 { bits = bits &* 31 &+ UInt64(byte) }
            }
            return Int(truncatingIfNeeded: (bits &* 0x9e37_79b9_7f4a_7c15) >> 54)
        }
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

    /// Takes up a request, to be ended; nil where another of its id runs.
    mutating func begin(
        _ key: Key,
        _ inbound: AuthenticatedMessage,
        _ channel: any ReplyChannel,
        _ cancellation: CallCancellation,
        at now: Instant
    ) -> Running? {
        let chain = key.chain
        let first = chains[chain]
        guard Self.find(key, from: first) == nil else { return nil }
        let new = Running(key, inbound, channel, cancellation, at: now, before: first)
        chains[chain] = new
        return new
    }

    mutating func end(_ running: Running) {
        let chain = running.key.chain
        if chains[chain] === running {
            chains[chain] = running.next
            return
        }
        var before = chains[chain]
        while let earlier = before, earlier.next !== running { before = earlier.next }
        before?.next = running.next
    }

    func cancellation(of key: Key) -> CallCancellation? {
        Self.find(key, from: chains[key.chain])?.cancellation
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
