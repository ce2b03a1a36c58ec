import Audit
import Base
import Glibc
import Testing

@testable import Storage

/// When the queue wakes its writer.
@Suite(.timeLimit(.minutes(5)))
struct CommitQueueTests {
    @Test func `all that is handed over before the arranged wake-up comes together`() async throws {
        let wakes = Lock<[@Sendable (Bool) -> Void]>([])
        let queue = CommitQueue(arrange: { wake in
            wakes.withLock { $0.append(wake) }
            return true
        })
        let batches = Lock<[Int]>([])
        let writer = try #require(
            WorkerThread {
                var isOpen = true
                while isOpen {
                    let batch = queue.take(until: .max)
                    batches.withLock { $0.append(batch.commits.count) }
                    for commit in batch.commits {
                        unsafe commit.continuation?.resume(returning: .failure(.closed))
                    }
                    isOpen = !batch.isClosing
                }
            }
        )
        for round in 1...3 {
            await withTaskGroup { group in
                for _ in 0..<5 { group.addTask { await wait(for: queue) } }
                // Whether the writer sleeps or comes to look meanwhile: it waits for the wake-up.
                while queue.waiting.count < 5 { await Task.yield() }
                let arranged = wakes.withLock { $0 }
                #expect(arranged.count == round)
                arranged.last?(true)
            }
        }
        queue.close()
        writer.join()
        #expect(batches.withLock { $0 } == [5, 5, 5, 0])
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

    /// Adds a commit and waits until the writer had it.
    private func wait(for queue: CommitQueue) async {
        _ = await unsafe withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Receipt, StoreError>, Never>) in
            let commit = unsafe PendingCommit(
                transaction: Transaction(record(.intent)),
                byteCount: 100,
                continuation: continuation
            )
            #expect(queue.add(commit) == nil)
        }
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
