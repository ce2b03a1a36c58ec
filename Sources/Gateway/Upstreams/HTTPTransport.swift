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
    let loop: EventLoop
    let client: HTTPClient
    let target: String
    let standing: StandingAnswers
    var session: FieldValue?
    /// What the server granted; it is named on every request of the session.
    private var granted: Revision?
    private var generation: UInt64 = 1
    var notice: (@Sendable (UpstreamNotice) -> Void)?
    /// Ends the stream that hears what the server says unasked.
    var hearing: Cancellation?
    /// Who answers for each request in flight what is asked beside its own stream.
    var asking: [Int64: QuestionSink?] = [:]
    /// Where the server speaks HTTP+SSE of 2024-11-05 instead.
    private var events: EventsTransport?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    package init(
        loop: EventLoop,
        client: HTTPClient,
        target: String,
        standing: StandingAnswers = .init()
    ) {
        self.loop = loop
        self.standing = standing
        self.client = client
        self.target = target
    }

    /// Whether everything it says comes on one stream in any case.
    var isOldest: Bool { events != nil }

    package func ready() async throws(UpstreamFailure) -> UInt64 { generation }
    package var currentGeneration: UInt64 { generation }
    package nonisolated var generationAtHand: UInt64? { assumeIsolated { $0.generation } }
    package func onStart(_ greet: @escaping @Sendable () async -> UpstreamFailure?) {}

    /// Ends the session, as a client should that needs it no more, and the connections.
    package func close() async {
        hearing?.cancel()
        hearing = nil
        if let events {
            self.events = nil
            await events.close()
        }
        if let session {
            self.session = nil
            var fields = FieldBlock()
            fields.add(.mcpSessionID, session)
            if let version = granted.flatMap({ FieldValue($0.rawValue) }) {
                fields.add(.mcpProtocolVersion, version)
            }
            let deadline = loop.now.advanced(by: .seconds(2))
            _ = try? await client.send(ClientRequest(.delete, target, fields, deadline: deadline))
        }
        await client.close()
    }

    // MARK: Requests

    package func send(
        _ request: UpstreamRequest,
        cancellation: CallCancellation,
        notifications: @escaping NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        guard request.generation == nil || request.generation == generation else {
            throw UpstreamFailure(.notSent, "the server began anew", isOvertaken: true)
        }
        if let events {
            return try await events.send(
                request,
                cancellation: cancellation,
                notifications: notifications
            )
        }
        let stop = Cancellation(on: loop)
        let key = cancellation.onCancel { stop.cancel() }
        defer { cancellation.remove(key) }
        asking[request.id] = .some(request.questions)
        defer { asking[request.id] = nil }
        let opened = generation
        var own = session
        let response: ClientResponse
        do throws(HTTPClientError) {
            response = try await client.send(message(request), cancellation: stop)
        } catch {
            throw await failure(error, of: request)
        }
        if request.method == "initialize", let id = response.head[.mcpSessionID] {
            session = FieldValue(bytes: id)
            own = session
        }
        switch response.content {
        case .events(let events):
            return try await read(events, of: request, in: own, stop, notifications)
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
            return try read(body, response.status, of: request, opened)
        }
    }

    /// What refuses `initialize` may be of the oldest revision: it is asked for its stream
    /// (2026-07-28, basic/transports/streamable-http, "backward compatibility").
    private func openEvents(
        until deadline: Instant
    ) async throws(UpstreamFailure) -> EventsTransport? {
        let found = try await EventsTransport.open(
            client,
            target: target,
            until: min(deadline, loop.now.advanced(by: .seconds(10))),
            standing: standing,
            notice: { [weak self] notice in
                // Both live on this loop.
                self?.assumeIsolated { $0.notice?(notice) }
            },
            ended: { [weak self] transport in await self?.forget(transport) }
        )
        guard let found, await !found.isEnded else { return nil }
        events = found
        return found
    }

    /// The stream is over: the next request finds out anew what the server is.
    private func forget(_ transport: EventsTransport) {
        guard events === transport else { return }
        events = nil
        generation &+= 1
        notice?(.listChanged)
    }

    package func notify(_ message: [UInt8], revision: Revision) async {
        if !revision.isModern { granted = revision }
        if let events { return await events.notify(message) }
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

    /// Answers what was asked in that session; nobody where there is another by now, whose questions may
    /// have the same ids.
    func reply(_ answer: [UInt8], in own: FieldValue?, revision: Revision) async {
        guard own == session else { return }
        await notify(answer, revision: revision)
    }

    func message(_ request: UpstreamRequest) -> ClientRequest {
        var fields = FieldBlock()
        fields.add(.contentType, literal: "application/json")
        fields.add(.accept, literal: "application/json, text/event-stream")
        // The header came with 2025-06-18.
        if request.method != "initialize", request.revision >= .r2025_06_18,
            let version = FieldValue(request.revision.rawValue)
        {
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

    /// One response as JSON, or what HTTP has to say instead of one.
    private func read(
        _ body: [UInt8],
        _ status: HTTPStatus,
        of request: UpstreamRequest,
        _ opened: UInt64
    ) throws(UpstreamFailure) -> UpstreamAnswer {
        if status.code == 404, session != nil, !request.revision.isModern {
            if opened == generation {
                session = nil
                beginAnew(after: request)
            }
            return .error(code: -32600, message: "the server ended its session; call again")
        }
        let isRefused = (300..<500).contains(status.code)
        if let document = try? JSONDocument(parsing: body, limits: .result),
            case .response(let answer) = try? Message(document.root),
            answer.id == .integer(request.id) || isRefused
        {
            // -32020: the server marks other arguments than the definition we know of
            // (2026-07-28, server/tools). A new definition waits for a person, so that the call
            // is not repeated; only the list is read anew. -32022: it speaks other revisions now.
            switch answer.outcome {
            case .error(-32022, _, _), .error(-32020, _, _): beginAnew(after: request)
            case .error, .result: break
            }
            return UpstreamAnswer(answer.outcome)
        }
        // An error without an id on a request's own response is about that request; one that something
        // between may have made says nothing of what was done.
        if (200..<500).contains(status.code), ![401, 403].contains(status.code),
            let document = try? JSONDocument(parsing: body, limits: .result),
            let refusal = Message.errorWithoutID(document.root)
        {
            if [400, 404, 405].contains(status.code) { beginAnew(after: request) }
            return UpstreamAnswer(refusal)
        }
        // Nothing with such a status was carried out; of any other that is not known.
        guard isRefused else {
            throw UpstreamFailure(
                .invalidAnswer,
                "HTTP \(status.code) without a response of the protocol"
            )
        }
        if [400, 404, 405].contains(status.code) { beginAnew(after: request) }
        return .error(code: -32603, message: Self.words(for: status))
    }

    private static func words(for status: HTTPStatus) -> String {
        switch status.code {
        case 300..<400: "HTTP \(status.code): redirects are not followed"
        case 401, 403: "HTTP \(status.code): the server does not take the credential"
        default: "HTTP \(status.code)"
        }
    }

    /// The next request finds out anew what the server is and what it offers.
    private func beginAnew(after request: UpstreamRequest) {
        guard !request.isOpening else { return }
        generation &+= 1
        if request.method == "tools/call" { notice?(.listChanged) }
    }

    private func read(
        _ stream: EventStream,
        of request: UpstreamRequest,
        in own: FieldValue?,
        _ stop: Cancellation,
        _ notifications: NotificationSink
    ) async throws(UpstreamFailure) -> UpstreamAnswer {
        var events = stream
        var deadline = request.deadline
        while let event = try await next(of: &events, request, until: deadline, stop) {
            guard let document = try? JSONDocument(parsing: event.data, limits: .result) else {
                continue
            }
            do throws(MalformedMessage) {
                switch try Message(document.root) {
                case .response(let response) where response.id == .integer(request.id):
                    await events.close()
                    return UpstreamAnswer(response.outcome)
                case .response: continue
                case .notification(let notification):
                    take(notification, of: request, notifications)
                case .request(let asked):
                    // The modern revision has no such requests, and nowhere to answer them.
                    guard !request.revision.isModern else { continue }
                    if standing.leaves(asked.method), let questions = request.questions {
                        // The server waits for a person, not the person for the server.
                        let left = deadline.duration(since: loop.now)
                        let answer = await questions(asked)
                        deadline = loop.now.advanced(by: max(.seconds(1), left))
                        await reply(answer, in: own, revision: request.revision)
                        continue
                    }
                    await reply(standing.answer(to: asked), in: own, revision: request.revision)
                }
            } catch {
                if let refusal = Message.errorWithoutID(document.root) {
                    await events.close()
                    return UpstreamAnswer(refusal)
                }
                guard error.id == .integer(request.id) else { continue }
                await events.close()
                throw UpstreamFailure(.invalidAnswer, error.error.message)
            }
        }
        throw UpstreamFailure(.lost, "the stream ended before the answer")
    }

    /// The next event, also of what an interrupted stream goes on with.
    private func next(
        of events: inout EventStream,
        _ request: UpstreamRequest,
        until deadline: Instant,
        _ stop: Cancellation
    ) async throws(UpstreamFailure) -> ServerSentEvent? {
        while true {
            var broken: HTTPClientError?
            do throws(HTTPClientError) {
                if let event = try await events.next(until: deadline) { return event }
            } catch {
                broken = error
            }
            let isInterrupted =
                switch broken?.reason {
                case nil, .endedEarly, .connection: true
                default: false
                }
            if isInterrupted,
                let rest = await resume(events, of: request, until: deadline, stop)
            {
                events = rest
                continue
            }
            guard let broken else { return nil }
            throw await failure(broken, of: request)
        }
    }

    private func take(
        _ notification: Message.Notification,
        of request: UpstreamRequest,
        _ notifications: NotificationSink
    ) {
        if let found = UpstreamNotice(notification) { notice?(found) }
        if notification.method == "notifications/message" {
            notifications(notification.method, notification.params)
            return
        }
        guard let token = notification.params?["progressToken"].flatMap({ ProgressToken($0) }),
            token == .integer(request.id)
        else { return }
        notifications(notification.method, notification.params)
    }

    package func onNotice(_ body: @escaping @Sendable (UpstreamNotice) -> Void) { notice = body }

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
        if !request.revision.isModern, !request.isOpening, kind == .cancelled || kind == .timedOut {
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
