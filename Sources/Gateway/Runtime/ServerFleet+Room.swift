import Base
import Sandbox
import System

// What the hosted servers of one tenant share: a start takes its part, and a server that nobody uses
// makes room for one that is called.

extension ServerFleet {
    /// The caps of each tenant, from now on.
    func cap(_ hosting: [TenantID: Configuration.Hosting]) {
        for (tenant, room) in rooms where hosting[tenant] == nil {
            room.change(Configuration.Hosting())
        }
        for (tenant, caps) in hosting { room(of: tenant).change(caps) }
    }

    func place(
        of key: Key,
        _ stdio: Configuration.Server.Stdio,
        _ facts: ServerFacts
    ) -> HostingPlace {
        let room = room(of: key.tenant)
        let taker = room.newTaker()
        facts.note(taker)
        // Nothing bounds a server without a cage; where that would count, the configuration is refused.
        let limits = stdio.cage.limits
        let share = TenantRoom.Share(
            processCount: stdio.cage.isNone ? 0 : limits.processCount,
            memoryByteCount: stdio.cage.isNone ? 0 : limits.memoryByteCount
        )
        let (counts, log) = (tally.server(key.tenant, key.server), log)
        return HostingPlace(
            take: { [weak self] in
                if let left = await self?.predecessorsGone(key, of: taker) {
                    let reason = "\(left); it is of the one whose place this one takes"
                    if facts.note(postponed: reason) {
                        log("server \(key.tenant)/\(key.server): not started: \(reason)")
                    }
                    return .outlived(reason: reason)
                }
                guard var short = room.take(share, as: taker) else { return nil }
                guard let self else { return .refused(reason: "the gateway is stopping") }
                if await self.makeRoom(for: share, in: room, besides: key) {
                    guard let still = room.take(share, as: taker) else { return nil }
                    short = still
                }
                counts.postponed &+= 1
                if facts.note(postponed: "\(short) (`hosting`)") {
                    log("server \(key.tenant)/\(key.server): not started: \(short) (`hosting`)")
                }
                return .crowded(reason: short)
            },
            giveBack: { room.giveBack(taker) }
        )
    }

    /// Puts servers to sleep that nobody calls, the longest unused first, until the share is there.
    private func makeRoom(
        for share: TenantRoom.Share,
        in room: TenantRoom,
        besides key: Key
    ) async -> Bool {
        var idle: [(since: Instant, taker: TenantRoom.Taker, process: ServerProcess)] = []
        for (other, member) in members where other.tenant == key.tenant && other != key {
            guard let hosted = member.hosted, let taker = hosted.facts.current.taker,
                let since = await hosted.process.idleSince
            else { continue }
            idle.append((since, taker, hosted.process))
        }
        // Where it would not do, nobody is put to sleep for nothing.
        guard room.fits(share, without: Set(idle.map(\.taker))) else { return false }
        for candidate in idle.sorted(by: { $0.since < $1.since }) {
            await candidate.process.rest()
            if room.fits(share, without: []) { return true }
        }
        return false
    }
}
