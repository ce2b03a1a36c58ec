import Base
import Crypto
import Gateway
import MCP
import Testing

/// Sessions behind a reference, so that an expectation can use them.
private final class Held {
    private var sessions: Sessions

    init(random: any RandomSource) { sessions = Sessions(random: random) }

    var count: Int { sessions.count }

    func open(
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        _ revision: Revision,
        at now: Instant
    ) throws(Sessions.Refused) -> SessionID {
        try sessions.open(principal, endpoint, revision, at: now)
    }

    func find(
        _ id: SessionID,
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        at now: Instant
    ) -> Sessions.Session? { sessions.find(id, principal, endpoint, at: now) }

    func markInitialized(_ id: SessionID) { sessions.markInitialized(id) }
    func close(_ id: SessionID, _ principal: PrincipalKey) -> Bool { sessions.close(id, principal) }
    func closeAll(of principal: PrincipalKey) { sessions.closeAll(of: principal) }
    func closeIdle(longerThan limit: Duration, at now: Instant) {
        sessions.closeIdle(longerThan: limit, at: now)
    }
}

@Suite struct SessionTests {
    private let ana = PrincipalKey(tenant: .main, token: "a")
    private let ben = PrincipalKey(tenant: .main, token: "b")
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func later(_ duration: Duration) -> Instant { start.advanced(by: duration) }

    private func files() throws -> Endpoint { .server(try ServerName("files")) }

    @Test func `a session is its credential's and its endpoint's`() throws {
        let sessions = Held(random: CountingRandom())
        let id = try sessions.open(ana, try files(), .r2025_11_25, at: start)
        #expect(id.text.utf8.count == 32)
        #expect(sessions.find(id, ana, try files(), at: start)?.revision == .r2025_11_25)
        #expect(sessions.find(id, ben, try files(), at: start) == nil)
        let elsewhere = PrincipalKey(tenant: try TenantID("acme"), token: "a")
        #expect(sessions.find(id, elsewhere, try files(), at: start) == nil)
        #expect(sessions.find(id, ana, .all, at: start) == nil)
        #expect(sessions.find(SessionID(text: "00"), ana, try files(), at: start) == nil)
    }

    @Test func `only its credential closes a session, once`() throws {
        let sessions = Held(random: CountingRandom())
        let id = try sessions.open(ana, .all, .r2025_06_18, at: start)
        #expect(!sessions.close(id, ben))
        #expect(sessions.close(id, ana))
        #expect(!sessions.close(id, ana))
        #expect(sessions.count == 0)
    }

    @Test func `an id in capitals is no session's`() throws {
        let sessions = Held(random: CountingRandom())
        let id = try sessions.open(ana, .all, .r2025_06_18, at: start)
        let other = SessionID(text: id.text.uppercased())
        #expect(other == id || sessions.find(other, ana, .all, at: start) == nil)
        #expect(sessions.find(SessionID(text: id.text + "0"), ana, .all, at: start) == nil)
    }

    @Test func `a session that ended is no longer ready for questions`() throws {
        let sessions = Held(random: CountingRandom())
        let id = try sessions.open(ana, .all, .r2025_06_18, at: start)
        sessions.markInitialized(id)
        let session = try #require(sessions.find(id, ana, .all, at: start))
        #expect(sessions.close(id, ana))
        #expect(!session.isInitialized && session.logLevel == nil)
    }

    @Test func `an initialized session says so`() throws {
        let sessions = Held(random: CountingRandom())
        let id = try sessions.open(ana, .all, .r2025_06_18, at: start)
        #expect(sessions.find(id, ana, .all, at: start)?.isInitialized == false)
        sessions.markInitialized(id)
        #expect(sessions.find(id, ana, .all, at: start)?.isInitialized == true)
        sessions.markInitialized(SessionID(text: "00"))
        #expect(sessions.count == 1)
    }

    @Test func `use keeps a session, idleness beyond the limit ends it`() throws {
        let sessions = Held(random: CountingRandom())
        let used = try sessions.open(ana, .all, .r2025_11_25, at: start)
        let idle = try sessions.open(ana, .all, .r2025_11_25, at: start)
        _ = sessions.find(used, ana, .all, at: later(.seconds(10)))
        sessions.closeIdle(longerThan: .seconds(10), at: later(.seconds(10)))
        #expect(sessions.count == 2)
        sessions.closeIdle(longerThan: .seconds(10), at: later(.seconds(11)))
        #expect(sessions.find(idle, ana, .all, at: later(.seconds(11))) == nil)
        #expect(sessions.find(used, ana, .all, at: later(.seconds(11))) != nil)
    }

    @Test func `a revoked credential loses all its sessions and nobody else's`() throws {
        let sessions = Held(random: CountingRandom())
        for _ in 0..<3 { _ = try sessions.open(ana, .all, .r2025_11_25, at: start) }
        let other = try sessions.open(ben, .all, .r2025_11_25, at: start)
        sessions.closeAll(of: ana)
        #expect(sessions.count == 1)
        #expect(sessions.find(other, ben, .all, at: start) != nil)
    }

    @Test func `a principal's sessions end at their number, and its idle ones make room`() throws {
        let sessions = Held(random: SystemRandom())
        for _ in 0..<Limits.sessionsPerPrincipal {
            _ = try sessions.open(ana, .all, .r2025_11_25, at: start)
        }
        #expect(throws: Sessions.Refused.tooMany) {
            try sessions.open(ana, .all, .r2025_11_25, at: later(.seconds(60)))
        }
        let other = try sessions.open(ben, .all, .r2025_11_25, at: start)
        _ = try sessions.open(ana, .all, .r2025_11_25, at: later(.seconds(61)))
        #expect(sessions.count == 2, "the idle ones of one credential ended")
        #expect(sessions.find(other, ben, .all, at: start) != nil, "and nobody else's")
    }

    @Test func `sessions of all credentials end at their number`() throws {
        let sessions = Held(random: SystemRandom())
        for number in 0..<Limits.sessionCount {
            let owner = PrincipalKey(tenant: .main, token: "t\(number / 1000)")
            _ = try sessions.open(owner, .all, .r2025_11_25, at: start)
        }
        #expect(throws: Sessions.Refused.full) {
            try sessions.open(ana, .all, .r2025_11_25, at: start)
        }
    }
}

@Suite struct SealedCursorTests {
    private let ana = PrincipalKey(tenant: .main, token: "a")

    private func cursors(_ byte: UInt8 = 1) throws -> SealedCursors {
        let key = try SealingKey(SecretBytes([UInt8](repeating: byte, count: 32)))
        return SealedCursors(key: key, random: CountingRandom())
    }

    @Test func `a cursor opens for its list, principal, endpoint and key only`() throws {
        let cursors = try cursors()
        let files = Endpoint.server(try ServerName("files"))
        let position = CursorPosition(version: .max, offset: .max)
        let text = cursors.seal(position, .tool, for: ana, files)
        #expect(cursors.open(text, .tool, for: ana, files) == position)
        #expect(cursors.open(text, .tool, for: ana, .all) == nil)
        let other = PrincipalKey(tenant: .main, token: "b")
        #expect(cursors.open(text, .tool, for: other, files) == nil)
        let elsewhere = PrincipalKey(tenant: try TenantID("acme"), token: "a")
        #expect(cursors.open(text, .tool, for: elsewhere, files) == nil)
        #expect(cursors.open(text, .prompt, for: ana, files) == nil)
        #expect(try self.cursors(2).open(text, .tool, for: ana, files) == nil)
    }

    @Test func `a cursor cut or with any bit changed does not open`() throws {
        let cursors = try cursors()
        let text = cursors.seal(CursorPosition(version: 3, offset: 50), .tool, for: ana, .all)
        let bytes = try #require(Base64.decode(text, .urlSafe))
        for place in bytes.indices {
            #expect(
                cursors.open(Base64.encode(Array(bytes[..<place]), .urlSafe), .tool, for: ana, .all)
                    == nil
            )
            var changed = bytes
            changed[place] ^= 1 << UInt8(place % 8)
            #expect(cursors.open(Base64.encode(changed, .urlSafe), .tool, for: ana, .all) == nil)
        }
        for text in ["", "=", "é", text + "A", String(repeating: "A", count: 257)] {
            #expect(cursors.open(text, .tool, for: ana, .all) == nil)
        }
    }

    @Test func `equal positions have different cursors`() throws {
        let cursors = try cursors()
        let position = CursorPosition(version: 1, offset: 1)
        let first = cursors.seal(position, .tool, for: ana, .all)
        #expect(first != cursors.seal(position, .tool, for: ana, .all))
    }
}
