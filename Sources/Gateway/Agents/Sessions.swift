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
    package struct Session: Sendable {
        package let principal: PrincipalKey
        package let endpoint: Endpoint
        package let revision: Revision
        /// How its agent can ask the person behind it.
        let modes: InputModes
        package fileprivate(set) var isInitialized = false
        /// The least level of log messages its agent asked for; nil where it never did.
        package fileprivate(set) var logLevel: LogLevel?
        fileprivate(set) var lastUse: Instant
    }

    package enum Refused: Error, Equatable {
        /// Of this credential.
        case tooMany
        /// Of all credentials together.
        case full
    }

    private var sessions: [SessionID: Session] = [:]
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
        sessions[id] = Session(
            principal: principal,
            endpoint: endpoint,
            revision: revision,
            modes: modes,
            lastUse: now
        )
        countByPrincipal[principal, default: 0] += 1
        return id
    }

    /// The session, if it is this credential's and this endpoint's; using it keeps it.
    package mutating func find(
        _ id: SessionID,
        _ principal: PrincipalKey,
        _ endpoint: Endpoint,
        at now: Instant
    ) -> Session? {
        guard let session = sessions[id], session.principal == principal,
            session.endpoint == endpoint
        else { return nil }
        sessions[id]?.lastUse = now
        return session
    }

    package mutating func markInitialized(_ id: SessionID) {
        sessions[id]?.isInitialized = true
    }

    func isInitialized(_ id: SessionID) -> Bool { sessions[id]?.isInitialized ?? false }

    package func isOpen(_ id: SessionID) -> Bool { sessions[id] != nil }

    package mutating func setLevel(_ level: LogLevel, of id: SessionID) {
        sessions[id]?.logLevel = level
    }

    func modes(of id: SessionID) -> InputModes { sessions[id]?.modes ?? [] }

    package func logLevel(of id: SessionID) -> LogLevel? { sessions[id]?.logLevel }

    /// Ends it; false when this credential has no such session.
    package mutating func close(_ id: SessionID, _ principal: PrincipalKey) -> Bool {
        guard sessions[id]?.principal == principal else { return false }
        remove(id)
        return true
    }

    /// Ends every session of a revoked credential.
    package mutating func closeAll(of principal: PrincipalKey) {
        for (id, session) in sessions where session.principal == principal { remove(id) }
    }

    /// Ends what was not used for longer than that: of one credential, or of all.
    package mutating func closeIdle(
        longerThan limit: Duration,
        at now: Instant,
        of principal: PrincipalKey? = nil
    ) {
        for (id, session) in sessions where now.duration(since: session.lastUse) > limit {
            guard principal == nil || principal == session.principal else { continue }
            remove(id)
        }
    }

    private mutating func remove(_ id: SessionID) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        let left = (countByPrincipal[session.principal] ?? 1) - 1
        countByPrincipal[session.principal] = left == 0 ? nil : left
    }
}
