import Base
import CLinux

/// Gives memory back to the system after large messages, when none came for a while.
///
/// In between freed memory is kept: to map and fault in a megabyte anew for each message costs a
/// quarter of the time the message takes.
package final class MemoryReturn {
    private let loop: EventLoop
    private let pool: BlockingPool
    private let quiet: Duration
    private var lastUse = Instant(nanoseconds: 0)
    private var isArranged = false

    /// - Parameter quiet: how long no large message must have come.
    package init(loop: EventLoop, pool: BlockingPool, quiet: Duration) {
        self.loop = loop
        self.pool = pool
        self.quiet = quiet
    }

    /// Says how the process is to treat freed memory; once, before anything large is allocated.
    package static func keepFreedMemory() { cgate_keep_memory() }

    /// A large message was dealt with; on the loop.
    package func noteLargeMessage() {
        lastUse = loop.now
        arrange(after: quiet)
    }

    private func arrange(after delay: Duration) {
        guard !isArranged else { return }
        isArranged = true
        loop.schedule(after: delay) { [weak self] in
            guard let self else { return }
            isArranged = false
            let since = loop.now.duration(since: lastUse)
            guard since >= quiet else { return arrange(after: quiet - since) }
            // Walks every arena: milliseconds, beside the loop.
            loop.spawn { [pool] in _ = try? await pool.run { cgate_give_memory_back() } }
        }
    }
}
