import Base
import Sandbox
import System

// What a server used up: said at its end by its control group, or found out by looking.

extension ServerProcess {
    func conclude(removing group: CageGroup) async {
        let end = try? await pool.run { (reason: group.reason, isGone: group.remove()) }
        // Without a pool the gateway is ending; the next one sweeps.
        var isGone = end?.isGone ?? true
        if !isGone {
            isGone = await remove(group, within: Limits.groupEnd, each: .milliseconds(10))
        }
        if let reason = end?.reason { concluding?.excess = reason }
        if !isGone { await outlast(group) }
        guard let over = concluding else { return }
        concluding = nil
        survivor = nil
        conclude(over)
        // The kernel is slow to take the groups down; what is left then goes at the next start.
        if !isGone { _ = await remove(group, within: .seconds(5), each: .milliseconds(100)) }
    }

    /// Waits for what was killed and is still in its control group: it may write to its folders as soon
    /// as the kernel lets it go on, so that its server has not ended before it has.
    ///
    /// Ends with the last of them, or with the pool.
    private func outlast(_ group: CageGroup) async {
        // Of a cage that could not be made nothing ran.
        guard let over = concluding, over.failure == nil else { return }
        while let process = (try? await pool.run { group.remainingProcess }) ?? nil {
            survivor = process
            // Of one that nobody stopped, too: its next start waits.
            feed(.stalled(reason: reason(of: over)))
            try? await loop.sleep(for: .milliseconds(100))
        }
    }

    /// Tries again and again without holding a thread of the pool meanwhile.
    private func remove(
        _ group: CageGroup,
        within limit: Duration,
        each pause: Duration
    ) async -> Bool {
        let end = loop.now.advanced(by: limit)
        while loop.now < end {
            try? await loop.sleep(for: pause)
            if (try? await pool.run { group.remove() }) != false { return true }
        }
        return false
    }

    private func reason(of over: Running) -> String {
        let end = over.end ?? "it ended"
        if let failure = over.failure { return failure.description }
        if let excess = over.excess { return "\(excess) (\(end))" }
        guard !over.hasStarted else { return end }
        let words = String(decoding: over.lastErrorLine, as: UTF8.self)
        return "the cage could not be made: \(printable(words, limit: 256))"
    }

    func conclude(_ over: Running) {
        let reason = reason(of: over)
        handlers.ended(reason)
        if over.failure != nil { return feed(.launchRefused(reason: reason)) }
        feed(.exited(reason: reason))
    }

    /// What its tree uses now; nil where nothing runs.
    func use() async -> TreeUse? {
        guard let running, running.child.status == nil else { return nil }
        let (process, group) = (running.child.processID, running.group)
        return try? await pool.run { TreeUse(treeOf: process, in: group) }
    }

    /// Its bounds; nil where nothing runs, or nothing bounds it.
    var bounds: CageLimits? { running?.limits }

    /// Without a control group nobody else adds up what a tree of processes uses.
    func watchMemory(_ generation: Int, _ limit: UInt64) async {
        while let running, running.generation == generation, running.child.status == nil {
            let process = running.child.processID
            try? await loop.sleep(for: Limits.memoryLook)
            let found = try? await pool.run { TreeMemory.excess(of: process, over: limit) }
            guard let used = found ?? nil, self.running?.generation == generation else { continue }
            return feed(
                .overused(
                    reason:
                        "it used \(used >> 20) MiB of memory, more than \(limit >> 20) (`memory`)"
                )
            )
        }
    }
}
