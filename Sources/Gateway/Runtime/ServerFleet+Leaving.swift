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
        let process: ServerProcess?

        init(_ key: Key, _ member: Member) {
            self.key = key
            taker = member.hosted?.facts.current.taker
            process = member.hosted?.process
            client = member.client
        }
    }

    /// Ends servers that `adopt` gave back, beside one another; returns when they are gone, or had
    /// their time to go.
    func end(_ leavers: [Leaver]) async {
        await withDiscardingTaskGroup { group in
            for leaver in leavers {
                group.addTask {
                    await leaver.client.close()
                    await self.noteEnd(of: leaver)
                }
            }
        }
    }

    private func noteEnd(of leaver: Leaver) async {
        guard let process = leaver.process, let left = await process.left else {
            return hasLeft(leaver)
        }
        leaving.noteLeft(leaver.key, leaver.taker, left)
        // Ends with that process, or with the loop.
        loop.spawn {
            await process.gone()
            await self.hasLeft(leaver)
            // Its successor was refused its start: it is asked, and so started, anew.
            await self.askAnew(leaver.key)
        }
    }

    private func askAnew(_ key: Key) {
        if members[key]?.hosted?.facts.current.postponed != nil { changed(key.server, key.tenant) }
    }

    /// What one that was replaced turns out to be is not what its successor is.
    func isLeaving(_ key: Key, _ taker: TenantRoom.Taker?) -> Bool { leaving.holds(key, taker) }

    private func hasLeft(_ leaver: Leaver) { leaving.remove(leaver.key, leaver.taker) }

    /// Returns when no server of that name is ending that was made before this one; says what is left
    /// of one that was killed and does not end, or nil.
    ///
    /// One that is to leave itself waits for its own predecessors only.
    func predecessorsGone(_ key: Key, of taker: TenantRoom.Taker) async -> String? {
        while let pending = leaving.wait(for: key, before: taker, on: loop) {
            // Nobody fails it and it has no deadline: every end has one.
            try? await pending.value()
        }
        return leaving.left(of: key, before: taker)
    }
}

/// The hosted servers on their way out, and who waits for that.
struct LeavingServers {
    private var takers: [ServerFleet.Key: Set<TenantRoom.Taker>] = [:]
    /// What is there of those of them that had their time to go.
    private var left: [ServerFleet.Key: [TenantRoom.Taker: String]] = [:]
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
        left[key]?[taker] = nil
        if left[key]?.isEmpty == true { left[key] = nil }
        wake(key)
    }

    /// One of them does not go: nobody waits for it any more, and nobody takes its place.
    mutating func noteLeft(
        _ key: ServerFleet.Key,
        _ taker: TenantRoom.Taker?,
        _ reason: String
    ) {
        guard let taker, holds(key, taker) else { return }
        left[key, default: [:]][taker] = reason
        wake(key)
    }

    /// What is left of the first of those that were before.
    func left(of key: ServerFleet.Key, before taker: TenantRoom.Taker) -> String? {
        left[key]?.filter { $0.key < taker }.min { $0.key < $1.key }?.value
    }

    /// Each looks again who is there.
    private mutating func wake(_ key: ServerFleet.Key) {
        for pending in waiting.removeValue(forKey: key) ?? [] { pending.fulfil(()) }
    }

    /// What is settled when the next of them is gone or left; nil where none is ending that was before.
    mutating func wait(
        for key: ServerFleet.Key,
        before taker: TenantRoom.Taker,
        on loop: EventLoop
    ) -> Pending<Void>? {
        let isEnding = takers[key]?.contains { $0 < taker && left[key]?[$0] == nil }
        guard isEnding == true else { return nil }
        let pending = Pending<Void>(on: loop)
        waiting[key, default: []].append(pending)
        return pending
    }
}
