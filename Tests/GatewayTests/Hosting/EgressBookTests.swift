import Audit
import Base
import Crypto
import Egress
import System
import TestKit
import Testing

@testable import Gateway

/// What a server asks too much is missing for its own questions, not for others'.
@Suite struct EgressBookTests {
    fileprivate static func key(_ server: String, _ tenant: String = "main") -> EgressBook.Key {
        EgressBook.Key(
            tenant: TenantID(unchecked: tenant),
            server: ServerName(unchecked: server)
        )
    }

    private static func target(_ number: Int) throws -> EgressTarget {
        try EgressTarget(authority: Array("host-\(number).example:443".utf8)[...])
    }

    private func withBook(
        _ body: @escaping @Sendable (EgressBook, EventLoop) async throws -> Void
    ) async throws {
        try await withStore { store, loop in try await body(Self.book(in: store, on: loop), loop) }
    }

    private static func book(in store: MemoryStore, on loop: EventLoop) -> EgressBook {
        EgressBook(
            loop: loop,
            store: LateStore(store, on: loop),
            clock: ManualClock(),
            environment: EnvironmentName(unchecked: "staging")
        )
    }

    private func withStore(
        _ body: @escaping @Sendable (MemoryStore, EventLoop) async throws -> Void
    ) async throws {
        let seed = SecretBytes([UInt8](repeating: 7, count: 32))
        let store = MemoryStore(
            hashing: hashing,
            signer: try Ed25519.SigningKey(seed: seed),
            random: CountingRandom()
        )
        let loop = try EventLoop()
        let thread = try loop.start()
        let result = await loop.spawnThrowing { try await body(store, loop) }.result
        loop.stop()
        thread.join()
        try result.get()
    }

    @Test(.timeLimit(.minutes(5)))
    func `one server's many questions push nobody else's off the list`() async throws {
        try await withBook { book, _ in
            let others = [Self.key("quiet"), Self.key("quiet", "other")]
            for key in others {
                _ = try await book.permission(
                    for: try Self.target(0),
                    of: key,
                    code: "unknown",
                    waitingUntil: nil
                )
            }
            for number in 0..<400 {
                _ = try await book.permission(
                    for: try Self.target(number),
                    of: Self.key("loud"),
                    code: "unknown",
                    waitingUntil: nil
                )
            }
            let questions = await book.allQuestions
            #expect(questions.count { $0.server.rawValue == "quiet" } == 2)
            #expect(questions.count { $0.server.rawValue == "loud" } == 64)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `one server's waiting connections leave room for another tenant's`() async throws {
        try await withBook { book, loop in
            let end = loop.now.advanced(by: .seconds(3600))
            let ask: @Sendable (EgressBook.Key) async throws -> EgressBook.Answer = { key in
                try await book.permission(
                    for: try Self.target(1),
                    of: key,
                    code: "unknown",
                    waitingUntil: end
                )
            }
            let loud = (0..<16).map { _ in
                loop.spawnThrowing { try await ask(Self.key("loud")) }
            }
            while await book.waitingCount < 16 { await Task.yield() }
            // One more finds no room, and is answered at once.
            guard case .unanswered = try await ask(Self.key("loud")) else {
                Issue.record("it was let in")
                return
            }
            // Nor does a third server of the same tenant, once two have filled its share.
            let second = (0..<16).map { _ in
                loop.spawnThrowing { try await ask(Self.key("second")) }
            }
            while await book.waitingCount < 32 { await Task.yield() }
            guard case .unanswered = try await ask(Self.key("third")) else {
                Issue.record("the tenant's share was not held")
                return
            }
            let quiet = loop.spawnThrowing { try await ask(Self.key("quiet", "other")) }
            while await book.waitingCount < 33 { await Task.yield() }
            let rule = try EgressRule("host-1.example")
            for key in [Self.key("loud"), Self.key("second"), Self.key("quiet", "other")] {
                _ = try await book.refuse(rule, of: key, by: "ana")
            }
            for task in loud + second + [quiet] { _ = try await task.value }
        }
    }

    // MARK: Grants

    fileprivate static func once(
        _ length: EgressGrant.Length = .once,
        host number: Int = 1
    ) throws -> EgressGrant {
        EgressGrant(
            tenant: key("held").tenant,
            server: key("held").server,
            rule: try EgressRule("host-\(number).example"),
            length: length,
            by: "ana",
            since: Timestamp(milliseconds: 0)
        )
    }

    /// Whether a connection to that place is let through.
    fileprivate static func connects(_ book: EgressBook) async throws -> Bool {
        let answer = try await book.permission(
            for: try target(1),
            of: key("held"),
            code: "unknown",
            waitingUntil: nil
        )
        if case .granted = answer { return true }
        return false
    }

    @Test(.timeLimit(.minutes(5)))
    func `a grant for once that could not be spent is there for the next connection`() async throws
    {
        try await withStore { store, loop in
            let book = Self.book(in: store, on: loop)
            _ = try await book.allow(try Self.once())
            store.setHealth(.notWritable("full"))
            await #expect(throws: StoreError.notWritable("full")) {
                try await Self.connects(book)
            }
            #expect(await book.allGrants == [try Self.once()])
            store.setHealth(.writable)
            #expect(try await Self.connects(book))
            #expect(try await !Self.connects(book))
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `there are so many grants and no more, and one whose time is over makes room`()
        async throws
    {
        try await withStore { store, loop in
            let book = Self.book(in: store, on: loop)
            let now = Moment(instant: loop.now, timestamp: ManualClock().timestamp)
            let ended = EgressGrant.Length.until(Deadline(after: .zero, from: now))
            var isAllowed = try await book.allow(try Self.once(ended, host: 0))
            #expect(isAllowed)
            for number in 1...EgressBook.grantLimit {
                isAllowed = try await book.allow(try Self.once(.forGood, host: number))
                #expect(isAllowed)
            }
            isAllowed = try await book.allow(try Self.once(host: 0))
            #expect(!isAllowed)
            isAllowed = try await book.allow(try Self.once(host: 1))
            #expect(isAllowed)
            let rows = try await store.allEntries(.egress)
            #expect(rows.count == EgressBook.grantLimit)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `of several connections at once a grant for once lets one through`() async throws {
        try await withBook { book, loop in
            _ = try await book.allow(try Self.once())
            let tasks = (0..<8).map { _ in
                loop.spawnThrowing { try await Self.connects(book) }
            }
            var count = 0
            for task in tasks where try await task.value { count += 1 }
            #expect(count == 1)
        }
    }

    enum Act: CaseIterable, Sendable {
        case allow, refuse, connect

        static let pairs = allCases.flatMap { first in allCases.map { (first, $0) } }

        func run(on book: EgressBook) async throws {
            switch self {
            case .allow: _ = try await book.allow(try EgressBookTests.once(.forGood))
            case .refuse:
                _ = try await book.refuse(
                    try EgressBookTests.once().rule,
                    of: EgressBookTests.key("held"),
                    by: "ana"
                )
            case .connect: _ = try await EgressBookTests.connects(book)
            }
        }
    }

    /// Whatever order they come in: a restart brings back what was there, and nothing else.
    @Test(.timeLimit(.minutes(5)), arguments: Act.pairs, [false, true])
    func `two acts on one grant at once leave the same here and in the store`(
        acts: (Act, Act),
        isGranted: Bool
    ) async throws {
        try await withStore { store, loop in
            let book = Self.book(in: store, on: loop)
            if isGranted { _ = try await book.allow(try Self.once()) }
            let tasks = [acts.0, acts.1].map { act in
                loop.spawnThrowing { try await act.run(on: book) }
            }
            for task in tasks { try await task.value }
            let next = Self.book(in: store, on: loop)
            try await next.load(isTimeLost: false)
            #expect(await next.allGrants == book.allGrants)
        }
    }
}
