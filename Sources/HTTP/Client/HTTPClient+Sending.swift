import Base

/// A request as bytes, and a connection for it where one is idle.
struct OutgoingRequest {
    let message: RequestMessage
    let connection: ClientConnection?
}

/// What a request asks of the pool, on its loop without a switch of actors; the conformance asks
/// whether it is that loop.
protocol ConnectionPool: Sendable {
    /// Nil where the server may speak HTTP/2.
    func outgoing(_ request: ClientRequest) throws(HTTPClientError) -> OutgoingRequest?
    func outgoingOverHTTP1(_ request: ClientRequest) throws(HTTPClientError) -> OutgoingRequest
    func release(_ connection: ClientConnection, isReusable: Bool)
}

extension HTTPClient: @preconcurrency ConnectionPool {
    /// Sends one request and waits for its response: the whole body, or the head of a stream.
    package func send(
        _ request: ClientRequest,
        cancellation: Cancellation? = nil
    ) async throws(HTTPClientError) -> ClientResponse {
        try await sendOnLoop(request, cancellation: cancellation)
    }

    /// The same for who runs on the client's loop: only what waits is another function.
    package nonisolated func sendOnLoop(
        _ request: ClientRequest,
        cancellation: Cancellation? = nil
    ) async throws(HTTPClientError) -> ClientResponse {
        if cancellation?.isCancelled == true { throw .notSent(.cancelled) }
        let pool: any ConnectionPool = self
        let outgoing: OutgoingRequest
        if let known = try pool.outgoing(request) {
            outgoing = known
        } else {
            if let response = try await sendShared(request, cancellation) { return response }
            outgoing = try pool.outgoingOverHTTP1(request)
        }
        let connection: ClientConnection
        if let idle = outgoing.connection {
            connection = idle
        } else {
            connection = try await checkOut(until: request.deadline, cancellation)
        }
        do throws(HTTPClientError) {
            var step = try connection.begin(outgoing.message, cancellation)
            while true {
                switch step {
                case .whole(let response, let isReusable):
                    pool.release(connection, isReusable: isReusable)
                    return response
                case .stream(let response):
                    // It releases its connection when it ends.
                    return response
                case .needsBytes:
                    await unsafe withUnsafeContinuation { unsafe connection.hold($0) }
                case .isBackedUp:
                    try await connection.drain()
                case .longBody(let head):
                    let response = try await connection.readBody(head)
                    pool.release(connection, isReusable: connection.park())
                    return response
                }
                step = try connection.goOn()
            }
        } catch {
            pool.release(connection, isReusable: false)
            throw error
        }
    }

    func outgoing(_ request: ClientRequest) throws(HTTPClientError) -> OutgoingRequest? {
        speaksHTTP2 ? nil : try outgoingOverHTTP1(request)
    }

    func outgoingOverHTTP1(_ request: ClientRequest) throws(HTTPClientError) -> OutgoingRequest {
        OutgoingRequest(message: try message(request), connection: takeIdle())
    }

    /// The request as bytes; its first lines are mostly those of the one before.
    private func message(_ request: ClientRequest) throws(HTTPClientError) -> RequestMessage {
        if let start, start.method == request.method, start.target == request.target {
            return RequestMessage(request, start: start.bytes)
        }
        guard let bytes = request.start(to: origin, authorization) else {
            throw .notSent(.badRequest("the method or the target cannot be sent"))
        }
        start = (request.method, request.target, bytes)
        return RequestMessage(request, start: bytes)
    }
}
