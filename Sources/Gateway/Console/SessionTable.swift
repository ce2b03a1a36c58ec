import Base
import Crypto

/// Who is logged in to the console; a value, so that every expiry and every limit is a test.
///
/// A session is proven by two secrets together: the cookie, which no script can read, and the token,
/// which no other origin can read. Cookies are not separated by port: whatever else is served on
/// `localhost` is sent ours by the browser, and it is worth nothing without the token. Only digests
/// are kept.
struct SessionTable: Sendable {
    struct Session: Sendable, Equatable {
        let approver: ApproverBook.Approver
        let opened: Instant
        fileprivate(set) var used: Instant
        /// When the passphrase was given last.
        fileprivate(set) var proven: Instant
        fileprivate let token: Digest

        var expires: Instant {
            min(used.advanced(by: Limits.consoleIdle), opened.advanced(by: Limits.consoleLife))
        }
    }

    /// The name of a session: the digest of its cookie.
    struct ID: Hashable, Sendable {
        fileprivate let digest: Digest
    }

    /// What only the browser keeps.
    struct Secrets: Sendable {
        let cookie: String
        let token: String
    }

    enum Failure: Error, Equatable, Sendable {
        /// No such session, or it is over.
        case none
        /// The cookie is right and the token is not: another page sent this.
        case foreign
    }

    private let hashing: any Hashing
    private(set) var sessions: [ID: Session] = [:]

    init(hashing: any Hashing) { self.hashing = hashing }

    /// Opens a session with fresh secrets; the oldest of a person, and of all, make room.
    mutating func open(
        _ approver: ApproverBook.Approver,
        at now: Instant,
        random: any RandomSource
    ) -> (id: ID, secrets: Secrets) {
        sweep(at: now)
        let own = sessions.filter { $0.value.approver.name == approver.name }
        if own.count >= Limits.consoleSessionsPerPerson { removeOldest(of: own) }
        if sessions.count >= Limits.consoleSessionCount { removeOldest(of: sessions) }
        let secrets = Secrets(
            cookie: Base64.encode(random.bytes(count: 32), .urlSafe),
            token: Base64.encode(random.bytes(count: 32), .urlSafe)
        )
        let id = ID(digest: digest(secrets.cookie))
        sessions[id] = Session(
            approver: approver,
            opened: now,
            used: now,
            proven: now,
            token: digest(secrets.token)
        )
        return (id, secrets)
    }

    /// The session the two secrets prove; `isUse` keeps it from going idle.
    mutating func find(
        cookie: String,
        token: String?,
        isUse: Bool,
        at now: Instant
    ) -> Result<(ID, Session), Failure> {
        let id = ID(digest: digest(cookie))
        guard let session = live(id, at: now) else { return .failure(.none) }
        guard let token, digest(token) == session.token else { return .failure(.foreign) }
        if isUse { sessions[id]?.used = now }
        return .success((id, sessions[id] ?? session))
    }

    /// A session that is not over.
    mutating func live(_ id: ID, at now: Instant) -> Session? {
        guard let session = sessions[id] else { return nil }
        guard now < session.expires else {
            sessions[id] = nil
            return nil
        }
        return session
    }

    /// The passphrase was given again.
    mutating func prove(_ id: ID, at now: Instant) { sessions[id]?.proven = now }

    mutating func close(_ id: ID) { sessions[id] = nil }

    mutating func close(cookie: String) { close(ID(digest: digest(cookie))) }

    mutating func sweep(at now: Instant) {
        sessions = sessions.filter { now < $0.value.expires }
    }

    private mutating func removeOldest(of some: [ID: Session]) {
        if let oldest = some.min(by: { $0.value.used < $1.value.used }) {
            sessions[oldest.key] = nil
        }
    }

    private func digest(_ secret: String) -> Digest { hashing.sha256(Array(secret.utf8)) }
}
