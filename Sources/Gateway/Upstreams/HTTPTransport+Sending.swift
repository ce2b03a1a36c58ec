import Base
import HTTP
import JSON
import MCP
import System

/// A request on its way, and what has to be undone when it ends.
struct RequestUnderWay {
    let message: ClientRequest
    let stop: Cancellation
    let generation: UInt64
    let session: FieldValue?
}

/// The steps of an exchange that wait for nothing, taken on the transport's loop without a switch of
/// actors; the conformance asks whether it is that loop.
protocol ExchangeSteps: Sendable {
    /// Nil where the server speaks HTTP+SSE.
    func begin(
        _ request: UpstreamRequest,
        _ cancellation: CallCancellation
    ) throws(UpstreamFailure) -> RequestUnderWay?

    func end(_ request: UpstreamRequest, _ stop: Cancellation, _ cancellation: CallCancellation)

    /// One response as JSON, or what HTTP has to say instead of one.
    func read(
        _ body: [UInt8],
        _ status: HTTPStatus,
        of request: UpstreamRequest,
        _ opened: UInt64
    ) throws(UpstreamFailure) -> UpstreamAnswer
}

extension HTTPTransport: @preconcurrency ExchangeSteps {
    /// Runs where its caller does, which is this loop: only what waits is another function.
    package nonisolated(nonsending) func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let steps: any ExchangeSteps = self
        guard let underWay = try steps.begin(request, cancellation) else {
            return try await sendByEvents(request, cancellation, notifications)
        }
        defer { steps.end(request, underWay.stop, cancellation) }
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.sendOnLoop(underWay.message, cancellation: underWay.stop)
        } catch {
            throw await failure(error, of: request)
        }
        guard request.method != "initialize", case .body(let body) = response.content else {
            return try await read(response, of: request, underWay, cancellation, notifications)
        }
        return try steps.read(body, response.status, of: request, underWay.generation)
    }

    func begin(
        _ request: UpstreamRequest,
        _ cancellation: CallCancellation
    ) throws(UpstreamFailure) -> RequestUnderWay? {
        guard request.generation == nil || request.generation == generation else {
            throw UpstreamFailure(.notSent, "the server began anew", isOvertaken: true)
        }
        guard events == nil else { return nil }
        let stop = Cancellation(on: loop)
        inFlightCount += 1
        if let questions = request.questions { asking.append((request.id, questions)) }
        cancellation.begin(stop)
        return RequestUnderWay(
            message: message(request),
            stop: stop,
            generation: generation,
            session: session
        )
    }

    func end(_ request: UpstreamRequest, _ stop: Cancellation, _ cancellation: CallCancellation) {
        cancellation.ended(stop)
        inFlightCount -= 1
        if request.questions != nil { asking.removeAll { $0.id == request.id } }
    }

    private func sendByEvents(
        _ request: UpstreamRequest,
        _ cancellation: CallCancellation,
        _ notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        guard let events else {
            throw UpstreamFailure(.notSent, "the server began anew", isOvertaken: true)
        }
        return try await events.send(
            request,
            cancellation: cancellation,
            notifications: notifications
        )
    }

    /// The answer to `initialize`, and any that comes on a stream.
    private func read(
        _ response: ClientResponse,
        of request: UpstreamRequest,
        _ underWay: RequestUnderWay,
        _ cancellation: CallCancellation,
        _ notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        var own = underWay.session
        if request.method == "initialize", let id = response.head[.mcpSessionID] {
            session = FieldValue(bytes: id)
            own = session
        }
        switch response.content {
        case .events(let events):
            return try await read(events, of: request, in: own, underWay.stop, notifications)
        case .body(let body):
            if request.method == "initialize", [400, 404, 405].contains(response.status.code),
                (try? JSONDocument(parsing: body)).map({ $0.root["jsonrpc"] == nil }) ?? true,
                let events = try await openEvents(until: request.deadline)
            {
                return try await events.send(
                    request,
                    cancellation: cancellation,
                    notifications: notifications
                )
            }
            return try read(body, response.status, of: request, underWay.generation)
        }
    }
}
