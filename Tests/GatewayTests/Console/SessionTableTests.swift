import Base
import Crypto
import Testing

@testable import Gateway

/// Never the same bytes twice, the same in every run.
private struct DistinctRandom: RandomSource {
    private let next = Lock<UInt8>(0)
    private let round = Lock<UInt8>(0)

    func bytes(count: Int) -> [UInt8] {
        let number = next.withLock { next in
            next &+= 1
            return next
        }
        if number == 0 { round.withLock { $0 &+= 1 } }
        let digest = hashing.sha256([number, round.withLock { $0 }])
        return Array((digest.bytes + digest.bytes).prefix(count))
    }
}

@Suite struct SessionTableTests {
    private let random = DistinctRandom()
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func approver(_ name: String) throws -> ApproverBook.Approver {
        let cost = try #require(PassphraseHash.Cost(checking: 1, r: 1, p: 1))
        return ApproverBook.Approver(
            person: Person(
                name: PrincipalName(unchecked: name),
                roles: [.approver],
                tenants: nil
            ),
            hash: try PassphraseHash(of: [1, 2, 3], cost: cost, random: random)
        )
    }

    /// A table that expectations can ask.
    private final class Sessions {
        var table = SessionTable(hashing: hashing)

        func open(
            _ approver: ApproverBook.Approver,
            at now: Instant,
            random: any RandomSource
        ) -> SessionTable.Secrets {
            table.open(approver, at: now, random: random).secrets
        }

        func failure(
            _ cookie: String,
            _ token: String?,
            at now: Instant,
            isUse: Bool = true
        ) -> SessionTable.Failure? {
            let found = table.find(cookie: cookie, token: token, isUse: isUse, at: now)
            if case .failure(let failure) = found { return failure }
            return nil
        }

        func has(_ secrets: SessionTable.Secrets, at now: Instant, isUse: Bool = true) -> Bool {
            failure(secrets.cookie, secrets.token, at: now, isUse: isUse) == nil
        }
    }

    @Test func `cookie and token prove a session together, neither alone`() throws {
        let table = Sessions()
        let secrets = table.open(try approver("ana"), at: start, random: random)
        let others = table.open(try approver("ben"), at: start, random: random)
        #expect(table.has(secrets, at: start))
        #expect(table.failure(secrets.cookie, nil, at: start) == .foreign)
        #expect(table.failure(secrets.cookie, others.token, at: start) == .foreign)
        #expect(table.failure(secrets.token, secrets.token, at: start) == SessionTable.Failure.none)
        #expect(table.failure("", secrets.token, at: start) == SessionTable.Failure.none)
    }

    @Test func `a session is over after half an hour without use`() throws {
        let table = Sessions()
        let secrets = table.open(try approver("ana"), at: start, random: random)
        let almost = start.advanced(by: Limits.consoleIdle - .nanoseconds(1))
        // What a page does by itself keeps nobody logged in.
        #expect(table.has(secrets, at: almost, isUse: false))
        #expect(!table.has(secrets, at: start.advanced(by: Limits.consoleIdle)))
        #expect(!table.has(secrets, at: start))
    }

    @Test func `a session that is used all the time is over after twelve hours`() throws {
        let table = Sessions()
        let secrets = table.open(try approver("ana"), at: start, random: random)
        var now = start
        let end = start.advanced(by: Limits.consoleLife)
        while now.advanced(by: .seconds(1000)) < end {
            now = now.advanced(by: .seconds(1000))
            #expect(table.has(secrets, at: now))
        }
        #expect(!table.has(secrets, at: end))
    }

    @Test func `one person has at most so many sessions, the oldest goes`() throws {
        let table = Sessions()
        let ana = try approver("ana")
        let ben = table.open(try approver("ben"), at: start, random: random)
        let opened = (0...Limits.consoleSessionsPerPerson).map { place in
            let now = start.advanced(by: .seconds(place))
            return table.open(ana, at: now, random: random)
        }
        let now = start.advanced(by: .seconds(60))
        #expect(!table.has(opened[0], at: now))
        #expect(table.has(opened[1], at: now))
        #expect(table.has(ben, at: now))
    }

    @Test func `all people together have at most so many sessions`() throws {
        let table = Sessions()
        for number in 0..<Limits.consoleSessionCount + 5 {
            _ = table.open(try approver("p\(number)"), at: start, random: random)
        }
        #expect(table.table.sessions.count == Limits.consoleSessionCount)
    }
}

@Suite struct LoginThrottleTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    @Test func `an address may try ten times a minute`() throws {
        var throttle = LoginThrottle()
        func admits(_ seconds: Int) -> Bool {
            throttle.admits(nil, at: start.advanced(by: .seconds(seconds)))
        }
        for _ in 0..<Limits.loginsPerAddress { #expect(admits(0)) }
        #expect(!admits(59))
        #expect(admits(60))
    }
}
