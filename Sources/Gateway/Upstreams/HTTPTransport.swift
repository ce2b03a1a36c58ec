import Base
package import HTTP
import JSON
package import MCP
package import System

/// Requests to a remote server over Streamable HTTP.
///
/// The session of a legacy server belongs to this transport alone: one per tenant, server and
/// credential. A session that ended is begun anew; the call that found out is not repeated.
package actor HTTPTransport: UpstreamTransport {
    package nonisolated let isHTTP = true
    private let loop: EventLoop
    private let client: HTTPClient
    private let target: String
    private var session: FieldValue?
    private var generation: UInt64 = 1
    private var listChanged: (@Sendable () -> Void)?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(loop: EventLoop, client: HTTPClient, target: String) {
        self.loop = loop
        self.client = client
        self.target = target
    }

    package func ready() async throws(UpstreamFailure) -> UInt64 { generation }
    package var currentGeneration: UInt64 { generation }
    package func onStart(_ greet: @escaping @Sendable () async -> Bool) {}

    package func close() async { await client.close() }

    // MARK: Requests

    package func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        let stop = Cancellation(on: loop)
        let key = cancellation.onCancel { stop.cancel() }
        defer { cancellation.remove(key) }
        do throws(HTTPClientError) {
            let response = try await client.send(message(request), cancellation: stop)
            if request.method == "initialize", let id = response.head[.mcpSessionID] {
                session = FieldValue(bytes: id)
            }
            return try await read(response, of: request, notifications)
        } catch {
            throw await failure(error, of: request)
        }
    }

    package func notify(_ message: [UInt8], revision: Revision) async {
        let request = UpstreamRequest(
            id: 0,
            method: "",
            body: message,
            name: nil,
            parameters: [],
            deadline: loop.now.advanced(by: .seconds(10)),
            revision: revision
        )
        _ = try? await client.send(self.message(request))
    }

    private func message(_ request: UpstreamRequest) -> ClientRequest {
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        fields.add(.accept, literal: "application/json, text/event-stream")
        if request.method != "initialize", let version = FieldValue(request.revision.rawValue) {
            fields.add(.mcpProtocolVersion, version)
        }
        if request.revision.isModern, let method = FieldValue(request.method) {
            if !request.method.isEmpty { fields.add(.mcpMethod, method) }
            if let name = request.name.flatMap({ FieldValue(HeaderMirror.encode($0)) }) {
                fields.add(.mcpName, name)
            }
            for (name, value) in request.parameters {
                guard let name = FieldToken(name), let value = FieldValue(value) else { continue }
                fields.add(name, value)
            }
        } else if let session, request.method != "initialize" {
            fields.add(.mcpSessionID, session)
        }
        return ClientRequest(.post, target, fields, body: request.body, deadline: request.deadline)
    }

    // MARK: Responses

    private func read(
        _ response: ClientResponse,
        of request: UpstreamRequest,
        _ notifications: NotificationSink
    ) async throws(HTTPClientError) -> UpstreamAnswer {
        switch response.content {
        case .events(let events):
            return try await read(events, of: request, notifications)
        case .body(let body):
            if response.status.code == 404, session != nil, !request.revision.isModern {
                session = nil
                generation &+= 1
                return .error(code: -32600, message: "the server ended its session; call again")
            }
            guard let document = try? JSONDocument(parsing: body, limits: .result),
                case .response(let answer) = try? Message(document.root),
                answer.id == .integer(request.id) || response.status.code >= 400
            else {
                return .error(
                    code: -32603,
                    message: "HTTP \(response.status.code) without a response of the protocol"
                )
            }
            return Self.answer(answer)
        }
    }

    private func read(
        _ events: EventStream,
        of request: UpstreamRequest,
        _ notifications: NotificationSink
    ) async throws(HTTPClientError) -> UpstreamAnswer {
        while let event = try await events.next(until: request.deadline) {
            guard let document = try? JSONDocument(parsing: event.data, limits: .result),
                let message = try? Message(document.root)
            else { continue }
            switch message {
            case .response(let response) where response.id == .integer(request.id):
                await events.close()
                return Self.answer(response)
            case .response: continue
            case .notification(let notification):
                take(notification, of: request, notifications)
            case .request(let asked):
                await notify(UpstreamRequests.answer(to: asked), revision: request.revision)
            }
        }
        throw HTTPClientError(.endedEarly, requestSent: true)
    }

    private func take(
        _ notification: Message.Notification,
        of request: UpstreamRequest,
        _ notifications: NotificationSink
    ) {
        if notification.method == "notifications/tools/list_changed" { listChanged?() }
        guard let token = notification.params?["progressToken"].flatMap({ ProgressToken($0) }),
            token == .integer(request.id)
        else { return }
        notifications(notification.method, notification.params)
    }

    package func onListChanged(_ body: @escaping @Sendable () -> Void) { listChanged = body }

    private static func answer(_ response: Message.Response) -> UpstreamAnswer {
        switch response.outcome {
        case .result(let node): .result(node)
        case .error(let code, let message, _): .error(code: code, message: message)
        }
    }

    private func failure(
        _ error: HTTPClientError,
        of request: UpstreamRequest
    ) async -> UpstreamFailure {
        let kind: UpstreamFailure.Kind
        switch error.reason {
        case _ where !error.requestSent: kind = .notSent
        case .cancelled: kind = .cancelled
        case .timedOut: kind = .timedOut
        default: kind = .lost
        }
        if !request.revision.isModern, kind == .cancelled || kind == .timedOut {
            // In legacy revisions a closed stream is no cancel; this is (2025-11-25, cancellation).
            let id = request.id
            await notify(
                Envelope.notification("notifications/cancelled") { writer in
                    writer.key("requestId")
                    writer.number(id)
                },
                revision: request.revision
            )
        }
        return UpstreamFailure(kind, error.description)
    }
}
