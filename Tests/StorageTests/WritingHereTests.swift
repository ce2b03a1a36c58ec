import Audit
import Base
import Glibc
import Synchronization
import TestKit
import Testing

@testable import Storage

/// Who writes: the writer's thread, or the loop that came to rest.
@Suite(.timeLimit(.minutes(5)))
struct WritingHereTests {
    @Test func `who comes to rest writes itself while the disk is quick`() async throws {
        let scene = try await Scene()
        await scene.add()
        await scene.add(isAwaited: false)
        scene.rest()
        #expect(scene.here.withLock { $0 } == [2])
        #expect(scene.close() == 0)
    }

    @Test(arguments: [true, false])
    func `a loop with more to do, and a slow disk, are left to the thread`(
        isQuick: Bool
    ) async throws {
        let scene = try await Scene(isQuick: isQuick)
        await scene.add()
        scene.rest(isAtRest: !isQuick)
        try await until { scene.there.value == 1 }
        #expect(scene.close() == 1)
        #expect(scene.here.withLock { $0 }.isEmpty)
    }

    @Test func `what nobody waits for is the thread's`() async throws {
        let scene = try await Scene()
        await scene.add(isAwaited: false)
        scene.rest()
        try await until { scene.there.value == 1 }
        #expect(scene.close() == 1)
        #expect(scene.here.withLock { $0 }.isEmpty)
    }

    @Test(arguments: [(256, 100), (257, 100), (1, 1 << 20), (1, 1 << 20 + 1)])
    func `what would take long is the thread's`(count: Int, byteCount: Int) async throws {
        let isSmall = count <= 256 && byteCount <= 1 << 20
        // Nothing is due, and the wake-up is arranged: nobody wakes the thread before the loop rests.
        let scene = try await Scene()
        for _ in 0..<count { await scene.add(byteCount: byteCount) }
        scene.rest()
        try await until { isSmall || scene.there.value == count }
        #expect(scene.close() == (isSmall ? 0 : count))
        #expect(scene.here.withLock { $0 } == (isSmall ? [count] : []))
    }

    @Test func `the thread looks once after what it was woken for`() async throws {
        let scene = try await Scene(needsCare: { _ in true })
        let before = scene.looks.value
        await scene.add()
        scene.rest()
        try await until { scene.looks.value > before && scene.queue.isWriterAsleep }
        #expect(scene.here.withLock { $0 } == [1])
        #expect(scene.close() == 0)
        // One for what it was woken for, one for the end.
        #expect(scene.looks.value == before + 2)
    }

    @Test(arguments: [false, true])
    func `the write-ahead log is copied in each of its rounds, whoever writes`(
        isHere: Bool
    ) async throws {
        let folder = TemporaryFolder()
        var options = try options(in: folder)
        options.hasSearchIndex = false
        options.reservedByteCount = 256 << 10
        let rests = Counter()
        if isHere {
            options.arrangeWake = { write in
                Task.detached {
                    _ = rests.add(1)
                    write(true)
                }
                return true
            }
        }
        let store = try SQLiteStore.open(options)
        // Commits of one size, of two to six frames, then of another.
        for pages in 0..<5 {
            let arguments = String(repeating: "x", count: pages * 4000)
            for _ in 0..<80 {
                _ = try await store.commit(record(.judged, arguments: arguments))
                // Beyond its room it would have nothing left for ends and stops on a full disk.
                let byteCount = LogFile.byteCount(folder.path + "/log.db-wal")
                #expect(byteCount == UInt64(options.reservedByteCount))
            }
        }
        await store.close()
        #expect((rests.value > 200) == isHere)
        #expect(LogFile.byteCount(folder.path + "/log.db") > 64 << 10)
    }

    @Test func `what is to be looked after wakes the thread, though no commit waits`() async throws
    {
        let scene = try await Scene(needsCare: { _ in true })
        let before = scene.looks.value
        await scene.add()
        scene.rest()
        try await until { scene.looks.value > before }
        #expect(scene.here.withLock { $0 } == [1])
        #expect(scene.close() == 0)
    }

    @Test func `the writer has one user at a time, and each commit is written once`() async throws {
        let scene = try await Scene(needsCare: { $0 % 7 == 6 })
        let count = 3_000
        let ended = Counter()
        // One comes to rest after each, as a loop does; the other has nothing to arrange it with.
        let threads = try [true, false].map { isLoop in
            try #require(
                WorkerThread {
                    for round in 0..<count {
                        scene.addBlocking(isAwaited: round % 3 > 0, isArranged: isLoop)
                        if isLoop { scene.rest() }
                    }
                    _ = ended.add(1)
                }
            )
        }
        try await until { ended.value == 2 }
        for thread in threads { thread.join() }
        scene.rest()
        let there = scene.close()
        let here = scene.here.withLock { $0.reduce(0, +) }
        #expect(here + there == 2 * count)
        #expect(here > 0)
        #expect(scene.most.value == 1)
    }

    @Test func `a disk is quick after some quick answers, and slow after a slow one`() {
        var pace = DiskPace()
        for _ in 0..<DiskPace.row {
            #expect(!pace.isQuick)
            pace.note(DiskPace.quick - .nanoseconds(1))
        }
        #expect(pace.isQuick)
        pace.note(DiskPace.quick)
        #expect(!pace.isQuick)
    }
}

/// A queue, the thread that sleeps in it, and a loop that says when it rests.
private final class Scene: Sendable {
    let queue: CommitQueue
    /// How many commits each turn of the loop wrote.
    let here: Lock<[Int]>
    /// How often the thread looked, and the most users the writer had at once.
    let looks = Counter()
    let most: Counter
    /// Whether who adds can arrange a wake-up.
    @TaskLocal static var isArranged = true
    private let wakes: Lock<[@Sendable (Bool) -> Void]>
    let there = Counter()
    private let thread: Lock<WorkerThread?> = Lock(nil)

    init(
        isQuick: Bool = true,
        needsCare: @escaping @Sendable (Int) -> Bool = { _ in false }
    ) async throws {
        let (users, most) = (Counter(), Counter())
        let (here, wakes) = (Lock<[Int]>([]), Lock<[@Sendable (Bool) -> Void]>([]))
        (self.here, self.wakes, self.most) = (here, wakes, most)
        let queue = CommitQueue(
            arrange: { wake in
                guard Self.isArranged else { return false }
                wakes.withLock { $0.append(wake) }
                return true
            },
            write: { commits in
                most.raise(to: users.add(1))
                for commit in commits { commit.end() }
                here.withLock { $0.append(commits.count) }
                _ = users.add(-1)
                return CommitQueue.Written(isQuick: isQuick, needsCare: needsCare(commits.count))
            }
        )
        self.queue = queue
        let (looks, there) = (looks, there)
        let thread = WorkerThread {
            var isOpen = true
            while isOpen {
                let written = CommitQueue.Written(isQuick: isQuick, needsCare: false)
                let batch = queue.take(until: .max, after: written)
                most.raise(to: users.add(1))
                for commit in batch.commits { commit.end() }
                _ = there.add(batch.commits.count)
                _ = users.add(-1)
                _ = looks.add(1)
                isOpen = !batch.isClosing
            }
        }
        self.thread.withLock { $0 = thread }
        try #require(thread != nil)
        try await until { queue.isWriterAsleep }
    }

    func add(isAwaited: Bool = true, byteCount: Int = 100) async {
        guard isAwaited else { return putUnawaited() }
        await unsafe withUnsafeContinuation { added in
            putAwaited(byteCount) { unsafe added.resume() }
        }
    }

    /// The same from a thread of its own.
    func addBlocking(isAwaited: Bool, isArranged: Bool) {
        Self.$isArranged.withValue(isArranged) {
            guard isAwaited else { return putUnawaited() }
            let added = Counter()
            putAwaited { _ = added.add(1) }
            while added.value == 0 { sched_yield() }
        }
    }

    private func putAwaited(
        _ byteCount: Int = 100,
        _ added: @escaping @Sendable () -> Void
    ) {
        Task {
            _ = await unsafe withUnsafeContinuation { continuation in
                put(
                    unsafe PendingCommit(
                        transaction: Self.one,
                        byteCount: byteCount,
                        continuation: continuation
                    )
                )
                added()
            }
        }
    }

    private func putUnawaited() {
        put(unsafe PendingCommit(transaction: Self.one, byteCount: 100, continuation: nil))
    }

    private static let one = Transaction(record(.outcome))

    private func put(_ commit: PendingCommit) { #expect(queue.add(commit) == nil) }

    func rest(isAtRest: Bool = true) {
        let all = wakes.withLock { wakes in
            defer { wakes = [] }
            return wakes
        }
        for wake in all { wake(isAtRest) }
    }

    /// Ends the thread; how many commits it had.
    func close() -> Int {
        queue.close()
        thread.withLock { $0 }?.join()
        return there.value
    }
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add(_ more: Int) -> Int { count.add(more, ordering: .sequentiallyConsistent).newValue }
    func raise(to least: Int) { _ = count.max(least, ordering: .sequentiallyConsistent) }
}

extension PendingCommit {
    fileprivate func end() { unsafe continuation?.resume(returning: .failure(.closed)) }
}
