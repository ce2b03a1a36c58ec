import Base
package import Crypto
package import System

/// What a client takes from one server.
package struct HTTPClientLimits: Sendable {
    /// Connections open at once; further requests wait.
    package var connectionCount = Limits.upstreamConnectionCount
    /// Requests that may wait for a connection; beyond it they fail at once.
    package var waitingCount = Limits.upstreamWaitingCount
    package var connectTimeout = Limits.connectTimeout
    /// How long a connection is kept without a request.
    ///
    /// Shorter than what servers keep, so that
    /// it is us who close.
    package var idleTimeout = Limits.upstreamIdleTimeout
    package var writeTimeout = Limits.writeTimeout
    package var bufferWait = Limits.bufferWait
    /// Whether HTTP/2 is offered in the TLS handshake.
    package var offersHTTP2 = false

    package init() {}
}

/// An HTTP client of one origin, with a pool of connections to it.
///
/// One client serves one holder of one credential: connections are never shared further, and what
/// is put into Authorization can reach no other origin, since redirects are not followed and no
/// proxy is read from the environment.
///
/// A request is written once. A kept connection the server closed meanwhile is noticed before a
/// byte is written, and another one is taken; once bytes were written, a lost connection is an
/// error with `requestSent`, and whether to send again is the caller's question.
///
/// Where the server agrees on HTTP/2 there is one connection for all requests, and a request it
/// certainly did not work on (GOAWAY, REFUSED_STREAM) is sent again.
package actor HTTPClient {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    package nonisolated let origin: HTTPOrigin
    package nonisolated let limits: HTTPClientLimits
    private let dialer: Dialer
    private let budget: BufferBudget
    var authorization: FieldValue?
    /// The first lines of the last request, to Authorization.
    var start: (method: HTTPMethod, target: String, bytes: [UInt8])?

    private var idle: [ClientConnection] = []
    private var openCount = 0
    private var waiting: [Pending<ClientConnection?>] = []
    private var sweeper: TimerToken?
    private var isClosed = false

    /// What the server agreed on; HTTP/1.1 is not asked about again.
    private var shared: HTTP2ClientConnection?
    private(set) var speaksHTTP2: Bool
    private var isDialing = false
    private var dialWaiters: [Pending<Void>] = []

    /// - Parameters:
    ///   - tls: whose certificates count; without it https is refused. Share one: loading the
    ///     machine's certificates takes many milliseconds.
    ///   - route: where connections lead; http is for loopback addresses only, whatever it says.
    package init(
        to origin: HTTPOrigin,
        on loop: EventLoop,
        by route: any Route,
        tls: TLSContext?,
        budget: BufferBudget,
        limits: HTTPClientLimits = HTTPClientLimits()
    ) {
        self.origin = origin
        self.loop = loop
        self.budget = budget
        self.limits = limits
        speaksHTTP2 = limits.offersHTTP2 && origin.isSecure
        dialer = Dialer(
            origin: origin,
            loop: loop,
            route: route,
            tls: tls,
            timeout: limits.connectTimeout
        )
    }

    /// What is sent as Authorization from now on.
    package func setAuthorization(_ value: FieldValue?) {
        authorization = value
        start = nil
    }

    /// Closes all connections that are not in use, and the others after their response.
    package func close() async {
        isClosed = true
        let connections = idle
        idle = []
        openCount -= connections.count
        for connection in connections { connection.close() }
        await shared?.close()
        shared = nil
        wakeDialWaiters(.notSent(.cancelled))
        for pending in waiting { pending.fail(HTTPClientError.notSent(.cancelled)) }
        waiting = []
        sweeper?.cancel()
    }

    /// Open connections, and those of them that are idle.
    package var connectionCounts: (open: Int, idle: Int) {
        (openCount + (shared == nil ? 0 : 1), idle.count)
    }

    /// Requests that wait for a connection.
    package var waitingCount: Int { waiting.count }

    // MARK: HTTP/2

    /// How often a request is sent that the server certainly did not work on.
    private static let attemptCount = 3

    /// Sends a request over the one connection of HTTP/2; nil when the server speaks HTTP/1.1.
    func sendShared(
        _ request: ClientRequest,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> ClientResponse? {
        guard let message = HTTP2Request(request, origin: origin, authorization) else {
            throw .notSent(.badRequest("the method or the target cannot be sent"))
        }
        var attempt = 0
        while true {
            guard
                let connection = try await sharedConnection(until: request.deadline, cancellation)
            else { return nil }
            do throws(HTTPClientError) {
                return try await connection.exchange(message, cancellation)
            } catch {
                attempt += 1
                guard !error.requestSent, case .endedEarly = error.reason,
                    attempt < Self.attemptCount, loop.now < request.deadline
                else { throw error }
            }
        }
    }

    /// The connection all requests share, opened by the first of them while the others wait; nil
    /// when the server speaks HTTP/1.1.
    private func sharedConnection(
        until deadline: Instant,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> HTTP2ClientConnection? {
        while speaksHTTP2 {
            guard !isClosed else { throw .notSent(.cancelled) }
            if let shared, shared.takesMore { return shared }
            guard isDialing else {
                try await dialShared(until: deadline, cancellation)
                continue
            }
            guard dialWaiters.count < limits.waitingCount else {
                throw .notSent(.tooManyWaiting(limit: limits.waitingCount))
            }
            let pending = Pending<Void>(on: loop)
            dialWaiters.append(pending)
            cancellation?.attach { pending.fail(HTTPClientError.notSent(.cancelled)) }
            defer { cancellation?.detach() }
            do {
                try await pending.value(until: deadline)
            } catch {
                dialWaiters.removeAll { $0 === pending }
                throw error as? HTTPClientError ?? .notSent(.timedOut)
            }
        }
        return nil
    }

    private func dialShared(
        until deadline: Instant,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) {
        isDialing = true
        do throws(HTTPClientError) {
            let transport = try await dialer.dial(
                until: deadline,
                cancellation,
                offersHTTP2: true
            )
            isDialing = false
            if transport.speaksHTTP2 {
                guard let made = HTTP2ClientConnection(transport, client: self, budget: budget)
                else { throw .notSent(.noRoom) }
                shared = made
                loop.spawn { await made.run() }
            } else {
                speaksHTTP2 = false
                openCount += 1
                let connection = ClientConnection(transport, client: self, budget: budget)
                release(connection, isReusable: connection.park())
            }
            wakeDialWaiters(nil)
        } catch {
            isDialing = false
            // What ended this request alone is no answer to the others: one of them tries again.
            switch error.reason {
            case .cancelled, .timedOut: wakeDialWaiters(nil)
            default: wakeDialWaiters(error)
            }
            throw error
        }
    }

    private func wakeDialWaiters(_ error: HTTPClientError?) {
        let waiters = dialWaiters
        dialWaiters = []
        for pending in waiters {
            if let error { pending.fail(error) } else { pending.fulfil(()) }
        }
    }

    /// The connection of HTTP/2 is over.
    func forget(_ connection: HTTP2ClientConnection) {
        if shared === connection { shared = nil }
    }

    // MARK: The pool

    /// An idle connection that is still good.
    func takeIdle() -> ClientConnection? {
        while !isClosed, let connection = idle.popLast() {
            if connection.unpark() { return connection }
            openCount -= 1
        }
        return nil
    }

    func checkOut(
        until deadline: Instant,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> ClientConnection {
        guard !isClosed else { throw .notSent(.cancelled) }
        if openCount >= limits.connectionCount {
            if let handed = try await waitForTurn(until: deadline, cancellation) { return handed }
        } else {
            openCount += 1
        }
        do throws(HTTPClientError) {
            let transport = try await dialer.dial(until: deadline, cancellation)
            return ClientConnection(transport, client: self, budget: budget)
        } catch {
            abandonPlace()
            throw error
        }
    }

    /// A connection that became free, or nil when its place did.
    private func waitForTurn(
        until deadline: Instant,
        _ cancellation: Cancellation?
    ) async throws(HTTPClientError) -> ClientConnection? {
        while true {
            guard waiting.count < limits.waitingCount else {
                throw .notSent(.tooManyWaiting(limit: limits.waitingCount))
            }
            let pending = Pending<ClientConnection?>(on: loop)
            waiting.append(pending)
            cancellation?.attach { pending.fail(HTTPClientError.notSent(.cancelled)) }
            defer { cancellation?.detach() }
            do {
                guard let connection = try await pending.value(until: deadline) else { return nil }
                if connection.unpark() { return connection }
                return nil
            } catch {
                waiting.removeAll { $0 === pending }
                throw error as? HTTPClientError ?? .notSent(.timedOut)
            }
        }
    }

    /// Takes a connection back.
    func release(_ connection: ClientConnection, isReusable: Bool) {
        if isClosed { connection.close() }
        guard isReusable, !isClosed else { return abandonPlace() }
        if let next = takeWaiting() { return next.fulfil(connection) }
        idle.append(connection)
        armSweeper()
    }

    /// A connection is gone; whoever waits longest may open one in its place.
    private func abandonPlace() {
        if let next = takeWaiting() { next.fulfil(nil) } else { openCount -= 1 }
    }

    private func takeWaiting() -> Pending<ClientConnection?>? {
        while !waiting.isEmpty {
            let next = waiting.removeFirst()
            if !next.isSettled { return next }
        }
        return nil
    }

    /// An idle connection was closed by the server.
    func forget(_ connection: ClientConnection) {
        guard let index = idle.firstIndex(where: { $0 === connection }) else { return }
        idle.remove(at: index)
        openCount -= 1
    }

    private func armSweeper() {
        if let sweeper {
            if !sweeper.isScheduled { sweeper.set(loop.now.advanced(by: limits.idleTimeout)) }
            return
        }
        let token = TimerToken(on: loop) { [weak self] in
            guard let self else { return }
            self.loop.spawn { await self.sweep() }
        }
        sweeper = token
        token.set(loop.now.advanced(by: limits.idleTimeout))
    }

    /// Closes what was idle for the whole timeout.
    private func sweep() {
        let spent = idle.filter { $0.isIdle(longerThan: limits.idleTimeout) }
        idle.removeAll { $0.isIdle(longerThan: limits.idleTimeout) }
        openCount -= spent.count
        for connection in spent { connection.close() }
        if !idle.isEmpty { armSweeper() }
    }
}

extension HTTPClientError {
    static func notSent(_ reason: Reason) -> HTTPClientError {
        HTTPClientError(reason, requestSent: false)
    }
}
