import Base
import Crypto
import HTTP
import JSON
import System

/// Who is logged in, and what they asked for: everything between a browser and the commands.
actor Console {
    private let loop: EventLoop
    private let random: any RandomSource
    private weak var gateway: Gateway?
    private var sessions: SessionTable
    private var throttle = LoginThrottle()
    /// Logins whose passphrase is being worked on.
    private var loginCount = 0
    let feed: ConsoleFeed

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(
        _ gateway: Gateway,
        loop: EventLoop,
        hashing: any Hashing,
        random: any RandomSource,
        feed: ConsoleFeed
    ) {
        self.gateway = gateway
        self.loop = loop
        self.random = random
        self.feed = feed
        sessions = SessionTable(hashing: hashing)
    }

    // MARK: Sessions

    struct Opened: Sendable {
        let secrets: SessionTable.Secrets
        let body: [UInt8]
    }

    /// Logs a person in; whatever session the browser had is over, so that none can be foisted on it.
    func logIn(
        name: String,
        passphrase: [UInt8],
        from peer: SocketAddress,
        replacing cookies: [String]
    ) async throws(APIError) -> Opened {
        let approver = try await proven(name: name, passphrase: passphrase, from: peer)
        for cookie in cookies { sessions.close(cookie: cookie) }
        let (id, secrets) = sessions.open(approver, at: loop.now, random: random)
        guard let session = sessions.live(id, at: loop.now) else { throw Self.loginNeeded }
        var object = description(of: session)
        object["token"] = JSONValue(secrets.token)
        return Opened(secrets: secrets, body: JSONValue.object(object).serialised())
    }

    /// The session a request proves; its person must still be an approver with that passphrase.
    func session(
        cookies: [String],
        token: String?,
        isUse: Bool
    ) async throws(APIError) -> (id: SessionTable.ID, session: SessionTable.Session) {
        var failure = SessionTable.Failure.none
        for cookie in cookies {
            switch sessions.find(cookie: cookie, token: token, isUse: isUse, at: loop.now) {
            case .failure(let found): if found == .foreign { failure = found }
            case .success(let (id, session)):
                guard await isCurrent(session) else {
                    sessions.close(id)
                    throw Self.loginNeeded
                }
                return (id, session)
            }
        }
        throw failure == .foreign ? Self.foreign : Self.loginNeeded
    }

    /// Whether a session still stands; asked by streams now and then.
    func stands(_ id: SessionTable.ID) async -> Bool {
        guard let session = sessions.live(id, at: loop.now) else { return false }
        return await isCurrent(session)
    }

    func logOut(_ id: SessionTable.ID) async {
        sessions.close(id)
        await feed.end(id)
    }

    /// The passphrase again, for what changes who may decide.
    func prove(
        _ id: SessionTable.ID,
        passphrase: [UInt8],
        from peer: SocketAddress
    ) async throws(APIError) -> [UInt8] {
        guard let session = sessions.live(id, at: loop.now) else { throw Self.loginNeeded }
        _ = try await proven(
            name: session.approver.name.rawValue,
            passphrase: passphrase,
            from: peer
        )
        sessions.prove(id, at: loop.now)
        return description(session)
    }

    func description(_ session: SessionTable.Session) -> [UInt8] {
        JSONValue.object(description(of: session)).serialised()
    }

    private func description(of session: SessionTable.Session) -> JSONObject {
        var object = JSONObject()
        object["approver"] = JSONValue(session.approver.name.rawValue)
        object["expires_in"] = JSONValue(
            Int(session.expires.duration(since: loop.now).milliseconds / 1000)
        )
        return object
    }

    private func isCurrent(_ session: SessionTable.Session) async -> Bool {
        guard let gateway else { return false }
        return await gateway.approvers.approver(session.approver.name) == session.approver
    }

    /// Works the passphrase through, a few at a time and not too often.
    private func proven(
        name: String,
        passphrase: [UInt8],
        from peer: SocketAddress
    ) async throws(APIError) -> ApproverBook.Approver {
        var address: IPAddress?
        if case .ip(let ip, _) = peer { address = ip }
        guard loginCount < 2, throttle.admits(address, at: loop.now) else {
            throw APIError(
                HTTPStatus(code: 429),
                .limited,
                "too many logins; try again in a minute"
            )
        }
        guard let gateway else { throw Self.stopping }
        loginCount += 1
        defer { loginCount -= 1 }
        do {
            return try await gateway.logIn(
                ControlRequest.Credential(approver: name, passphrase: passphrase),
                from: "console \(address.map(\.description) ?? "-")"
            )
        } catch let error as ControlError {
            throw APIError(.unauthorized, .login, error.description, hint: error.hint)
        } catch {
            throw APIError(.serviceUnavailable, .refused, "the login cannot be recorded: \(error)")
        }
    }

    // MARK: Commands

    /// Carries out a request of the API by the same commands as the control socket.
    func perform(
        _ request: APIRequest,
        _ session: SessionTable.Session
    ) async throws(APIError) -> [UInt8] {
        if request.route.gate == .proof,
            loop.now.duration(since: session.proven) > Limits.consoleProof
        {
            throw APIError(
                .forbidden,
                .proof,
                "this needs your passphrase again",
                hint: "POST /api/v1/session/proof, then send the request again"
            )
        }
        guard let gateway else { throw Self.stopping }
        return try await Self.told {
            try await gateway.perform(request.command, as: session.approver.name)
        }
    }

    func export(
        _ request: APIRequest,
        _ session: SessionTable.Session,
        asCSV isCSV: Bool
    ) async throws(APIError) -> [UInt8] {
        guard let gateway else { throw Self.stopping }
        let name = session.approver.name
        return try await Self.told {
            try await gateway.export(request.command, asCSV: isCSV, as: name)
        }
    }

    private static func told(
        _ body: () async throws -> [UInt8]
    ) async throws(APIError) -> [UInt8] {
        do {
            return try await body()
        } catch let error as ControlError {
            throw APIError(error)
        } catch {
            throw APIError(.conflict, .refused, "\(error)")
        }
    }

    static let loginNeeded = APIError(.unauthorized, .login, "log in first")
    static let stopping = APIError(.serviceUnavailable, .unreachable, "the gateway is stopping")
    static let foreign = APIError(
        .forbidden,
        .foreign,
        "the request does not come from the console's own page",
        hint: "send the session's token in the header Gatehouse-Token"
    )
}
