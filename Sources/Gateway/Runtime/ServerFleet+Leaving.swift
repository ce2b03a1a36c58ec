import Base
import MCP
import System

// Servers that were replaced: their successors start when they are gone, because both would work on
// the same folders, and in the same room.

extension ServerFleet {
    /// One that `adopt` gave back.
    struct Leaver: Sendable {
        let key: Key
        /// Nil for a remote one, which leaves nothing behind.
        let taker: TenantRoom.Taker?
        let client: MCPClient

        init(_ key: Key, _ member: Member) {
            self.key = key
            taker = member.hosted?.facts.current.taker
            client = member.client
        }
    }

    /// Ends servers that `adopt` gave back, beside one another; returns when they are gone.
    func end(_ leavers: [Leaver]) async {
        await withDiscardingTaskGroup { group in
            for leaver in leavers {
                group.addTask {
                    await leaver.client.close()
                    await self.hasLeft(leaver)
                }
            }
        }
    }

    /// What one that was replaced turns out to be is not what its successor is.
    func isLeaving(_ key: Key, _ taker: TenantRoom.Taker?) -> Bool { leaving.holds(key, taker) }

    private func hasLeft(_ leaver: Leaver) { leaving.remove(leaver.key, leaver.taker) }

    /// Returns when no server of that name is left that was made before this one.
    ///
    /// One that is to leave itself waits for its own predecessors only.
    func predecessorsGone(_ key: Key, of taker: TenantRoom.Taker) async {
        while let pending = leaving.wait(for: key, before: taker, on: loop) {
            // Nobody fails it and it has no deadline: every end has one.
            try? await pending.value()
        }
    }
}

/// The hosted servers on their way out, and who waits for that.
struct LeavingServers {
    private var takers: [ServerFleet.Key: Set<TenantRoom.Taker>] = [:]
    private var waiting: [ServerFleet.Key: [Pending<Void>]] = [:]

    var keys: [ServerFleet.Key] { Array(takers.keys) }

    func holds(_ key: ServerFleet.Key, _ taker: TenantRoom.Taker?) -> Bool {
        taker.map { takers[key]?.contains($0) == true } ?? false
    }

    mutating func add(_ key: ServerFleet.Key, _ taker: TenantRoom.Taker?) {
        if let taker { takers[key, default: []].insert(taker) }
    }

    mutating func remove(_ key: ServerFleet.Key, _ taker: TenantRoom.Taker?) {
        guard let taker else { return }
        takers[key]?.remove(taker)
        if takers[key]?.isEmpty == true { takers[key] = nil }
        // Each looks again who is left.
        for pending in waiting.removeValue(forKey: key) ?? [] { pending.fulfil(()) }
    }

    /// What is settled when the next of them is gone; nil where none is left that was before.
    mutating func wait(
        for key: ServerFleet.Key,
        before taker: TenantRoom.Taker,
        on loop: EventLoop
    ) -> Pending<Void>? {
        guard takers[key]?.contains(where: { $0 < taker }) == true else { return nil }
        let pending = Pending<Void>(on: loop)
        waiting[key, default: []].append(pending)
        return pending
    }
}
