import Audit
import Base
import Glibc
import Testing

@testable import Storage

/// When the queue wakes its writer.
@Suite(.timeLimit(.minutes(5)))
struct CommitQueueTests {
    @Test func `one wake-up is arranged for all that is handed over until it runs`() throws {
        let wakes = Lock<[@Sendable () -> Void]>([])
        let queue = CommitQueue { wake in
            wakes.withLock { $0.append(wake) }
            return true
        }
        let batches = Lock<[Int]>([])
        let writer = try #require(
            WorkerThread {
                var isOpen = true
                while isOpen {
                    let batch = queue.take(until: .max)
                    batches.withLock { $0.append(batch.commits.count) }
                    isOpen = !batch.isClosing
                }
            }
        )
        var added = 0
        // The first to meet a sleeping writer arranges; before that nobody has to be woken.
        while wakes.withLock({ $0.isEmpty }) {
            add(to: queue)
            added += 1
            sched_yield()
        }
        for _ in 0..<4 { add(to: queue) }
        let arranged = wakes.withLock { $0 }
        #expect(arranged.count == 1)
        for wake in arranged { wake() }
        queue.close()
        writer.join()
        // The five that waited for the wake-up came together.
        #expect(batches.withLock { $0.last(where: { $0 > 0 }) } == 5)
        #expect(batches.withLock { $0.reduce(0, +) } == added + 4)
    }

    @Test func `a caller that can arrange nothing wakes the writer itself`() throws {
        let queue = CommitQueue()
        let taken = Lock(0)
        let writer = try #require(
            WorkerThread { taken.withLock { $0 = queue.take(until: .max).commits.count } }
        )
        add(to: queue)
        // Nobody closes the queue or wakes: it ends because the commit was due.
        writer.join()
        #expect(taken.withLock { $0 } == 1)
    }

    private func add(to queue: CommitQueue) {
        let commit = unsafe PendingCommit(
            transaction: Transaction(record(.outcome)),
            byteCount: 100,
            continuation: nil
        )
        #expect(queue.add(commit) == nil)
    }
}
