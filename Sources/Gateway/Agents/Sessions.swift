package import Base
package import MCP

/// The id of a legacy session: 128 random bits in hexadecimal (2025-11-25, basic/transports).
package struct SessionID: Hashable, Sendable {
    package let text: String

    package init(text: String) { self.text = text }

    package init(from random: any RandomSource) { text = Hex.encode(random.bytes(count: 16)) }
}

/// The legacy sessions of one gateway: each bound to the credential that opened it.
///
/// The session is never the authentication: the credential is checked on every request, and the
/// same id under another credential does not exist.
package struct Sessions {
    /// One session; found once for each message, and handed on with it.
    ///
    /// INVARIANT loop-thread: what changes of it is touched on its service's loop only, which is
    /// what makes `@unchecked Sendable` true.
    package final class Session: @unchecked Sendable {
        package let id: SessionID
        package let principal: PrincipalKey
        package let endpoint: Endpoint
        package let revision: Revision
        /// How its agent can ask the person behind it; none once it ended.
        fileprivate(set) var modes: InputModes
        package fileprivate(set) var isInitialized = false
        /// The least level of log messages its agent asked for; nil where it never did.
        package fileprivate(set) var logLevel: LogLevel?
        fileprivate(set) var lastUse: Instant
        private var isOpen = true

        fileprivate init(
            _ id: SessionID,
            _ principal: PrincipalKey,
            _ endpoint: Endpoint,
            _ revision: Revision,
            modes: InputModes,
            at now: Instant
        ) {
            self.id = id
            self.principal = principal
            self.endpoint = endpoint
            self.revision = revision
            self.modes = modes
            lastUse = now
        }

        /// Messages under way hold it; they can ask and hear no more than one that never was.
        fileprivate func end() {
            isOpen = false
            modes = InputModes()
            isInitialized = false
            logLevel = nil
        }

        /// As being found again; false once it ended.
        func isUsed(at now: Instant) -> Bool {
            if isOpen { lastUse = now }
            return isOpen
        }
    }

    /// The 128 bits of an id: read from the header's bytes, and random, so that half of them tell
    /// sessions apart.
    private struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        /// Nil for what no id of ours is spelled like.
        init?(_ spelling: Span<UInt8>) {
            guard spelling.count == 32, let high = Self.number(spelling, 0),
                let low = Self.number(spelling, 16)
            else { return nil }
            self.high = high
            self.low = low
        }

        init?(_ id: SessionID) { self.init(id.text.utf8.span) }

        private static func number(_ digits: Span<UInt8>, _ start: Int) -> UInt64? {
            var number: UInt64 = 0
            for place in start..<start + 16 {
                let digit = digits[place]
                // Lower case, as they are made.
                guard digit &- 0x41 >= 6, let value = Hex.value(of: digit) else { return nil }
                number = number << 4 | UInt64(value)
            }
            return number
        }

        func hash(into hasher: inout Hasher) { hasher.combine(high) }
    }

    package enum Refused: Error, Equatable {
        /// Of this credential.
        case tooMany
        /// Of all credentials together.
        case full
    }

    private var sessions: [Key: Session] = [:]
    private var countByPrincipal: [PrincipalKey: Int] = [:]
    private let random: any RandomSource

    package init(random: any RandomSource) { self.random = random }

    package var count: Int { sessions.count }

    package mutating func open(
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        _ revision: Revision,
        modes: InputModes = [],
        at now: Instant
    ) throws(Refused) -> SessionID {
        if countByPrincipal[principal, default: 0] >= Limits.sessionsPerPrincipal {
            // Its own alone: one busy credential ends nobody else's session.
            closeIdle(longerThan: .seconds(60), at: now, of: principal)
        }
        guard countByPrincipal[principal, default: 0] < Limits.sessionsPerPrincipal else {
            throw .tooMany
        }
        guard sessions.count < Limits.sessionCount else { throw .full }
        let id = SessionID(from: random)
        guard let key = Key(id) else { preconditionFailure("an id of ours has 32 digits") }
        sessions[key] = Session(id, principal, endpoint, revision, modes: modes, at: now)
        countByPrincipal[principal, default: 0] += 1
        return id
    }

    /// The session, if it is this credential's and this endpoint's; using it keeps it.
    package func find(
        _ id: SessionID,
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        at now: Instant
    ) -> Session? {
        find(spelled: id.text.utf8.span, principal, endpoint, at: now)
    }

    /// The same by the bytes of a header.
    func find(
        spelled id: Span<UInt8>,
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        at now: Instant
    ) -> Session? {
        guard let key = Key(id), let session = sessions[key], session.principal == principal,
            session.endpoint == endpoint
        else { return nil }
        session.lastUse = now
        return session
    }

    private subscript(id: SessionID) -> Session? { Key(id).flatMap { sessions[$0] } }

    package mutating func markInitialized(_ id: SessionID) { self[id]?.isInitialized = true }

    package func isOpen(_ id: SessionID) -> Bool { self[id] != nil }

    package mutating func setLevel(_ level: LogLevel, of id: SessionID) {
        self[id]?.logLevel = level
    }

    /// Ends it; false when this credential has no such session.
    package mutating func close(_ id: SessionID, _ principal: PrincipalKey) -> Bool {
        guard let key = Key(id), sessions[key]?.principal == principal else { return false }
        remove(key)
        return true
    }

    /// Ends every session of a revoked credential.
    package mutating func closeAll(of principal: PrincipalKey) {
        for (key, session) in sessions where session.principal == principal { remove(key) }
    }

    /// Ends what was not used for longer than that: of one credential, or of all.
    package mutating func closeIdle(
        longerThan limit: Duration,
        at now: Instant,
        of principal: PrincipalKey? = nil
    ) {
        for (key, session) in sessions where now.duration(since: session.lastUse) > limit {
            guard principal == nil || principal == session.principal else { continue }
            remove(key)
        }
    }

    private mutating func remove(_ key: Key) {
        guard let session = sessions.removeValue(forKey: key) else { return }
        session.end()
        let left = (countByPrincipal[session.principal] ?? 1) - 1
        countByPrincipal[session.principal] = left == 0 ? nil : left
    }
}
