package import Base
package import System

/// How many bytes of message bodies a loop holds at once, those of agents and those of upstreams.
///
/// Whoever reads a body takes room before each piece and gives it back when the message is done
/// with. When nothing is left it waits, which stops its reading and in the end its peer; those who
/// waited longest go first.
///
/// INVARIANT loop-thread: every use is on `loop`, which is what makes `@unchecked Sendable` true.
package final class BufferBudget: @unchecked Sendable {
    package let limit: Int
    package var usedByteCount: Int { used }
    private var used = 0
    private let loop: EventLoop
    private var waiters: [(count: Int, pending: Pending<Void>)] = []

    package init(on loop: EventLoop, limit: Int = Limits.bufferedByteCount) {
        self.loop = loop
        self.limit = limit
    }

    /// Takes room when it is there and nobody waits for it.
    @inline(__always)
    package func takeNow(_ count: Int) -> Bool {
        precondition(loop.isOnLoop, "used outside of its event loop")
        guard waiters.isEmpty, count <= limit - used else { return false }
        used += count
        return true
    }

    /// Takes room, waiting for it until `deadline`; false when none came free.
    package func take(_ count: Int, until deadline: Instant) async -> Bool {
        if takeNow(count) { return true }
        guard count <= limit else { return false }
        let pending = Pending<Void>(on: loop)
        waiters.append((count, pending))
        do {
            try await pending.value(until: deadline)
            return true
        } catch {
            waiters.removeAll { $0.pending === pending }
            admitWaiters()
            return false
        }
    }

    /// Gives room back.
    package func give(_ count: Int) {
        precondition(loop.isOnLoop, "used outside of its event loop")
        used -= count
        if !waiters.isEmpty { admitWaiters() }
    }

    private func admitWaiters() {
        while let first = waiters.first, first.count <= limit - used {
            waiters.removeFirst()
            guard !first.pending.isSettled else { continue }
            used += first.count
            first.pending.fulfil(())
        }
    }
}
