import Base
import Glibc
import System
import Testing

@Suite(.timeLimit(.minutes(5)))
struct BlockingPoolTests {
    @Test func `work runs off the loop and its result comes back on it`() async throws {
        let pool = BlockingPool(threadLimit: 2)
        let (inside, after, value) = try await onLoop { loop in
            let (isOnLoop, value) = try await pool.run { (loop.isOnLoop, 42) }
            return (isOnLoop, loop.isOnLoop, value)
        }
        #expect(!inside)
        #expect(after)
        #expect(value == 42)
        pool.shutDown()
    }

    @Test func `what the work throws is thrown`() async throws {
        let pool = BlockingPool()
        await #expect(throws: SystemError.self) {
            try await pool.run { try Files.read("/nonexistent", limit: 1) }
        }
        pool.shutDown()
    }

    @Test func `a full queue refuses at once and takes work again later`() async throws {
        let pool = BlockingPool(threadLimit: 1, queueLimit: 2)
        let gate = Lock(true)
        let hasStarted = Lock(false)
        // Occupies the only thread until the gate opens.
        let isStarted = pool.start {
            hasStarted.withLock { $0 = true }
            while gate.withLock({ $0 }) { sched_yield() }
        }
        #expect(isStarted)
        while !hasStarted.withLock({ $0 }) { await Task.yield() }
        #expect(pool.start {})
        #expect(pool.start {})
        #expect(!pool.start {})
        await #expect(throws: PoolFull.self) { try await pool.run {} }
        gate.withLock { $0 = false }
        pool.shutDown()
        #expect(!pool.start {})
    }

    @Test func `many pieces of work all end`() async throws {
        let pool = BlockingPool(threadLimit: 4, queueLimit: 1000)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<500 { group.addTask { try await pool.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 499 * 250)
        pool.shutDown()
    }

    @Test func `the system's resolver knows localhost and says what it does not know`()
        async throws
    {
        let pool = BlockingPool()
        let resolver = SystemResolver(pool: pool)
        let found = try await resolver.resolve("localhost")
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.isLoopback })
        pool.shutDown()
    }

    @Test(
        "takes names and nothing that poses as one",
        arguments: [
            ("example.com", true), ("example.com.", true), ("a_b.example", true), ("x1", true),
            ("", false), (".", false), ("a..b", false), ("-a.b", false), ("a-.b", false),
            ("127.0.0.1", false), ("2852039166", false), ("0xa9fea9fe", false), ("127.1", false),
            ("0x7f.1", false), ("①.example", false), ("a b", false), ("a%b", false), ("a@b", false),
            ("[::1]", false), ("a\u{0}b", false), (String(repeating: "a", count: 64), false),
            (String(repeating: "a", count: 63), true),
        ]
    )
    func names(name: String, isName: Bool) {
        #expect(SystemResolver.isHostName(name) == isName)
    }
}
